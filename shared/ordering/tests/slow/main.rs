//! `make check` skips tests named `slow`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod erased;
mod interleaving;
#[expect(dead_code, reason = "the quick rules use the rest")]
#[path = "../rules/samples.rs"]
mod samples;
#[expect(dead_code, reason = "the quick rules use the rest")]
#[path = "../rules/saga/world/mod.rs"]
mod world;
