//! The tests of the saga that take minutes: every order under every interruption at every line.
//! `make check` leaves out the tests that are called `slow`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod erased;
mod interleaving;
#[expect(dead_code, reason = "the quick rules use the rest")]
#[path = "../rules/samples.rs"]
mod samples;
#[expect(dead_code, reason = "the quick rules use the rest")]
#[path = "../rules/saga/world/mod.rs"]
mod world;
