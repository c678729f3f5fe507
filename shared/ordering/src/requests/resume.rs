//! `POST /orders/{id}/resume`: `{extend_by_s?}`, or no body.

use serde_json::Value;
use skald::time::Timestamp;

use super::Fault;
use super::reading::{Object, validated};
use crate::values::ExtensionS;

/// A request to resume an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResumeRequest {
    /// The time that the order gets from now on. `None` keeps the deadline.
    pub extend_by_s: Option<ExtensionS>,
}

impl ResumeRequest {
    /// Validates the body.
    ///
    /// # Errors
    /// All faults of the body.
    pub fn validate(body: &Value) -> Result<Self, Vec<Fault>> {
        validated(|faults| {
            let body = Object::read(body, String::new(), &["extend_by_s"], faults)?;
            let extend_by_s = match body.get("extend_by_s") {
                Some(_) => body.number("extend_by_s", faults),
                None => None,
            };
            Some(Self { extend_by_s })
        })
    }

    /// The new deadline, if the request is received at this time.
    #[must_use]
    pub fn extend_to(&self, at: Timestamp) -> Option<Timestamp> {
        self.extend_by_s.map(|seconds| at.plus_millis(i64::from(seconds.get()) * 1_000))
    }
}
