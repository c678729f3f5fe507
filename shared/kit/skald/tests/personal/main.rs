//! Personal values are sealed wherever they are stored, are opened for readers with access, and can
//! be erased.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod erasing;
mod opening;
mod sealing;
#[path = "../support/mod.rs"]
mod support;
mod talk;
