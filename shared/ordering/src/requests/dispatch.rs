//! `POST /shipments/{order_id}/dispatch`: `{tracking_code?}`, or no body.
//! `POST /shipments/{order_id}/deliver`: `{}`, or no body.

use events::TrackingCode;
use serde_json::Value;

use super::Fault;
use super::reading::{Object, validated};

/// A request to record that a parcel left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DispatchRequest {
    /// The code with which the parcel can be followed, if the carrier gave one.
    pub tracking_code: Option<TrackingCode>,
}

impl DispatchRequest {
    /// Validates the body.
    ///
    /// # Errors
    /// All faults of the body.
    pub fn validate(body: &Value) -> Result<Self, Vec<Fault>> {
        validated(|faults| {
            let body = Object::read(body, String::new(), &["tracking_code"], faults)?;
            let tracking_code = match body.get("tracking_code") {
                Some(_) => body.text("tracking_code", faults),
                None => None,
            };
            Some(Self { tracking_code })
        })
    }
}

/// A request to record that a parcel arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliverRequest;

impl DeliverRequest {
    /// Validates the body, which has no fields.
    ///
    /// # Errors
    /// All faults of the body.
    pub fn validate(body: &Value) -> Result<Self, Vec<Fault>> {
        validated(|faults| {
            let _empty = Object::read(body, String::new(), &[], faults)?;
            Some(Self)
        })
    }
}
