//! Events between the domain and the store: how a typed event becomes stored bytes, and bytes an event.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Version;

/// The events of one category, typed.
///
/// Usually made by [`domain_event!`](crate::domain_event), which writes the stored name and the schema of each type
/// beside it, once.
pub trait DomainEvent: Sized + Send + Sync {
    /// Every type of this category with the schema that is written today.
    const TYPES: &'static [(&'static str, u32)];

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
    /// [`DecodeError::Unknown`] for a type or schema that this build does not know (yet), [`DecodeError::Malformed`]
    /// for bytes that are not of the shape they claim.
    fn decode(stored: &EventData) -> Result<Self, DecodeError>;
}

/// One event as it is stored: its type, the version of the type's shape, and its data.
#[derive(Clone, PartialEq, Eq)]
pub struct EventData {
    /// The stored name, such as `order.placed`.
    pub event_type: String,
    /// Version of this type's shape, from 1.
    pub schema: u32,
    /// The data: JSON in UTF-8.
    pub data: Vec<u8>,
}

impl std::fmt::Debug for EventData {
    /// Names the event and the size of its data, never the data: it may be personal, and this ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{} ({} bytes)", self.event_type, self.schema, self.data.len())
    }
}

/// An event that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{event_type} cannot be written as JSON")]
pub struct EncodeError {
    event_type: &'static str,
    source: serde_json::Error,
}

/// A stored event that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A newer release may know it: the reader must wait, not skip. *Transient.*
    #[error("unknown event {event_type} at schema {schema}")]
    Unknown {
        /// The stored name.
        event_type: String,
        /// The stored schema.
        schema: u32,
    },
    /// The bytes are not what type and schema say. *Permanent.*
    #[error("malformed event {event_type} at schema {schema}: byte {column} of its data does not fit the shape")]
    Malformed {
        /// The stored name.
        event_type: String,
        /// The stored schema.
        schema: u32,
        /// Where the data stops being of that shape, in bytes from 1. The parser's own message would quote the value.
        column: usize,
    },
    /// The first events are missing, and there is no snapshot that can be read in their place. *Permanent*: load the whole
    /// stream.
    #[error("the events before version {first} are missing, and no snapshot can be read in their place")]
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

/// Writes `event` under this name and schema. [`domain_event!`](crate::domain_event) is its caller.
///
/// # Errors
/// [`EncodeError`] if the event cannot be written as JSON.
pub fn encode_as<T: Serialize>(event_type: &'static str, schema: u32, event: &T) -> Result<EventData, EncodeError> {
    let data = serde_json::to_vec(event).map_err(|source| EncodeError { event_type, source })?;
    Ok(EventData { event_type: event_type.to_owned(), schema, data })
}

/// Reads the data of `stored` as a `T`. [`domain_event!`](crate::domain_event) is its caller.
///
/// # Errors
/// [`DecodeError::Malformed`] if the data is not a `T`.
pub fn decode_as<T: DeserializeOwned>(stored: &EventData) -> Result<T, DecodeError> {
    serde_json::from_slice(&stored.data).map_err(|error| DecodeError::Malformed {
        event_type: stored.event_type.clone(),
        schema: stored.schema,
        column: error.column(),
    })
}

/// Declares the events of a category: an enum with a variant for each type, its stored name and its schema.
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
/// pub struct DoorOpened { by: String }
///
/// skald::domain_event! {
///     /// What happens to a door.
///     pub enum DoorEvent {
///         /// Somebody went in.
///         Opened(DoorOpened) = "door.opened" @ 1,
///     }
/// }
///
/// use skald::DomainEvent;
/// let event = DoorEvent::from(DoorOpened { by: "me".into() });
/// assert_eq!(event.event_type(), "door.opened");
/// assert_eq!(DoorEvent::decode(&event.encode().unwrap()).unwrap(), event);
/// ```
#[macro_export]
macro_rules! domain_event {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident($data:ty) = $event_type:literal @ $schema:literal ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        $vis enum $name {
            $( $(#[$variant_meta])* $variant($data), )+
        }

        $(
            impl From<$data> for $name {
                fn from(data: $data) -> Self {
                    Self::$variant(data)
                }
            }
        )+

        impl $crate::DomainEvent for $name {
            const TYPES: &'static [(&'static str, u32)] = &[$( ($event_type, $schema) ),+];

            fn event_type(&self) -> &'static str {
                match self {
                    $( Self::$variant(_) => $event_type, )+
                }
            }

            fn encode(&self) -> ::core::result::Result<$crate::EventData, $crate::EncodeError> {
                match self {
                    $( Self::$variant(data) => $crate::encode_as($event_type, $schema, data), )+
                }
            }

            fn decode(stored: &$crate::EventData) -> ::core::result::Result<Self, $crate::DecodeError> {
                match (stored.event_type.as_str(), stored.schema) {
                    $( ($event_type, $schema) => $crate::decode_as(stored).map(Self::$variant), )+
                    (event_type, schema) => Err($crate::DecodeError::Unknown { event_type: event_type.to_owned(), schema }),
                }
            }
        }
    };
}
