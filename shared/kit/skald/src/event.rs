//! Events between the domain and the store: how a typed event becomes stored bytes, and bytes an
//! event.

use serde_json::value::RawValue;

use crate::json::raw;
use crate::stream::Version;

/// The events of one category, typed.
///
/// Usually made by [`domain_event!`](crate::domain_event), which writes the stored name and the
/// schema of each type beside it, once.
pub trait DomainEvent: Sized + Send + Sync {
    /// Every type of this category with the schema that is written today.
    const TYPES: &'static [(&'static str, u32)];

    /// Every shape that may be stored: each type with each of its schemas, from the oldest to the
    /// one written today.
    const SHAPES: &'static [(&'static str, u32)];

    /// The Rust types of [`SHAPES`](Self::SHAPES), in the same order, as a list of pairs:
    /// `(First, (Second, ()))`. For whatever is to be done with every shape, such as writing down
    /// its JSON Schema.
    type Shapes;

    /// The stored name, such as `order.placed`.
    fn event_type(&self) -> &'static str;

    /// The bytes to store.
    ///
    /// # Errors
    /// [`EncodeError`] if the event cannot be written as JSON.
    fn encode(&self) -> Result<EventData, EncodeError>;

    /// The event in the stored bytes, in today's shape, whatever shape was stored.
    ///
    /// # Errors
    /// [`DecodeError::Unknown`] for a type or schema that this build does not know (yet),
    /// [`DecodeError::Malformed`] for bytes that are not of the shape they claim.
    fn decode(stored: &EventData) -> Result<Self, DecodeError>;
}

/// Longest type of an event, in characters. The types of a commit are in the index of all commits,
/// and in messages.
const MAX_EVENT_TYPE: usize = 64;

/// Whether `text` can be the type of an event: 1 to 64 characters in words of `a-z 0-9 _` that
/// begin with a letter and have dots between them, such as `order.undo_started`.
#[must_use]
pub const fn is_event_type(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut at, mut begins_word) = (0, true);
    while at < bytes.len() {
        match bytes[at] {
            b'a'..=b'z' => begins_word = false,
            b'0'..=b'9' | b'_' if !begins_word => {}
            b'.' if !begins_word => begins_word = true,
            _ => return false,
        }
        at += 1;
    }
    !begins_word && bytes.len() <= MAX_EVENT_TYPE
}

/// One event as it is stored: its type, the version of the type's shape, and its data.
#[derive(Clone, PartialEq, Eq)]
pub struct EventData {
    /// The stored name, such as `order.placed`: see [`is_event_type`].
    pub event_type: String,
    /// Version of this type's shape, from 1.
    pub schema: u32,
    /// The data: one JSON value in UTF-8, with no space around it. It comes back byte for byte.
    pub data: Vec<u8>,
}

impl EventData {
    /// The data as the JSON text it should be; none if it is none.
    #[must_use]
    pub fn json(&self) -> Option<&RawValue> {
        raw(&self.data)
    }
}

impl std::fmt::Debug for EventData {
    /// Names the event and the size of its data, never the data: it may be personal, and this ends
    /// in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{} ({} bytes)", self.event_type, self.schema, self.data.len())
    }
}

/// An event that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{event_type} cannot be written as JSON")]
pub struct EncodeError {
    pub(crate) event_type: &'static str,
    pub(crate) source: serde_json::Error,
}

/// A stored event that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A newer release may know it: the reader must wait, not skip. *Transient.*
    #[error("unknown event {} at schema {schema}", crate::text::cut(event_type))]
    Unknown {
        /// The stored name.
        event_type: String,
        /// The stored schema.
        schema: u32,
    },
    /// The bytes are not what type and schema say. *Permanent.*
    #[error(
        "malformed event {} at schema {schema}: byte {column} of its data does not fit the shape",
        crate::text::cut(event_type)
    )]
    Malformed {
        /// The stored name.
        event_type: String,
        /// The stored schema.
        schema: u32,
        /// Where the data stops being of that shape, in bytes from 1. The parser's own message
        /// would quote the value.
        column: usize,
    },
    /// The first events are missing, and there is no snapshot that can be read in their place.
    /// *Permanent*: load the whole stream.
    #[error(
        "the events before version {first} are missing, and no snapshot can be read in their place"
    )]
    Headless {
        /// The first version that is there.
        first: Version,
    },
}

impl DecodeError {
    /// Whether waiting for a newer release can help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_words_with_dots_between_them() {
        for text in ["a", "order.placed", "order.undo_started", "a.b2.c_", &"x".repeat(64)] {
            assert!(is_event_type(text), "{text}");
        }
        for text in [
            "",
            ".",
            "order.",
            ".placed",
            "a..b",
            "order placed",
            "Order",
            "order.2nd",
            "_a",
            "ö",
            &"x".repeat(65),
        ] {
            assert!(!is_event_type(text), "{text}");
        }
    }
}
