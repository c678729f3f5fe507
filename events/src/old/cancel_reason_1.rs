//! The reasons to cancel an order before an operator's request and the erasure of the customer were
//! reasons of their own.

use serde::Deserialize;

use crate::CancelReason;

/// The reason why an order is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "CancelReason"))]
#[serde(rename_all = "snake_case")]
pub enum CancelReason1 {
    /// Less of a product was available than was ordered.
    StockUnavailable,
    /// The payment gateway declined to authorize the payment.
    PaymentDeclined,
    /// The carrier refused the parcel.
    ShipmentRefused,
    /// The customer cancelled the order.
    CustomerRequest,
    /// The deadline passed.
    Expired,
    /// The payment was authorized, but the gateway could not capture the money.
    CaptureFailed,
}

/// Every reason is kept: the later ones are additional.
#[must_use]
pub const fn upcast(old: CancelReason1) -> CancelReason {
    match old {
        CancelReason1::StockUnavailable => CancelReason::StockUnavailable,
        CancelReason1::PaymentDeclined => CancelReason::PaymentDeclined,
        CancelReason1::ShipmentRefused => CancelReason::ShipmentRefused,
        CancelReason1::CustomerRequest => CancelReason::CustomerRequest,
        CancelReason1::Expired => CancelReason::Expired,
        CancelReason1::CaptureFailed => CancelReason::CaptureFailed,
    }
}
