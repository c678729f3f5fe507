//! Superseded shapes of events. Each has one file, named like its golden sample and its schema,
//! with the function that converts it to the next shape. A value type that several of them contain
//! has a file of its own.
//!
//! These shapes are read but never written, and they never change. An old shape shares the value
//! types that have not changed since. Before a value type changes, copy it here; the test of
//! `schemas/` fails if that was forgotten.

pub mod cancel_reason_1;
pub mod order_cancelled_1;
pub mod order_placed_1;
pub mod order_resumed_1;
pub mod order_undo_started_1;
pub mod shipment_dispatched_1;
