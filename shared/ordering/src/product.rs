//! A product in the catalogue: whether it is on sale, its price, and the shards of its stock.

use events::{
    CategoryEvent, Money, ProductEvent, ProductListed, ProductPriceChanged, ProductRenamed,
    ProductStockResharded, ProductWithdrawn, StockShards,
};
use serde::{Deserialize, Serialize};
use skald::decider::Decider;
use skald::snapshot::Snapshots;

use crate::values::{Name, Price};

/// The decider of category `product`.
#[derive(Debug, Clone, Copy)]
pub struct Product;

/// The state of a product.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductState {
    /// The product was never on sale.
    #[default]
    Unlisted,
    /// The product is or was on sale.
    Listed(ListedProduct),
}

/// A product that is or was on sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedProduct {
    /// The product's name.
    pub name: String,
    /// The price of one piece.
    pub unit_price: Money,
    /// The number of shards that its stock is spread over now.
    pub stock_shards: StockShards,
    /// The largest number of shards that its stock was ever spread over: any of these may still
    /// hold stock.
    pub max_stock_shards: StockShards,
    /// Whether the product can be ordered.
    pub on_sale: bool,
}

impl ProductState {
    /// The product, if it was ever on sale.
    #[must_use]
    pub const fn listed(&self) -> Option<&ListedProduct> {
        match self {
            Self::Unlisted => None,
            Self::Listed(product) => Some(product),
        }
    }

    /// The number of shards that the product's stock is spread over now. One for a product that was
    /// never on sale.
    #[must_use]
    pub fn stock_shards(&self) -> StockShards {
        self.listed().map_or(StockShards::ONE, |product| product.stock_shards)
    }

    /// The largest number of shards that the product's stock was ever spread over: any of these may
    /// hold stock. One for a product that was never on sale.
    #[must_use]
    pub fn max_stock_shards(&self) -> StockShards {
        self.listed().map_or(StockShards::ONE, |product| product.max_stock_shards)
    }

    /// The product, if it can be ordered.
    #[must_use]
    pub fn on_sale(&self) -> Option<&ListedProduct> {
        self.listed().filter(|product| product.on_sale)
    }
}

/// The commands on a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductCommand {
    /// Put the product on sale, for the first time or again. Has no effect if it is on sale: name,
    /// price and shards are changed by the commands below.
    List {
        /// The product's name.
        name: Name,
        /// The price of one piece.
        unit_price: Price,
        /// The number of shards of its stock. `None` keeps the number, or is one for a new product.
        stock_shards: Option<StockShards>,
    },
    /// Change the name.
    Rename {
        /// The new name.
        name: Name,
    },
    /// Change the price.
    ChangePrice {
        /// The new price of one piece.
        unit_price: Price,
    },
    /// Change the number of shards of its stock.
    Reshard {
        /// The new number of shards.
        stock_shards: StockShards,
    },
    /// Withdraw the product from sale.
    Withdraw,
}

/// Why a command on a product is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProductRejection {
    /// The product was never on sale.
    #[error("the product does not exist")]
    NotListed,
    /// The product is no longer on sale.
    #[error("the product is withdrawn from sale")]
    Withdrawn,
}

impl Decider for Product {
    const CATEGORY: &'static str = ProductEvent::CATEGORY;
    type State = ProductState;
    type Command = ProductCommand;
    type Event = ProductEvent;
    type Rejection = ProductRejection;
    /// Every order reads its products twice, and a price may change every day. The state is small,
    /// so every commit has it, and a load reads one item.
    const SNAPSHOTS: Option<Snapshots<ProductState>> = Some(Snapshots::new(1, 1));

    fn decide(
        state: &ProductState,
        command: &ProductCommand,
    ) -> Result<Vec<ProductEvent>, ProductRejection> {
        let listed = state.listed().ok_or(ProductRejection::NotListed);
        let on_sale = listed.and_then(|product| {
            product.on_sale.then_some(product).ok_or(ProductRejection::Withdrawn)
        });
        let event: Option<ProductEvent> = match command {
            ProductCommand::List { name, unit_price, stock_shards } => {
                on_sale.is_err().then(|| {
                    let before = listed.map(|product| product.stock_shards).ok();
                    let stock_shards = stock_shards.or(before).unwrap_or(StockShards::ONE);
                    ProductListed {
                        name: name.to_string(),
                        unit_price: unit_price.money(),
                        stock_shards,
                    }
                    .into()
                })
            }
            ProductCommand::Rename { name } => {
                let changes = on_sale?.name != name.as_str();
                changes.then(|| ProductRenamed { name: name.to_string() }.into())
            }
            ProductCommand::ChangePrice { unit_price } => {
                let changes = on_sale?.unit_price != unit_price.money();
                changes.then(|| ProductPriceChanged { unit_price: unit_price.money() }.into())
            }
            ProductCommand::Reshard { stock_shards } => {
                let changes = on_sale?.stock_shards != *stock_shards;
                changes.then(|| ProductStockResharded { stock_shards: *stock_shards }.into())
            }
            ProductCommand::Withdraw => listed?.on_sale.then(|| ProductWithdrawn {}.into()),
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(state: ProductState, event: &ProductEvent) -> ProductState {
        let ever = state.max_stock_shards();
        match (state, event) {
            (_, ProductEvent::Listed(listed)) => ProductState::Listed(ListedProduct {
                name: listed.name.clone(),
                unit_price: listed.unit_price,
                stock_shards: listed.stock_shards,
                max_stock_shards: ever.max(listed.stock_shards),
                on_sale: true,
            }),
            (ProductState::Listed(product), event) => ProductState::Listed(product.evolve(event)),
            (ProductState::Unlisted, _) => ProductState::Unlisted,
        }
    }
}

impl ListedProduct {
    fn evolve(self, event: &ProductEvent) -> Self {
        match event {
            ProductEvent::Listed(_) => self,
            ProductEvent::Renamed(renamed) => Self { name: renamed.name.clone(), ..self },
            ProductEvent::PriceChanged(changed) => Self { unit_price: changed.unit_price, ..self },
            ProductEvent::StockResharded(resharded) => Self {
                stock_shards: resharded.stock_shards,
                max_stock_shards: self.max_stock_shards.max(resharded.stock_shards),
                ..self
            },
            ProductEvent::Withdrawn(_) => Self { on_sale: false, ..self },
        }
    }
}
