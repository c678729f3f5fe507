//! The events of a delivery of one product, which is booked once. Product and reference form the
//! stream's name, `receipt-<sku>~<reference>`, so the same delivery cannot be counted twice.

use serde::{Deserialize, Serialize};
use skald::stream::Category;

use crate::{CategoryEvent, Quantity, Sku};

/// A delivery was booked, and added to the stock in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReceiptBooked {
    /// The product that was delivered.
    pub sku: Sku,
    /// The quantity that was delivered.
    pub quantity: Quantity,
    /// The shards of its stock that it was added to, in ascending order. Their quantities add up to
    /// the whole.
    pub shards: Vec<ShardQuantity>,
}

/// A quantity in one shard of a product's stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShardQuantity {
    /// The shard, from 0.
    pub shard: u16,
    /// The quantity.
    pub quantity: Quantity,
}

skald::domain_event! {
    /// The events of a delivery of goods.
    pub enum ReceiptEvent {
        /// The delivery was booked.
        Booked(ReceiptBooked) = "receipt.booked" @ 1,
    }
}

impl CategoryEvent for ReceiptEvent {
    const CATEGORY: &'static Category = "receipt";
}
