//! The event store contract finds the faults of broken event stores.
//! `make check` leaves out the tests that are called `slow`.

mod broken_event_stores;
