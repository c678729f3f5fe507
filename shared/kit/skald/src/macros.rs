//! [`domain_event!`](crate::domain_event) and its expansion: how an event is encoded, and how a
//! stored event is converted from its stored shape to the current one. Only the macro is for users.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event::{DecodeError, EncodeError, EventData};

/// Encodes `event` under this name and schema.
///
/// # Errors
/// [`EncodeError`] if the event cannot be written as JSON.
pub fn encode_as<T: Serialize>(
    event_type: &'static str,
    schema: u32,
    event: &T,
) -> Result<EventData, EncodeError> {
    let data = serde_json::to_vec(event).map_err(|source| EncodeError { event_type, source })?;
    Ok(EventData { event_type: event_type.to_owned(), schema, data })
}

/// Decodes the data of `stored` as a `T`.
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

/// A stored event while it is converted through the shapes of its type, from the oldest to the
/// current one. [`domain_event!`](crate::domain_event) is its caller.
///
/// If the event was stored in the shape at hand, or in an older one, it has been decoded to a `T`.
#[derive(Debug)]
pub struct Upcasting<'a, T> {
    stored: &'a EventData,
    event: Option<T>,
}

impl<'a, T> Upcasting<'a, T> {
    /// Starts before the oldest shape.
    #[must_use]
    pub const fn of(stored: &'a EventData) -> Self {
        Self { stored, event: None }
    }

    /// Enters the shape `T` of this schema. Decodes the event if it was stored in this shape.
    ///
    /// # Errors
    /// [`DecodeError::Malformed`] if the event was stored in this shape and is not a `T`.
    pub fn at(mut self, schema: u32) -> Result<Self, DecodeError>
    where
        T: DeserializeOwned,
    {
        if self.stored.schema == schema {
            self.event = Some(decode_as(self.stored)?);
        }
        Ok(self)
    }

    /// Converts to the next shape.
    #[must_use]
    pub fn upcast<New>(self, upcast: fn(T) -> New) -> Upcasting<'a, New> {
        Upcasting { stored: self.stored, event: self.event.map(upcast) }
    }

    /// The event in the current shape.
    ///
    /// # Errors
    /// [`DecodeError::Unknown`] if the event was stored in none of the shapes.
    pub fn newest(self) -> Result<T, DecodeError> {
        let EventData { event_type, schema, .. } = self.stored;
        self.event
            .ok_or_else(|| DecodeError::Unknown { event_type: event_type.clone(), schema: *schema })
    }
}

/// Whether these schemas are 1, 2, 3 and so on. [`domain_event!`](crate::domain_event) is its
/// caller. A missing schema would be unknown, and readers would wait for it forever.
#[must_use]
pub const fn numbered_from_one(schemas: &[u32]) -> bool {
    let mut count = 0;
    while count < schemas.len() {
        if schemas[count] as usize != count + 1 {
            return false;
        }
        count += 1;
    }
    true
}

/// Declares the events of a category: an enum with a variant for each type, its stored name and its
/// schema.
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
/// pub struct DoorOpened { by: String }
///
/// skald::domain_event! {
///     /// The events of a door.
///     pub enum DoorEvent {
///         /// A person opened the door.
///         Opened(DoorOpened) = "door.opened" @ 1,
///     }
/// }
///
/// use skald::event::DomainEvent;
/// let event = DoorEvent::from(DoorOpened { by: "me".into() });
/// assert_eq!(event.event_type(), "door.opened");
/// assert_eq!(DoorEvent::decode(&event.encode().unwrap()).unwrap(), event);
/// ```
///
/// # Another shape
///
/// A stored event never changes. A type with a new shape gets a new schema number, and lists its
/// earlier shapes after `from`: for each schema number, the old type and a function that converts
/// it to the next shape. An event stored at schema 1 is converted through all shapes when it is
/// read. New events are always written in the current shape.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use skald::event::{DomainEvent, EventData};
/// #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
/// pub struct DoorOpened { by: Vec<String>, with_key: Option<u32> }
///
/// /// Schema 2: a door has no key.
/// #[derive(Deserialize)]
/// pub struct DoorOpened2 { by: Vec<String> }
///
/// /// Schema 1: a single person opens the door.
/// #[derive(Deserialize)]
/// pub struct DoorOpened1 { by: String }
///
/// fn as_a_group(old: DoorOpened1) -> DoorOpened2 {
///     DoorOpened2 { by: vec![old.by] }
/// }
///
/// fn without_a_key(old: DoorOpened2) -> DoorOpened {
///     DoorOpened { by: old.by, with_key: None }
/// }
///
/// skald::domain_event! {
///     pub enum DoorEvent {
///         Opened(DoorOpened) = "door.opened" @ 3 from {
///             1: DoorOpened1 => as_a_group,
///             2: DoorOpened2 => without_a_key,
///         },
///     }
/// }
///
/// let data = br#"{"by":"me"}"#.to_vec();
/// let stored = EventData { event_type: "door.opened".into(), schema: 1, data };
/// let event = DoorEvent::decode(&stored).unwrap();
/// assert_eq!(event, DoorOpened { by: vec!["me".into()], with_key: None }.into());
/// assert_eq!(event.encode().unwrap().schema, 3);
/// assert_eq!(DoorEvent::SHAPES, [("door.opened", 1), ("door.opened", 2), ("door.opened", 3)]);
/// ```
///
/// A function that does not return the next shape does not compile, and neither does a missing
/// schema number.
#[macro_export]
macro_rules! domain_event {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $(
                $(#[$variant_meta:meta])*
                $variant:ident($data:ty) = $event_type:literal @ $schema:literal
                    $( from { $( $old_schema:literal: $old:ty => $upcast:expr ),+ $(,)? } )?
            ),+ $(,)?
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

            const _: () = assert!(
                $crate::event::is_event_type($event_type),
                concat!(
                    $event_type,
                    " is not 1 to 64 characters in words of a-z 0-9 _ separated by dots"
                )
            );
            const _: () = assert!(
                $crate::macros::numbered_from_one(&[$( $( $old_schema, )+ )? $schema]),
                concat!(
                    "the schemas of ",
                    $event_type,
                    " must be numbered 1, 2, 3 and so on"
                )
            );
        )+

        impl $crate::event::DomainEvent for $name {
            const TYPES: &'static [(&'static str, u32)] = &[$( ($event_type, $schema) ),+];
            const SHAPES: &'static [(&'static str, u32)] =
                &[$( $( $( ($event_type, $old_schema), )+ )? ($event_type, $schema) ),+];
            type Shapes = $crate::type_list!($( $( $( $old, )+ )? $data, )+);

            fn event_type(&self) -> &'static str {
                match self {
                    $( Self::$variant(_) => $event_type, )+
                }
            }

            fn encode(
                &self,
            ) -> ::core::result::Result<$crate::event::EventData, $crate::event::EncodeError> {
                match self {
                    $(
                        Self::$variant(data) => {
                            $crate::macros::encode_as($event_type, $schema, data)
                        }
                    )+
                }
            }

            fn decode(
                stored: &$crate::event::EventData,
            ) -> ::core::result::Result<Self, $crate::event::DecodeError> {
                match stored.event_type.as_str() {
                    $(
                        $event_type => $crate::macros::Upcasting::of(stored)
                            $( $( .at($old_schema)?.upcast($upcast as fn($old) -> _) )+ )?
                            .at($schema)?
                            .newest()
                            .map(Self::$variant),
                    )+
                    _ => $crate::macros::Upcasting::of(stored).newest(),
                }
            }
        }
    };
}

/// Types as a list of pairs: `(First, (Second, ()))`. [`domain_event!`](crate::domain_event) is its
/// caller.
#[doc(hidden)]
#[macro_export]
macro_rules! type_list {
    () => { () };
    ($first:ty, $( $rest:ty, )*) => { ($first, $crate::type_list!($( $rest, )*)) };
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::event::DomainEvent;

    /// Schema 1.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Opened1 {
        by: String,
    }

    /// Schema 2.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Opened2 {
        by: Vec<String>,
    }

    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Opened {
        by: Vec<String>,
        with_key: bool,
    }

    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Closed {}

    crate::domain_event! {
        enum DoorEvent {
            Opened(Opened) = "door.opened" @ 3 from {
                1: Opened1 => |old| Opened2 { by: vec![old.by] },
                2: Opened2 => |old| Opened { by: old.by, with_key: false },
            },
            Closed(Closed) = "door.closed" @ 1,
        }
    }

    fn decode(event_type: &str, schema: u32, data: &str) -> Result<DoorEvent, DecodeError> {
        DoorEvent::decode(&EventData {
            event_type: event_type.to_owned(),
            schema,
            data: data.into(),
        })
    }

    #[test]
    fn an_event_of_any_shape_is_read_in_the_current_shape() {
        for (schema, data, with_key) in [
            (1, r#"{"by":"me"}"#, false),
            (2, r#"{"by":["me"]}"#, false),
            (3, r#"{"by":["me"],"with_key":true}"#, true),
        ] {
            assert_eq!(
                decode("door.opened", schema, data).unwrap(),
                Opened { by: vec!["me".into()], with_key }.into()
            );
        }
        assert_eq!(decode("door.closed", 1, "{}").unwrap(), Closed {}.into());
    }

    #[test]
    fn events_are_written_in_the_newest_shape() {
        let written = decode("door.opened", 1, r#"{"by":"me"}"#).unwrap().encode().unwrap();
        assert_eq!((written.event_type.as_str(), written.schema), ("door.opened", 3));
        assert_eq!(written.data, br#"{"by":["me"],"with_key":false}"#);
    }

    #[test]
    fn a_newer_schema_and_an_unknown_type_are_transient_errors() {
        for (unknown_type, unknown_schema) in
            [("door.opened", 4), ("door.opened", 0), ("door.closed", 2), ("door.", 1)]
        {
            let error = decode(unknown_type, unknown_schema, "{}").unwrap_err();
            assert!(error.is_transient(), "{error}");
            assert_eq!(
                error.to_string(),
                format!("unknown event {unknown_type} at schema {unknown_schema}")
            );
        }
    }

    /// Guessing the shape would turn damaged data into a different event.
    #[test]
    fn data_that_does_not_match_its_schema_is_malformed() {
        for (schema, data) in
            [(1, r#"{"by":["me"]}"#), (2, r#"{"by":"me"}"#), (3, r#"{"by":["me"]}"#)]
        {
            let error = decode("door.opened", schema, data).unwrap_err();
            assert!(!error.is_transient(), "{error}");
            let expected = format!("malformed event door.opened at schema {schema}: byte ");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn all_shapes_are_listed_from_oldest_to_newest() {
        assert_eq!(DoorEvent::TYPES, [("door.opened", 3), ("door.closed", 1)]);
        assert_eq!(
            DoorEvent::SHAPES,
            [("door.opened", 1), ("door.opened", 2), ("door.opened", 3), ("door.closed", 1)]
        );
        let shapes: <DoorEvent as DomainEvent>::Shapes = (
            Opened1 { by: String::new() },
            (Opened2 { by: vec![] }, (Opened { by: vec![], with_key: false }, (Closed {}, ()))),
        );
        drop(shapes);
    }

    #[test]
    fn a_missing_schema_number_is_detected() {
        assert!(numbered_from_one(&[1]) && numbered_from_one(&[1, 2, 3]));
        for schemas in [&[0][..], &[2], &[1, 3], &[2, 1], &[1, 1], &[1, 2, 4]] {
            assert!(!numbered_from_one(schemas), "{schemas:?}");
        }
    }
}
