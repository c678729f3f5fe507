//! A commit as an item of the events table.
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | tenant and stream: `default/order-0198…` |
//! | `sk` | N | version of the commit's first event, from 1 |
//! | `at` | S | when it was recorded: RFC 3339, UTC, milliseconds |
//! | `body` | S | everything else, as one JSON text: see `body.rs` |
//! | `encoding` | S | if `body` is compressed, how: `json+zstd` |
//! | `body` | B | in `json+zstd`: the same text as one Zstandard frame |
//! | `slice` | N | for the index of all commits, which sorts by `at`: first byte of the SHA-256 of `pk`, modulo 16 |
//! | `types` | S | for the index of all commits: the types of the events, each once, separated by spaces |
//!
//! The item is flat, because nested attributes cost the client and the service the most time.
//! Reading ignores the last two attributes and all unknown attributes and fields, because later
//! releases may add some. An item in an unknown encoding is not read. A fault names attributes and
//! fields, never their values, because they may be personal.

mod body;
mod fault;

use std::borrow::Cow;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue as Value;
use serde::de::DeserializeOwned;
use serde_dynamo::{AttributeValue, Item};
use sha2::{Digest, Sha256};
use skald::commit::{Commit, CommitId};
use skald::event::EventData;
use skald::store::{Corruption, InvalidAppend};
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;

use self::fault::{fault, invalid};
use crate::attribute::{AnyItem, Attribute, Attributes};
use crate::packing::{pack, unpack};

const BODY: &str = "body";
const ENCODING: &str = "encoding";
/// The encoding of a compressed body, which is used if it saves a write unit.
const PACKED: &str = "json+zstd";
/// The number of slices of the index of all commits.
pub(crate) const SLICES: u8 = 16;

/// The content of an item of the events table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamItem {
    /// A commit.
    Commit(Commit),
    /// An item at a position of a stream that is not a commit that this build can read.
    Unread {
        /// The stream.
        stream: StreamId,
        /// The version of the commit's first event.
        first: Version,
        /// Why the item cannot be read.
        fault: Corruption,
    },
    /// An item whose key is not a position of a stream.
    Foreign {
        /// The fault in the item's keys.
        fault: &'static str,
    },
}

/// Reads an item of the events table, in the form of the table's stream.
///
/// # Examples
///
/// ```
/// use std::collections::HashMap;
///
/// use serde_dynamo::AttributeValue;
/// use skald_dynamodb::{StreamItem, read_stream_item};
///
/// let body = r#"{"commit":"3b241101-e2bb-4255-8caf-4136c566a962","source":"lending",
///     "correlation_id":"call-1","actor":"librarian",
///     "events":[{"type":"book.lent","schema":1,"data":{"to":"ann"}}]}"#;
/// let mut item: HashMap<String, AttributeValue> = [
///     ("pk", AttributeValue::S("default/book-moby-dick".to_owned())),
///     ("sk", AttributeValue::N("4".to_owned())),
///     ("at", AttributeValue::S("2025-12-01T12:00:00.000Z".to_owned())),
///     ("body", AttributeValue::S(body.to_owned())),
/// ]
/// .map(|(name, value)| (name.to_owned(), value))
/// .into();
/// let read = read_stream_item(&item.clone().into());
/// let StreamItem::Commit(commit) = read else { panic!("the item is a commit") };
/// assert_eq!((commit.stream.name(), commit.first.get()), ("book-moby-dick", 4));
///
/// // An item without its body keeps its position in the stream.
/// item.remove("body");
/// assert!(matches!(read_stream_item(&item.into()), StreamItem::Unread { .. }));
/// ```
#[must_use]
pub fn read_stream_item(item: &Item) -> StreamItem {
    let (stream, first) = match read_key(item) {
        Ok(key) => key,
        Err(fault) => return StreamItem::Foreign { fault },
    };
    match read_body(item, &stream, first) {
        Ok(commit) => StreamItem::Commit(commit),
        Err(fault) => StreamItem::Unread { stream, first, fault },
    }
}

/// Reads an item of this stream.
pub(crate) fn read_commit(item: &impl AnyItem, stream: &StreamId) -> Result<Commit, Corruption> {
    let malformed =
        |fault: &str| Corruption::Malformed { at: Version::START, fault: fault.to_owned() };
    let first = read_first(item).map_err(malformed)?;
    read_body(item, stream, first)
}

pub(crate) fn read_key(item: &impl AnyItem) -> Result<(StreamId, Version), &'static str> {
    let Some(Attribute::Text(key)) = item.attribute("pk") else {
        return Err("`pk` is missing or not text");
    };
    let stream = key.parse().or(Err("`pk` is not the key of a stream"))?;
    Ok((stream, read_first(item)?))
}

fn read_first(item: &impl AnyItem) -> Result<Version, &'static str> {
    let Some(Attribute::Number(number)) = item.attribute("sk") else {
        return Err("`sk` is missing or not a number");
    };
    match number.parse() {
        Ok(first @ 1..) => Ok(Version::new(first)),
        Ok(0) | Err(_) => Err("`sk` is not a version"),
    }
}

fn read_body(item: &impl AnyItem, stream: &StreamId, first: Version) -> Result<Commit, Corruption> {
    let malformed = |fault| Corruption::Malformed { at: first, fault };
    match item.attribute(ENCODING) {
        Some(Attribute::Text(encoding)) if encoding != PACKED => {
            Err(Corruption::UnknownEncoding { at: first, encoding: encoding.to_owned() })
        }
        _ => {
            let at = read_at(item).map_err(malformed)?;
            body::read(&read_text(item).map_err(malformed)?, stream, first, at).map_err(malformed)
        }
    }
}

fn read_at(item: &impl AnyItem) -> Result<Timestamp, String> {
    match item.attribute("at") {
        Some(Attribute::Text(at)) => at.parse().or(Err(invalid("at"))),
        Some(_) => Err(invalid("at")),
        None => Err("missing field `at`".to_owned()),
    }
}

/// The text of the body, decoded from a known encoding.
fn read_text(item: &impl AnyItem) -> Result<Cow<'_, str>, String> {
    match (item.attribute(ENCODING), item.attribute(BODY)) {
        (_, None) => Err("missing field `body`".to_owned()),
        (None, Some(Attribute::Text(text))) => Ok(Cow::Borrowed(text)),
        (Some(Attribute::Text(PACKED)), Some(Attribute::Bytes(packed))) => {
            Ok(Cow::Owned(unpack(packed).map_err(str::to_owned)?))
        }
        (None | Some(Attribute::Text(PACKED)), Some(_)) => Err(invalid("body")),
        (Some(_), Some(_)) => Err(invalid("encoding")),
    }
}

/// Reads the attributes of an item as a `T`. The error names the faulty attribute without quoting
/// its value.
pub(crate) fn read_attributes<T: DeserializeOwned>(item: Item) -> Result<T, String> {
    let attributes =
        serde_dynamo::Deserializer::from_attribute_value(AttributeValue::M(item.into_inner()));
    serde_path_to_error::deserialize(attributes)
        .map_err(|error| fault(&error.path().to_string(), &error.inner().to_string()))
}

/// The id of the command that wrote an item. `None` if the item has no readable id.
pub(crate) fn commit_id(item: &impl AnyItem) -> Option<CommitId> {
    body::commit_id(&read_text(item).ok()?)
}

/// The key of a position in a stream.
pub(crate) fn key(stream: &StreamId, first: Version) -> Attributes {
    item([("pk", Value::S(stream.key())), ("sk", Value::N(first.to_string()))])
}

/// The item of a commit.
///
/// # Errors
/// [`InvalidAppend::Json`] if an event's data or the state is not JSON.
pub(crate) fn commit_item(commit: &Commit) -> Result<Attributes, InvalidAppend> {
    let text = body::write(commit)?;
    let pk = commit.stream.key();
    let mut attributes = item([
        ("sk", Value::N(commit.first.to_string())),
        ("at", Value::S(commit.at.to_string())),
        ("slice", Value::N(slice(&pk).to_string())),
        ("types", Value::S(types(&commit.events))),
        ("pk", Value::S(pk)),
    ]);
    let beside = BODY.len()
        + attributes.iter().map(|(name, value)| name.len() + scalar_bytes(value)).sum::<usize>();
    let body = match pack(&text, beside, ENCODING.len() + PACKED.len()) {
        Some(packed) => {
            attributes.insert(ENCODING.to_owned(), Value::S(PACKED.to_owned()));
            Value::B(Blob::new(packed))
        }
        None => Value::S(text),
    };
    attributes.insert(BODY.to_owned(), body);
    Ok(attributes)
}

/// The size of an attribute's value that is text or a whole number.
///
/// Source: Amazon `DynamoDB` Developer Guide, "`DynamoDB` item sizes and formats".
fn scalar_bytes(value: &Value) -> usize {
    let number = value.as_n().map(|digits| digits.len().div_ceil(2) + 1);
    number.unwrap_or_else(|_| value.as_s().map_or(0, String::len))
}

/// Attributes by name.
pub(crate) fn item<const N: usize>(attributes: [(&str, Value); N]) -> Attributes {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The slice of the stream with this key.
pub(crate) fn slice(pk: &str) -> u8 {
    Sha256::digest(pk)[0] % SLICES
}

/// The types of these events, in the form of the index.
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
