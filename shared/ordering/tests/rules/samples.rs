//! One order, its customer and its products, for all tests.

use events::{
    Currency, CustomerId, CustomerRegistered, Money, OrderEvent, OrderId, OrderPlaced,
    ProductListed, Quantity, RequestHash, Sku, StockShards,
};
use ordering::customer::{Customer, CustomerState};
use ordering::order::{PlaceOrder, RequestedOrder};
use ordering::placing::price;
use ordering::product::{Product, ProductState};
use serde_json::{Value, json};
use skald::decider::Decider;
use skald::event::{DomainEvent, EventData};
use skald::personal::Personal;
use skald::stream::Version;
use skald::time::Timestamp;

pub(crate) const TIME_LIMIT_MS: u32 = 900_000;

pub(crate) fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

pub(crate) fn quantity(number: u64) -> Quantity {
    Quantity::new(number).unwrap()
}

pub(crate) fn eur(amount_minor: i64) -> Money {
    Money::new(amount_minor, Currency::EUR).unwrap()
}

pub(crate) fn shards(number: u64) -> StockShards {
    StockShards::new(number).unwrap()
}

pub(crate) fn order_id() -> OrderId {
    "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873".parse().unwrap()
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Two mugs and a shirt.
pub(crate) fn body() -> Value {
    json!({
        "customer_id": "c-1001",
        "items": [{ "sku": "MUG-01", "quantity": 2 }, { "sku": "TEE-07", "quantity": 1 }],
        "payment_token": "tok_approved",
        "shipping_address": {
            "name": "Jane Doe", "line1": "Am Ufer 1", "city": "Berlin",
            "postal_code": "10115", "country": "DE"
        },
        "expected_total": { "amount_minor": 7997, "currency": "EUR" }
    })
}

/// The body with another value at this pointer, or without one if `value` is `None`.
pub(crate) fn with(pointer: &str, value: impl Into<Option<Value>>) -> Value {
    let mut body = body();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match (body.pointer_mut(parent).unwrap(), value.into()) {
        (Value::Object(fields), Some(value)) => drop(fields.insert(name.to_owned(), value)),
        (Value::Object(fields), None) => drop(fields.remove(name)),
        (Value::Array(items), Some(value)) => items[name.parse::<usize>().unwrap()] = value,
        (other, _) => panic!("{other} has no {name}"),
    }
    body
}

pub(crate) fn request(body: &Value) -> RequestedOrder {
    RequestedOrder::validate(body).unwrap()
}

/// Personal data of the customer of these samples.
pub(crate) fn personal<T>(value: T) -> Personal<T> {
    Personal::of(customer().person(), value)
}

pub(crate) fn customer() -> CustomerId {
    CustomerId::new("c-1001").unwrap()
}

pub(crate) fn jane() -> CustomerState {
    let registered = CustomerRegistered {
        name: personal("Jane Doe".to_owned()),
        email: personal("jane@example.com".to_owned()),
    };
    Customer::evolve(CustomerState::default(), &registered.into())
}

pub(crate) fn product(name: &str, unit_price: Money) -> ProductState {
    listed(name, unit_price, StockShards::ONE)
}

/// A product whose stock is spread over this many shards.
pub(crate) fn sharded(stock_shards: StockShards) -> ProductState {
    listed("Mug", eur(2499), stock_shards)
}

fn listed(name: &str, unit_price: Money, stock_shards: StockShards) -> ProductState {
    let listed = ProductListed { name: name.to_owned(), unit_price, stock_shards };
    Product::evolve(ProductState::default(), &listed.into())
}

pub(crate) fn products() -> Vec<(ProductState, Version)> {
    vec![
        (product("Mug", eur(2499)), Version::new(3)),
        (product("T-shirt", eur(2999)), Version::new(1)),
    ]
}

/// The command that places the order of this body.
pub(crate) fn place(body: &Value) -> PlaceOrder {
    price(&request(body), &jane(), &products(), time("2026-11-21T08:15:30.250Z"), TIME_LIMIT_MS)
        .unwrap()
}

/// The order as it was placed.
pub(crate) fn placed() -> OrderPlaced {
    place(&body()).placed().clone()
}

/// The same order as placed when a request's hash covered all of its data.
pub(crate) fn placed_in_form_1() -> OrderPlaced {
    let sha256 = "e0bc5dbae76e34aa78d0d71e9b321f1916027fbd2f2fb9914f1a75d26616a17e".to_owned();
    OrderPlaced { request_hash: RequestHash { form: 1, sha256 }, ..placed() }
}

/// The same order as stored by a release that did not distinguish forms of the request. The stored
/// bytes are written out, because bytes made from today's types would change with them.
pub(crate) fn placed_at_schema_1() -> OrderPlaced {
    let data = include_bytes!("order.placed.1.json").to_vec();
    let stored = EventData { event_type: "order.placed".to_owned(), schema: 1, data };
    let OrderEvent::Placed(placed) = OrderEvent::decode(&stored).unwrap() else {
        panic!("the sample is not an order.placed")
    };
    placed
}
