//! The rules of the domain, a sentence each. A file per aggregate, then requests, placing and views.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod customer;
mod order;
mod placing;
mod product;
mod receipt;
mod requests;
mod samples;
mod stock;
mod views;
