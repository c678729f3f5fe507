//! A value about a person, and its JSON.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::person::PersonId;

/// A value about a person: a name, an e-mail address, a postal address, a payment token.
///
/// Debug output and therefore logs never contain the value. In JSON it is marked: `{"$person":
/// "c-1001", "plain": …}` while it is plain, `{"$person": "c-1001", "sealed": "…"}` wherever it is
/// stored, `{"$person": "c-1001", "erased": true}` once the person is erased. The member
/// [`$person`](crate::personal::PERSON_MEMBER) is reserved: no store accepts it in any other
/// object.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Personal<T> {
    of: PersonId,
    content: Content<T>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Content<T> {
    Plain(T),
    Sealed(String),
    Erased,
}

/// Why a personal value cannot be revealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealedError {
    /// The value is still sealed. A component that needs the plain value reads through
    /// [`Opening`](crate::personal::Opening).
    #[error("the value is sealed")]
    Sealed,
    /// The person was erased.
    #[error("the person was erased")]
    Erased,
}

impl<T> Personal<T> {
    /// A plain value about this person.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::personal::{Personal, PersonId};
    ///
    /// let name = Personal::of(PersonId::new("r-17")?, "Ann Ahab".to_owned());
    /// assert_eq!(name.reveal(), Ok(&"Ann Ahab".to_owned()));
    /// assert_eq!(format!("{name:?}"), "Personal(of r-17, …)");
    /// let json = r#"{"$person":"r-17","plain":"Ann Ahab"}"#;
    /// assert_eq!(serde_json::to_string(&name)?, json);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub const fn of(person: PersonId, value: T) -> Self {
        Self { of: person, content: Content::Plain(value) }
    }

    /// The person whom the value is about.
    pub const fn person(&self) -> &PersonId {
        &self.of
    }

    /// The plain value.
    ///
    /// # Errors
    /// [`SealedError`] if the value is sealed or erased.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::personal::{Personal, SealedError};
    ///
    /// let erased: Personal<String> = serde_json::from_str(r#"{"$person":"r-17","erased":true}"#)?;
    /// assert_eq!(erased.person().as_str(), "r-17");
    /// assert_eq!(erased.reveal(), Err(SealedError::Erased));
    /// # Ok::<_, serde_json::Error>(())
    /// ```
    pub const fn reveal(&self) -> Result<&T, SealedError> {
        match &self.content {
            Content::Plain(value) => Ok(value),
            Content::Sealed(_) => Err(SealedError::Sealed),
            Content::Erased => Err(SealedError::Erased),
        }
    }

    /// The sealed text. `None` if the value is not sealed.
    pub(super) fn sealed(&self) -> Option<&str> {
        match &self.content {
            Content::Sealed(sealed) => Some(sealed),
            Content::Plain(_) | Content::Erased => None,
        }
    }

    /// The same value with `plain` as its content. `None` means that the person was erased.
    pub(super) fn opened(self, plain: Option<T>) -> Self {
        Self { of: self.of, content: plain.map_or(Content::Erased, Content::Plain) }
    }

    /// A value about the same person, converted by `change`. A sealed or erased value remains so:
    /// `change` may only choose another type for the same JSON.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::personal::{Personal, PersonId};
    ///
    /// struct Name(String);
    ///
    /// let text = Personal::of(PersonId::new("r-17")?, "Ann Ahab".to_owned());
    /// let name: Personal<Name> = text.map(Name);
    /// assert_eq!(name.reveal().map(|Name(text)| text.as_str()), Ok("Ann Ahab"));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Personal<U> {
        let content = match self.content {
            Content::Plain(value) => Content::Plain(change(value)),
            Content::Sealed(sealed) => Content::Sealed(sealed),
            Content::Erased => Content::Erased,
        };
        Personal { of: self.of, content }
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Personal(of {}, …)", self.of)
    }
}

/// A [`Personal`] in JSON: exactly one of the last three fields is present.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "T: Deserialize<'de>"))]
struct Marked<T> {
    #[serde(rename = "$person")]
    of: PersonId,
    #[serde(default = "none", deserialize_with = "some", skip_serializing_if = "Option::is_none")]
    plain: Option<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    erased: Option<bool>,
}

const fn none<T>() -> Option<T> {
    None
}

/// A member that is present, even if its value is `null`.
fn some<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (plain, sealed, erased) = match &self.content {
            Content::Plain(value) => (Some(value), None, None),
            Content::Sealed(sealed) => (None, Some(sealed.clone()), None),
            Content::Erased => (None, None, Some(true)),
        };
        Marked { of: self.of.clone(), plain, sealed, erased }.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Marked { of, plain, sealed, erased } = Marked::deserialize(deserializer)?;
        let content = match (plain, sealed, erased) {
            (Some(value), None, None) => Content::Plain(value),
            (None, Some(sealed), None) => Content::Sealed(sealed),
            (None, None, Some(true)) => Content::Erased,
            _ => {
                return Err(D::Error::custom(
                    "a personal value is one of plain, sealed and erased",
                ));
            }
        };
        Ok(Self { of, content })
    }
}

/// The forms of [`Marked`] as types, from which the schema is derived.
#[cfg(feature = "schema")]
mod schema {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use super::Personal;
    use crate::json::mark::PERSON_MEMBER;
    use crate::person::PersonId;

    impl<T: JsonSchema> JsonSchema for Personal<T> {
        fn schema_name() -> Cow<'static, str> {
            format!("Personal_{}", T::schema_name()).into()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let of = generator.subschema_for::<PersonId>();
            let plain = generator.subschema_for::<T>();
            let form = |member: &str, content: Schema| {
                json_schema!({
                    "type": "object",
                    "properties": { PERSON_MEMBER: of, member: content },
                    "required": [PERSON_MEMBER, member],
                    "additionalProperties": false,
                })
            };
            json_schema!({
                "description": "Personal data about the person `$person`. It is sealed wherever it is stored, and erased when the person is erased.",
                "anyOf": [
                    form("plain", plain),
                    form("sealed", json_schema!({ "type": "string" })),
                    form("erased", json_schema!({ "const": true })),
                ],
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn jane() -> PersonId {
        PersonId::new("c-1001").unwrap()
    }

    #[test]
    fn debug_output_hides_the_value() {
        let debug = format!("{:?}", Personal::of(jane(), "jane@example.com"));
        assert_eq!(debug, "Personal(of c-1001, …)");
    }

    #[test]
    fn a_value_is_read_back_in_every_form() {
        for json in [
            json!({ "$person": "c-1001", "plain": "Jane" }),
            json!({ "$person": "c-1001", "sealed": "AQID" }),
            json!({ "$person": "c-1001", "erased": true }),
        ] {
            let read: Personal<String> = serde_json::from_value(json.clone()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), json);
        }
    }

    #[test]
    fn only_a_plain_value_has_content() {
        let read = |json: Value| serde_json::from_value::<Personal<String>>(json).unwrap();
        let plain = read(json!({ "$person": "c-1001", "plain": "Jane" }));
        assert_eq!((plain.reveal(), plain.person()), (Ok(&"Jane".to_owned()), &jane()));
        assert_eq!(
            read(json!({ "$person": "c-1001", "sealed": "AQID" })).reveal(),
            Err(SealedError::Sealed)
        );
        assert_eq!(
            read(json!({ "$person": "c-1001", "erased": true })).reveal(),
            Err(SealedError::Erased)
        );
    }

    #[test]
    fn a_personal_value_may_be_null() {
        let nothing = Personal::of(jane(), None::<String>);
        let json = serde_json::to_value(&nothing).unwrap();
        assert_eq!(json, json!({ "$person": "c-1001", "plain": null }));
        assert_eq!(
            serde_json::from_value::<Personal<Option<String>>>(json.clone()).unwrap(),
            nothing
        );
        assert!(serde_json::from_value::<Personal<String>>(json).is_err());
    }

    #[test]
    fn a_value_in_no_form_or_in_two_forms_is_rejected() {
        for json in [
            json!({ "plain": "Jane" }),
            json!({ "$person": "c-1001" }),
            json!({ "$person": "c-1001", "erased": false }),
            json!({ "$person": "no one", "plain": "Jane" }),
            json!({ "$person": "c-1001", "plain": "Jane", "sealed": "AQID" }),
            json!({ "$person": "c-1001", "sealed": "AQID", "erased": true }),
            json!({ "personal": "Jane", "of": "c-1001" }),
            json!({ "$person": "c-1001", "plain": "Jane", "also": 1 }),
        ] {
            assert!(serde_json::from_value::<Personal<String>>(json.clone()).is_err(), "{json}");
        }
    }
}
