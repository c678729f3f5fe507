//! Validates the JSON that callers send. The result is a valid request, or all faults of the body
//! at once, each with the JSON pointer (RFC 6901) of its place.
//!
//! Nothing is guessed: an unknown field, a number in quotes, or `2.0` instead of `2` is a fault. An
//! absent field and `null` are the same.

mod cancel;
mod customer;
mod dispatch;
mod idempotency;
mod order;
mod product;
mod reading;
mod receipt;
mod resume;

use serde::Serialize;

pub use cancel::{CancelRequest, CancelledBy};
pub use customer::CustomerRequest;
pub use dispatch::{DeliverRequest, DispatchRequest};
pub use idempotency::{Caller, IdempotencyKey, order_id};
pub use product::ProductRequest;
pub use receipt::ReceiptRequest;
pub use resume::ResumeRequest;

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The place of the fault: a JSON pointer such as `/items/0/quantity`, or empty for the whole
    /// body.
    pub pointer: String,
    /// The rule that is broken, in words for the caller. Never quotes the value.
    pub detail: String,
}

impl Fault {
    /// The pointer and the detail.
    #[must_use]
    pub fn into_parts(self) -> (String, String) {
        (self.pointer, self.detail)
    }
}
