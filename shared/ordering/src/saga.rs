//! The order saga, as data: which steps an order is completed by, and how each is undone.
//!
//! Everything that runs it is made from [`ORDER_SAGA`]: the [state machine](asl), and [`next`],
//! which says from the order's streams alone what is to be done.
//!
//! The order's stream is the only arbiter of direction. Before the pivot, `order.committed`, every
//! step can be undone; after it, every step is tried until it succeeds. To turn round is to append
//! `order.undo_started`; then everything is undone, the last step first, whether it was done or
//! not: another execution may be further on, and what is undone before it was done leaves a
//! tombstone, so that it can no longer be done.
//!
//! An order that was committed is never cancelled. If its money cannot be had (`capture_payment` is
//! refused), it is parked with the gateway's reason, for an operator: the parcel may have left, and
//! whether to ask again or to write it off is not for a machine to say. So nothing starts to undo
//! an order for the reason `capture_failed`; it is kept for an operator.

pub mod asl;
mod definition;
mod error;
mod look;
mod next;
mod step;

pub use definition::{
    Abort, Compensable, MOST_CALLS, ORDER_SAGA, Retriable, Retry, Saga, Task, TimeLimits,
};
pub use error::StepError;
pub(crate) use look::look_beside;
pub use look::{begins_attempt, execution_of, look};
pub use next::{Next, Progress, SagaState, next};
pub use step::{ErrorOutput, ExecutionInput, Failure, Step, StepInput, Worker};
