//! JSON as it is stored: numbers and texts are kept as written, and fields keep their order.
//! Personal data is hidden.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use skald::personal::PERSON_MEMBER;

/// The text that replaces personal data.
pub(crate) const HIDDEN: &str = "(personal)";
/// The deepest nesting of JSON that is read, the same as in `serde_json`.
const MAX_DEPTH: usize = 128;

/// A JSON value, parsed only as far as showing it requires.
#[derive(Debug)]
pub(crate) enum Json<'a> {
    Object(Vec<(String, Json<'a>)>),
    Array(Vec<Json<'a>>),
    /// A text, with its quotes.
    Text(&'a str),
    /// A number, `true`, `false` or `null`.
    Plain(&'a str),
    Hidden,
}

/// The fields of an object, in their order.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

impl<'a> Json<'a> {
    /// `None` if the bytes are not JSON, or are nested too deeply.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        Self::of(serde_json::from_slice(bytes).ok()?, MAX_DEPTH)
    }

    fn of(raw: &'a RawValue, deeper: usize) -> Option<Self> {
        let (text, deeper) = (raw.get(), deeper.checked_sub(1)?);
        Some(match text.as_bytes().first()? {
            b'{' => {
                let fields = serde_json::from_str::<Fields<'a>>(text).ok()?.0;
                // An object that is marked as personal is shown only as the person's id.
                let is_personal = fields.iter().any(|(name, _)| name == PERSON_MEMBER);
                let field = |(name, raw): (String, &'a RawValue)| {
                    let is_hidden = is_personal && name != PERSON_MEMBER;
                    let value = if is_hidden { Self::Hidden } else { Self::of(raw, deeper)? };
                    Some((name, value))
                };
                Self::Object(fields.into_iter().map(field).collect::<Option<_>>()?)
            }
            b'[' => {
                let items = serde_json::from_str::<Vec<&'a RawValue>>(text).ok()?.into_iter();
                Self::Array(items.map(|item| Self::of(item, deeper)).collect::<Option<_>>()?)
            }
            b'"' => Self::Text(text),
            _ => Self::Plain(text),
        })
    }

    /// Whether the value is personal.
    pub(crate) fn is_personal(&self) -> bool {
        matches!(self, Self::Object(fields) if fields.iter().any(|(name, _)| name == PERSON_MEMBER))
    }
}

/// The value as one line of JSON.
impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(fields) => {
                for (index, (name, value)) in fields.iter().enumerate() {
                    f.write_str(if index == 0 { "{" } else { "," })?;
                    write!(f, "{}:{value}", serde_json::Value::from(name.as_str()))?;
                }
                f.write_str(if fields.is_empty() { "{}" } else { "}" })
            }
            Self::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "[" } else { "," })?;
                }
                f.write_str(if items.is_empty() { "[]" } else { "]" })
            }
            Self::Text(text) | Self::Plain(text) => f.write_str(text),
            Self::Hidden => write!(f, "\"{HIDDEN}\""),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: &str) -> Option<String> {
        Json::read(json.as_bytes()).map(|json| json.to_string())
    }

    #[test]
    fn what_is_not_personal_is_shown_as_it_is_stored() {
        let json = r#"{"z":18446744073709551616,"a":[1.10,-0,1e400,"\u00e4\n",null],"o":{},"l":[],"z":1,"b":true}"#;
        assert_eq!(shown(json).as_deref(), Some(json));
        assert_eq!(
            shown("{ \"a\" :\n [ 1 , 2 ] }").as_deref(),
            Some(r#"{"a":[1,2]}"#),
            "the value is shown in one line"
        );
    }

    #[test]
    fn what_is_under_a_mark_is_hidden_however_the_mark_is_written() {
        let json = r#"[{"plain":{"x":1},"\u0024person":"c-1"},{"$person":"c-2","sealed":"AQID","y":1e400},{"y":1e400}]"#;
        let hidden = r#"[{"plain":"(personal)","$person":"c-1"},{"$person":"c-2","sealed":"(personal)","y":"(personal)"},{"y":1e400}]"#;
        assert_eq!(shown(json).as_deref(), Some(hidden));
    }

    #[test]
    fn what_is_no_json_or_too_deep_is_none() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for json in ["", "{", "{} {}", "x", &nested(129), &nested(100_000)] {
            assert_eq!(shown(json), None, "{json:.20}");
        }
        assert_eq!(shown(&nested(128)), Some(nested(128)));
    }
}
