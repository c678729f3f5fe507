//! Personal values in JSON, found by their marks: whoever stores, opens or shows JSON need not know what it is the JSON of.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::PersonId;

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

    /// A value about this person in this form.
    pub(super) fn of(self, person: &PersonId, content: impl Into<Value>) -> Value {
        json!({ self.mark(): content.into(), "of": person })
    }

    /// Whether there can be such a value in these bytes, told without parsing them.
    pub(super) fn may_be_in(self, json: &[u8]) -> bool {
        let mark = self.mark().as_bytes();
        json.windows(mark.len()).any(|window| window == mark)
    }

    /// The persons with values in this form.
    pub(super) fn persons(self, value: &Value, found: &mut BTreeSet<PersonId>) {
        match value {
            Value::Object(fields) => match marked(fields) {
                Some((form, person)) if form == self => {
                    found.insert(person);
                }
                Some(_) => {}
                None => fields.values().for_each(|field| self.persons(field, found)),
            },
            Value::Array(items) => items.iter().for_each(|item| self.persons(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// The form and the person of a personal value; none if it is anything else.
fn marked(fields: &Map<String, Value>) -> Option<(Form, PersonId)> {
    let person = PersonId::new(fields.get("of")?.as_str()?).ok()?;
    let form = Form::ALL.into_iter().find(|form| fields.contains_key(form.mark()))?;
    (fields.len() == 2).then_some((form, person))
}

/// The JSON with each personal value, whose form, person and content `change` gets, replaced by what `change` makes of it.
pub(super) fn rewrite<E>(
    value: Value,
    change: &mut impl FnMut(Form, &PersonId, Value) -> Result<Value, E>,
) -> Result<Value, E> {
    Ok(match value {
        Value::Object(mut fields) => match marked(&fields) {
            Some((form, person)) => change(form, &person, fields.remove(form.mark()).unwrap_or_default())?,
            None => {
                let fields = fields.into_iter().map(|(name, field)| Ok((name, rewrite(field, change)?)));
                Value::Object(fields.collect::<Result<_, E>>()?)
            }
        },
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| rewrite(item, change)).collect::<Result<_, E>>()?)
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    })
}

/// The JSON as whoever may see it gets it: a plain personal value stands for itself; one that is sealed or erased is `null`.
#[must_use]
pub fn reveal(value: Value) -> Value {
    let shown = rewrite(value, &mut |form, _, content| {
        Ok::<_, std::convert::Infallible>(match form {
            Form::Personal => content,
            Form::Sealed | Form::Erased => Value::Null,
        })
    });
    match shown {
        Ok(value) => value,
    }
}

/// Whether a personal value in this JSON is neither sealed nor erased. Nothing that is stored may have one.
#[must_use]
pub fn has_plain(json: &[u8]) -> bool {
    let mut persons = BTreeSet::new();
    if Form::Personal.may_be_in(json)
        && let Ok(document) = serde_json::from_slice(json)
    {
        Form::Personal.persons(&document, &mut persons);
    }
    !persons.is_empty()
}

/// Whether these are the same JSON, but for how and whether personal values are sealed: the same value is sealed another way
/// in another place.
pub(crate) fn sealed_alike(left: &[u8], right: &[u8]) -> bool {
    let unsealed = |json| {
        let document = serde_json::from_slice(json).ok()?;
        let told = rewrite(document, &mut |form, person, content| {
            Ok::<_, std::convert::Infallible>(match form {
                Form::Personal => Form::Personal.of(person, content),
                Form::Sealed | Form::Erased => Form::Sealed.of(person, Value::Null),
            })
        });
        match told {
            Ok(document) => Some(document),
        }
    };
    unsealed(left).is_some_and(|left| unsealed(right) == Some(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Value {
        json!({
            "name": { "personal": "Jane", "of": "c-1" },
            "lines": [{ "to": { "sealed": "AQID", "of": "c-2" } }, { "of": "c-3", "erased": true }],
            "personal": { "of": "c-4" },
        })
    }

    #[test]
    fn a_personal_value_is_found_wherever_it_stands_and_nothing_is_taken_for_one() {
        for (form, persons) in [(Form::Personal, ["c-1"]), (Form::Sealed, ["c-2"]), (Form::Erased, ["c-3"])] {
            let mut found = BTreeSet::new();
            form.persons(&sample(), &mut found);
            assert_eq!(found.iter().map(PersonId::as_str).collect::<Vec<_>>(), persons, "{form:?}");
            assert!(form.may_be_in(sample().to_string().as_bytes()));
        }
        assert!(!Form::Sealed.may_be_in(br#"{"name":{"personal":"Jane","of":"c-1"}}"#));
    }

    #[test]
    fn whoever_may_see_it_gets_the_bare_value() {
        let shown = json!({ "name": "Jane", "lines": [{ "to": null }, null], "personal": { "of": "c-4" } });
        assert_eq!(reveal(sample()), shown);
    }

    #[test]
    fn what_is_plain_is_told() {
        assert!(has_plain(sample().to_string().as_bytes()));
        assert!(!has_plain(br#"[{"sealed":"AQID","of":"c-2"},{"erased":true,"of":"c-3"},{"personal":1}]"#));
        assert!(!has_plain(b"personal"));
    }
}
