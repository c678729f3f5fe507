//! Domain events and their stored form: how a typed event is encoded, and how stored bytes are
//! decoded.

use crate::stream::Version;

/// The events of one category, as a type.
///
/// [`domain_event!`](crate::domain_event) usually implements this trait. It declares each type's
/// stored name and schema in one place.
///
/// # Examples
///
/// ```
/// use skald::event::{DecodeError, DomainEvent};
/// use skald_testkit::sample::{AccountEvent, Deposited};
///
/// let event = AccountEvent::from(Deposited { amount: 5 });
/// let stored = event.encode()?;
/// assert_eq!((stored.event_type.as_str(), stored.schema), ("account.deposited", 1));
/// assert_eq!(stored.data, br#"{"amount":5}"#);
/// assert_eq!(AccountEvent::decode(&stored)?, event);
///
/// // A newer release wrote this one. The reader waits for a release that knows the schema.
/// let newer = skald::event::EventData { schema: 2, ..stored };
/// let unknown = AccountEvent::decode(&newer).unwrap_err();
/// assert!(matches!(unknown, DecodeError::Unknown { schema: 2, .. }) && unknown.is_transient());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait DomainEvent: Sized + Send + Sync {
    /// Every event type of this category, with the schema that is written today.
    const TYPES: &'static [(&'static str, u32)];

    /// Every shape that may be stored: each type with each of its schemas, from the oldest to the
    /// current one.
    const SHAPES: &'static [(&'static str, u32)];

    /// The Rust types of [`SHAPES`](Self::SHAPES), in the same order, as a list of pairs: `(First,
    /// (Second, ()))`. Code that works on every shape uses it, for example to write the JSON
    /// Schemas.
    type Shapes;

    /// The stored name, such as `order.placed`.
    fn event_type(&self) -> &'static str;

    /// The event as bytes to store.
    ///
    /// # Errors
    /// [`EncodeError`] if the event cannot be written as JSON.
    fn encode(&self) -> Result<EventData, EncodeError>;

    /// The event in the stored bytes, converted to its current shape from any older one.
    ///
    /// # Errors
    /// [`DecodeError::Unknown`] for a type or schema that this build does not know, for example a
    /// newer one. [`DecodeError::Malformed`] for bytes that do not have the shape they claim.
    fn decode(stored: &EventData) -> Result<Self, DecodeError>;
}

/// Longest type of an event, in characters. The index of all commits and messages contain the types
/// of a commit.
const MAX_EVENT_TYPE: usize = 64;

/// Whether `text` is a valid event type: 1 to 64 characters, in words separated by dots. Each word
/// consists of `a-z 0-9 _` and begins with a letter, as in `order.undo_started`.
///
/// # Examples
///
/// ```
/// use skald::event::is_event_type;
///
/// assert!(is_event_type("book.lent"));
/// assert!(!is_event_type("BookLent"));
/// ```
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
///
/// # Examples
///
/// ```
/// use skald::event::EventData;
///
/// let data = br#"{"to":"ann"}"#.to_vec();
/// let lent = EventData { event_type: "book.lent".to_owned(), schema: 1, data };
/// assert_eq!(format!("{lent:?}"), "book.lent@1 (12 bytes)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct EventData {
    /// The stored name, such as `order.placed`: see [`is_event_type`].
    pub event_type: String,
    /// Version of this type's shape, from 1.
    pub schema: u32,
    /// The data: one JSON value in UTF-8 without surrounding whitespace. It is stored and read back
    /// byte for byte.
    pub data: Vec<u8>,
}

impl std::fmt::Debug for EventData {
    /// Writes the event's type and the size of its data, never the data itself: the data may be
    /// personal, and debug output ends up in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{} ({} bytes)", self.event_type, self.schema, self.data.len())
    }
}

/// An event that cannot be encoded.
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
///
/// use serde::{Deserialize, Serialize};
/// use skald::event::DomainEvent;
///
/// #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
/// struct Shelved { at: BTreeMap<(u8, u8), String> }
///
/// skald::domain_event! {
///     enum ShelfEvent { Shelved(Shelved) = "shelf.shelved" @ 1 }
/// }
///
/// // In JSON, the key of a map must be a string.
/// let event = ShelfEvent::from(Shelved { at: [((1, 2), "moby-dick".to_owned())].into() });
/// let error = event.encode().unwrap_err();
/// assert_eq!(error.to_string(), "shelf.shelved cannot be written as JSON");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{event_type} cannot be written as JSON")]
pub struct EncodeError {
    pub(crate) event_type: &'static str,
    pub(crate) source: serde_json::Error,
}

/// A stored event that cannot be decoded.
///
/// # Examples
///
/// ```
/// use skald::event::{DecodeError, DomainEvent, EventData};
/// use skald_testkit::sample::AccountEvent;
///
/// let stored = |event_type: &str, data: &str| {
///     EventData { event_type: event_type.to_owned(), schema: 1, data: data.into() }
/// };
/// let unknown = AccountEvent::decode(&stored("account.closed", "{}")).unwrap_err();
/// assert!(matches!(unknown, DecodeError::Unknown { .. }) && unknown.is_transient());
///
/// let malformed = AccountEvent::decode(&stored("account.deposited", "{}")).unwrap_err();
/// assert!(matches!(malformed, DecodeError::Malformed { .. }) && !malformed.is_transient());
/// ```
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The type or schema is unknown. A newer release may know it, so the reader must wait and not
    /// skip the event. *Transient.*
    #[error("unknown event {} at schema {schema}", crate::text::cut(event_type))]
    Unknown {
        /// The stored name.
        event_type: String,
        /// The stored schema.
        schema: u32,
    },
    /// The bytes do not have the shape that the type and schema name. *Permanent.*
    #[error(
        "malformed event {} at schema {schema}: byte {column} of its data does not fit the shape",
        crate::text::cut(event_type)
    )]
    Malformed {
        /// The stored name.
        event_type: String,
        /// The stored schema.
        schema: u32,
        /// Where the data stops matching the shape, as a byte position from 1. The parser's own
        /// message is omitted because it would quote the value.
        column: usize,
    },
    /// The first events are missing, and no readable snapshot replaces them. *Permanent*: load the
    /// whole stream.
    #[error(
        "the events before version {first} are missing, and no snapshot can be read in their place"
    )]
    Headless {
        /// The first version that was found.
        first: Version,
    },
}

impl DecodeError {
    /// Whether a newer release may be able to read the event.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_type_is_words_separated_by_dots() {
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
