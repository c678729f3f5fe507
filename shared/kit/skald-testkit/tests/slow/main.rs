//! The event store contract finds the faults of broken event stores.
//! `make check` skips the tests that are called `slow`.

mod broken_event_stores;
