//! Runs a saga under faults, and checks that it keeps its promise in every run.
//!
//! A [`World`] is the environment of one saga in memory. The store, the waits and the calls to
//! external systems go through its [`Hooks`]: each is a *point*, at which a [`Fault`] may happen or
//! another execution may continue. A [`Script`] says what happens where, so a run can be repeated.
//! Time is simulated, so patience of a day takes no time.
//!
//! The harness checks of every saga, from its plan and [`Participant::progress`] alone:
//!
//! - it ends settled, or parked where the world allows it or after a long outage, and no execution
//!   ends while the saga needs one;
//! - it goes in one direction: the gate is passed, and the saga completed or undone, only if every
//!   step is done, or undone;
//! - steps are begun in the order of the plan and undone in reverse, only after undoing started;
//!   what is undone stays undone;
//! - a step forward that begins after undoing started writes nothing;
//! - a step that reports success is done, and every step can be repeated at the end without a
//!   write.
//!
//! What the ledgers must say is checked by [`World::check`].
//!
//! [`Participant::progress`]: skald_saga::Participant::progress
//!
//! ```
//! # use skald_saga::Saga;
//! use skald_testkit::saga::{Command, Harness, Hooks, Report, World};
//!
//! fn a_booking_survives_faults<Booking: Saga, Hotel: World<Booking> + 'static>(
//!     hotel: fn(&Hooks) -> Hotel,
//!     cancel: Command<Hotel>,
//! ) -> Report {
//!     let harness = Harness::<Booking, Hotel>::new().world("a hotel", hotel).command(cancel);
//!     harness.singles().unwrap();
//!     harness.pairs(8).unwrap();
//!     harness.interleavings(23).unwrap();
//!     // A failure names its seed: harness.replay(seed) runs it again.
//!     harness.random(1..20_001).unwrap()
//! }
//! ```

mod harness;
mod hooks;
mod machine;
mod performing;
mod point;
mod random;
mod report;
mod run;
mod runners;
mod script;
mod shared;
mod store;
mod watch;
mod world;

pub use harness::Harness;
pub use hooks::Hooks;
pub use report::{Broken, Report};
pub use script::{Fault, InvalidScript, Runner, Script};
pub use store::HookedStore;
pub use world::{Command, End, Handling, Moment, Story, World};
