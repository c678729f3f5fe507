//! What happens to a delivery of one product: it is booked, once. Product and reference are the
//! stream's name, `receipt-<sku>~<reference>`, which keeps the same delivery from being counted
//! twice.

use serde::{Deserialize, Serialize};
use skald::stream::Category;

use crate::{CategoryEvent, Quantity, Sku};

/// A delivery was counted and added to the stock, in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReceiptBooked {
    /// The product that came.
    pub sku: Sku,
    /// How many came.
    pub quantity: Quantity,
    /// To which shards of its stock they went, by rising shard; the quantities add up to the whole.
    pub shards: Vec<ShardQuantity>,
}

/// So many of one shard of a product's stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShardQuantity {
    /// The shard, from 0.
    pub shard: u16,
    /// How many.
    pub quantity: Quantity,
}

skald::domain_event! {
    /// What happens to a delivery of goods.
    pub enum ReceiptEvent {
        /// It was booked.
        Booked(ReceiptBooked) = "receipt.booked" @ 1,
    }
}

impl CategoryEvent for ReceiptEvent {
    const CATEGORY: &'static Category = "receipt";
}
