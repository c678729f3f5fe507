//! What happens to the reservation of an order: the goods that are held for it, all of them or
//! none. Its stream is written together with the stock it draws from, in one transaction.

use serde::{Deserialize, Serialize};
use skald::stream::Category;

use crate::{CategoryEvent, Quantity, Sku};

/// Goods are held for the order: everything that was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReservationMade {
    /// From which shards how many were drawn: by the order's lines, then by rising shard.
    pub lines: Vec<ReservedLine>,
}

/// So many of one shard of a product's stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReservedLine {
    /// The product.
    pub sku: Sku,
    /// The shard, from 0.
    pub shard: u16,
    /// How many.
    pub quantity: Quantity,
}

/// There was less of something than was ordered: nothing is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReservationRefused {
    /// What there was too little of, in the order of the order's lines.
    pub short: Vec<ShortLine>,
}

/// A product of which there was too little.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShortLine {
    /// The product.
    pub sku: Sku,
    /// How many were ordered.
    pub wanted: Quantity,
    /// How many could have been had.
    pub available: u64,
}

/// The goods are no longer held: they are available to others again. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReservationReleased {}

/// The goods have left. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReservationShipped {}

/// Nothing was held, and nothing will be: the order is undone before it came to that. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReservationAbandoned {}

skald::domain_event! {
    /// What happens to the reservation of an order.
    pub enum ReservationEvent {
        /// Goods are held.
        Made(ReservationMade) = "reservation.made" @ 1,
        /// There was too little.
        Refused(ReservationRefused) = "reservation.refused" @ 1,
        /// The goods are no longer held.
        Released(ReservationReleased) = "reservation.released" @ 1,
        /// The goods have left.
        Shipped(ReservationShipped) = "reservation.shipped" @ 1,
        /// Nothing was held, and nothing will be.
        Abandoned(ReservationAbandoned) = "reservation.abandoned" @ 1,
    }
}

impl CategoryEvent for ReservationEvent {
    const CATEGORY: &'static Category = "reservation";
}
