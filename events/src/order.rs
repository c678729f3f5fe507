//! The events of an order. The order's stream alone decides whether the order is completed or
//! undone.

use serde::{Deserialize, Serialize};
use skald::personal::Personal;
use skald::stream::{Category, Version};
use skald::time::Timestamp;

use crate::old::order_cancelled_1::{self, OrderCancelled1};
use crate::old::order_placed_1::{self, OrderPlaced1};
use crate::old::order_resumed_1::{self, OrderResumed1};
use crate::old::order_undo_started_1::{self, OrderUndoStarted1};
use crate::{Address, CategoryEvent, CustomerId, Money, Quantity, Sku};

/// A customer placed an order, and it was accepted. The event has the data as of that time;
/// later changes do not affect it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderPlaced {
    /// The customer who placed the order.
    pub customer_id: CustomerId,
    /// The customer's name at that time.
    pub customer_name: Personal<String>,
    /// The order's lines, in the order of the request. Each product occurs once, and all prices are
    /// in one currency.
    pub lines: Vec<OrderLine>,
    /// The sum of all lines.
    pub total: Money,
    /// The token that the payment gateway charges.
    pub payment_token: Personal<String>,
    /// The address that the parcel goes to.
    pub shipping_address: Personal<Address>,
    /// The deadline: an order that is not committed by then is undone.
    pub deadline: Timestamp,
    /// The hash that distinguishes a repeated request from a different one.
    pub request_hash: RequestHash,
}

/// One product of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderLine {
    /// The product.
    pub sku: Sku,
    /// The product's name at that time.
    pub name: String,
    /// The version of the product's stream that the name and the price were read at.
    pub product_version: Version,
    /// The number of pieces.
    pub quantity: Quantity,
    /// The price of one piece at that time.
    pub unit_price: Money,
}

/// The hash of a request, by which a repeated request is recognized. Hashes of different forms
/// cannot be compared: to compare, hash the incoming request in the form that is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RequestHash {
    /// The canonical form of the request that was hashed, counted from 1.
    pub form: u32,
    /// SHA-256 of that form, in lower-case hexadecimal.
    pub sha256: String,
}

/// The gate before money moves: the deadline can no longer undo the order. The customer or an
/// operator can, until the parcel leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderCommitted {}

/// The money was captured, and the parcel is ready at the carrier. The order waits for the parcel to
/// leave, and can still be undone until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderConfirmed {}

/// The parcel left: from now on nothing is undone. This event and `order.undo_started` exclude each
/// other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderDispatched {}

/// The parcel arrived. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderDelivered {}

/// Undoing the order started: no further step forward is taken, and the parcel does not leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderUndoStarted {
    /// The reason.
    pub reason: CancelReason,
    /// The words of the customer or the operator who asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
}

/// The order is undone: no stock, no money and no parcel is held for it. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderCancelled {
    /// The reason, as recorded when undoing started.
    pub reason: CancelReason,
}

/// The order is parked until an operator resumes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderParked {
    /// The step of the saga that failed.
    pub step: String,
    /// The error, for the operator. It contains no personal data.
    pub error: String,
}

/// A new attempt to complete or undo the order begins, after the order was parked, an execution of
/// the saga ended early, or undoing started from outside the saga.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderResumed {
    /// The number of the attempt that begins. Placing the order begins attempt 1; resuming it for
    /// the first time begins attempt 2.
    pub attempt: u32,
    /// The new deadline, if an operator extended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
}

/// The reason why an order is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// Less of a product was available than was ordered.
    StockUnavailable,
    /// The payment gateway declined to authorize the payment.
    PaymentDeclined,
    /// The carrier refused the parcel.
    ShipmentRefused,
    /// The customer cancelled the order.
    CustomerRequest,
    /// An operator cancelled the order.
    OperatorRequest,
    /// The customer was erased.
    CustomerErased,
    /// The deadline passed.
    Expired,
    /// The payment was authorized, but the gateway could not capture the money.
    CaptureFailed,
}

skald::domain_event! {
    /// The events of an order.
    pub enum OrderEvent {
        /// The order was placed.
        Placed(OrderPlaced) = "order.placed" @ 2 from { 1: OrderPlaced1 => order_placed_1::upcast },
        /// The deadline can no longer undo the order.
        Committed(OrderCommitted) = "order.committed" @ 1,
        /// The money was captured, and the parcel is ready.
        Confirmed(OrderConfirmed) = "order.confirmed" @ 1,
        /// The parcel left.
        Dispatched(OrderDispatched) = "order.dispatched" @ 1,
        /// The parcel arrived.
        Delivered(OrderDelivered) = "order.delivered" @ 1,
        /// Undoing the order started.
        UndoStarted(OrderUndoStarted) = "order.undo_started" @ 2
            from { 1: OrderUndoStarted1 => order_undo_started_1::upcast },
        /// The order is undone.
        Cancelled(OrderCancelled) = "order.cancelled" @ 2
            from { 1: OrderCancelled1 => order_cancelled_1::upcast },
        /// The order is parked.
        Parked(OrderParked) = "order.parked" @ 1,
        /// A new attempt begins.
        Resumed(OrderResumed) = "order.resumed" @ 2
            from { 1: OrderResumed1 => order_resumed_1::upcast },
    }
}

impl CategoryEvent for OrderEvent {
    const CATEGORY: &'static Category = "order";
}
