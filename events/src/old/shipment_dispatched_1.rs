//! `shipment.dispatched` at schema 1, without a tracking code.

use serde::Deserialize;

use crate::ShipmentDispatched;

/// The carrier collected the parcel.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShipmentDispatched1 {}

/// No tracking code was recorded when this shape was written.
#[must_use]
pub fn upcast(old: ShipmentDispatched1) -> ShipmentDispatched {
    let ShipmentDispatched1 {} = old;
    ShipmentDispatched { tracking_code: None }
}
