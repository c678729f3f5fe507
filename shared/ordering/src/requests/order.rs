//! `POST /orders`:
//! `{customer_id, items: [{sku, quantity}], payment_token, shipping_address, expected_total?}`.

use events::{Address, AddressFields, CustomerId};
use serde_json::Value;
use skald::personal::Personal;

use super::Fault;
use super::reading::{Faults, Object, validated};
use crate::order::{RequestedItem, RequestedOrder};
use crate::values::OrderedQuantity;

/// The largest number of items in an order.
const MAX_ITEMS: usize = 50;

impl RequestedOrder {
    /// Validates the body.
    ///
    /// # Errors
    /// All faults of the body.
    pub fn validate(body: &Value) -> Result<Self, Vec<Fault>> {
        const FIELDS: [&str; 5] =
            ["customer_id", "items", "payment_token", "shipping_address", "expected_total"];
        validated(|faults| {
            let body = Object::read(body, String::new(), &FIELDS, faults)?;
            let customer_id: Option<CustomerId> = body.text("customer_id", faults);
            let items = items(&body, faults);
            let payment_token = body.text("payment_token", faults);
            let shipping_address = address(&body, "shipping_address", faults);
            let expected_total = match body.get("expected_total") {
                Some(_) => body.price("expected_total", faults),
                None => None,
            };
            let customer_id = customer_id?;
            let person = customer_id.person();
            Some(Self {
                items: items?,
                payment_token: Personal::of(person.clone(), payment_token?),
                shipping_address: Personal::of(person, shipping_address?),
                customer_id,
                expected_total,
            })
        })
    }
}

fn items(body: &Object<'_>, faults: &mut Faults) -> Option<Vec<RequestedItem>> {
    let pointer = body.pointer_to("items");
    let list = body
        .get("items")
        .and_then(Value::as_array)
        .filter(|list| (1..=MAX_ITEMS).contains(&list.len()));
    let Some(list) = list else {
        faults.add(&pointer, "must be a list of 1 to 50 items");
        return None;
    };
    let mut items: Vec<Option<RequestedItem>> = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let item = item(value, format!("{pointer}/{index}"), faults);
        let same = |other: &Option<RequestedItem>| {
            item.as_ref().zip(other.as_ref()).is_some_and(|(item, other)| item.sku == other.sku)
        };
        if let Some(first) = items.iter().position(same) {
            let detail = format!(
                "must differ from the product of {pointer}/{first}: order more of it there instead"
            );
            faults.add(&format!("{pointer}/{index}/sku"), detail);
        }
        items.push(item);
    }
    items.into_iter().collect()
}

fn item(value: &Value, pointer: String, faults: &mut Faults) -> Option<RequestedItem> {
    let item = Object::read(value, pointer, &["sku", "quantity"], faults)?;
    let sku = item.text("sku", faults);
    let quantity: Option<OrderedQuantity> = item.number("quantity", faults);
    Some(RequestedItem { sku: sku?, quantity: quantity?.into() })
}

fn address(body: &Object<'_>, name: &str, faults: &mut Faults) -> Option<Address> {
    const FIELDS: [&str; 6] = ["name", "line1", "line2", "city", "postal_code", "country"];
    let value = body.get(name).unwrap_or(&Value::Null);
    let object = Object::read(value, body.pointer_to(name), &FIELDS, faults)?;

    // A value that is not text is read as the empty text. Every field of an address rejects that
    // and states its rule.
    let text = |name| object.get(name).map(|value| value.as_str().unwrap_or_default().to_owned());
    let fields = AddressFields {
        name: text("name").unwrap_or_default(),
        line1: text("line1").unwrap_or_default(),
        line2: text("line2"),
        city: text("city").unwrap_or_default(),
        postal_code: text("postal_code").unwrap_or_default(),
        country: text("country").unwrap_or_default(),
    };
    match Address::new(fields) {
        Ok(address) => Some(address),
        Err(invalid) => {
            for (field, fault) in invalid.0 {
                faults.add(&object.pointer_to(field), fault);
            }
            None
        }
    }
}
