//! What callers send, as loose JSON, and what it has to be: a request that cannot be wrong, or
//! everything that is wrong with it at once, each fault with the JSON pointer (RFC 6901) of its
//! place.
//!
//! Nothing is guessed: an unknown field, a number in quotes or `2.0` for `2` is a fault. Absent and
//! `null` are the same.

mod cancel;
mod customer;
mod idempotency;
mod order;
mod product;
mod reading;
mod receipt;

use serde::Serialize;

pub use cancel::CancelRequest;
pub use customer::CustomerRequest;
pub use idempotency::{Caller, IdempotencyKey, order_id};
pub use product::ProductRequest;
pub use receipt::ReceiptRequest;

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where: a JSON pointer, such as `/items/0/quantity`; empty for the whole body.
    pub pointer: String,
    /// What would be right, in words for the caller. Never quotes the value.
    pub detail: String,
}

impl Fault {
    /// Pointer and detail.
    #[must_use]
    pub fn into_parts(self) -> (String, String) {
        (self.pointer, self.detail)
    }
}
