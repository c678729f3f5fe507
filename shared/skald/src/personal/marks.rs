//! Personal values in JSON, found by their marks: whoever stores, opens or shows JSON need not know what it is the JSON of.
//!
//! JSON is changed as text, at the marks and nowhere else: numbers, the order of fields and everything else stay as they were
//! written.

use std::collections::BTreeSet;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::PersonId;

/// How deep JSON may be nested: what `serde_json` reads.
const MOST_DEPTH: usize = 128;

/// How a personal value stands in JSON, called after its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Personal,
    Sealed,
    Erased,
}

impl Form {
    const ALL: [Self; 3] = [Self::Personal, Self::Sealed, Self::Erased];

    const fn mark(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Sealed => "sealed",
            Self::Erased => "erased",
        }
    }

    /// A value about this person in this form; `content` is JSON.
    pub(super) fn of(self, person: &PersonId, content: &str) -> String {
        // Neither a mark nor a person's id has a character that JSON would escape.
        format!(r#"{{"{}":{content},"of":"{person}"}}"#, self.mark())
    }

    /// Whether there can be such a value in these bytes, told without reading them. (A mark can be written with escapes.)
    pub(super) fn may_be_in(self, json: &[u8]) -> bool {
        let has = |text: &[u8]| json.windows(text.len()).any(|window| window == text);
        has(self.mark().as_bytes()) || has(b"\\u")
    }
}

/// Why JSON cannot be gone through. Quotes nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnclearMark {
    /// Its structure cannot be told.
    #[error("what is stored is no JSON, or nested more than {MOST_DEPTH} deep")]
    NoJson,
    /// A [`Personal`](super::Personal) that was flattened into another object, or is the content of a tagged variant: it is not
    /// known what of the object is personal.
    #[error("a personal value is mixed with other fields")]
    Mixed,
    /// A personal value inside another one. Each has a person and a key of its own.
    #[error("a personal value is inside another")]
    Nested,
}

/// An object's fields, in their order.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
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

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| *value)
    }

    /// The form, person and content of a personal value; none if it is anything else.
    fn marked(&self) -> Result<Option<(Form, PersonId, &'a str)>, UnclearMark> {
        let found = Form::ALL.into_iter().find_map(|form| Some((form, self.get(form.mark())?)));
        let (Some((form, content)), Some(of)) = (found, self.get("of")) else { return Ok(None) };
        match serde_json::from_str(of.get()) {
            Ok(person) if self.0.len() == 2 => Ok(Some((form, person, content.get()))),
            Ok(_) | Err(_) if form == Form::Personal => Err(UnclearMark::Mixed),
            Ok(_) | Err(_) => Ok(None),
        }
    }
}

/// The JSON with each personal value, whose form, person and content `change` gets, replaced by the JSON that `change` makes
/// of it.
pub(super) fn rewrite<E: From<UnclearMark>>(
    json: &[u8],
    change: &mut impl FnMut(Form, &PersonId, &str) -> Result<String, E>,
) -> Result<String, E> {
    let raw: &RawValue = serde_json::from_slice(json).or(Err(UnclearMark::NoJson))?;
    let mut rewritten = String::with_capacity(json.len());
    rewrite_into(raw, &mut rewritten, change, MOST_DEPTH)?;
    Ok(rewritten)
}

fn rewrite_into<E: From<UnclearMark>>(
    raw: &RawValue,
    into: &mut String,
    change: &mut impl FnMut(Form, &PersonId, &str) -> Result<String, E>,
    deeper: usize,
) -> Result<(), E> {
    let json = raw.get();
    let deeper = deeper.checked_sub(1).ok_or(UnclearMark::NoJson)?;
    if json.starts_with('{') {
        let fields: Fields<'_> = serde_json::from_str(json).or(Err(UnclearMark::NoJson))?;
        if let Some((form, person, content)) = fields.marked()? {
            if form == Form::Personal && has_mark(content)? {
                return Err(UnclearMark::Nested.into());
            }
            into.push_str(&change(form, &person, content)?);
            return Ok(());
        }
        for (index, (name, value)) in fields.0.iter().enumerate() {
            into.push(if index == 0 { '{' } else { ',' });
            into.push_str(&Value::from(name.as_str()).to_string());
            into.push(':');
            rewrite_into(value, into, change, deeper)?;
        }
        into.push_str(if fields.0.is_empty() { "{}" } else { "}" });
    } else if json.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(json).or(Err(UnclearMark::NoJson))?;
        for (index, item) in items.iter().enumerate() {
            into.push(if index == 0 { '[' } else { ',' });
            rewrite_into(item, into, change, deeper)?;
        }
        into.push_str(if items.is_empty() { "[]" } else { "]" });
    } else {
        into.push_str(json);
    }
    Ok(())
}

/// Whether there is a personal value, of whatever form, in this JSON.
fn has_mark(json: &str) -> Result<bool, UnclearMark> {
    if !Form::ALL.iter().any(|form| form.may_be_in(json.as_bytes())) {
        return Ok(false);
    }
    let mut found = false;
    rewrite::<UnclearMark>(json.as_bytes(), &mut |form, person, content| {
        found = true;
        Ok(form.of(person, content))
    })?;
    Ok(found)
}

/// The persons with values in this form.
pub(super) fn persons(form: Form, json: &[u8]) -> Result<BTreeSet<PersonId>, UnclearMark> {
    let mut persons = BTreeSet::new();
    rewrite::<UnclearMark>(json, &mut |found, person, content| {
        if found == form {
            persons.insert(person.clone());
        }
        Ok(found.of(person, content))
    })?;
    Ok(persons)
}

/// The JSON as whoever may see it gets it: a plain personal value stands for itself; one that is sealed or erased is `null`.
///
/// # Errors
/// [`UnclearMark`] if it cannot be told what is personal.
pub fn reveal(json: &[u8]) -> Result<Value, UnclearMark> {
    let shown = rewrite::<UnclearMark>(json, &mut |form, _, content| {
        Ok(match form {
            Form::Personal => content.to_owned(),
            Form::Sealed | Form::Erased => "null".to_owned(),
        })
    })?;
    serde_json::from_str(&shown).or(Err(UnclearMark::NoJson))
}

/// Whether something personal in this JSON is neither sealed nor erased, or it cannot be told. Nothing that is stored may be
/// so.
#[must_use]
pub fn has_plain(json: &[u8]) -> bool {
    Form::Personal.may_be_in(json) && persons(Form::Personal, json).map_or(true, |persons| !persons.is_empty())
}

/// Whether these are the same JSON, but for how and whether personal values are sealed: the same value is sealed another way
/// in another place.
pub(crate) fn sealed_alike(left: &[u8], right: &[u8]) -> bool {
    let unsealed = |json| {
        let told = rewrite::<UnclearMark>(json, &mut |form, person, content| {
            Ok(match form {
                Form::Personal => form.of(person, content),
                Form::Sealed | Form::Erased => Form::Sealed.of(person, "null"),
            })
        });
        told.ok().and_then(|told| serde_json::from_str::<Value>(&told).ok())
    };
    unsealed(left).is_some_and(|left| unsealed(right) == Some(left))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SAMPLE: &str = r#"{
        "name": { "personal": "Jane", "of": "c-1" },
        "lines": [{ "to": { "of": "c-2", "sealed": "AQID" } }, { "erased": true, "of": "c-3" }],
        "personal": { "of": "c-4" }
    }"#;

    fn kept(json: &str) -> Result<String, UnclearMark> {
        rewrite(json.as_bytes(), &mut |form, person, content| Ok(form.of(person, content)))
    }

    #[test]
    fn a_personal_value_is_found_wherever_it_stands_and_nothing_is_taken_for_one() {
        for (form, person) in [(Form::Personal, "c-1"), (Form::Sealed, "c-2"), (Form::Erased, "c-3")] {
            let found = persons(form, SAMPLE.as_bytes()).unwrap();
            assert_eq!(found.iter().map(PersonId::as_str).collect::<Vec<_>>(), [person], "{form:?}");
            assert!(form.may_be_in(SAMPLE.as_bytes()));
        }
        assert!(!Form::Sealed.may_be_in(br#"{"name":{"personal":"Jane","of":"c-1"}}"#));
    }

    #[test]
    fn whoever_may_see_it_gets_the_bare_value() {
        let shown = json!({ "name": "Jane", "lines": [{ "to": null }, null], "personal": { "of": "c-4" } });
        assert_eq!(reveal(SAMPLE.as_bytes()), Ok(shown));
    }

    /// A number that no type of ours holds stays what it is, and so does everything else.
    #[test]
    fn what_is_not_personal_stays_as_it_was_written() {
        let json = r#"{"z":18446744073709551616,"a":[1.10,-0,1e400,"\u00e4\n"],"of":[],"e":{},"n":{"personal":{"x":122.416294033786585},"of":"c-1"}}"#;
        assert_eq!(kept(json).unwrap(), json);
    }

    #[test]
    fn a_mark_that_is_written_with_escapes_is_one() {
        let escaped = r#"{"name":{"\u0070ersonal":"Jane","o\u0066":"c-1"}}"#;
        assert!(Form::Personal.may_be_in(escaped.as_bytes()) && has_plain(escaped.as_bytes()));
    }

    #[test]
    fn what_is_personal_and_unclear_is_refused_and_never_counts_as_sealed() {
        let deep = format!("{}{}{}", "[".repeat(200), r#"{"personal":"Jane","of":"c-1"}"#, "]".repeat(200));
        for (json, unclear) in [
            (r#"{"kind":"phone","of":"c-1","personal":"0123"}"#, UnclearMark::Mixed),
            (r#"{"personal":"Jane","of":"no one"}"#, UnclearMark::Mixed),
            (r#"{"personal":{"a":[{"personal":"x","of":"c-2"}]},"of":"c-1"}"#, UnclearMark::Nested),
            (r#"{"personal":{"sealed":"AQID","of":"c-2"},"of":"c-1"}"#, UnclearMark::Nested),
            (r#"{"personal":"Jane","of":"c-1""#, UnclearMark::NoJson),
            (&deep, UnclearMark::NoJson),
        ] {
            assert_eq!(kept(json), Err(unclear), "{json}");
            assert!(has_plain(json.as_bytes()), "{json}");
        }
    }

    #[test]
    fn what_is_plain_is_told() {
        assert!(has_plain(SAMPLE.as_bytes()));
        assert!(!has_plain(br#"[{"sealed":"AQID","of":"c-2"},{"erased":true,"of":"c-3"},{"personal":1}]"#));
        assert!(!has_plain(br#"{"a":1}"#));
    }
}
