//! Commits as JSON messages to the projections.
//!
//! ```json
//! {"tenant": "default", "stream": "order-5b1f…", "version": 1, "count": 1,
//!  "commit": {"id": "…", "at": "…", "encoding": "json", "source": "…", "correlation_id": "…",
//!             "actor": "…", "events": [{"type": "order.placed", "schema": 1, "data": "<base64>"}]}}
//! ```
//!
//! The data is encoded in base64. A component that forwards a message need not be able to read the
//! data, so no event can stop it. Without `commit` the message is a hint that the event store has
//! something to read.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::commit::{Actor, Commit, CommitId, Context, CorrelationId, EventId};
use crate::event::EventData;
use crate::stream::{Category, StreamId, Tenant, Version};
use crate::time::Timestamp;

/// The only encoding of event data so far: JSON in UTF-8.
const ENCODING: &str = "json";

/// The announcement that a stream has grown, usually with the commit itself.
///
/// # Examples
///
/// ```
/// use skald::event::DomainEvent;
/// use skald::memory::InMemoryEventStore;
/// use skald::message::CommitMessage;
/// use skald::store::EventStore;
/// use skald_testkit::sample::{AccountEvent, Deposited, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// # let store = InMemoryEventStore::default();
/// # let draft = request.draft(vec![AccountEvent::from(Deposited { amount: 5 }).encode()?], None);
/// # let commit = store.append(&store.start(account("1")), draft).await?.commit;
/// let message = CommitMessage::of(commit);
/// assert_eq!(CommitMessage::from_json(&message.to_json())?, message);
/// assert_eq!(message.category(), "account");
///
/// // The hint is small, however large the commit is.
/// let hint = r#"{"count":1,"stream":"account-1","tenant":"default","version":1}"#;
/// assert_eq!(message.into_hint().to_json(), hint);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitMessage {
    /// The stream.
    pub stream: StreamId,
    /// The position of the commit's last event.
    pub last: Version,
    /// The commit. `None` if it is too large for a message or could not be read by a forwarder.
    pub commit: Option<Commit>,
}

/// Why text is not a commit message.
///
/// # Examples
///
/// ```
/// use skald::message::{CommitMessage, InvalidMessage};
///
/// let invalid = CommitMessage::from_json("no JSON").unwrap_err();
/// assert!(matches!(invalid, InvalidMessage::Malformed(_)) && !invalid.is_transient());
/// assert_eq!(invalid.to_string(), "not a commit message: line 1 column 2");
/// ```
#[derive(Debug, thiserror::Error)]
pub enum InvalidMessage {
    /// The text is not JSON in the form described above. *Permanent.*
    #[error("not a commit message: {0}")]
    Malformed(String),
    /// A newer release wrote the message. *Transient.*
    #[error("a commit message with an unknown encoding: {0:?}")]
    UnknownEncoding(String),
}

impl InvalidMessage {
    /// Whether a newer release may be able to read the message.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::UnknownEncoding(_))
    }
}

impl CommitMessage {
    /// The message that announces this commit.
    #[must_use]
    pub fn of(commit: Commit) -> Self {
        Self { stream: commit.stream.clone(), last: commit.last(), commit: Some(commit) }
    }

    /// The same announcement without the commit.
    #[must_use]
    pub fn into_hint(self) -> Self {
        Self { commit: None, ..self }
    }

    /// The message as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let count = self.commit.as_ref().map_or(1, |commit| commit.events.len() as u64);
        let wire = WireMessage {
            tenant: self.stream.tenant().clone(),
            stream: self.stream.name().to_owned(),
            version: Version::new(self.last.get() - count.min(self.last.get())).next(),
            count,
            commit: self.commit.as_ref().map(WireCommit::of),
        };
        // The message consists of strings and numbers, so writing it cannot fail.
        serde_json::to_value(wire).unwrap_or_default().to_string()
    }

    /// Parses the output of [`to_json`](Self::to_json).
    ///
    /// # Errors
    /// [`InvalidMessage`], which says where the text stops being a message, without quoting it.
    pub fn from_json(text: &str) -> Result<Self, InvalidMessage> {
        let wire: WireMessage = serde_json::from_str(text).map_err(|error| {
            InvalidMessage::Malformed(format!("line {} column {}", error.line(), error.column()))
        })?;
        let stream = StreamId::named(&wire.tenant, &wire.stream)
            .or(Err(InvalidMessage::Malformed("stream is not the name of a stream".to_owned())))?;
        if wire.version == Version::START || wire.count == 0 {
            return Err(InvalidMessage::Malformed("version and count start at 1".to_owned()));
        }
        let last = wire.version.previous().get().checked_add(wire.count).map(Version::new);
        let last =
            last.ok_or_else(|| InvalidMessage::Malformed("the version is too high".to_owned()))?;
        let commit = wire.commit.map(|commit| commit.open(&stream, wire.version)).transpose()?;
        if commit.as_ref().is_some_and(|commit| commit.last() != last) {
            return Err(InvalidMessage::Malformed("count is not the number of events".to_owned()));
        }
        Ok(Self { stream, last, commit })
    }

    /// The category of the stream.
    #[must_use]
    pub fn category(&self) -> &Category {
        self.stream.category()
    }
}

#[derive(Serialize, Deserialize)]
struct WireMessage {
    tenant: Tenant,
    stream: String,
    version: Version,
    count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    commit: Option<WireCommit>,
}

#[derive(Serialize, Deserialize)]
struct WireCommit {
    id: CommitId,
    at: Timestamp,
    encoding: String,
    source: String,
    correlation_id: CorrelationId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    causation_id: Option<EventId>,
    actor: Actor,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    events: Vec<WireEvent>,
}

#[derive(Serialize, Deserialize)]
struct WireEvent {
    #[serde(rename = "type")]
    event_type: String,
    schema: u32,
    data: String,
}

impl WireCommit {
    fn of(commit: &Commit) -> Self {
        let Context { source, correlation_id, causation_id, actor, metadata } =
            commit.context.clone();
        let events = commit.events.iter().map(|event| WireEvent {
            event_type: event.event_type.clone(),
            schema: event.schema,
            data: BASE64.encode(&event.data),
        });
        Self {
            id: commit.id,
            at: commit.at,
            encoding: ENCODING.to_owned(),
            source,
            correlation_id,
            causation_id,
            actor,
            metadata,
            events: events.collect(),
        }
    }

    fn open(self, stream: &StreamId, first: Version) -> Result<Commit, InvalidMessage> {
        if self.encoding != ENCODING {
            return Err(InvalidMessage::UnknownEncoding(self.encoding));
        }
        let events = self.events.into_iter().enumerate().map(|(index, event)| {
            let malformed =
                || InvalidMessage::Malformed(format!("commit.events[{index}].data is not base64"));
            let data = BASE64.decode(event.data).or(Err(malformed()))?;
            Ok(EventData { event_type: event.event_type, schema: event.schema, data })
        });
        Ok(Commit {
            id: self.id,
            stream: stream.clone(),
            first,
            at: self.at,
            context: Context {
                source: self.source,
                correlation_id: self.correlation_id,
                causation_id: self.causation_id,
                actor: self.actor,
                metadata: self.metadata,
            },
            events: events.collect::<Result<_, _>>()?,
            snapshot: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn hint(version: u64, count: u64) -> Result<CommitMessage, InvalidMessage> {
        let message = serde_json::json!({
            "tenant": "default", "stream": "order-17", "version": version, "count": count,
        });
        CommitMessage::from_json(&message.to_string())
    }

    #[test]
    fn a_message_names_the_last_version_of_its_commit() {
        for (version, count, last) in
            [(1, 1, 1), (4, 3, 6), (u64::MAX, 1, u64::MAX), (1, u64::MAX, u64::MAX)]
        {
            let read = hint(version, count).unwrap();
            assert_eq!((read.last.get(), read.category()), (last, "order"));
            assert_eq!(CommitMessage::from_json(&read.to_json()).unwrap(), read);
        }
    }

    #[test]
    fn a_message_whose_count_is_zero_or_too_large_is_malformed() {
        for (version, count) in [(0, 1), (1, 0), (2, u64::MAX), (u64::MAX, 2)] {
            let malformed = hint(version, count).unwrap_err();
            assert!(
                matches!(malformed, InvalidMessage::Malformed(_)),
                "{version}, {count}: {malformed}"
            );
            assert!(!malformed.is_transient());
        }
    }

    #[test]
    fn a_message_contains_its_commit_and_its_hint_does_not() {
        let read = CommitMessage::from_json(&whole(2, "json")).unwrap();
        assert_eq!(
            read.commit.as_ref().map(|commit| (commit.first.get(), commit.events.len())),
            Some((4, 2))
        );
        let hint = read.clone().into_hint();
        assert_eq!((hint.last, &hint.stream, &hint.commit), (read.last, &read.stream, &None));
    }

    /// A reader that trusted a different count would skip events.
    #[test]
    fn a_count_other_than_the_number_of_events_is_malformed() {
        for count in [1, 3] {
            let invalid = CommitMessage::from_json(&whole(count, "json")).unwrap_err();
            assert!(matches!(invalid, InvalidMessage::Malformed(_)), "{count}: {invalid}");
        }
    }

    #[test]
    fn an_unknown_encoding_is_a_transient_error() {
        let unknown = CommitMessage::from_json(&whole(2, "cbor")).unwrap_err();
        assert!(
            matches!(&unknown, InvalidMessage::UnknownEncoding(encoding) if encoding == "cbor"),
            "{unknown}"
        );
        assert!(unknown.is_transient());
    }

    /// A message with two events whose count is `count`.
    fn whole(count: u64, encoding: &str) -> String {
        let event = serde_json::json!({ "type": "order.committed", "schema": 1, "data": "e30=" });
        let commit = serde_json::json!({
            "id": Uuid::NAMESPACE_OID, "at": "2026-11-21T08:15:30.250Z", "encoding": encoding,
            "source": "tests", "correlation_id": "call-1", "actor": "operator", "events": [event, event],
        });
        let message = serde_json::json!({
            "tenant": "default", "stream": "order-17", "version": 4, "count": count,
            "commit": commit,
        });
        message.to_string()
    }
}
