//! A commit: the events that one command produced, stored as one unit, and the envelope of each
//! event.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::{DecodeError, DomainEvent, EventData, is_event_type};
use crate::json::{self, JsonFault, MAX_EVENT_LEVELS, MAX_STATE_LEVELS};
use crate::snapshot::{MAX_WITH_SNAPSHOT_BYTES, Snapshot, SnapshotError, SnapshotKind};
use crate::stream::{InvalidName, StreamId, Version};
use crate::time::Timestamp;

/// How far clocks may differ, in milliseconds. A clock that differs by more is wrong. A commit
/// recorded further ahead than this does not change the times of later commits.
pub const MAX_CLOCK_SKEW_MS: i64 = 60_000;

/// Longest correlation id, actor, source and metadata name, in characters.
const MAX_CONTEXT_TEXT: usize = 128;

/// The maximum number of bytes that a store needs for an event or a metadata entry besides its
/// content. On DynamoDB, 40 bytes of JSON surround an event, 10 of them for its schema; 42 bytes
/// surround a snapshot.
const PER_ENTRY_BYTES: usize = 42;

/// Identifies a command and the commit that it produced. A repeated command has the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommitId(Uuid);

impl CommitId {
    /// A command id from an existing UUID.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::commit::CommitId;
    /// use uuid::Uuid;
    ///
    /// let sent = Uuid::from_u128(17);
    /// assert_eq!(CommitId::new(sent).uuid(), sent);
    /// ```
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// The id of the command `name` on the thing that `scope` identifies. The same arguments always
    /// give the same id.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::commit::CommitId;
    /// use uuid::Uuid;
    ///
    /// let order = Uuid::from_u128(17);
    /// assert_eq!(CommitId::of(order, "cancel"), CommitId::of(order, "cancel"));
    /// assert_ne!(CommitId::of(order, "cancel"), CommitId::of(order, "resume"));
    /// ```
    #[must_use]
    pub fn of(scope: Uuid, name: &str) -> Self {
        Self(Uuid::new_v5(&scope, name.as_bytes()))
    }

    /// The id as a UUID.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Identifies one event. The id is computed from the event's stream, the commit's id and the
/// event's index in the commit, so it is not stored. Commits of one command to several streams
/// share their commit id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl EventId {
    /// The id of the event at `index` (from 0) of the commit `commit` in `stream`.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::commit::{CommitId, EventId};
    /// use skald::stream::{StreamId, Tenant};
    /// use uuid::Uuid;
    ///
    /// let book = StreamId::new(&Tenant::default(), "book", "moby-dick")?;
    /// let lend = CommitId::of(Uuid::from_u128(17), "lend");
    /// assert_eq!(EventId::of(&book, lend, 0), EventId::of(&book, lend, 0));
    /// assert_ne!(EventId::of(&book, lend, 0), EventId::of(&book, lend, 1));
    /// # Ok::<_, skald::stream::InvalidName>(())
    /// ```
    #[must_use]
    pub fn of(stream: &StreamId, commit: CommitId, index: usize) -> Self {
        Self(Uuid::new_v5(&commit.0, format!("{}/{index}", stream.key()).as_bytes()))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Text that is not a valid correlation id or actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not 1 to 128 of A-Z a-z 0-9 . _ : -")]
pub struct InvalidContext;

/// Whether the text is 1 to 128 characters of `A-Z a-z 0-9 . _ : -`.
fn is_context_text(text: &str) -> bool {
    (1..=MAX_CONTEXT_TEXT).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'))
}

macro_rules! context_text {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// # Errors
            /// [`InvalidContext`] unless the text is 1 to 128 characters of `A-Z a-z 0-9 . _ : -`.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidContext> {
                let text = text.into();
                if is_context_text(&text) { Ok(Self(text)) } else { Err(InvalidContext) }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidContext;
            fn try_from(text: String) -> Result<Self, InvalidContext> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

context_text! {
    /// Connects everything that followed from one call: events, messages, log lines and sagas.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::commit::{CorrelationId, InvalidContext};
    /// use uuid::Uuid;
    ///
    /// let sent = CorrelationId::new("call-17")?;
    /// assert_eq!(sent.as_str(), "call-17");
    /// assert_eq!(CorrelationId::new("call 17"), Err(InvalidContext));
    /// // If the caller sent no id, a new one can be made from a UUID.
    /// assert_eq!(CorrelationId::from(Uuid::nil()).as_str().len(), 36);
    /// # Ok::<_, InvalidContext>(())
    /// ```
    CorrelationId
}

context_text! {
    /// The originator of a command, such as `customer:c-1001`, `operator` or `saga`. Always an id,
    /// never a person's name or address.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::commit::{Actor, InvalidContext};
    ///
    /// let librarian = Actor::new("librarian:l-3")?;
    /// assert_eq!(librarian.to_string(), "librarian:l-3");
    /// assert_eq!(Actor::new("Ann Ahab"), Err(InvalidContext));
    /// # Ok::<_, InvalidContext>(())
    /// ```
    Actor
}

/// What is known about a command besides its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The component that wrote the commit, such as `order-commands`: 1 to 128 characters of `A-Z
    /// a-z 0-9 . _ : -`.
    pub source: String,
    /// The id of the whole call, see [`CorrelationId`].
    pub correlation_id: CorrelationId,
    /// The event that caused the command. `None` if no event did.
    pub causation_id: Option<EventId>,
    /// The originator of the command.
    pub actor: Actor,
    /// Further entries, by names of 1 to 128 characters of `A-Z a-z 0-9 . _ : -`. They must not
    /// contain personal data, because the metadata is not encrypted.
    pub metadata: BTreeMap<String, String>,
}

impl From<Uuid> for CorrelationId {
    fn from(id: Uuid) -> Self {
        Self(id.to_string())
    }
}

/// A commit without a position in a stream. Only a [`Head`](crate::store::Head) provides the
/// position.
///
/// # Examples
///
/// ```
/// use skald::event::DomainEvent;
/// use skald::store::MAX_COMMIT_BYTES;
/// use skald_testkit::sample::{AccountEvent, Noted};
///
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "note");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let note = AccountEvent::from(Noted { text: "x".repeat(400_000) }).encode()?;
/// let draft = request.draft(vec![note], None);
/// assert_eq!(draft.commit_id, request.commit_id);
/// assert!(draft.size_bytes() > MAX_COMMIT_BYTES, "no store accepts this draft");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The command's id. Appending the same id again at the same head changes nothing and returns
    /// the first result.
    pub commit_id: CommitId,
    /// When the command was decided, by the writer's clock. A store may record the commit later,
    /// see [`Commit::at`]. The time must be recent; otherwise followers of all commits may miss
    /// this commit.
    pub at: Timestamp,
    /// What is known about the command besides its content.
    pub context: Context,
    /// The events, in order; at least one.
    pub events: Vec<EventData>,
    /// The state after the events. `None` if no snapshot is to be stored.
    pub snapshot: Option<Snapshot>,
}

impl Draft {
    /// The size of the commit, to compare with
    /// [`MAX_COMMIT_BYTES`](crate::store::MAX_COMMIT_BYTES). It is slightly larger than the stored
    /// size. For each event it includes the data, twice the type (which an index also contains) and
    /// a fixed overhead. Source, metadata and snapshot are added. Text counts as JSON writes it.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let event = |event: &EventData| {
            event.event_type.len()
                + written_bytes(&event.event_type)
                + event.data.len()
                + PER_ENTRY_BYTES
        };
        let entry = |(name, value): (&String, &String)| {
            written_bytes(name) + written_bytes(value) + PER_ENTRY_BYTES
        };
        let events: usize = self.events.iter().map(event).sum();
        let metadata: usize = self.context.metadata.iter().map(entry).sum();
        let snapshot =
            self.snapshot.as_ref().map_or(0, |snapshot| snapshot.state.len() + PER_ENTRY_BYTES);
        events + metadata + snapshot + written_bytes(&self.context.source)
    }

    /// Removes the snapshot if it makes the draft too large, and returns why. `None` if the
    /// snapshot remains, or if there is none.
    pub(crate) fn omit_large_snapshot(&mut self) -> Option<SnapshotError> {
        let size_bytes = self.size_bytes();
        if size_bytes <= MAX_WITH_SNAPSHOT_BYTES {
            return None;
        }
        self.snapshot.take().map(|_| SnapshotError::TooLarge { size_bytes })
    }

    /// Checks the names that a store and its index keep as text.
    pub(crate) fn check_names(&self) -> Result<(), InvalidName> {
        let context = |kind, name: &String| {
            let rule = "1 to 128 of A-Z a-z 0-9 . _ : -";
            if is_context_text(name) {
                Ok(())
            } else {
                Err(InvalidName::new(kind, name.clone(), rule))
            }
        };
        context("source", &self.context.source)?;
        self.context.metadata.keys().try_for_each(|name| context("name in the metadata", name))?;
        self.events.iter().try_for_each(|EventData { event_type, schema, .. }| {
            let invalid = |kind, name, rule| Err(InvalidName::new(kind, name, rule));
            if !is_event_type(event_type) {
                let rule = "1 to 64 characters, words of a-z 0-9 _ with dots between them";
                return invalid("event type", event_type.clone(), rule);
            }
            // A reader would wait for a release with this schema forever.
            if *schema == 0 {
                invalid("schema", schema.to_string(), "a number from 1")
            } else {
                Ok(())
            }
        })
    }

    /// Checks that the data of the events, and the state if there is one, are JSON that every
    /// reader can read back.
    pub(crate) fn check_json(&self) -> Result<(), JsonFault> {
        self.events.iter().try_for_each(|event| json::check(&event.data, MAX_EVENT_LEVELS))?;
        self.snapshot.iter().try_for_each(|snapshot| json::check(&snapshot.state, MAX_STATE_LEVELS))
    }
}

/// The number of bytes that a text needs between the quotes of a JSON string.
fn written_bytes(text: &str) -> usize {
    let byte = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0x00..=0x1f => 6,
        _ => 1,
    };
    text.bytes().map(byte).sum()
}

/// A stored commit: one or more consecutive events of one stream.
///
/// # Examples
///
/// ```
/// use skald::event::DomainEvent;
/// use skald::memory::InMemoryEventStore;
/// use skald::store::EventStore;
/// use skald::stream::Version;
/// use skald_testkit::sample::{AccountEvent, Deposited, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let store = InMemoryEventStore::default();
/// let two = [5, 7].map(|amount| AccountEvent::from(Deposited { amount }).encode());
/// let draft = request.draft(two.into_iter().collect::<Result<_, _>>()?, None);
/// let commit = store.append(&store.start(account("1")), draft).await?.commit;
///
/// assert_eq!((commit.first, commit.last()), (Version::new(1), Version::new(2)));
/// assert_eq!(commit.last_event_id(), commit.event_id(1));
/// let second = commit.envelopes::<AccountEvent>().nth(1).transpose()?.expect("two events");
/// assert_eq!((second.version, second.event_id), (Version::new(2), commit.event_id(1)));
/// assert_eq!(second.data, AccountEvent::Deposited(Deposited { amount: 7 }));
/// assert_eq!(second.context.actor.as_str(), "c-1");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The command's id.
    pub id: CommitId,
    /// The commit's stream.
    pub stream: StreamId,
    /// The position of the first event.
    pub first: Version,
    /// When the commit was recorded: never earlier than the previous commit of the stream, unless
    /// that one was more than [`MAX_CLOCK_SKEW_MS`] ahead of the writer's clock.
    pub at: Timestamp,
    /// What is known about the command besides its content.
    pub context: Context,
    /// The events, in order; at least one.
    pub events: Vec<EventData>,
    /// The state after the events. `None` if the commit carries no snapshot. Messages omit it.
    pub snapshot: Option<Snapshot>,
}

impl Commit {
    /// The position of the last event.
    #[must_use]
    pub fn last(&self) -> Version {
        self.first.previous().plus(self.events.len() as u64)
    }

    /// The id of the event at `index` (from 0).
    #[must_use]
    pub fn event_id(&self, index: usize) -> EventId {
        EventId::of(&self.stream, self.id, index)
    }

    /// The id of the last event.
    #[must_use]
    pub fn last_event_id(&self) -> EventId {
        self.event_id(self.events.len().saturating_sub(1))
    }

    /// Whether this commit carries a snapshot of this kind.
    #[must_use]
    pub fn carries(&self, kind: SnapshotKind) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.schema == kind.schema)
    }

    /// The decoded events in their envelopes.
    ///
    /// # Errors
    /// [`DecodeError`] at the first event that this build cannot read.
    pub fn envelopes<E: DomainEvent>(
        &self,
    ) -> impl Iterator<Item = Result<Envelope<E>, DecodeError>> {
        self.events.iter().enumerate().map(|(index, stored)| {
            Ok(Envelope {
                event_id: self.event_id(index),
                event_type: stored.event_type.clone(),
                schema: stored.schema,
                stream: self.stream.clone(),
                version: self.first.plus(index as u64),
                recorded_at: self.at,
                context: self.context.clone(),
                data: E::decode(stored)?,
            })
        })
    }
}

/// One event with everything that is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<E> {
    /// The event's id, unique among all events.
    pub event_id: EventId,
    /// The stored name, such as `order.placed`.
    pub event_type: String,
    /// The version of the stored shape; `data` has the current shape.
    pub schema: u32,
    /// The stream of the event, which also names the tenant.
    pub stream: StreamId,
    /// The event's position in the stream, from 1.
    pub version: Version,
    /// When the event was recorded, see [`Commit::at`].
    pub recorded_at: Timestamp,
    /// The source, correlation id, causation id, actor and metadata of the event's commit.
    pub context: Context,
    /// The event.
    pub data: E,
}
