//! `order.placed` at schema 1. Its request hash does not record which canonical form of the request
//! was hashed.

use serde::Deserialize;
use skald::personal::Personal;
use skald::time::Timestamp;

use crate::{Address, CustomerId, Money, OrderLine, OrderPlaced, RequestHash};

/// A customer placed an order, and it was accepted. The event has the data as of that time;
/// later changes do not affect it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderPlaced1 {
    /// The customer who placed the order.
    pub customer_id: CustomerId,
    /// The customer's name at that time.
    pub customer_name: Personal<String>,
    /// The order's lines, in the order of the request. Each product occurs once, and all prices are
    /// in one currency.
    pub lines: Vec<OrderLine>,
    /// The sum of all lines.
    pub total: Money,
    /// The token that the payment gateway charges.
    pub payment_token: Personal<String>,
    /// The address that the parcel goes to.
    pub shipping_address: Personal<Address>,
    /// The deadline: an order that is not committed by then is undone.
    pub deadline: Timestamp,
    /// SHA-256 of the request in its canonical form, in lower-case hexadecimal. It distinguishes a
    /// repeated request from a different one.
    pub request_hash: String,
}

/// Only one canonical form existed when this shape was written. It has number 1 today.
#[must_use]
pub fn upcast(old: OrderPlaced1) -> OrderPlaced {
    let OrderPlaced1 {
        customer_id,
        customer_name,
        lines,
        total,
        payment_token,
        shipping_address,
        deadline,
        request_hash,
    } = old;
    OrderPlaced {
        customer_id,
        customer_name,
        lines,
        total,
        payment_token,
        shipping_address,
        deadline,
        request_hash: RequestHash { form: 1, sha256: request_hash },
    }
}
