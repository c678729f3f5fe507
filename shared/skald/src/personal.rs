//! What says something about a person.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A value that says something about a person: a name, an e-mail address, a postal address, a payment token.
///
/// The type marks the value wherever it goes. It never shows in debug output, and so not in logs; in a stored event it
/// stands as `{"personal": …}`, so that a stored personal value can be told from any other without knowing the event.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Personal_{T}"))]
#[serde(deny_unknown_fields)]
pub struct Personal<T> {
    personal: T,
}

impl<T> Personal<T> {
    /// Marks `value` as personal.
    pub fn new(value: T) -> Self {
        Self { personal: value }
    }

    /// The value, for whoever has a reason to see it.
    pub fn reveal(&self) -> &T {
        &self.personal
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Personal(…)")
    }
}

/// The JSON of an event as a reader with the right to see it gets it: each `{"personal": x}` becomes `x`.
#[must_use]
pub fn reveal(value: Value) -> Value {
    match value {
        Value::Object(mut fields) => match fields.remove("personal") {
            Some(inner) if fields.is_empty() => inner,
            Some(inner) => {
                fields.insert("personal".to_owned(), inner);
                Value::Object(fields.into_iter().map(|(name, field)| (name, reveal(field))).collect())
            }
            None => Value::Object(fields.into_iter().map(|(name, field)| (name, reveal(field))).collect()),
        },
        Value::Array(items) => Value::Array(items.into_iter().map(reveal).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn debug_output_hides_the_value() {
        assert_eq!(format!("{:?}", Personal::new("jane@example.com")), "Personal(…)");
    }

    #[test]
    fn it_is_marked_in_json_and_revealed_in_place() {
        let stored =
            json!({ "name": Personal::new("Jane"), "lines": [{ "to": Personal::new(json!({ "city": "Oslo" })) }] });
        assert_eq!(stored["name"], json!({ "personal": "Jane" }));
        assert_eq!(reveal(stored), json!({ "name": "Jane", "lines": [{ "to": { "city": "Oslo" } }] }));
    }
}
