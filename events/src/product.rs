//! What happens to a product in the catalogue. What there is of it is told by its
//! [stock](crate::StockEvent).

use serde::{Deserialize, Serialize};
use skald::stream::Category;

use crate::{CategoryEvent, Money, StockShards};

/// The product is on sale: for the first time, or again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProductListed {
    /// What it is called.
    pub name: String,
    /// What one of it costs.
    pub unit_price: Money,
    /// Over how many shards its stock is spread from now on.
    pub stock_shards: StockShards,
}

/// The product is called something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProductRenamed {
    /// What it is called now.
    pub name: String,
}

/// The product costs something else. Orders placed before keep the price they were placed at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProductPriceChanged {
    /// What one of it costs now.
    pub unit_price: Money,
}

/// The product's stock is spread otherwise from now on. Shards that are no longer in use may still
/// hold stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProductStockResharded {
    /// Over how many shards.
    pub stock_shards: StockShards,
}

/// The product is no longer on sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ProductWithdrawn {}

skald::domain_event! {
    /// What happens to a product.
    pub enum ProductEvent {
        /// It is on sale.
        Listed(ProductListed) = "product.listed" @ 1,
        /// It has another name.
        Renamed(ProductRenamed) = "product.renamed" @ 1,
        /// It has another price.
        PriceChanged(ProductPriceChanged) = "product.price_changed" @ 1,
        /// Its stock is spread otherwise.
        StockResharded(ProductStockResharded) = "product.stock_resharded" @ 1,
        /// It is no longer on sale.
        Withdrawn(ProductWithdrawn) = "product.withdrawn" @ 1,
    }
}

impl CategoryEvent for ProductEvent {
    const CATEGORY: &'static Category = "product";
}
