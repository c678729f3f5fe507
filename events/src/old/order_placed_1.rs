//! `order.placed` at schema 1: a hash that does not say of which canonical form of the request it
//! is.

use serde::Deserialize;
use skald::personal::Personal;
use skald::time::Timestamp;

use crate::{Address, CustomerId, Money, OrderLine, OrderPlaced, RequestHash};

/// A customer has placed an order, and it was accepted. Carries what was true then; later changes
/// do not touch it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderPlaced1 {
    /// Whose order it is.
    pub customer_id: CustomerId,
    /// What the customer was called then.
    pub customer_name: Personal<String>,
    /// What was ordered, in the order of the request; no product twice, all prices in one currency.
    pub lines: Vec<OrderLine>,
    /// The sum of all lines.
    pub total: Money,
    /// What the payment gateway charges.
    pub payment_token: Personal<String>,
    /// Where the parcel goes.
    pub shipping_address: Personal<Address>,
    /// From when on the order is undone unless it is committed.
    pub deadline: Timestamp,
    /// SHA-256 of the request in its canonical form, in lower-case hexadecimal: tells a repeat from
    /// another request.
    pub request_hash: String,
}

/// When this was written there was one canonical form, and it is called 1 since.
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
