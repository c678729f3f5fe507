//! A commit as an item of the events table.
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | tenant and stream: `default/order-0198…` |
//! | `sk` | N | version of the commit's first event, from 1 |
//! | `encoding` | S | how `body` is written: `json` or `json+zstd` |
//! | `body` | S | everything else, as one JSON text: see `body.rs` |
//! | `body` | B | in `json+zstd`: the same text as one frame of Zstandard |
//! | `slice` | N | for the index of all commits: first byte of the SHA-256 of `pk`, modulo 16 |
//! | `position` | S | likewise, the place in the slice: `<at>/<pk>/<sk in 12 digits>` |
//! | `types` | S | likewise, the types of the events: each once, a space between them |
//!
//! Flat, because nested attributes are what client and service spend most on. Reading ignores the last three, and every
//! attribute and field that it does not know: later releases may add some. What is in an encoding that it does not know it
//! leaves alone. A fault names attributes and fields, never their values: they may be personal.

mod body;

use std::borrow::Cow;
use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue as Value;
use serde::de::DeserializeOwned;
use serde_dynamo::{AttributeValue, Item};
use sha2::{Digest, Sha256};
use skald::{Commit, CommitId, Corruption, EventData, Refusal, StreamId, Version};

use crate::packing::{pack, unpack};

/// The body as text.
const PLAIN: &str = "json";
/// The body compressed, where that saves a write unit.
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
    match read_commit(&item, &stream, first) {
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

fn read_commit(item: &Item, stream: &StreamId, first: Version) -> Result<Commit, Corruption> {
    let malformed = |fault| Corruption::Malformed { at: first, fault };
    match item.get("encoding") {
        Some(AttributeValue::S(encoding)) if encoding != PLAIN && encoding != PACKED => {
            Err(Corruption::UnknownEncoding { at: first, encoding: encoding.clone() })
        }
        _ => body::read(&read_text(item).map_err(malformed)?, stream, first).map_err(malformed),
    }
}

/// The text of the body, in an encoding that is known.
fn read_text(item: &Item) -> Result<Cow<'_, str>, String> {
    let encoding = match item.get("encoding") {
        Some(AttributeValue::S(encoding)) => encoding.as_str(),
        Some(_) => return Err(wrong("encoding")),
        None => return Err("missing field `encoding`".to_owned()),
    };
    match (encoding, item.get("body")) {
        (PLAIN, Some(AttributeValue::S(text))) => Ok(Cow::Borrowed(text)),
        (PACKED, Some(AttributeValue::B(packed))) => Ok(Cow::Owned(unpack(packed).map_err(str::to_owned)?)),
        (PLAIN | PACKED, Some(_)) => Err(wrong("body")),
        (PLAIN | PACKED, None) => Err("missing field `body`".to_owned()),
        _ => Err(wrong("encoding")),
    }
}

fn wrong(place: &str) -> String {
    format!("`{place}` is not what it should be")
}

/// What a parser found at a place, without what it quotes.
fn fault(place: &str, message: &str) -> String {
    // Of serde's messages this one names a field of ours. The others quote what they found.
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split_once('`'));
    match missing {
        Some((field, _)) if place == "." => format!("missing field `{field}`"),
        Some((field, _)) => format!("`{place}`: missing field `{field}`"),
        None => wrong(place),
    }
}

/// Reads the attributes of an item as a `T`; the error says which is at fault, without quoting it.
pub(crate) fn read_attributes<T: DeserializeOwned>(item: Item) -> Result<T, String> {
    let attributes = serde_dynamo::Deserializer::from_attribute_value(AttributeValue::M(item.into_inner()));
    serde_path_to_error::deserialize(attributes)
        .map_err(|error| fault(&error.path().to_string(), &error.inner().to_string()))
}

/// The id of the command that wrote an item, if it has one that can be read.
pub(crate) fn commit_id(item: &Item) -> Option<CommitId> {
    body::commit_id(&read_text(item).ok()?)
}

/// The key of a place in a stream.
pub(crate) fn key(stream: &StreamId, first: Version) -> HashMap<String, Value> {
    item([("pk", Value::S(stream.key())), ("sk", Value::N(first.to_string()))])
}

/// The item of a commit.
///
/// # Errors
/// [`Refusal::NotJson`] if an event's data or the state is none.
pub(crate) fn commit_item(commit: &Commit) -> Result<HashMap<String, Value>, Refusal> {
    let text = body::write(commit)?;
    let (encoding, body) = match pack(&text) {
        Some(packed) => (PACKED, Value::B(Blob::new(packed))),
        None => (PLAIN, Value::S(text)),
    };
    let pk = commit.stream.key();
    Ok(item([
        ("sk", Value::N(commit.first.to_string())),
        ("encoding", Value::S(encoding.to_owned())),
        ("body", body),
        ("slice", Value::N(slice(&pk).to_string())),
        ("position", Value::S(format!("{}/{pk}/{:012}", commit.at, commit.first.get()))),
        ("types", Value::S(types(&commit.events))),
        ("pk", Value::S(pk)),
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
