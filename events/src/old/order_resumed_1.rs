//! `order.resumed` at schema 1, without a new deadline.

use serde::Deserialize;

use crate::OrderResumed;

/// A new attempt to complete or undo the order begins, after the order was parked or an execution
/// of the saga ended early.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderResumed1 {
    /// The number of the attempt that begins. Placing the order begins attempt 1; resuming it for
    /// the first time begins attempt 2.
    pub attempt: u32,
}

/// No deadline could be extended when this shape was written.
#[must_use]
pub fn upcast(old: OrderResumed1) -> OrderResumed {
    let OrderResumed1 { attempt } = old;
    OrderResumed { attempt, deadline: None }
}
