//! The state shared by all steps: streams as they were read, and appends at the versions that were
//! read.

use std::collections::BTreeMap;

use events::CancelReason;
use skald::commit::{Actor, Commit, CommitId, Context, CorrelationId, Draft};
use skald::decider::{Decider, Folded, fold};
use skald::event::DomainEvent;
use skald::handle::{Pause, Request};
use skald::store::{AppendError, EventStore, Head, Loaded};
use skald::stream::StreamId;
use skald::time::Timestamp;

use crate::order::{Order, OrderCommand};
use crate::saga::{StepError, StepInput};
use crate::streams;

/// How often a step reads its streams again after conflicts with other writers.
const ROUNDS: u32 = 20;

/// The ports and the input that a step works with.
pub(super) struct Desk<'a, S, P> {
    pub(super) store: &'a S,
    pause: &'a P,
    pub(super) input: &'a StepInput,
    /// When this round began: all decisions in it use this time.
    pub(super) at: Timestamp,
    round: u32,
}

/// A stream as it was read.
pub(super) struct Seen<D: Decider, H> {
    pub(super) state: D::State,
    head: H,
    last: Option<Commit>,
}

/// The result of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// The event was appended now.
    Now,
    /// The same event was appended before, by an earlier attempt or by another execution.
    Before,
    /// Another writer was faster: nothing was appended.
    Not,
}

impl<'a, S: EventStore, P: Pause> Desk<'a, S, P> {
    pub(super) const fn new(
        store: &'a S,
        pause: &'a P,
        input: &'a StepInput,
        at: Timestamp,
    ) -> Self {
        Self { store, pause, input, at, round: 0 }
    }

    /// Begins another round, which reads everything again.
    ///
    /// # Errors
    /// [`StepError::Transient`] after too many rounds.
    pub(super) fn begin(&mut self) -> Result<(), StepError> {
        self.round += 1;
        self.at = self.pause.now(self.at);
        if self.round > ROUNDS { Err(StepError::busy()) } else { Ok(()) }
    }

    /// The current state of the stream.
    pub(super) async fn look<D: Decider>(
        &self,
        stream: &StreamId,
    ) -> Result<Seen<D, S::Head>, StepError> {
        let Loaded { head, mut commits } = self.store.load(stream, None).await?;
        let Folded { state, .. } = fold::<D>(&commits)?;
        Ok(Seen { state, head, last: commits.pop() })
    }

    /// The current state of the order.
    pub(super) async fn look_at_order(&self) -> Result<Seen<Order, S::Head>, StepError> {
        self.look(&streams::order(&self.input.tenant, self.input.order_id)).await
    }

    /// Decides and appends at the version at which the stream was read.
    pub(super) async fn append<D: Decider>(
        &self,
        seen: &Seen<D, S::Head>,
        command: &D::Command,
        context: Context,
    ) -> Result<Written, StepError> {
        let events = D::decide(&seen.state, command).map_err(StepError::permanent)?;
        let events = events.iter().map(DomainEvent::encode).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = events.first() else { return Ok(Written::Before) };

        // The same decision at the same version gives the same commit.
        let name = format!("{}.{}", first.event_type, seen.head.version());
        let commit_id = CommitId::of(self.input.order_id.uuid(), &name);
        let at = self.pause.now(self.at);
        let draft = Draft { commit_id, at, context, events, snapshot: None };
        let appended = self.store.append(&seen.head, draft).await;
        match appended.inspect_err(|error| error.report([seen.head.stream()])) {
            Ok(appended) if appended.repeated => Ok(Written::Before),
            Ok(_) => Ok(Written::Now),
            Err(
                AppendError::Conflict { .. }
                | AppendError::RepeatedInPart { .. }
                | AppendError::Contended,
            ) => {
                self.rest().await;
                Ok(Written::Not)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Starts undoing the order, unless its direction was decided meanwhile.
    pub(super) async fn turn_round(
        &self,
        order: &Seen<Order, S::Head>,
        reason: CancelReason,
    ) -> Result<Written, StepError> {
        let command =
            OrderCommand::StartUndo { reason, note: None, attempt: Some(self.input.attempt) };
        self.append(order, &command, self.context(order)).await
    }

    /// The context of this step's commits: the order's correlation id, and its last event as the
    /// cause.
    pub(super) fn context(&self, order: &Seen<Order, S::Head>) -> Context {
        let order_id = self.input.order_id.uuid();
        let cause = order.last.as_ref();
        let metadata =
            [("attempt", self.input.attempt.to_string()), ("step", self.input.step.to_string())];
        Context {
            source: self.input.step.worker().name().to_owned(),
            correlation_id: cause.map_or_else(
                || CorrelationId::from(order_id),
                |commit| commit.context.correlation_id.clone(),
            ),
            causation_id: cause.map(Commit::last_event_id),
            actor: Actor::new("saga").expect("the text is a valid actor"),
            metadata: BTreeMap::from(metadata.map(|(name, value)| (name.to_owned(), value))),
        }
    }

    /// The request for a decision over several streams.
    pub(super) fn request(&self, order: &Seen<Order, S::Head>) -> Request {
        let commit_id = CommitId::of(self.input.order_id.uuid(), self.input.step.name());
        Request { commit_id, at: self.at, context: self.context(order) }
    }

    /// Waits before another round, because the streams kept changing in this one. The wait grows
    /// with the number of rounds.
    pub(super) async fn rest(&self) {
        self.pause.pause(self.round).await;
    }

    pub(super) const fn pause(&self) -> &'a P {
        self.pause
    }
}
