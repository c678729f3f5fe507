//! Tests for what is built with `skald`. A dev-dependency, nothing else.
//!
//! - [`given`] something's past, [when](Given::when) a command comes, [then](When::then) these
//!   events follow.
//! - [`event_store`], [`view_store`], [`commit_index`] and [`person_keys`] are the contracts of the
//!   stores, of the index and of the keys: each that there is runs the same rules.
//! - [`faulty`] is the bad way to an event store: what gets lost, comes late or comes twice, by
//!   plan.
//! - [`counting`] counts what is asked of a store, and how much of it at the same time.
//! - [`schema`] writes down the shapes of events, and finds the changes that would make something
//!   stored unreadable.
//! - [`reports`] keeps what the kit [reports](skald::observe).
//! - [`sample`] is a small domain to try a store with; [`NoPause`] waits without a clock, and
//!   [`Dice`] are chance that can be repeated.

mod any_draft;
pub mod commit_index;
pub mod counting;
mod decider;
mod dice;
pub mod event_store;
pub mod faulty;
mod odd_json;
mod orders;
mod pause;
pub mod person_keys;
mod racing;
pub mod reports;
mod rule;
pub mod sample;
mod scene;
pub mod schema;
pub mod view_store;
mod yielding;

pub use decider::{Events, Given, When, given};
pub use dice::Dice;
pub use pause::{NoPause, yield_now};
pub use rule::Rule;
