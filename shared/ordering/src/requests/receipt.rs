//! `POST /stock/{sku}/receipts`: `{quantity, reference}`.

use events::{Quantity, ReceiptReference, Sku, StockShards};
use serde_json::Value;

use super::Fault;
use super::reading::{Object, validated};
use crate::receipt::BookReceipt;

/// A delivery of goods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptRequest {
    /// The quantity.
    pub quantity: Quantity,
    /// The reference of the delivery.
    pub reference: ReceiptReference,
}

impl ReceiptRequest {
    /// Validates the body.
    ///
    /// # Errors
    /// All faults of the body.
    pub fn validate(body: &Value) -> Result<Self, Vec<Fault>> {
        validated(|faults| {
            let body = Object::read(body, String::new(), &["quantity", "reference"], faults)?;
            let quantity = body.number("quantity", faults);
            let reference = body.text("reference", faults);
            Some(Self { quantity: quantity?, reference: reference? })
        })
    }

    /// The receipt to book for this product, whose stock is spread over this many shards.
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
