//! The core of the kit: the parts of an event-sourced system, independent of where it runs.
//!
//! | to … | see |
//! |---|---|
//! | decide and handle commands | [`decider`], [`handle`] |
//! | declare events and read old ones | [`event`], [`domain_event!`] |
//! | name streams and positions | [`stream`], [`time`] |
//! | read streams, now or as of a version or time | [`reading`] |
//! | keep views of streams | [`view`], [`message`] |
//! | follow the commits of all streams | [`index`], [`follow`] |
//! | store snapshots in long streams | [`snapshot`] |
//! | protect and erase personal data | [`personal`] |
//! | count and log retries, conflicts and the like | [`observe`] |
//! | test without a database | [`memory`] |
//! | read and append without a decider | [`store`], [`commit`], [`json`] |
//! | check stored streams | [`check`] |
//! | implement a store | [`implementing`] |
//!
//! The [`prelude`] has what an aggregate and its commands need.
//!
//! Modules build on each other in layers, and no module imports from a layer above its own:
//!
//! | layer | modules |
//! |---|---|
//! | what is named and reported | [`text`], [`time`], [`stream`], [`concurrency`], [`observe`] |
//! | what is stored | [`json`], [`event`], [`snapshot`], [`commit`], [`message`] |
//! | rules and the port to their storage | [`decider`], [`store`] |
//! | what is read and written | [`reading`], [`handle`], [`index`], [`view`], [`follow`] |
//! | what wraps and implements ports | [`implementing`], [`personal`], [`check`], [`memory`] |
//!
//! This crate performs no input or output. It has no runtime, no clock and no random source. Times
//! and ids are passed as arguments; stores and pauses are traits.

pub mod check;
pub mod commit;
pub mod concurrency;
pub mod decider;
pub mod event;
pub mod follow;
pub mod handle;
pub mod implementing;
pub mod index;
pub mod json;
#[doc(hidden)]
pub mod macros;
pub mod memory;
pub mod message;
pub mod observe;
mod person;
pub mod personal;
mod pointers;
pub mod prelude;
pub mod reading;
pub mod snapshot;
pub mod store;
pub mod stream;
pub mod text;
pub mod time;
pub mod view;

/// The tutorial of this crate, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Tutorial;
