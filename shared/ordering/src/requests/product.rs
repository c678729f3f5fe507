//! `PUT /products/{sku}`: `{name, unit_price, stock_shards?}`.

use events::StockShards;
use serde_json::Value;

use super::Fault;
use super::reading::{Object, validated};
use crate::product::ProductCommand;
use crate::values::{Name, Price};

/// What a product in the catalogue is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductRequest {
    /// What it is called.
    pub name: Name,
    /// What one of it costs.
    pub unit_price: Price,
    /// Over how many shards its stock is spread; if not given, as it is.
    pub stock_shards: Option<StockShards>,
}

impl ProductRequest {
    /// Reads the body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
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

    /// What makes the product so, whatever it was: for [`skald::decider::decide_in_turn`].
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
