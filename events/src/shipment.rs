//! What happens to the shipment of an order: the parcel at the carrier. Whatever is asked of the
//! carrier is written here first, so that nobody has to guess later whether it was asked.
//!
//! Where the parcel goes is not told again: it stands in `order.placed`.

use serde::{Deserialize, Serialize};
use skald::stream::Category;

use crate::{AttemptKey, CategoryEvent, ParcelId};

/// The carrier is about to be asked to take a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShipmentRequested {
    /// What it is asked under.
    pub attempt_key: AttemptKey,
}

/// The carrier will take the parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShipmentCreated {
    /// What the carrier calls it.
    pub parcel: ParcelId,
}

/// The carrier refused the parcel: there is none. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShipmentRefused {
    /// Why, in the carrier's words. No personal data.
    pub reason: String,
}

/// The carrier is about to be asked to drop the parcel, or never to take it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShipmentCancelRequested {}

/// There is no parcel, and there will be none. Final. At version 1: the carrier was never asked for
/// one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShipmentCancelled {}

/// The parcel has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShipmentDispatched {}

/// The parcel has arrived. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShipmentDelivered {}

skald::domain_event! {
    /// What happens to the shipment of an order.
    pub enum ShipmentEvent {
        /// The carrier is about to be asked to take a parcel.
        Requested(ShipmentRequested) = "shipment.requested" @ 1,
        /// The carrier will take it.
        Created(ShipmentCreated) = "shipment.created" @ 1,
        /// The carrier refused it.
        Refused(ShipmentRefused) = "shipment.refused" @ 1,
        /// The carrier is about to be asked to drop it.
        CancelRequested(ShipmentCancelRequested) = "shipment.cancel_requested" @ 1,
        /// There is no parcel, and there will be none.
        Cancelled(ShipmentCancelled) = "shipment.cancelled" @ 1,
        /// It has left.
        Dispatched(ShipmentDispatched) = "shipment.dispatched" @ 1,
        /// It has arrived.
        Delivered(ShipmentDelivered) = "shipment.delivered" @ 1,
    }
}

impl CategoryEvent for ShipmentEvent {
    const CATEGORY: &'static Category = "shipment";
}
