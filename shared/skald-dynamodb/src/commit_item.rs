//! A commit as an item of the events table.
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | tenant and stream: `default/order-0198…` |
//! | `sk` | N | version of the commit's first event, from 1 |
//! | `commit` | S | the command's id |
//! | `at` | S | when it was recorded: RFC 3339, UTC, milliseconds |
//! | `encoding` | S | how `events` is written: `json` or `json+zstd` |
//! | `events` | L of M | `type` S, `schema` N, and `data` B: JSON in UTF-8; or, in `json+zstd`, `size` N: of the data, in bytes |
//! | `data` | B | in `json+zstd`: the data of all events, one after the other, as one frame of Zstandard |
//! | `context` | M | `source`, `correlation`, `actor` S; `causation` S and `metadata` M of S if there are any |
//! | `snapshot` | M | `schema` N, `state` B: the state after the commit, if it was kept |
//! | `slice` | N | for the index of all commits: first byte of the SHA-256 of `pk`, modulo 16 |
//! | `position` | S | likewise, the place in the slice: `<at>/<pk>/<sk in 12 digits>` |
//! | `types` | S | likewise, the types of the events: each once, a space between them |
//!
//! Reading ignores the last three, and every attribute it does not know: later releases may add some. What is in an
//! encoding that it does not know it leaves alone. A fault names attributes, never their values: they may be personal.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue as Value;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde_dynamo::{AttributeValue, Item};
use sha2::{Digest, Sha256};
use skald::{
    Actor, Commit, CommitId, Context, CorrelationId, Corruption, EventData, EventId, Snapshot, StreamId, Timestamp,
    Version,
};

use crate::packing::{pack, unpack};

/// Each event with its data.
const PLAIN: &str = "json";
/// The data of all events in one piece, where that saves a write unit.
const PACKED: &str = "json+zstd";
/// How many slices the index of all commits has.
pub(crate) const SLICES: u8 = 16;

/// What an item of the events table turns out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamItem {
    /// A commit.
    Commit(Commit),
    /// At a place of a stream, but no commit that this build can read.
    Unread {
        /// The stream.
        stream: StreamId,
        /// The version of the commit's first event.
        first: Version,
        /// Why it cannot be read.
        fault: Corruption,
    },
    /// At no place of any stream.
    Foreign {
        /// What is wrong with its keys.
        fault: &'static str,
    },
}

/// Reads an item of the events table, as a query or the table's stream gives it.
#[must_use]
pub fn read_stream_item(item: Item) -> StreamItem {
    let (stream, first) = match read_key(&item) {
        Ok(key) => key,
        Err(fault) => return StreamItem::Foreign { fault },
    };
    match read_commit(item, &stream, first) {
        Ok(commit) => StreamItem::Commit(commit),
        Err(fault) => StreamItem::Unread { stream, first, fault },
    }
}

pub(crate) fn read_key(item: &Item) -> Result<(StreamId, Version), &'static str> {
    let Some(AttributeValue::S(key)) = item.get("pk") else { return Err("`pk` is missing or no text") };
    let Some(AttributeValue::N(number)) = item.get("sk") else { return Err("`sk` is missing or no number") };
    let stream = key.parse().or(Err("`pk` is no stream's key"))?;
    match number.parse() {
        Ok(first @ 1..) => Ok((stream, Version::new(first))),
        Ok(0) | Err(_) => Err("`sk` is no version"),
    }
}

fn read_commit(item: Item, stream: &StreamId, first: Version) -> Result<Commit, Corruption> {
    let malformed = |fault| Corruption::Malformed { at: first, fault };
    match item.get("encoding") {
        Some(AttributeValue::S(encoding)) if encoding == PACKED => {
            let mut stored: StoredCommit<PackedEvent> = read_attributes(item).map_err(malformed)?;
            let sizes: Vec<usize> = stored.events.iter().map(|event| event.size).collect();
            let packed = stored.data.take().ok_or_else(|| malformed("missing field `data`".to_owned()))?;
            let data = unpack(&packed, &sizes).map_err(|fault| malformed(fault.to_owned()))?;
            let event = |(PackedEvent { event_type, schema, size: _ }, data)| EventData { event_type, schema, data };
            let events = std::mem::take(&mut stored.events).into_iter().zip(data).map(event).collect();
            commit(stored, events, stream, first)
        }
        Some(AttributeValue::S(encoding)) if encoding != PLAIN => {
            Err(Corruption::UnknownEncoding { at: first, encoding: encoding.clone() })
        }
        _ => {
            let mut stored: StoredCommit<StoredEvent> = read_attributes(item).map_err(malformed)?;
            let event = |StoredEvent { event_type, schema, data }| EventData { event_type, schema, data };
            let events = std::mem::take(&mut stored.events).into_iter().map(event).collect();
            commit(stored, events, stream, first)
        }
    }
}

/// The commit that was stored, with these events.
fn commit<E>(
    stored: StoredCommit<E>,
    events: Vec<EventData>,
    stream: &StreamId,
    first: Version,
) -> Result<Commit, Corruption> {
    let malformed = |fault| Corruption::Malformed { at: first, fault };
    let StoredCommit { commit, at, context, snapshot, .. } = stored;
    if events.is_empty() {
        return Err(malformed("`events` is empty".to_owned()));
    }
    let StoredContext { source, correlation, causation, actor, metadata } = context;
    Ok(Commit {
        id: commit,
        stream: stream.clone(),
        first,
        at,
        context: Context { source, correlation_id: correlation, causation_id: causation, actor, metadata },
        events,
        snapshot: snapshot.map(|StoredSnapshot { schema, state }| Snapshot { schema, state }),
    })
}

#[derive(Deserialize)]
struct StoredCommit<E> {
    commit: CommitId,
    at: Timestamp,
    #[expect(dead_code, reason = "must be there; what it says was looked at before")]
    encoding: String,
    events: Vec<E>,
    #[serde(default, deserialize_with = "some_bytes")]
    data: Option<Vec<u8>>,
    context: StoredContext,
    snapshot: Option<StoredSnapshot>,
}

#[derive(Deserialize)]
struct StoredEvent {
    #[serde(rename = "type")]
    event_type: String,
    schema: u32,
    #[serde(deserialize_with = "bytes")]
    data: Vec<u8>,
}

#[derive(Deserialize)]
struct PackedEvent {
    #[serde(rename = "type")]
    event_type: String,
    schema: u32,
    size: usize,
}

#[derive(Deserialize)]
struct StoredSnapshot {
    schema: u32,
    #[serde(deserialize_with = "bytes")]
    state: Vec<u8>,
}

#[derive(Deserialize)]
struct StoredContext {
    source: String,
    correlation: CorrelationId,
    causation: Option<EventId>,
    actor: Actor,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// Serde reads a `Vec<u8>` as a list of numbers, unless it is told that bytes are meant.
fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    struct Bytes;
    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
    deserializer.deserialize_byte_buf(Bytes)
}

fn some_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    bytes(deserializer).map(Some)
}

/// Reads the attributes of an item as a `T`; the error says which is at fault, without quoting it.
pub(crate) fn read_attributes<T: DeserializeOwned>(item: Item) -> Result<T, String> {
    let attributes = serde_dynamo::Deserializer::from_attribute_value(AttributeValue::M(item.into_inner()));
    serde_path_to_error::deserialize(attributes).map_err(|error| {
        let message = error.inner().to_string();
        let place = error.path().to_string();
        // Of serde's messages this one names a field of ours. The others quote what they found.
        match message.starts_with("missing field `") {
            true if place == "." => message,
            true => format!("`{place}`: {message}"),
            false => format!("`{place}` is not what it should be"),
        }
    })
}

/// The id of the command that wrote an item, if it has one.
pub(crate) fn commit_id(item: &Item) -> Option<CommitId> {
    item.get("commit").and_then(|id| serde_dynamo::from_attribute_value(id.clone()).ok())
}

/// The key of a place in a stream.
pub(crate) fn key(stream: &StreamId, first: Version) -> HashMap<String, Value> {
    item([("pk", Value::S(stream.key())), ("sk", Value::N(first.to_string()))])
}

/// The item of a commit.
pub(crate) fn commit_item(commit: &Commit) -> HashMap<String, Value> {
    let Context { source, correlation_id, causation_id, actor, metadata } = &commit.context;
    let mut context = item([
        ("source", Value::S(source.clone())),
        ("correlation", Value::S(correlation_id.to_string())),
        ("actor", Value::S(actor.to_string())),
    ]);
    if let Some(causation) = causation_id {
        context.insert("causation".to_owned(), Value::S(causation.to_string()));
    }
    if !metadata.is_empty() {
        let entries = metadata.iter().map(|(name, value)| (name.clone(), Value::S(value.clone())));
        context.insert("metadata".to_owned(), Value::M(entries.collect()));
    }
    let packed = pack(&commit.events);
    let event = if packed.is_some() { packed_value } else { event_value };
    let pk = commit.stream.key();
    let mut item = item([
        ("sk", Value::N(commit.first.to_string())),
        ("commit", Value::S(commit.id.to_string())),
        ("at", Value::S(commit.at.to_string())),
        ("encoding", Value::S(if packed.is_some() { PACKED } else { PLAIN }.to_owned())),
        ("events", Value::L(commit.events.iter().map(event).collect())),
        ("context", Value::M(context)),
        ("slice", Value::N(slice(&pk).to_string())),
        ("position", Value::S(format!("{}/{pk}/{:012}", commit.at, commit.first.get()))),
        ("types", Value::S(types(&commit.events))),
        ("pk", Value::S(pk)),
    ]);
    item.extend(packed.map(|packed| ("data".to_owned(), Value::B(Blob::new(packed)))));
    item.extend(commit.snapshot.as_ref().map(|snapshot| ("snapshot".to_owned(), snapshot_value(snapshot))));
    item
}

fn snapshot_value(snapshot: &Snapshot) -> Value {
    Value::M(item([
        ("schema", Value::N(snapshot.schema.to_string())),
        ("state", Value::B(Blob::new(snapshot.state.clone()))),
    ]))
}

fn event_value(event: &EventData) -> Value {
    Value::M(item([
        ("type", Value::S(event.event_type.clone())),
        ("schema", Value::N(event.schema.to_string())),
        ("data", Value::B(Blob::new(event.data.clone()))),
    ]))
}

fn packed_value(event: &EventData) -> Value {
    Value::M(item([
        ("type", Value::S(event.event_type.clone())),
        ("schema", Value::N(event.schema.to_string())),
        ("size", Value::N(event.data.len().to_string())),
    ]))
}

/// Attributes by their names.
pub(crate) fn item<const N: usize>(attributes: [(&str, Value); N]) -> HashMap<String, Value> {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The slice of the stream with this key.
pub(crate) fn slice(pk: &str) -> u8 {
    Sha256::digest(pk)[0] % SLICES
}

/// The types of these events, as the index has them.
pub(crate) fn types(events: &[EventData]) -> String {
    let mut types: Vec<&str> = Vec::new();
    for event in events {
        if !types.contains(&event.event_type.as_str()) {
            types.push(&event.event_type);
        }
    }
    types.join(" ")
}

#[cfg(test)]
mod tests;
