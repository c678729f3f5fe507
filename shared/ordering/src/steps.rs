//! The steps of the saga: what each does next, and the loop that does it.
//!
//! A step folds the streams it is about, decides purely what comes next (append this, ask the
//! outside that, or end), does it, and begins again, until it ends. All it knows is in the streams,
//! so it can be stopped after any line and begun again by anybody, and several may be at it at
//! once:
//!
//! - It asks the order which way it goes, each time, before it does anything: a step forward ends
//!   at an order that is being undone, a step back at one that is not.
//! - It appends at the very heads it decided on. If somebody else was faster, it looks again.
//! - What it is about to ask of the outside is written first. It then looks at the order once more
//!   before it asks. Where it finds such a request that it did not write itself, it asks what
//!   became of it before it asks again.
//! - What it hears too late, when the payment or the shipment is undone already, it undoes itself.
//!
//! The functions that take the steps are `perform` of each module; [`drive`](drive::Ports::drive)
//! takes an order all the way. Waiting, time and the outside come in through ports.

mod desk;
pub mod drive;
mod errand;
pub mod order;
pub mod payment;
pub mod reservation;
pub mod shipment;
mod way;

pub use errand::Heard;
pub use way::{Move, Way, way};

pub use crate::saga::StepError;
