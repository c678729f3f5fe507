//! `POST /orders/{id}/cancel`: `{reason, cancelled_by?}`.

use events::{CancelReason, InvalidValue, Validated};
use serde_json::Value;

use super::Fault;
use super::reading::{Object, validated};
use crate::values::Note;

/// A request to cancel an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelRequest {
    /// The words of the person who asks. They may be personal: an order keeps them as its
    /// customer's.
    pub note: Note,
    /// Who asks.
    pub cancelled_by: CancelledBy,
}

/// Who asks to cancel an order.
///
/// Calls are not authenticated yet, so the request says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CancelledBy {
    /// The customer.
    Customer,
    /// An operator.
    Operator,
}

impl CancelledBy {
    /// The name, as in requests and in the actor of a commit.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Operator => "operator",
        }
    }

    /// The reason for which the order is undone.
    #[must_use]
    pub const fn reason(self) -> CancelReason {
        match self {
            Self::Customer => CancelReason::CustomerRequest,
            Self::Operator => CancelReason::OperatorRequest,
        }
    }
}

impl Validated for CancelledBy {
    const EXPECTED: &'static str = "customer or operator";
}

impl TryFrom<String> for CancelledBy {
    type Error = InvalidValue;
    fn try_from(name: String) -> Result<Self, InvalidValue> {
        let known = [Self::Customer, Self::Operator].into_iter().find(|by| by.name() == name);
        known.ok_or(InvalidValue(Self::EXPECTED))
    }
}

impl CancelRequest {
    /// Validates the body. Without `cancelled_by`, the customer asks.
    ///
    /// # Errors
    /// All faults of the body.
    pub fn validate(body: &Value) -> Result<Self, Vec<Fault>> {
        validated(|faults| {
            let known = ["reason", "cancelled_by"];
            let body = Object::read(body, String::new(), &known, faults)?;
            let note = body.text("reason", faults);
            let cancelled_by = match body.get("cancelled_by") {
                Some(_) => body.text("cancelled_by", faults),
                None => Some(CancelledBy::Customer),
            };
            Some(Self { note: note?, cancelled_by: cancelled_by? })
        })
    }
}
