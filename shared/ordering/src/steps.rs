//! The steps of the order saga, a file for each worker: what a step shows of its progress, and what
//! it does next.
//!
//! How a step is carried out, repeated and interrupted is for [`skald_saga`] to say. Waiting, time
//! and external systems are ports.

pub mod payment;
mod performer;
mod preloaded;
pub mod reservation;
pub mod shipment;

pub use performer::Ports;

use std::str::FromStr;

use events::OrderId;
use skald_saga::{Instance, StepError};

/// The order of this saga.
fn order_id(instance: &Instance) -> Result<OrderId, StepError> {
    let order_id = OrderId::from_str(&instance.id).ok();
    order_id.ok_or_else(|| StepError::permanent("the id of the saga is not that of an order"))
}
