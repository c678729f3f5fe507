//! `PUT /products/{sku}`: `{name, unit_price, stock_shards?}`.

use events::StockShards;
use serde_json::Value;

use super::Fault;
use super::reading::{Object, validated};
use crate::product::ProductCommand;
use crate::values::{Name, Price};

/// A product's wanted state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductRequest {
    /// The name.
    pub name: Name,
    /// The price of one piece.
    pub unit_price: Price,
    /// The number of shards of its stock. `None` keeps the current number.
    pub stock_shards: Option<StockShards>,
}

impl ProductRequest {
    /// Validates the body.
    ///
    /// # Errors
    /// All faults of the body.
    pub fn validate(body: &Value) -> Result<Self, Vec<Fault>> {
        validated(|faults| {
            let body =
                Object::read(body, String::new(), &["name", "unit_price", "stock_shards"], faults)?;
            let name = body.text("name", faults);
            let unit_price = body.price("unit_price", faults);
            let stock_shards = match body.get("stock_shards") {
                Some(_) => body.number("stock_shards", faults),
                None => None,
            };
            Some(Self { name: name?, unit_price: unit_price?, stock_shards })
        })
    }

    /// The commands that bring a product from any state to this one, for
    /// [`skald::decider::decide_in_turn`].
    #[must_use]
    pub fn commands(&self) -> Vec<ProductCommand> {
        let Self { name, unit_price, stock_shards } = self.clone();
        let mut commands = vec![
            ProductCommand::List { name: name.clone(), unit_price, stock_shards },
            ProductCommand::Rename { name },
            ProductCommand::ChangePrice { unit_price },
        ];
        commands.extend(stock_shards.map(|stock_shards| ProductCommand::Reshard { stock_shards }));
        commands
    }
}
