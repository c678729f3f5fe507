//! The rules of the domain, one per test. One file per aggregate, then requests, placing, views,
//! the saga and the sandbox.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod customer;
mod dispatching;
mod histories;
mod order;
mod payment;
mod placing;
mod product;
mod receipt;
mod requests;
mod reservation;
mod saga;
mod samples;
mod sandbox;
mod shipment;
mod snapshots;
mod stock;
mod views;
