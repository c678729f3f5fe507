//! The rules of the engine, on the saga that books a room.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, unused_imports, reason = "the slow tests use the rest")]
#[path = "../booking/mod.rs"]
mod booking;
mod machine;
mod names;
mod permission;
mod plan;
