//! The state shared by all steps: streams as they were read, and appends at the versions that were
//! read.

use std::collections::BTreeMap;
use std::fmt;

use skald::commit::{Actor, Commit, CommitId, Context, CorrelationId, Draft};
use skald::decider::{Decider, Folded, fold};
use skald::event::DomainEvent;
use skald::handle::{Pause, Request};
use skald::store::{AppendError, EventStore, Head, Loaded};
use skald::stream::StreamId;
use skald::time::Timestamp;
use uuid::Uuid;

use crate::error::StepError;
use crate::input::{ExecutionInput, Instance, StepInput, scope};
use crate::names::StepName;

/// How often a step reads its streams again after conflicts with other writers.
const MAX_ROUNDS: u32 = 20;

/// The ports and the input that a step works with.
#[derive(Debug)]
pub struct StepContext<'a, S, P> {
    /// The event store.
    pub store: &'a S,
    /// The clock, and the waits after conflicts.
    pub pause: &'a P,
    execution: &'a ExecutionInput,
    step: &'static str,
    worker: &'static str,
    at: Timestamp,
    rounds: u32,
}

/// A stream as it was read, or as this step left it. Debug output shows only its position, because
/// the state may be personal.
#[derive(Clone)]
pub struct Seen<D: Decider, H> {
    /// The state.
    pub state: D::State,
    loaded: Loaded<H>,
}

/// The result of a write.
pub enum Written<D: Decider, H> {
    /// The events were appended now. The state follows from them.
    Now(Seen<D, H>),
    /// The same events were appended before, by an earlier invocation or by another execution.
    Before(Seen<D, H>),
    /// Read everything again: another writer was faster, or the write does not tell the new state.
    Again,
    /// The write was the last thing that the step had to do.
    Finished,
}

impl<'a, S: EventStore, P: Pause> StepContext<'a, S, P> {
    pub(super) fn new<N: StepName>(
        store: &'a S,
        pause: &'a P,
        input: &'a StepInput<N>,
        at: Timestamp,
    ) -> Self {
        let (execution, step) = (&input.execution, input.step);
        Self { store, pause, execution, step: step.name(), worker: step.worker(), at, rounds: 0 }
    }

    /// The saga.
    #[must_use]
    pub const fn instance(&self) -> &'a Instance {
        &self.execution.instance
    }

    /// The attempt that the step is part of.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.execution.attempt
    }

    /// When this round began: all decisions in it use this time.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Begins another round, which reads everything again. Every round but the first waits first.
    ///
    /// # Errors
    /// [`StepError::Busy`] after too many rounds.
    pub async fn begin_round(&mut self) -> Result<(), StepError> {
        if self.rounds > 0 {
            self.pause.pause(self.rounds).await;
        }
        self.rounds += 1;
        self.at = self.pause.now(self.at);
        if self.rounds > MAX_ROUNDS { Err(StepError::Busy) } else { Ok(()) }
    }

    /// The current state of a stream.
    ///
    /// # Errors
    /// [`StepError`] if the store does not answer or the stream cannot be read.
    pub async fn look<D: Decider>(&self, stream: &StreamId) -> Result<Seen<D, S::Head>, StepError> {
        let snapshots = D::SNAPSHOTS.map(|kept| kept.kind());
        let loaded = self.store.load(stream, snapshots).await?;
        let Folded { state, .. } = fold::<D>(&loaded.commits)?;
        Ok(Seen { state, loaded })
    }

    /// Decides and appends at the version at which the stream was seen. `cause` is the commit that
    /// the step acts on: the last one of the arbiter.
    ///
    /// The commit carries no snapshot. A stream that is shared by many sagas is better written with
    /// a [`Handler`](skald::handle::Handler), and the request of [`request`](Self::request).
    ///
    /// # Errors
    /// [`StepError`] if the command is rejected, or the store does not answer.
    pub async fn append<D: Decider>(
        &self,
        seen: Seen<D, S::Head>,
        command: &D::Command,
        cause: Option<&Commit>,
    ) -> Result<Written<D, S::Head>, StepError>
    where
        D::Rejection: 'static,
    {
        let events = D::decide(&seen.state, command).map_err(StepError::permanent)?;
        let encoded = events.iter().map(DomainEvent::encode).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = encoded.first() else { return Ok(Written::Before(seen)) };

        // The same decision at the same version gives the same commit.
        let Seen { state, loaded: Loaded { head, mut commits } } = seen;
        let name = format!("{}.{}", first.event_type, head.version());
        let draft = Draft {
            commit_id: CommitId::of(self.scope(), &name),
            at: self.pause.now(self.at),
            context: self.context(cause),
            events: encoded,
            snapshot: None,
        };
        let appended = self.store.append(&head, draft).await;
        match appended.inspect_err(|error| error.report([head.stream()])) {
            Ok(appended) => {
                // A repeated commit may have been decided by another release.
                let stored = appended.commit.envelopes::<D::Event>();
                let state = stored.into_iter().try_fold(state, |state, event| {
                    Ok::<_, StepError>(D::evolve(state, &event?.data))
                })?;
                commits.push(appended.commit);
                let seen = Seen { state, loaded: Loaded { head: appended.head, commits } };
                Ok(if appended.repeated { Written::Before(seen) } else { Written::Now(seen) })
            }
            Err(
                AppendError::Conflict { .. }
                | AppendError::RepeatedInPart { .. }
                | AppendError::Contended,
            ) => Ok(Written::Again),
            Err(error) => Err(error.into()),
        }
    }

    /// The context of this step's commits: the correlation id and the last event of `cause`, which
    /// is the last commit of the arbiter.
    #[must_use]
    pub fn context(&self, cause: Option<&Commit>) -> Context {
        let metadata = [("attempt", self.attempt().to_string()), ("step", self.step.to_owned())];
        Context {
            source: self.worker.to_owned(),
            correlation_id: cause.map_or_else(
                || CorrelationId::from(self.scope()),
                |commit| commit.context.correlation_id.clone(),
            ),
            causation_id: cause.map(Commit::last_event_id),
            actor: Actor::new("saga").expect("the text is a valid actor"),
            metadata: BTreeMap::from(metadata.map(|(name, value)| (name.to_owned(), value))),
        }
    }

    /// The request for a decision over several streams, to be handled by a
    /// [`Handler`](skald::handle::Handler). Its id is that of this saga and step, so the request
    /// takes effect once however often the step is repeated.
    #[must_use]
    pub fn request(&self, cause: Option<&Commit>) -> Request {
        let commit_id = CommitId::of(self.scope(), self.step);
        Request { commit_id, at: self.at, context: self.context(cause) }
    }

    /// A UUID for this saga, from which the ids of its commits are computed. If the saga's id is a
    /// UUID, it is that one.
    #[must_use]
    pub fn scope(&self) -> Uuid {
        scope(self.instance())
    }

    /// Waits before a write is tried again within one round. `attempt` is the number of this wait,
    /// from 1.
    pub async fn rest(&self, attempt: u32) {
        self.pause.pause(attempt).await;
    }
}

impl<D: Decider, H: fmt::Debug> fmt::Debug for Seen<D, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Seen").field(&self.loaded.head).finish()
    }
}

impl<D: Decider, H: fmt::Debug> fmt::Debug for Written<D, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(seen) => f.debug_tuple("Now").field(seen).finish(),
            Self::Before(seen) => f.debug_tuple("Before").field(seen).finish(),
            Self::Again => f.write_str("Again"),
            Self::Finished => f.write_str("Finished"),
        }
    }
}

impl<D: Decider, H: Head> Seen<D, H> {
    /// The last commit of the stream, if it has one.
    #[must_use]
    pub fn last(&self) -> Option<&Commit> {
        self.loaded.commits.last()
    }

    /// The position to append at.
    #[must_use]
    pub const fn head(&self) -> &H {
        &self.loaded.head
    }

    /// The stream as it was loaded, with the commits that this step appended.
    #[must_use]
    pub const fn loaded(&self) -> &Loaded<H> {
        &self.loaded
    }
}
