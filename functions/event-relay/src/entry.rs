//! Converts one stream record to an entry for the topic.
//!
//! Everything stored in the table can be published. An entry stays within the limits of SNS, and
//! carries a plainer form in case the topic rejects it nevertheless. The plainest form contains
//! only some ASCII text of the record.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use skald::message::CommitMessage;
use skald_dynamodb::{StreamItem, read_stream_item};

use crate::record::{Record, digest};

/// The category of records that announce no new commit.
pub const UNREADABLE: &str = "unreadable";
/// The largest entry, in bytes. SNS counts a message with its attributes and accepts 256 KiB.
const MAX_ENTRY_BYTES: usize = 200 * 1000;
/// The longest group id and deduplication id that SNS accepts, in characters.
const MAX_ID: usize = 128;
/// The length to which the plainest entry truncates each text of the record, in characters.
const MAX_QUOTED: usize = 2_000;
/// Characters that JSON does not escape and SQS does not accept (its page on `SendMessage`).
const NOT_FOR_SQS: [(char, &str); 2] = [('\u{fffe}', "\\ufffe"), ('\u{ffff}', "\\uffff")];

/// A message for the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The stream's key: messages of one group stay in order.
    pub group: String,
    /// Identifies the commit: the topic drops ids that it has seen in the last five minutes.
    pub deduplication_id: String,
    /// The stream's category, or [`UNREADABLE`]. Queues filter on it.
    pub category: String,
    /// The distinct types of the commit's events; empty if they are unknown or too long.
    pub types: Vec<String>,
    /// The stream's tenant.
    pub tenant: Option<String>,
    /// The commit's correlation id.
    pub correlation_id: Option<String>,
    /// The message.
    pub body: String,
    /// The plainer entry that is sent instead if the topic permanently rejects this one.
    pub instead: Option<Box<Self>>,
}

/// An attribute of a message: name, type and value, in the form of SNS.
pub type MessageAttribute<'a> = (&'static str, &'static str, Cow<'a, str>);

impl Entry {
    /// The entry for a stream record.
    #[must_use]
    pub fn of_record(record: &RawValue) -> Self {
        let record = Record::read(record);
        let unreadable = Self::unreadable(&record);
        if record.event_name != "INSERT" {
            tracing::error!(
                event_id = record.event_id,
                "a commit was changed or removed in the table; only the event store may write there"
            );
            return unreadable;
        }
        match read_stream_item(&record.item) {
            StreamItem::Commit(commit) => Self::of_message(&CommitMessage::of(commit), unreadable),
            StreamItem::Unread { stream, first, fault } => {
                tracing::error!(
                    %stream,
                    version = %first,
                    %fault,
                    "the commit cannot be read; publishing a hint instead"
                );
                Self::of_message(&CommitMessage { stream, last: first, commit: None }, unreadable)
            }
            StreamItem::Foreign { fault } => {
                tracing::error!(
                    event_id = record.event_id,
                    %fault,
                    "the item belongs to no stream; publishing it as unreadable"
                );
                unreadable
            }
        }
    }

    /// The whole commit if it is small enough, else a hint with the attributes that queues filter
    /// on, else a hint without them.
    fn of_message(message: &CommitMessage, unreadable: Self) -> Self {
        let hint = message.clone().into_hint().to_json();
        let group = message.stream.key();
        let bare = Self {
            deduplication_id: id(format!("{group}@{}", message.last)),
            group: id(group),
            category: message.category().to_owned(),
            types: Vec::new(),
            tenant: None,
            correlation_id: None,
            body: hint.clone(),
            instead: Some(Box::new(unreadable)),
        };
        let commit = message.commit.as_ref();
        let types: BTreeSet<_> = commit
            .iter()
            .flat_map(|commit| &commit.events)
            .map(|event| &event.event_type)
            .collect();
        let named = Self {
            types: types.into_iter().cloned().collect(),
            tenant: Some(message.stream.tenant().to_string()),
            correlation_id: commit.map(|commit| commit.context.correlation_id.to_string()),
            instead: Some(Box::new(bare.clone())),
            ..bare.clone()
        };
        let whole = Self { body: for_sqs(message.to_json()), ..named.clone() };
        [whole, named]
            .into_iter()
            .find(|entry| entry.size_bytes() <= MAX_ENTRY_BYTES)
            .unwrap_or(bare)
    }

    /// Identifies the record in ASCII and contains nothing else, so the topic accepts it for every
    /// content of the table.
    fn unreadable(record: &Record) -> Self {
        let cut = |text: &str| text.chars().take(MAX_QUOTED).collect::<String>();
        let keys = if record.keys.len() <= MAX_QUOTED {
            serde_json::from_str(&record.keys).ok()
        } else {
            None
        };
        let keys: Value = keys.unwrap_or_else(|| cut(&record.keys).into());
        let (event_id, event_name) = (cut(&record.event_id), cut(&record.event_name));
        let body = json!({ "event_id": event_id, "event_name": event_name, "keys": keys });
        Self {
            group: UNREADABLE.to_owned(),
            deduplication_id: id(record.event_id.clone()),
            category: UNREADABLE.to_owned(),
            types: Vec::new(),
            tenant: None,
            correlation_id: None,
            body: ascii(&body.to_string()),
            instead: None,
        }
    }

    /// The attributes that queues filter on and people search for.
    #[must_use]
    pub fn attributes(&self) -> Vec<MessageAttribute<'_>> {
        let text = |name, value| (name, "String", Cow::Borrowed(value));
        let mut attributes = vec![text("category", self.category.as_str())];
        if !self.types.is_empty() {
            let types = Value::from(self.types.clone()).to_string();
            attributes.push(("types", "String.Array", for_sqs(types).into()));
        }
        attributes.extend(self.tenant.as_deref().map(|tenant| text("tenant", tenant)));
        attributes.extend(self.correlation_id.as_deref().map(|id| text("correlation", id)));
        attributes
    }

    /// The size of this entry within a request, in bytes: the message, and the name, type and value
    /// of each attribute. SNS does not document whether the ids count; they are counted here.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let attributes = self.attributes();
        let attributes =
            attributes.iter().map(|(name, kind, value)| name.len() + kind.len() + value.len());
        self.body.len() + self.group.len() + self.deduplication_id.len() + attributes.sum::<usize>()
    }
}

/// The id itself if SNS accepts it, or a digest if it is too long or has other characters.
fn id(id: String) -> String {
    let is_valid =
        (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if is_valid { id } else { digest(&id) }
}

/// The same JSON with only characters that SQS accepts.
fn for_sqs(json: String) -> String {
    NOT_FOR_SQS.iter().fold(json, |json, (char, escape)| {
        if json.contains(*char) { json.replace(*char, escape) } else { json }
    })
}

/// The same JSON in ASCII.
fn ascii(json: &str) -> String {
    let mut units = [0; 2];
    json.chars().fold(String::with_capacity(json.len()), |mut text, char| {
        if matches!(char, ' '..='~') {
            text.push(char);
        } else {
            text.extend(char.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
        text
    })
}
