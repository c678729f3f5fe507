//! What happens to one shard of a product's stock. Product and shard are the stream's name:
//! `stock-<sku>~<shard>`.
//!
//! Each event says which receipt or order it belongs to, so that stock can be counted again from
//! either side: for every order, reserved = released + shipped once it is final; for every receipt,
//! the shards add up to what was booked. What leaves one shard for another is in both, in the same
//! transaction.

use serde::{Deserialize, Serialize};
use skald::stream::Category;

use crate::{CategoryEvent, OrderId, Quantity, ReceiptReference, ShardQuantity};

/// Goods came in: there is more on hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StockReceived {
    /// The receipt that booked them.
    pub reference: ReceiptReference,
    /// How many came to this shard.
    pub quantity: Quantity,
}

/// Goods on hand are held for an order: fewer are available.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StockReserved {
    /// The order.
    pub order_id: OrderId,
    /// How many of this shard.
    pub quantity: Quantity,
}

/// Goods are no longer held for an order: they are available again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StockReleased {
    /// The order.
    pub order_id: OrderId,
    /// How many of this shard.
    pub quantity: Quantity,
}

/// Goods that were held for an order have left: they are neither held nor on hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StockShipped {
    /// The order.
    pub order_id: OrderId,
    /// How many of this shard.
    pub quantity: Quantity,
}

/// Goods that nobody holds are counted at another shard from now on, where an order needs them
/// together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StockMovedOut {
    /// The order that needs them.
    pub order_id: OrderId,
    /// The shard that counts them now, from 0.
    pub to_shard: u16,
    /// How many.
    pub quantity: Quantity,
}

/// Goods of other shards are counted here from now on, where an order needs them together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StockMovedIn {
    /// The order that needs them.
    pub order_id: OrderId,
    /// How many of which shards.
    pub from: Vec<ShardQuantity>,
}

skald::domain_event! {
    /// What happens to one shard of a product's stock.
    pub enum StockEvent {
        /// Goods came in.
        Received(StockReceived) = "stock.received" @ 1,
        /// Goods are held for an order.
        Reserved(StockReserved) = "stock.reserved" @ 1,
        /// Goods are no longer held for an order.
        Released(StockReleased) = "stock.released" @ 1,
        /// Goods held for an order have left.
        Shipped(StockShipped) = "stock.shipped" @ 1,
        /// Goods are counted at another shard.
        MovedOut(StockMovedOut) = "stock.moved_out" @ 1,
        /// Goods of other shards are counted here.
        MovedIn(StockMovedIn) = "stock.moved_in" @ 1,
    }
}

impl CategoryEvent for StockEvent {
    const CATEGORY: &'static Category = "stock";
}
