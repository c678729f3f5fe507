//! `POST /orders/{id}/cancel`: `{reason}`.

use serde_json::Value;

use super::Fault;
use super::reading::{Object, validated};
use crate::values::Name;

/// A request to cancel an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancelRequest;

impl CancelRequest {
    /// Validates the body. The reason is free text and may be personal: it is validated, but not
    /// kept.
    ///
    /// # Errors
    /// All faults of the body.
    pub fn validate(body: &Value) -> Result<Self, Vec<Fault>> {
        validated(|faults| {
            let body = Object::read(body, String::new(), &["reason"], faults)?;
            let _reason: Name = body.text("reason", faults)?;
            Some(Self)
        })
    }
}
