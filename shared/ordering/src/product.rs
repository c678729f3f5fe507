//! A product in the catalogue: on sale or not, at a price, its stock spread over shards.

use events::{
    CategoryEvent, Money, ProductEvent, ProductListed, ProductPriceChanged, ProductRenamed,
    ProductStockResharded, ProductWithdrawn, StockShards,
};
use skald::decider::Decider;

use crate::values::{Name, Price};

/// The decider of category `product`.
#[derive(Debug, Clone, Copy)]
pub struct Product;

/// What is known of a product.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ProductState {
    /// It was never on sale.
    #[default]
    Unlisted,
    /// It is or was on sale.
    Listed(ListedProduct),
}

/// A product that is or was on sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedProduct {
    /// What it is called.
    pub name: String,
    /// What one of it costs.
    pub unit_price: Money,
    /// Over how many shards its stock is spread now.
    pub stock_shards: StockShards,
    /// Over how many it ever was: any of these may still hold stock.
    pub most_stock_shards: StockShards,
    /// Whether it can be ordered.
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

    /// The product, if it can be ordered.
    #[must_use]
    pub fn on_sale(&self) -> Option<&ListedProduct> {
        self.listed().filter(|product| product.on_sale)
    }
}

/// What can be asked of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductCommand {
    /// Put it on sale: for the first time, or again. Of a product on sale it asks nothing; name,
    /// price and shards are changed by the commands below.
    List {
        /// What it is called.
        name: Name,
        /// What one of it costs.
        unit_price: Price,
        /// Over how many shards its stock is spread; if not given, over as many as before, or at
        /// first one.
        stock_shards: Option<StockShards>,
    },
    /// Call it something else.
    Rename {
        /// What it is called from now on.
        name: Name,
    },
    /// Ask another price.
    ChangePrice {
        /// What one of it costs from now on.
        unit_price: Price,
    },
    /// Spread its stock otherwise.
    Reshard {
        /// Over how many shards from now on.
        stock_shards: StockShards,
    },
    /// Take it from sale.
    Withdraw,
}

/// Why a product does not do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProductRejection {
    /// It was never on sale.
    #[error("there is no such product")]
    NotListed,
    /// It is no longer on sale.
    #[error("the product is withdrawn from sale")]
    Withdrawn,
}

impl Decider for Product {
    const CATEGORY: &'static str = ProductEvent::CATEGORY;
    type State = ProductState;
    type Command = ProductCommand;
    type Event = ProductEvent;
    type Rejection = ProductRejection;

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
        let ever = state.listed().map_or(StockShards::ONE, |product| product.most_stock_shards);
        match (state, event) {
            (_, ProductEvent::Listed(listed)) => ProductState::Listed(ListedProduct {
                name: listed.name.clone(),
                unit_price: listed.unit_price,
                stock_shards: listed.stock_shards,
                most_stock_shards: ever.max(listed.stock_shards),
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
                most_stock_shards: self.most_stock_shards.max(resharded.stock_shards),
                ..self
            },
            ProductEvent::Withdrawn(_) => Self { on_sale: false, ..self },
        }
    }
}
