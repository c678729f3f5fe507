//! Tools for tests of systems that are built with `skald`. Use it as a dev-dependency only.
//!
//! - [`given`] tests a decider: given these events, [when](Given::when) this command is handled,
//!   [then](When::then) these events follow.
//! - [`event_store`], [`view_store`], [`commit_index`] and [`person_keys`] are contracts: rules
//!   that every implementation of the port must satisfy.
//! - [`faulty`] wraps an event store and makes its calls fail, time out or repeat, by plan.
//! - [`counting`] wraps a store and counts its calls, in total and at the same time.
//! - [`golden`] reads a stored sample of every shape of an event.
//! - [`schema`] writes the JSON Schemas of events, and finds changes that would make a stored event
//!   unreadable.
//! - [`saga`] runs a saga under faults, and checks that it keeps its promise.
//! - [`reports`] collects what the kit [reports](skald::observe).
//! - [`sample`] is a small domain for the tests of a store. [`NoPause`] waits without a clock.
//!   [`SeededRng`] yields random numbers that can be repeated.

mod any_draft;
pub mod commit_index;
mod concurrent;
pub mod counting;
mod decider;
pub mod event_store;
pub mod faulty;
mod fixtures;
pub mod golden;
mod json_samples;
mod orders;
mod pause;
pub mod person_keys;
pub mod reports;
mod rule;
pub mod saga;
pub mod sample;
pub mod schema;
mod seeded_rng;
pub mod view_store;
mod yielding;

pub use decider::{Events, Given, When, given};
pub use pause::{NoPause, yield_now};
pub use rule::Rule;
pub use seeded_rng::SeededRng;
