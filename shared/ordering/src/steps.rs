//! The steps of the saga: how each decides what to do next, and the loop that does it.
//!
//! A step folds the streams that it needs, makes a pure decision (append an event, call the
//! external system, or end), carries it out, and repeats until it ends. All its state is in the
//! streams. So it can be stopped after any line and restarted anywhere, and several executions may
//! run it concurrently:
//!
//! - Before each action, it reads the order's direction: a forward step ends if the order is being
//!   undone, and a backward step ends if it is not.
//! - It appends only if the streams have the versions that it decided on. After a conflict, it
//!   reads them again.
//! - It records every request to an external system before sending it, and reads the order once
//!   more before sending. If it finds a recorded request that it did not write itself, it asks the
//!   external system for the result before it sends the request again.
//! - If an answer arrives after the payment or the shipment was undone, the step undoes its effect
//!   itself.
//!
//! The functions call `perform` of each module; [`drive`](drive::Ports::drive) takes an order to
//! its end. Waiting, time and external systems are ports.

mod desk;
pub mod drive;
mod errand;
pub mod order;
pub mod payment;
mod preloaded;
pub mod reservation;
pub mod shipment;
mod way;

pub use errand::Heard;
pub use way::{Move, Way, way};

pub use crate::saga::StepError;
