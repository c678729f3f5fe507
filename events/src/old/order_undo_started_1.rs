//! `order.undo_started` at schema 1, with fewer reasons and without a note.

use serde::Deserialize;

use super::cancel_reason_1::{self, CancelReason1};
use crate::OrderUndoStarted;

/// The saga started to undo the order. It takes no further step forward.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderUndoStarted1 {
    /// The reason.
    pub reason: CancelReason1,
}

/// The words of the person who asked were not kept when this shape was written.
#[must_use]
pub fn upcast(old: OrderUndoStarted1) -> OrderUndoStarted {
    let OrderUndoStarted1 { reason } = old;
    OrderUndoStarted { reason: cancel_reason_1::upcast(reason), note: None }
}
