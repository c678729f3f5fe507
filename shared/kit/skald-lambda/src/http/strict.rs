//! JSON that a body may contain: no repeated member names, and limited nesting.
//!
//! If two members have the same name, most readers take the last and some take the first. A caller
//! and a service that differ in this would see two different requests, so such bodies are rejected.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Deepest nesting of arrays and objects.
const MAX_DEPTH: usize = 64;

/// Why a text is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The text is not JSON from this place on; line and column count from 1.
    Syntax { line: usize, column: usize },
    /// An object has a second member with the same name, at this JSON pointer.
    Repeated { pointer: String },
    /// The value at this JSON pointer is nested deeper than [`MAX_DEPTH`].
    Deep { pointer: String },
}

/// Parses a text.
pub(super) fn parse(text: &str) -> Result<Value, Fault> {
    let fault = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let root = Node { place: &Place::Root, depth: 0, fault: &fault };
    let read =
        root.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|error| {
        fault.take().unwrap_or(Fault::Syntax { line: error.line(), column: error.column() })
    })
}

/// The place of a value. Displayed as a JSON pointer, RFC 6901.
enum Place<'a> {
    Root,
    Member(&'a Self, &'a str),
    Element(&'a Self, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(parent, name) => {
                write!(f, "{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
            }
            Self::Element(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}

/// Parses the value at a place.
struct Node<'a> {
    place: &'a Place<'a>,
    depth: usize,
    /// The fault. It is kept here because an error of the parser carries only text.
    fault: &'a RefCell<Option<Fault>>,
}

impl Node<'_> {
    fn reject<E: Error>(&self, fault: Fault) -> E {
        self.fault.replace(Some(fault));
        E::custom("the text is rejected")
    }

    /// The depth of the content of this value.
    fn inside<E: Error>(&self) -> Result<usize, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.reject(Fault::Deep { pointer: self.place.to_string() }));
        }
        Ok(self.depth + 1)
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        // A number in JSON is finite.
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let depth = self.inside()?;
        let mut values = Vec::new();
        loop {
            let place = Place::Element(self.place, values.len());
            match elements.next_element_seed(Node { place: &place, depth, fault: self.fault })? {
                Some(value) => values.push(value),
                None => return Ok(values.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let depth = self.inside()?;
        let mut values = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let place = Place::Member(self.place, &name);
            if values.contains_key(&name) {
                return Err(self.reject(Fault::Repeated { pointer: place.to_string() }));
            }
            let value =
                members.next_value_seed(Node { place: &place, depth, fault: self.fault })?;
            values.insert(name, value);
        }
        Ok(values.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn valid_json_is_parsed_unchanged() {
        for text in [
            "null",
            "true",
            "-7",
            "18446744073709551615",
            "1.5",
            "-0.0",
            r#""a\u0000\ud83d\ude00""#,
            "[]",
            "{}",
            r#"{"a":[{"a":1},{"a":2}],"b":{"a":null}}"#,
            r#"{"$serde_json::private::RawValue":"[]"}"#,
        ] {
            assert_eq!(
                parse(text).unwrap().to_string(),
                text.replace("\\ud83d\\ude00", "😀"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_repeated_member_is_rejected_at_any_level_with_a_pointer() {
        for (text, pointer) in [
            (r#"{"a":1,"a":1}"#, "/a"),
            (r#"{"a":1,"\u0061":2}"#, "/a"),
            (r#"{"":1,"":2}"#, "/"),
            (r#"{"items":[{"n":1},{"quantity":1,"sku":"x","quantity":100}]}"#, "/items/1/quantity"),
            (r#"[[{"a/b~c":{},"a/b~c":{}}]]"#, "/0/0/a~1b~0c"),
        ] {
            assert_eq!(parse(text), Err(Fault::Repeated { pointer: pointer.to_owned() }), "{text}");
        }
    }

    #[test]
    fn nesting_is_limited() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        for depth in [MAX_DEPTH + 1, 30_000] {
            let Err(Fault::Deep { pointer }) = parse(&nested(depth)) else {
                panic!("{depth} levels are accepted")
            };
            assert_eq!(pointer, "/0".repeat(MAX_DEPTH));
        }
    }

    #[test]
    fn a_syntax_error_names_its_line_and_column() {
        assert_eq!(parse("{\"a\":\n1,}"), Err(Fault::Syntax { line: 2, column: 3 }));
        for text in
            ["", "{", "{}{}", "{} x", "1e999", "nul", "\"\\ud800\"", "\u{feff}{}", "[1,]", "NaN"]
        {
            assert!(matches!(parse(text), Err(Fault::Syntax { .. })), "{text}");
        }
        assert_eq!(parse(" {} \n"), Ok(json!({})));
    }
}
