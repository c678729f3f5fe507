//! The events of one shard of a product's stock. Product and shard form the stream's name,
//! `stock-<sku>~<shard>`.
//!
//! Each event names the receipt or order it belongs to, so stock can be reconciled from both sides.
//! For every order at its end, reserved = released + shipped, and nothing is returned unless all of
//! it was shipped and the order was undone. For every receipt, the quantities of the shards add up
//! to what was booked. A move between shards is recorded in both streams in one
//! transaction.

use serde::{Deserialize, Serialize};
use skald::stream::Category;

use crate::{CategoryEvent, OrderId, Quantity, ReceiptReference, ShardQuantity};

/// Goods were delivered: more are on hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StockReceived {
    /// The receipt that booked the goods.
    pub reference: ReceiptReference,
    /// The quantity that was added to this shard.
    pub quantity: Quantity,
}

/// Goods on hand are held for an order: fewer are available.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StockReserved {
    /// The order.
    pub order_id: OrderId,
    /// The quantity in this shard.
    pub quantity: Quantity,
}

/// Goods are no longer held for an order: they are available again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StockReleased {
    /// The order.
    pub order_id: OrderId,
    /// The quantity in this shard.
    pub quantity: Quantity,
}

/// Goods that were held for an order were shipped: they are neither held nor on hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StockShipped {
    /// The order.
    pub order_id: OrderId,
    /// The quantity in this shard.
    pub quantity: Quantity,
}

/// Goods that had left the stock for an order that was then undone are on hand again, and available.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StockReturned {
    /// The order.
    pub order_id: OrderId,
    /// The quantity that came back to this shard.
    pub quantity: Quantity,
}

/// Available goods were moved to another shard, because an order needs them together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StockMovedOut {
    /// The order that needs them.
    pub order_id: OrderId,
    /// The shard that counts the goods from now on, from 0.
    pub to_shard: u16,
    /// The quantity.
    pub quantity: Quantity,
}

/// Goods were moved here from other shards, because an order needs them together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StockMovedIn {
    /// The order that needs them.
    pub order_id: OrderId,
    /// The shards that the goods came from, with the quantity from each.
    pub from: Vec<ShardQuantity>,
}

skald::domain_event! {
    /// The events of one shard of a product's stock.
    pub enum StockEvent {
        /// Goods were delivered.
        Received(StockReceived) = "stock.received" @ 1,
        /// Goods are held for an order.
        Reserved(StockReserved) = "stock.reserved" @ 1,
        /// Goods are no longer held for an order.
        Released(StockReleased) = "stock.released" @ 1,
        /// Goods held for an order were shipped.
        Shipped(StockShipped) = "stock.shipped" @ 1,
        /// Goods that had left the stock are on hand again.
        Returned(StockReturned) = "stock.returned" @ 1,
        /// Goods were moved to another shard.
        MovedOut(StockMovedOut) = "stock.moved_out" @ 1,
        /// Goods were moved here from other shards.
        MovedIn(StockMovedIn) = "stock.moved_in" @ 1,
    }
}

impl CategoryEvent for StockEvent {
    const CATEGORY: &'static Category = "stock";
}
