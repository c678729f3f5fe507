//! Counts requests, capacity units as the engine reports them, and failed conditions.
//!
//! The meter is an interceptor of the client, so it counts every subject in the same way. It
//! requests units only while it counts: the engine takes time to report them, and nothing is timed
//! during that.
//!
//! It also removes the client request token from every transaction. The SDK adds one by itself, and
//! the engine compares each transaction with all tokens of the last ten minutes. A long run would
//! measure that.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
    BeforeTransmitInterceptorContextMut,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::get_item::{GetItemInput, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput, PutItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsInput, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::types::{ConsumedCapacity, ReturnConsumedCapacity};

/// The number of requests, and the units that they consumed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bill {
    /// Requests with an answer, which may be an error.
    pub requests: u64,
    /// Read units of tables. No subject reads an index.
    pub read_units: f64,
    /// Write units of tables.
    pub write_units: f64,
    /// Write units of indexes.
    pub index_units: f64,
    /// Writes whose condition failed. The engine reports no units for them; the service bills them
    /// as writes.
    pub failed_conditions: u64,
}

impl Bill {
    /// Adds another bill.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.read_units += other.read_units;
        self.write_units += other.write_units;
        self.index_units += other.index_units;
        self.failed_conditions += other.failed_conditions;
    }
}

/// The meter of a client. Clones are the same meter.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_counting: AtomicBool,
    requests: AtomicU64,
    failed_conditions: AtomicU64,
    units: Mutex<Units>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Units {
    read: f64,
    write: f64,
    index: f64,
}

impl Meter {
    /// Starts to count requests and units.
    pub fn start(&self) {
        self.take();
        self.0.is_counting.store(true, Relaxed);
    }

    /// The bill since [`start`](Self::start). Later requests do not ask for units.
    #[must_use]
    pub fn stop(&self) -> Bill {
        self.0.is_counting.store(false, Relaxed);
        self.take()
    }

    fn take(&self) -> Bill {
        let units =
            std::mem::take(&mut *self.0.units.lock().unwrap_or_else(PoisonError::into_inner));
        Bill {
            requests: self.0.requests.swap(0, Relaxed),
            failed_conditions: self.0.failed_conditions.swap(0, Relaxed),
            read_units: units.read,
            write_units: units.write,
            index_units: units.index,
        }
    }

    fn add(&self, context: &AfterDeserializationInterceptorContextRef<'_>) {
        let (capacities, is_write) = consumed(context);
        let mut units = self.0.units.lock().unwrap_or_else(PoisonError::into_inner);
        for capacity in capacities {
            let all = capacity.capacity_units.unwrap_or_default();
            let indexes = capacity.global_secondary_indexes.iter().flatten();
            let indexes: f64 = indexes.filter_map(|(_, index)| index.capacity_units).sum();
            *(if is_write { &mut units.write } else { &mut units.read }) += all - indexes;
            units.index += indexes;
        }
    }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.0.is_counting.load(Relaxed) {
            request_units(context);
        }
        Ok(())
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        if let Some(body) = request.body().bytes().and_then(remove_token) {
            request.headers_mut().insert("content-length", body.len().to_string());
            *request.body_mut() = body.into();
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.requests.fetch_add(1, Relaxed);
        match context.output_or_error() {
            Ok(_) if self.0.is_counting.load(Relaxed) => self.add(context),
            Ok(_) => {}
            Err(error) => {
                let error = error.as_operation_error();
                let put = error.and_then(|error| error.downcast_ref::<PutItemError>());
                let transaction =
                    error.and_then(|error| error.downcast_ref::<TransactWriteItemsError>());
                let failed = put.is_some_and(PutItemError::is_conditional_check_failed_exception)
                    || transaction
                        .is_some_and(TransactWriteItemsError::is_transaction_canceled_exception);
                self.0.failed_conditions.fetch_add(u64::from(failed), Relaxed);
            }
        }
        Ok(())
    }
}

/// Requests the capacity that each table and index consumes.
fn request_units(context: &mut BeforeSerializationInterceptorContextMut<'_>) {
    let consumed = Some(ReturnConsumedCapacity::Indexes);
    let input = context.input_mut();
    if let Some(input) = input.downcast_mut::<PutItemInput>() {
        input.return_consumed_capacity = consumed;
    } else if let Some(input) = input.downcast_mut::<QueryInput>() {
        input.return_consumed_capacity = consumed;
    } else if let Some(input) = input.downcast_mut::<GetItemInput>() {
        input.return_consumed_capacity = consumed;
    } else if let Some(input) = input.downcast_mut::<BatchGetItemInput>() {
        input.return_consumed_capacity = consumed;
    } else if let Some(input) = input.downcast_mut::<TransactWriteItemsInput>() {
        input.return_consumed_capacity = consumed;
    }
}

/// The capacity that each table consumed according to the answer, and whether the operation was a
/// write.
fn consumed<'a>(
    context: &'a AfterDeserializationInterceptorContextRef<'_>,
) -> (Vec<&'a ConsumedCapacity>, bool) {
    let Ok(answer) = context.output_or_error() else { return (vec![], false) };
    if let Some(answer) = answer.downcast_ref::<PutItemOutput>() {
        (answer.consumed_capacity().into_iter().collect(), true)
    } else if let Some(answer) = answer.downcast_ref::<TransactWriteItemsOutput>() {
        (answer.consumed_capacity().iter().collect(), true)
    } else if let Some(answer) = answer.downcast_ref::<QueryOutput>() {
        (answer.consumed_capacity().into_iter().collect(), false)
    } else if let Some(answer) = answer.downcast_ref::<GetItemOutput>() {
        (answer.consumed_capacity().into_iter().collect(), false)
    } else if let Some(answer) = answer.downcast_ref::<BatchGetItemOutput>() {
        (answer.consumed_capacity().iter().collect(), false)
    } else {
        (vec![], false)
    }
}

/// The request without its client request token. `None` if it has no token. The body is not parsed,
/// because that time would be measured, too.
fn remove_token(body: &[u8]) -> Option<Vec<u8>> {
    const NAME: &[u8] = br#""ClientRequestToken":""#;
    let start = body.windows(NAME.len()).position(|window| window == NAME)?;
    let value = start + NAME.len();
    let mut end = value + body[value..].iter().position(|byte| *byte == b'"')? + 1;
    let mut start = start;
    if body.get(end) == Some(&b',') {
        end += 1;
    } else if start > 0 && body[start - 1] == b',' {
        start -= 1;
    }
    Some([&body[..start], &body[end..]].concat())
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;
    use aws_sdk_dynamodb::types::{AttributeValue as Value, Put, TransactWriteItem};

    use super::*;
    use crate::engine::{self, Index, Key};

    /// The bills of two puts of a new item, of which the second fails, and of a query. The item has
    /// this many bytes besides its keys.
    async fn bill_of(bytes: usize) -> [Bill; 3] {
        let meter = Meter::default();
        let client = engine::client(engine::start().unwrap(), &meter);
        let (hash, range) = (Key::Number("slice"), Key::Text("at"));
        let index = Index { name: "index", hash, range, includes: None };
        engine::create_table(&client, "items", Key::Text("pk"), None, Some(index)).await.unwrap();
        let put =
            client.put_item().table_name("items").condition_expression("attribute_not_exists(pk)");
        let put = put.item("pk", Value::S("a".into())).item("slice", Value::N("1".into()));
        let put = put
            .item("at", Value::S("p".into()))
            .item("data", Value::B(Blob::new(vec![b'x'; bytes])));
        let query = client
            .query()
            .table_name("items")
            .consistent_read(true)
            .key_condition_expression("pk = :pk");
        meter.start();
        put.clone().send().await.unwrap();
        let first = meter.stop();
        meter.start();
        put.send().await.unwrap_err();
        let second = meter.stop();
        meter.start();
        query.expression_attribute_values(":pk", Value::S("a".into())).send().await.unwrap();
        [first, second, meter.stop()]
    }

    /// A write unit covers up to one kilobyte, in the table and in the index. A read unit covers up
    /// to four.
    #[tokio::test]
    async fn requests_units_and_failed_conditions_are_counted() {
        for (bytes, write, read) in [(300, 1.0, 1.0), (1100, 2.0, 1.0), (5000, 5.0, 2.0)] {
            let one = Bill { requests: 1, ..Bill::default() };
            let expected = [
                Bill { write_units: write, index_units: 1.0, ..one },
                Bill { failed_conditions: 1, ..one },
                Bill { read_units: read, ..one },
            ];
            assert_eq!(bill_of(bytes).await, expected, "{bytes} bytes");
        }
    }

    /// Otherwise transactions would become slower during a run, and would be rejected because of
    /// tokens that were used before.
    #[tokio::test]
    async fn a_transaction_reaches_the_engine_without_its_token() {
        let meter = Meter::default();
        let client = engine::client(engine::start().unwrap(), &meter);
        engine::create_table(&client, "items", Key::Text("pk"), None, None).await.unwrap();
        for name in ["a", "b"] {
            let put = Put::builder()
                .table_name("items")
                .item("pk", Value::S(name.into()))
                .build()
                .unwrap();
            let items = client
                .transact_write_items()
                .transact_items(TransactWriteItem::builder().put(put).build());
            meter.start();
            items.client_request_token("the same").send().await.unwrap();
            assert_eq!(meter.stop(), Bill { requests: 1, write_units: 2.0, ..Bill::default() });
        }
    }

    #[test]
    fn only_the_token_is_removed() {
        for (body, left) in [
            (r#"{"A":1,"ClientRequestToken":"x"}"#, Some(r#"{"A":1}"#)),
            (r#"{"ClientRequestToken":"x","A":1}"#, Some(r#"{"A":1}"#)),
            (r#"{"ClientRequestToken":"x"}"#, Some("{}")),
            (r#"{"A":1}"#, None),
        ] {
            assert_eq!(remove_token(body.as_bytes()).as_deref(), left.map(str::as_bytes), "{body}");
        }
    }
}
