//! What is about a person is sealed wherever it is stored, is opened for whoever may see it, and
//! can be erased.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod erasing;
mod opening;
mod sealing;
#[path = "../support/mod.rs"]
mod support;
mod talk;
