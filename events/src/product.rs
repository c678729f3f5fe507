//! The events of a product in the catalogue. Its quantities are in the events of its
//! [stock](crate::StockEvent).

use serde::{Deserialize, Serialize};
use skald::stream::Category;

use crate::{CategoryEvent, Money, StockShards};

/// The product went on sale, for the first time or again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProductListed {
    /// The product's name.
    pub name: String,
    /// The price of one piece.
    pub unit_price: Money,
    /// The number of shards that the product's stock is spread over from now on.
    pub stock_shards: StockShards,
}

/// The product's name changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProductRenamed {
    /// The new name.
    pub name: String,
}

/// The product's price changed. Existing orders keep the price at which they were placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProductPriceChanged {
    /// The new price of one piece.
    pub unit_price: Money,
}

/// The number of shards of the product's stock changed. Shards that are no longer in use may still
/// hold stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProductStockResharded {
    /// The new number of shards.
    pub stock_shards: StockShards,
}

/// The product was withdrawn from sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProductWithdrawn {}

skald::domain_event! {
    /// The events of a product.
    pub enum ProductEvent {
        /// The product went on sale.
        Listed(ProductListed) = "product.listed" @ 1,
        /// The name changed.
        Renamed(ProductRenamed) = "product.renamed" @ 1,
        /// The price changed.
        PriceChanged(ProductPriceChanged) = "product.price_changed" @ 1,
        /// The number of shards of its stock changed.
        StockResharded(ProductStockResharded) = "product.stock_resharded" @ 1,
        /// The product was withdrawn from sale.
        Withdrawn(ProductWithdrawn) = "product.withdrawn" @ 1,
    }
}

impl CategoryEvent for ProductEvent {
    const CATEGORY: &'static Category = "product";
}
