//! What a saga consists of: the arbiter that decides its direction, and the participants that its
//! steps work on.

use std::future::Future;

use skald::decider::Decider;
use skald::store::EventStore;
use skald::stream::{InvalidName, StreamId};
use skald::time::Timestamp;

use crate::error::StepError;
use crate::input::Instance;
use crate::names::StepName;
use crate::plan::Plan;
use crate::step_trace::StepTrace;

/// A saga. [`saga!`](crate::saga) implements it.
pub trait Saga: Send + Sync + 'static {
    /// The decider of the stream that alone decides the direction.
    type Arbiter: Arbiter;
    /// Every step.
    type Step: StepName;
    /// The states of the arbiter and of all participants.
    type State: Send + Sync;

    /// The steps in order.
    const PLAN: Plan<Self::Step>;

    /// The state of the arbiter.
    fn arbiter(state: &Self::State) -> &<Self::Arbiter as Decider>::State;

    /// The progress of this step. A compensation has the progress of the step that it undoes.
    fn progress(instance: &Instance, state: &Self::State, step: Self::Step) -> Progress;

    /// Reads the participants that these steps work on; the others have their default state.
    ///
    /// # Errors
    /// [`StepError`] if the store does not answer or a stream cannot be read.
    fn read_participants<S: EventStore>(
        store: &S,
        instance: &Instance,
        arbiter: <Self::Arbiter as Decider>::State,
        of: &[Self::Step],
    ) -> impl Future<Output = Result<Self::State, StepError>> + Send;

    /// Reads every commit of the participants: their states, and the past of their steps.
    ///
    /// # Errors
    /// As [`read_participants`](Self::read_participants).
    fn read_traces<S: EventStore>(
        store: &S,
        instance: &Instance,
        arbiter: <Self::Arbiter as Decider>::State,
    ) -> impl Future<Output = Result<Traced<Self>, StepError>> + Send;
}

/// The states of a saga's streams, and the past of the steps on its participants.
pub type Traced<G> = (<G as Saga>::State, Vec<(<G as Saga>::Step, StepTrace)>);

/// The decider of the stream that decides the direction of a saga.
///
/// Its events must make sure of three things: the event that starts undoing excludes the pivot and
/// the other way round; undoing that has started does not stop; each attempt has a number.
pub trait Arbiter:
    Decider<
        State: Clone + Send + Sync,
        Command: Send + Sync,
        Event: Send + Sync,
        Rejection: Send + Sync + 'static,
    > + 'static
{
    /// Why a saga is undone.
    type Reason: Clone + Send + Sync + 'static;

    /// Where the saga stands; `None` if it was not begun.
    fn standing(state: &Self::State) -> Option<Standing>;

    /// The step at which the saga is parked, by name, if the arbiter's events tell it.
    fn parked_at(state: &Self::State) -> Option<&str> {
        let _ = state;
        None
    }

    /// The command that records this change.
    fn command(change: Change<Self::Reason>) -> Self::Command;

    /// The reason of a saga that is undone because its deadline passed.
    fn expired() -> Self::Reason;

    /// Whether an attempt begins with this event. An execution is started for each such event.
    fn begins_attempt(event: &Self::Event) -> bool;

    /// Whether the saga is settled after an event of this type. The [sweeper](crate::sweep) does
    /// not read a stream whose last event has such a type. `false` is always safe: the stream is
    /// read.
    #[must_use]
    fn settles(event_type: &str) -> bool {
        let _ = event_type;
        false
    }
}

/// Where a saga stands, as its arbiter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The phase.
    pub phase: Phase,
    /// The number of the current attempt to complete or undo the saga, from 1.
    pub attempt: u32,
    /// Whether the saga waits for an operator.
    pub is_parked: bool,
    /// The time from which a saga that has not passed its gate is undone; `None` for never.
    pub deadline: Option<Timestamp>,
}

/// The phase of a saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The gate is not passed.
    Open,
    /// The gate is passed: the deadline has no effect any more.
    PastGate,
    /// Every step is done. Until the pivot, the saga can still be undone.
    Completed,
    /// The saga is being undone.
    Undoing,
    /// Everything is undone. Final.
    Undone,
}

impl Phase {
    /// Whether no execution is needed.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        match self {
            Self::Completed | Self::Undone => true,
            Self::Open | Self::PastGate | Self::Undoing => false,
        }
    }
}

/// A change of the arbiter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<Reason> {
    /// The gate is passed.
    PassGate,
    /// Every step is done.
    Complete,
    /// Undoing starts.
    StartUndo {
        /// The reason.
        reason: Reason,
        /// The attempt whose step starts undoing. That attempt continues, unless another one has
        /// begun.
        attempt: u32,
    },
    /// Everything is undone.
    EndUndo,
    /// The saga waits for an operator.
    Park {
        /// The step that failed.
        step: String,
        /// The error. It contains no personal data.
        error: String,
    },
    /// The next attempt begins.
    Resume,
}

/// What the steps of one worker work on: an enum of these steps, which [`saga!`](crate::saga)
/// declares.
pub trait Participant: StepName {
    /// The arbiter of the saga.
    type Arbiter: Arbiter;
    /// The decider of the stream that the steps work on.
    type Decider: Decider<
            State: Clone + Send + Sync,
            Command: Send + Sync,
            Event: Send + Sync,
            Rejection: Send + Sync + 'static,
        > + 'static;

    /// The stream that the steps of this saga work on. `None` while it cannot be known, because the
    /// arbiter has its default state and the stream is named in the arbiter's events.
    ///
    /// By default it has the id of the arbiter's stream. If several sagas share a stream, such as
    /// the account of a customer, the state of the stream must tell what each saga did to it.
    ///
    /// # Errors
    /// [`InvalidName`] if the name breaks the rules of [`StreamId`].
    fn stream(
        instance: &Instance,
        arbiter: &<Self::Arbiter as Decider>::State,
    ) -> Result<Option<StreamId>, InvalidName> {
        let _ = arbiter;
        Self::Decider::stream(&instance.tenant, &instance.id).map(Some)
    }

    /// Whether this saga needs the step. A saga skips the steps that it does not need, and their
    /// compensations. The answer must be the same during the whole life of a saga.
    #[must_use]
    fn is_needed(self, arbiter: &<Self::Arbiter as Decider>::State) -> bool {
        let _ = arbiter;
        true
    }

    /// The progress of this step, as its stream shows it, independent of the saga's direction. A
    /// compensation has the progress of the step that it undoes.
    fn progress(self, instance: &Instance, own: &<Self::Decider as Decider>::State) -> Progress;
}

/// The progress of a step, independent of the saga's direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// This saga does not need the step.
    NotNeeded,
    /// The step was never begun.
    Ahead,
    /// The step was begun, and its result is not recorded yet.
    UnderWay,
    /// The step is done.
    Done,
    /// The step was refused: there is nothing to undo.
    Refused,
    /// Undoing the step was begun.
    Undoing,
    /// The step is undone, or can no longer be done.
    Undone,
}

impl Progress {
    /// Whether nothing is left to do of a step forward.
    #[must_use]
    pub const fn is_done(self) -> bool {
        match self {
            Self::Done | Self::NotNeeded => true,
            Self::Ahead | Self::UnderWay | Self::Refused | Self::Undoing | Self::Undone => false,
        }
    }

    /// Whether nothing is left to undo.
    #[must_use]
    pub const fn is_undone(self) -> bool {
        match self {
            Self::Undone | Self::Refused | Self::NotNeeded => true,
            Self::Ahead | Self::UnderWay | Self::Done | Self::Undoing => false,
        }
    }
}
