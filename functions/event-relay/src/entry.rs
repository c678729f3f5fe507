//! One stream record as an entry for the topic.

use std::collections::BTreeSet;

use aws_lambda_events::dynamodb::EventRecord;
use sha2::{Digest, Sha256};
use skald::CommitMessage;
use skald_dynamodb::{StreamItem, read_stream_item};

/// Category of records that tell of no new commit of any stream.
pub const UNREADABLE: &str = "unreadable";
/// Above this size, in bytes, a message goes without its commit.
const MAX_BODY_BYTES: usize = 200 * 1000;
/// Longest group and deduplication id that SNS takes, in characters.
const MAX_ID: usize = 128;
/// What the names of an entry's attributes and ids add to its size at most, in bytes.
const ATTRIBUTES_BYTES: usize = 1024;

/// A message for the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The stream's key: messages of a group stay in order.
    pub group: String,
    /// Names the commit: the topic drops what it has seen in the last five minutes.
    pub deduplication_id: String,
    /// The stream's category, or [`UNREADABLE`]: what queues filter on.
    pub category: String,
    /// The types of the commit's events, each once; none if it could not be read.
    pub types: Vec<String>,
    /// The stream's tenant.
    pub tenant: Option<String>,
    /// The commit's correlation id.
    pub correlation_id: Option<String>,
    /// The message.
    pub body: String,
}

impl Entry {
    /// The entry for a stream record.
    #[must_use]
    pub fn of_record(record: EventRecord) -> Self {
        if record.event_name != "INSERT" {
            tracing::error!(event_id = record.event_id, "a commit was changed or removed behind the store's back");
            return Self::unreadable(&record);
        }
        match read_stream_item(&record.change.new_image) {
            StreamItem::Commit(commit) => Self::of_message(&CommitMessage::of(commit)),
            StreamItem::Unread { stream, first, fault } => {
                tracing::error!(%stream, version = %first, %fault, "a commit cannot be read and goes as a hint");
                Self::of_message(&CommitMessage { stream, last: first, commit: None })
            }
            StreamItem::Foreign { fault } => {
                tracing::error!(event_id = record.event_id, %fault, "an item belongs to no stream and is set aside");
                Self::unreadable(&record)
            }
        }
    }

    fn of_message(message: &CommitMessage) -> Self {
        let mut body = message.to_json();
        if body.len() > MAX_BODY_BYTES {
            body = message.clone().into_hint().to_json();
        }
        let commit = message.commit.as_ref();
        let types: BTreeSet<_> =
            commit.into_iter().flat_map(|commit| &commit.events).map(|event| &event.event_type).collect();
        let group = message.stream.key();
        Self {
            deduplication_id: short(format!("{group}@{}", message.last)),
            group: short(group),
            category: message.category().to_owned(),
            types: types.into_iter().cloned().collect(),
            tenant: Some(message.stream.tenant().to_string()),
            correlation_id: commit.map(|commit| commit.context.correlation_id.to_string()),
            body,
        }
    }

    fn unreadable(record: &EventRecord) -> Self {
        let keys = serde_json::to_value(&record.change.keys).unwrap_or_default();
        Self {
            group: UNREADABLE.to_owned(),
            deduplication_id: short(record.event_id.clone()),
            category: UNREADABLE.to_owned(),
            types: Vec::new(),
            tenant: None,
            correlation_id: None,
            body: serde_json::json!({ "event_id": record.event_id, "event_name": record.event_name, "keys": keys })
                .to_string(),
        }
    }

    /// What this entry counts towards the size of a request.
    pub(crate) fn size_bytes(&self) -> usize {
        let types: usize = self.types.iter().map(|name| name.len() + 3).sum();
        self.body.len() + types + ATTRIBUTES_BYTES
    }
}

/// The id itself where SNS takes it, a digest of it where it is too long.
fn short(id: String) -> String {
    if id.len() <= MAX_ID { id } else { Sha256::digest(id).iter().map(|byte| format!("{byte:02x}")).collect() }
}
