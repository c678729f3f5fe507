//! What happens to an order: its stream is the only arbiter of whether it is completed or undone.

use serde::{Deserialize, Serialize};
use skald::personal::Personal;
use skald::stream::{Category, Version};
use skald::time::Timestamp;

use crate::old::order_placed_1::{self, OrderPlaced1};
use crate::{Address, CategoryEvent, CustomerId, Money, Quantity, Sku};

/// A customer has placed an order, and it was accepted. Carries what was true then; later changes
/// do not touch it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderPlaced {
    /// Whose order it is.
    pub customer_id: CustomerId,
    /// What the customer was called then.
    pub customer_name: Personal<String>,
    /// What was ordered, in the order of the request; no product twice, all prices in one currency.
    pub lines: Vec<OrderLine>,
    /// The sum of all lines.
    pub total: Money,
    /// What the payment gateway charges.
    pub payment_token: Personal<String>,
    /// Where the parcel goes.
    pub shipping_address: Personal<Address>,
    /// From when on the order is undone unless it is committed.
    pub deadline: Timestamp,
    /// Tells a repeat from another request.
    pub request_hash: RequestHash,
}

/// One product of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderLine {
    /// The product.
    pub sku: Sku,
    /// What it was called then.
    pub name: String,
    /// The version of the product's stream that name and price are from.
    pub product_version: Version,
    /// How many.
    pub quantity: Quantity,
    /// What one of it cost then.
    pub unit_price: Money,
}

/// What a request is known by when it comes again. Hashes of different forms say nothing about one
/// another: whoever compares brings the request that came to the form that is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RequestHash {
    /// Which canonical form of the request was hashed, from 1.
    pub form: u32,
    /// SHA-256 of that form, in lower-case hexadecimal.
    pub sha256: String,
}

/// The order will be completed: from here on there is no way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderCommitted {}

/// The order is completed: paid, and on its way. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderConfirmed {}

/// The order will be undone: from here on no step forward is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderUndoStarted {
    /// Why.
    pub reason: CancelReason,
}

/// The order is undone: no stock, no money and no parcel is held for it. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderCancelled {
    /// Why, as it was said when undoing started.
    pub reason: CancelReason,
}

/// The order stands still until an operator has it resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderParked {
    /// The step of the saga that failed.
    pub step: String,
    /// How it failed, for the operator. No personal data.
    pub error: String,
}

/// Another attempt begins to complete or undo the order, whether it was parked or an execution
/// ended without a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderResumed {
    /// The number of the attempt that starts now. The first attempt, from placing on, is 1; the
    /// first resumed one is 2.
    pub attempt: u32,
}

/// Why an order is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// There was less of a product than was ordered.
    StockUnavailable,
    /// The payment gateway refused to authorize the payment.
    PaymentDeclined,
    /// The carrier refused the parcel.
    ShipmentRefused,
    /// The customer asked for it.
    CustomerRequest,
    /// The deadline passed.
    Expired,
    /// The payment was authorized, but the money could not be had.
    CaptureFailed,
}

skald::domain_event! {
    /// What happens to an order.
    pub enum OrderEvent {
        /// It was placed.
        Placed(OrderPlaced) = "order.placed" @ 2 from { 1: OrderPlaced1 => order_placed_1::upcast },
        /// It will be completed.
        Committed(OrderCommitted) = "order.committed" @ 1,
        /// It is completed.
        Confirmed(OrderConfirmed) = "order.confirmed" @ 1,
        /// It will be undone.
        UndoStarted(OrderUndoStarted) = "order.undo_started" @ 1,
        /// It is undone.
        Cancelled(OrderCancelled) = "order.cancelled" @ 1,
        /// It stands still.
        Parked(OrderParked) = "order.parked" @ 1,
        /// Another attempt begins.
        Resumed(OrderResumed) = "order.resumed" @ 1,
    }
}

impl CategoryEvent for OrderEvent {
    const CATEGORY: &'static Category = "order";
}
