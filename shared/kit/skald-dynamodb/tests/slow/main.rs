//! The stores on `DynamoDB`: the contracts, every kind of fault, and the cost of each operation.
//! `make check` skips the tests that are called `slow`.

mod broken_event_stores;
mod broken_keys;
mod broken_stores;
mod contract;
mod costs;
mod outcomes;
mod person_keys;
#[path = "../support/mod.rs"]
mod support;
mod transactions;
mod verify;
