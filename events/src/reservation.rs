//! The events of an order's reservation: the goods that are held for it, all of them or none. Its
//! stream is written in one transaction with the stock that the reservation draws from.

use serde::{Deserialize, Serialize};
use skald::stream::Category;

use crate::{CategoryEvent, Quantity, Sku};

/// All goods of the order are held for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReservationMade {
    /// The quantities drawn from each shard, in the order of the order's lines, then by ascending
    /// shard.
    pub lines: Vec<ReservedLine>,
}

/// A quantity in one shard of a product's stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReservedLine {
    /// The product.
    pub sku: Sku,
    /// The shard, from 0.
    pub shard: u16,
    /// The quantity.
    pub quantity: Quantity,
}

/// Less of a product was available than was ordered: nothing is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReservationRefused {
    /// The products that are short, in the order of the order's lines.
    pub short: Vec<ShortLine>,
}

/// A product of which less was available than was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ShortLine {
    /// The product.
    pub sku: Sku,
    /// The quantity that was ordered.
    pub wanted: Quantity,
    /// The quantity that was available.
    pub available: u64,
}

/// The goods are no longer held: they are available to other orders again. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReservationReleased {}

/// The goods left the stock. Earlier releases wrote this before the parcel left: their goods may be
/// returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReservationShipped {}

/// Goods that had left the stock for an order that was then undone are on the shelf again. This is
/// possible only if they left the stock before the parcel did. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReservationReturned {}

/// No goods were held, and none will be: the order was undone before its reservation was made.
/// Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReservationAbandoned {}

skald::domain_event! {
    /// The events of an order's reservation.
    pub enum ReservationEvent {
        /// Goods are held.
        Made(ReservationMade) = "reservation.made" @ 1,
        /// Too little was available.
        Refused(ReservationRefused) = "reservation.refused" @ 1,
        /// The goods are no longer held.
        Released(ReservationReleased) = "reservation.released" @ 1,
        /// The goods left the stock.
        Shipped(ReservationShipped) = "reservation.shipped" @ 1,
        /// Goods that had left the stock are on the shelf again.
        Returned(ReservationReturned) = "reservation.returned" @ 1,
        /// No goods were held, and none will be.
        Abandoned(ReservationAbandoned) = "reservation.abandoned" @ 1,
    }
}

impl CategoryEvent for ReservationEvent {
    const CATEGORY: &'static Category = "reservation";
}
