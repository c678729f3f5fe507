//! `make check` skips tests named `slow`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, unused_imports, reason = "the quick rules use the rest")]
#[path = "../booking/mod.rs"]
mod booking;
mod bugs;
mod faults;
