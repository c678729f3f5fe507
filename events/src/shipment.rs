//! The events of an order's shipment: the parcel at the carrier. Each request to the carrier is
//! recorded here before it is sent, so it is always known whether the carrier may have received it.
//!
//! The parcel's address is not repeated here: it is in `order.placed`.

use serde::{Deserialize, Serialize};
use skald::stream::Category;

use crate::old::shipment_dispatched_1::{self, ShipmentDispatched1};
use crate::{AttemptKey, CategoryEvent, ParcelId, TrackingCode};

/// The carrier is about to be asked to take a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShipmentRequested {
    /// The idempotency key of the request to the carrier.
    pub attempt_key: AttemptKey,
}

/// The carrier accepted the parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShipmentCreated {
    /// The carrier's id of the parcel.
    pub parcel: ParcelId,
}

/// The carrier refused the parcel: none exists. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShipmentRefused {
    /// The reason, in the carrier's words. It contains no personal data.
    pub reason: String,
}

/// The carrier is about to be asked to cancel the parcel, or never to take it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShipmentCancelRequested {}

/// No parcel exists, and none will. Final. If this is the stream's first event, the carrier was
/// never asked for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShipmentCancelled {}

/// The carrier collected the parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShipmentDispatched {
    /// The code with which the parcel can be followed, if the carrier gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_code: Option<TrackingCode>,
}

/// The parcel was delivered. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShipmentDelivered {}

skald::domain_event! {
    /// The events of an order's shipment.
    pub enum ShipmentEvent {
        /// The carrier is about to be asked to take a parcel.
        Requested(ShipmentRequested) = "shipment.requested" @ 1,
        /// The carrier accepted the parcel.
        Created(ShipmentCreated) = "shipment.created" @ 1,
        /// The carrier refused the parcel.
        Refused(ShipmentRefused) = "shipment.refused" @ 1,
        /// The carrier is about to be asked to cancel the parcel.
        CancelRequested(ShipmentCancelRequested) = "shipment.cancel_requested" @ 1,
        /// No parcel exists, and none will.
        Cancelled(ShipmentCancelled) = "shipment.cancelled" @ 1,
        /// The carrier collected the parcel.
        Dispatched(ShipmentDispatched) = "shipment.dispatched" @ 2
            from { 1: ShipmentDispatched1 => shipment_dispatched_1::upcast },
        /// The parcel was delivered.
        Delivered(ShipmentDelivered) = "shipment.delivered" @ 1,
    }
}

impl CategoryEvent for ShipmentEvent {
    const CATEGORY: &'static Category = "shipment";
}
