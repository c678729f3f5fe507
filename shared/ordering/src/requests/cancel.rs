//! `POST /orders/{id}/cancel`: `{reason}`.

use serde_json::Value;

use super::Fault;
use super::reading::{Object, validated};
use crate::values::Name;

/// A wish to cancel an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancelRequest;

impl CancelRequest {
    /// Reads the body. The words of the reason are the caller's and may be personal: they are
    /// checked, and not kept.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn validate(body: &Value) -> Result<Self, Vec<Fault>> {
        validated(|faults| {
            let body = Object::read(body, String::new(), &["reason"], faults)?;
            let _reason: Name = body.text("reason", faults)?;
            Some(Self)
        })
    }
}
