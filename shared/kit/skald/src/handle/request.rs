//! The identity and the circumstances of a command.

use crate::commit::{Actor, CommitId, Context, CorrelationId, Draft, EventId};
use crate::event::EventData;
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

/// A command's identity and circumstances; its content goes to the decider.
#[derive(Debug, Clone)]
pub struct Request {
    /// The command's id. The same command sent again must have the same.
    pub commit_id: CommitId,
    /// When it was sent. What is written later has its own time: see
    /// [`Pause::now`](super::Pause::now).
    pub at: Timestamp,
    /// What is known about the command beside its content.
    pub context: Context,
}

impl Request {
    /// The command with this id, sent at this time by `actor` through `source` (the name of a
    /// program).
    ///
    /// Its correlation id is the command's id, it has no causation id and no metadata, unless one
    /// of the methods below gives them.
    pub fn new(
        commit_id: CommitId,
        at: Timestamp,
        source: impl Into<String>,
        actor: Actor,
    ) -> Self {
        let context = Context {
            source: source.into(),
            correlation_id: CorrelationId::from(commit_id.uuid()),
            causation_id: None,
            actor,
            metadata: Default::default(),
        };
        Self { commit_id, at, context }
    }

    /// With this correlation id: that of the call, message or saga the command belongs to.
    #[must_use]
    pub fn correlated_by(mut self, correlation_id: CorrelationId) -> Self {
        self.context.correlation_id = correlation_id;
        self
    }

    /// With this causation id: that of the event the command follows from.
    #[must_use]
    pub fn caused_by(mut self, event: EventId) -> Self {
        self.context.causation_id = Some(event);
        self
    }

    /// With this entry of the metadata; it replaces an earlier one of the same name.
    #[must_use]
    pub fn with_metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.metadata.insert(name.into(), value.into());
        self
    }

    /// The draft of a commit with these events and this snapshot.
    #[must_use]
    pub fn draft(&self, events: Vec<EventData>, snapshot: Option<Snapshot>) -> Draft {
        let (commit_id, at, context) = (self.commit_id, self.at, self.context.clone());
        Draft { commit_id, at, context, events, snapshot }
    }
}
