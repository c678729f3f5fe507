//! `order.cancelled` at schema 1, with fewer reasons.

use serde::Deserialize;

use super::cancel_reason_1::{self, CancelReason1};
use crate::OrderCancelled;

/// The order is undone: no stock, no money and no parcel is held for it. Final.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderCancelled1 {
    /// The reason, as recorded when undoing started.
    pub reason: CancelReason1,
}

/// The reason is the same.
#[must_use]
pub fn upcast(old: OrderCancelled1) -> OrderCancelled {
    let OrderCancelled1 { reason } = old;
    OrderCancelled { reason: cancel_reason_1::upcast(reason) }
}
