//! The steps: how each decides what to do next, and the loop that does it.
//!
//! A step reads the arbiter and its own stream, makes a pure decision (append an event, call the
//! external system, or end), carries it out, and repeats until it ends. All its state is in the
//! streams. So it can be stopped after any line and restarted anywhere, and several executions may
//! run it at once:
//!
//! - A step forward ends if the saga is being undone, and a compensation ends if it is not.
//! - It appends only if the streams have the versions that it decided on. After a conflict, it
//!   reads them again. After its own append, it knows the new state and reads nothing.
//! - It records every request to an external system before it sends it. If it finds a recorded
//!   request that it did not write itself, it asks the external system for the result first.
//! - If an answer arrives after the saga was turned round, the step undoes its effect itself.

mod arbiter;
mod context;
mod worker;

pub use arbiter::perform_on_arbiter;
pub use context::{Seen, StepContext, Written};
pub use worker::{Action, LastAnswer, View, Worker, perform};
