//! Sagas as data over event streams.
//!
//! A saga completes something that spans several streams and external systems, step by step, or
//! undoes it in reverse. One stream, the *arbiter*, alone decides the direction. Each step works on
//! a stream of its own, a *participant*, and reads from there what is done. So a step may run
//! twice, late, or beside another, and a saga may be continued by anyone from any state: by a state
//! machine ([`state_machine`]), by [`drive()`], by a [sweeper](sweep) after everything else was
//! lost.
//!
//! To define a saga:
//!
//! 1. Implement [`Arbiter`] for the decider of the stream that decides the direction.
//! 2. Declare the steps with [`saga!`], and their order and compensations in a [`Plan`].
//! 3. Implement [`Participant`] for the steps of each worker: the stream and the progress.
//! 4. Implement [`Worker`] for each function: the decision of each step, and its external calls.
//!
//! The chapter "A saga" of the kit's guide, `shared/kit/README.md`, does this for a saga that books
//! a room.
//!
//! This crate is pure: it uses no clock, no randomness, no input and no output.

mod drive;
mod error;
mod executions;
mod input;
mod look;
mod macros;
mod names;
mod next;
mod plan;
mod saga;
mod starter;
pub mod state_machine;
mod step;
mod step_trace;
pub mod sweep;
mod trace;

pub use drive::{Performer, drive};
pub use error::StepError;
pub use executions::{Execution, Executions, NoAnswer};
pub use input::{ErrorOutput, ExecutionInput, Failure, Instance, StepInput};
pub use look::{execution_of, look};
pub use names::StepName;
pub use next::{Next, missing_after_gate, missing_before_gate, next, next_compensation};
pub use plan::{Compensable, Gate, MAX_CALLS, Patience, Place, Plan, Retry, TimeLimits};
pub use saga::{Arbiter, Change, Participant, Phase, Progress, Saga, Standing, Traced};
pub use starter::{Ensured, ExecutionStarter, Outcome, StartError};
pub use step::{
    Action, LastAnswer, Seen, StepContext, View, Worker, Written, perform, perform_on_arbiter,
};
pub use step_trace::StepTrace;
pub use trace::{Trace, trace};

/// What the macros use.
#[doc(hidden)]
pub mod __private {
    pub use futures_util::try_join;
    pub use serde::{Deserialize, Deserializer, Serialize, Serializer};
    pub use skald::decider::Decider;
    pub use skald::store::EventStore;

    pub use crate::look::participant;
    pub use crate::trace::of_participant;

    /// Reads a step from its name.
    ///
    /// # Errors
    /// The deserializer's error if there is no step of this name.
    pub fn step<'de, S: crate::StepName, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<S, D::Error> {
        let name = String::deserialize(deserializer)?;
        S::named(&name).ok_or_else(|| {
            serde::de::Error::custom(format_args!(
                "the saga has no step {}",
                skald::text::cut(&name)
            ))
        })
    }
}
