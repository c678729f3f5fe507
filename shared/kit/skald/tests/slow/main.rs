//! The contracts of the in-memory stores, and other tests that take long.
//! `make check` skips the tests that are called `slow`.

mod commit_index_contract;
mod concurrency;
mod event_store_contract;
mod following;
mod person_keys_contract;
mod personal_contracts;
mod snapshots;
#[path = "../support/mod.rs"]
mod support;
mod view_store_contract;
