//! The identity and circumstances of a command.

use crate::commit::{Actor, CommitId, Context, CorrelationId, Draft, EventId};
use crate::event::EventData;
use crate::snapshot::Snapshot;
use crate::time::Timestamp;

/// A command's identity and circumstances. The command's content is passed to the decider.
///
/// # Examples
///
/// ```
/// use skald::commit::{CorrelationId, EventId};
/// use skald::prelude::*;
/// use uuid::Uuid;
///
/// # let loan = StreamId::new(&Tenant::default(), "loan", "17")?;
/// # let opened = EventId::of(&loan, CommitId::of(Uuid::nil(), "open"), 0);
/// let id = CommitId::of(Uuid::nil(), "send the letter of loan 17");
/// let request = Request::new(id, Timestamp::EPOCH, "letters", Actor::new("letters")?)
///     .correlated_by(CorrelationId::new("call-4")?)
///     .caused_by(opened)
///     .with_metadata("printer", "2nd-floor");
/// assert_eq!(request.context.correlation_id.as_str(), "call-4");
/// assert_eq!(request.context.causation_id, Some(opened));
/// assert_eq!(request.context.metadata["printer"], "2nd-floor");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Request {
    /// The command's id. A repeated command must have the same id.
    pub commit_id: CommitId,
    /// When the command was sent. Each commit gets its own time: see
    /// [`Pause::now`](super::Pause::now).
    pub at: Timestamp,
    /// What is known about the command besides its content.
    pub context: Context,
}

impl Request {
    /// A command with this id, sent at this time by `actor` through the program `source`.
    ///
    /// Unless the methods below set other values, the correlation id is the command's id, and there
    /// is no causation id and no metadata.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::prelude::*;
    /// use uuid::Uuid;
    ///
    /// let id = CommitId::of(Uuid::nil(), "deposit 5");
    /// let request = Request::new(id, Timestamp::EPOCH, "counter", Actor::new("c-1")?);
    /// assert_eq!(request.context.source, "counter");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
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

    /// Sets the correlation id: that of the call, message or saga that the command belongs to.
    #[must_use]
    pub fn correlated_by(mut self, correlation_id: CorrelationId) -> Self {
        self.context.correlation_id = correlation_id;
        self
    }

    /// Sets the causation id: that of the event that caused the command.
    #[must_use]
    pub fn caused_by(mut self, event: EventId) -> Self {
        self.context.causation_id = Some(event);
        self
    }

    /// Adds an entry to the metadata. It replaces an earlier entry with the same name.
    #[must_use]
    pub fn with_metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.context.metadata.insert(name.into(), value.into());
        self
    }

    /// A draft of a commit with these events and this snapshot.
    #[must_use]
    pub fn draft(&self, events: Vec<EventData>, snapshot: Option<Snapshot>) -> Draft {
        let (commit_id, at, context) = (self.commit_id, self.at, self.context.clone());
        Draft { commit_id, at, context, events, snapshot }
    }
}
