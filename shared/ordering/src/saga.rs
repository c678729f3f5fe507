//! The order saga as data: the steps that complete an order, and the compensation of each.
//!
//! Everything that runs the saga is derived from [`ORDER_SAGA`]: the [state machine](asl), and
//! [`next`], which determines the next step from the order's streams alone.
//!
//! The order's stream alone decides the direction. Before the pivot, `order.committed`, every step
//! can be undone; after it, every step is retried until it succeeds. Undoing starts with the event
//! `order.undo_started`. Every step is then undone, the last one first, even if it was never done,
//! because another execution may be further ahead. Undoing a step that was not done leaves a
//! tombstone, so that it can no longer be done.
//!
//! A committed order is never cancelled. If the gateway permanently refuses `capture_payment`, the
//! order is parked with the gateway's reason: the parcel may have been shipped, and an operator
//! must decide whether to retry or to write the money off. So no step starts undoing with the
//! reason `capture_failed`; it is reserved for an operator.

pub mod asl;
mod definition;
mod error;
mod look;
mod next;
mod step;

pub use definition::{
    Abort, Compensable, MAX_CALLS, ORDER_SAGA, Retriable, Retry, Saga, Task, TimeLimits,
};
pub use error::StepError;
pub(crate) use look::look_beside;
pub use look::{begins_attempt, execution_of, look};
pub use next::{Next, Progress, SagaState, next};
pub use step::{ErrorOutput, ExecutionInput, Failure, Step, StepInput, Worker};
