//! `POST /stock/{sku}/receipts`: `{quantity, reference}`.

use events::{Quantity, ReceiptReference, Sku, StockShards};
use serde_json::Value;

use super::Fault;
use super::reading::{Object, validated};
use crate::receipt::BookReceipt;

/// Goods that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptRequest {
    /// How many.
    pub quantity: Quantity,
    /// What the delivery is called.
    pub reference: ReceiptReference,
}

impl ReceiptRequest {
    /// Reads the body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn validate(body: &Value) -> Result<Self, Vec<Fault>> {
        validated(|faults| {
            let body = Object::read(body, String::new(), &["quantity", "reference"], faults)?;
            let quantity = body.number("quantity", faults);
            let reference = body.text("reference", faults);
            Some(Self { quantity: quantity?, reference: reference? })
        })
    }

    /// The delivery to book, of this product with its stock spread over so many shards.
    #[must_use]
    pub fn book(&self, sku: Sku, stock_shards: StockShards) -> BookReceipt {
        BookReceipt {
            reference: self.reference.clone(),
            sku,
            quantity: self.quantity,
            stock_shards,
        }
    }
}
