//! The cost of requests to `DynamoDB`, in capacity units.

use serde_json::Value;

/// The capacity that one request consumed of a table or of one of its indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The logical id of the function that sent the request.
    pub caller: String,
    /// The operation: `PutItem`.
    pub operation: String,
    /// The table.
    pub table: String,
    /// The index, or `None` for the table itself.
    pub index: Option<String>,
    /// Capacity units, in halves: an eventually consistent read costs half a unit.
    pub halves: u64,
    /// Whether the answer was an error. The cost of a failed request is not reported.
    pub failed: bool,
}

impl Charge {
    /// The capacity that this request of `caller` consumed, given the local engine's answer to it.
    /// A read has one charge. A write has one for each table and index.
    ///
    /// The figures for writes come from the engine, which charges for tables, indexes and
    /// transactions as the service does. The figures for reads are computed here, because the
    /// engine reports one unit for a read of any size.
    pub(crate) fn of(
        caller: &str,
        operation: &str,
        request: &Value,
        status: u16,
        answer: &Value,
    ) -> Vec<Self> {
        let failed = status != 200;
        let charge = |table: &Value, index: Option<&str>, halves| Self {
            caller: caller.to_owned(),
            operation: operation.to_owned(),
            table: table.as_str().unwrap_or_default().to_owned(),
            index: index.map(str::to_owned),
            halves,
            failed,
        };
        let consumed = match &answer["ConsumedCapacity"] {
            Value::Array(tables) => tables.as_slice(),
            table @ Value::Object(_) => std::slice::from_ref(table),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return vec![charge(&request["TableName"], None, 0)];
            }
        };
        if matches!(operation, "GetItem" | "Query") {
            return vec![charge(
                &request["TableName"],
                request["IndexName"].as_str(),
                read_halves(request, answer),
            )];
        }
        let mut charges = Vec::new();
        for table in consumed {
            let indexes = table["GlobalSecondaryIndexes"].as_object().into_iter().flatten();
            let indexes: Vec<Self> = indexes
                .map(|(index, units)| {
                    charge(&table["TableName"], Some(index), halves(&units["CapacityUnits"]))
                })
                .collect();
            let of_indexes: u64 = indexes.iter().map(|index| index.halves).sum();
            charges.push(charge(
                &table["TableName"],
                None,
                halves(&table["CapacityUnits"]) - of_indexes,
            ));
            charges.extend(indexes);
        }
        charges
    }

    /// Whether the operation writes.
    #[must_use]
    pub fn is_write(&self) -> bool {
        is_write(&self.operation)
    }
}

/// Whether this operation writes.
pub(crate) fn is_write(operation: &str) -> bool {
    matches!(
        operation,
        "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems"
    )
}

/// A number such as `1.5`, in halves, parsed without floating point.
fn halves(units: &Value) -> u64 {
    let text = units.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    2 * whole.parse::<u64>().expect("a number of units") + u64::from(fraction.starts_with('5'))
}

/// Half a unit for each 4 KB read, or a whole one if the read is strongly consistent.
///
/// Source: Amazon `DynamoDB` Developer Guide, "Capacity unit consumption for read operations".
fn read_halves(request: &Value, answer: &Value) -> u64 {
    let items = answer["Items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let read: u64 = items.iter().chain(answer.get("Item")).map(attributes_bytes).sum();
    let consistent = request["ConsistentRead"] == true;
    read.div_ceil(4096).max(1) * if consistent { 2 } else { 1 }
}

/// Source: Amazon `DynamoDB` Developer Guide, "DynamoDB item sizes and formats".
fn attributes_bytes(attributes: &Value) -> u64 {
    let attributes = attributes.as_object().into_iter().flatten();
    attributes.map(|(name, value)| name.len() as u64 + value_bytes(value)).sum()
}

fn value_bytes(value: &Value) -> u64 {
    let Some((kind, content)) = value.as_object().and_then(|value| value.iter().next()) else {
        return 0;
    };
    let text = content.as_str().unwrap_or_default().len() as u64;
    let elements = content.as_array().map(Vec::as_slice).unwrap_or_default();
    match kind.as_str() {
        "S" => text,
        "N" => text.div_ceil(2) + 1,
        "B" => text / 4 * 3, // base64
        "M" => {
            3 + attributes_bytes(content) + content.as_object().map_or(0, |map| map.len() as u64)
        }
        "L" => 3 + elements.iter().map(|element| value_bytes(element) + 1).sum::<u64>(),
        _ => 1, // BOOL, NULL; there are no sets
    }
}
