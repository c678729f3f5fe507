//! The event catalogue: every event of the order system, in the shapes that are stored.
//!
//! One file per category. [`for_each_category!`] is the only list of categories: schemas, golden
//! samples, round trips and the command line's deciders are checked against it.
//!
//! A type and its schema number identify exactly one shape, so decoding rejects unknown fields, and
//! a changed shape gets a new number. Superseded shapes are in [`old`], each with a function that
//! converts it to the next. `golden/` holds one stored sample of every shape ever written, and
//! `schemas/` holds the JSON Schema of each.
//!
//! Identifiers and numbers are [`values`], which check their rules wherever they are built or read.
//! Names, e-mail addresses and payment tokens are plain text here: commands validate them, and
//! their rules may change without making stored events unreadable. Everything that describes a
//! person is [`Personal`](skald::personal::Personal).
//!
//! This crate is pure: it uses no clock, no randomness, no input and no output.

mod category;
mod customer;
pub mod old;
mod order;
mod payment;
mod product;
mod receipt;
mod reservation;
mod shipment;
mod stock;
pub mod values;

#[cfg(feature = "schema")]
#[doc(hidden)]
pub use schemars;

pub use category::{CategoryEvent, categories};
pub use customer::*;
pub use order::*;
pub use payment::*;
pub use product::*;
pub use receipt::*;
pub use reservation::*;
pub use shipment::*;
pub use stock::*;
pub use values::{
    Address, AddressFields, AttemptKey, AuthorizationId, Currency, CustomerId, InvalidAddress,
    InvalidValue, Money, OrderId, ParcelId, Quantity, ReceiptReference, Sku, StockShards,
    TrackingCode, Validated,
};
