//! Personal values in JSON, found by their marks. Code that stores, opens or shows JSON need not
//! know its type.
//!
//! JSON is changed as text, only at the marks: everything else is preserved byte for byte.

use std::ops::Range;

use base64::Engine;
use serde_json::Value;

use super::PersonId;
use super::key::{AES_256_GCM_SIV, BASE64, NONCE, TAG};
use crate::json::{JsonFault, MAX_READ_LEVELS, Member, Scan};

/// The member that only a personal value has: the id of the person whom it is about.
pub const PERSON_MEMBER: &str = "$person";

/// The number of bytes of the shortest JSON.
const SHORTEST: usize = 1;

/// The form of a personal value in JSON, named after the member besides [`PERSON_MEMBER`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Sealed,
    Erased,
}

impl Form {
    const ALL: [Self; 3] = [Self::Plain, Self::Sealed, Self::Erased];

    const fn member(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Sealed => "sealed",
            Self::Erased => "erased",
        }
    }
}

/// Why an object with the member `$person` is not a valid personal value. Quotes nothing of the
/// object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMark {
    /// The member `$person` is not the id of a person.
    #[error("a personal value does not name a person")]
    Person,
    /// The object does not have exactly one member besides `$person`. For example, a
    /// [`Personal`](super::Personal) was flattened into another object, or is the content of a
    /// tagged variant.
    #[error("a personal value is mixed with other fields")]
    Mixed,
    /// The member besides `$person` is not `plain`, `sealed` or `erased` with valid content.
    #[error("a personal value has an unknown form")]
    Form,
    /// A sealed value that is not base64, or is too short to be sealed.
    #[error("a value marked as sealed was never sealed")]
    Seal,
    /// A personal value inside another one. Each personal value has its own person and key.
    #[error("a personal value is inside another")]
    Nested,
}

/// The location of a personal value in a text.
#[derive(Debug)]
pub(crate) struct Mark {
    pub(super) form: Form,
    pub(super) person: PersonId,
    /// The range of the object.
    object: Range<usize>,
    /// The range of the name of the form, including its quotes.
    name: Range<usize>,
    /// The range of the content of the form.
    content: Range<usize>,
}

impl Mark {
    /// The personal value that an object with these members represents. `None` if it is not one.
    pub(crate) fn of(
        text: &str,
        object: Range<usize>,
        members: &[Member<'_>],
    ) -> Result<Option<Self>, InvalidMark> {
        let Some(of) = members.iter().find(|member| member.name == PERSON_MEMBER) else {
            return Ok(None);
        };
        let person = serde_json::from_str(&text[of.value.clone()]).or(Err(InvalidMark::Person))?;
        let [one, other] = members else { return Err(InvalidMark::Mixed) };
        let said = if one.name == PERSON_MEMBER { other } else { one };
        let (name, content) = (said.quoted.clone(), said.value.clone());
        // A name with escapes does not match: a value that is changed to another form and back must
        // be the same text.
        let is_named = |form: &Form| text[name.clone()] == format!("\"{}\"", form.member());
        let form = Form::ALL.into_iter().find(is_named).ok_or(InvalidMark::Form)?;
        let is_fit = match form {
            Form::Plain => true,
            Form::Sealed => text[content.clone()].starts_with('"'),
            Form::Erased => &text[content.clone()] == "true",
        };
        if is_fit {
            Ok(Some(Self { form, person, object, name, content }))
        } else {
            Err(InvalidMark::Form)
        }
    }

    /// Checks that the value, if it is sealed, has the form of a sealed value. Only its key shows
    /// whether it is genuine.
    pub(crate) fn check(&self, text: &[u8]) -> Result<(), InvalidMark> {
        let is_seal = || {
            let sealed: String = serde_json::from_slice(self.content(text)).ok()?;
            let sealed = BASE64.decode(sealed).ok()?;
            let rest = match sealed.first()? {
                &AES_256_GCM_SIV => NONCE + SHORTEST + TAG,
                // An unknown format is known to have at least this much: without a tag it could not
                // detect changes.
                _ => SHORTEST + TAG,
            };
            (sealed.len() > rest).then_some(())
        };
        if self.form == Form::Sealed { is_seal().ok_or(InvalidMark::Seal) } else { Ok(()) }
    }

    /// The whole value, in the text that contains it.
    pub(super) fn text<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.object.clone()]
    }

    /// The value in another form, with the layout of the text that contains it. `content` is JSON.
    pub(super) fn in_form(&self, text: &[u8], form: Form, content: &[u8]) -> Vec<u8> {
        let (before, between) =
            (&text[self.object.start..self.name.start], &text[self.name.end..self.content.start]);
        let name = format!("\"{}\"", form.member());
        [before, name.as_bytes(), between, content, &text[self.content.end..self.object.end]]
            .concat()
    }

    /// The JSON of the value's content, in the text that contains it.
    pub(super) fn content<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.content.clone()]
    }
}

/// Whether these bytes may contain a personal value, without parsing them. (Its name can be written
/// with escapes.)
fn may_be_marked(json: &[u8]) -> bool {
    let has = |text: &[u8]| json.windows(text.len()).any(|window| window == text);
    has(PERSON_MEMBER.as_bytes()) || has(b"\\u")
}

/// The personal values in this JSON, in order.
pub(super) fn marks(json: &[u8]) -> Result<Vec<Mark>, JsonFault> {
    if may_be_marked(json) { Scan::of(json, MAX_READ_LEVELS) } else { Ok(Vec::new()) }
}

/// The JSON with each personal value replaced by the JSON that `change` returns for it.
pub(super) fn rewritten<E>(
    json: &[u8],
    marks: &[Mark],
    mut change: impl FnMut(&Mark) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    let mut rewritten = Vec::with_capacity(json.len());
    let mut copied = 0;
    for mark in marks {
        rewritten.extend_from_slice(&json[copied..mark.object.start]);
        rewritten.extend(change(mark)?);
        copied = mark.object.end;
    }
    rewritten.extend_from_slice(&json[copied..]);
    Ok(rewritten)
}

/// The parsed JSON with each personal value replaced by the result of `shown`.
fn shown_as(json: &[u8], shown: impl Fn(&Mark) -> Vec<u8>) -> Result<Value, JsonFault> {
    let shown = rewritten(json, &marks(json)?, |mark| Ok::<_, JsonFault>(shown(mark)))?;
    serde_json::from_slice(&shown).or(Err(JsonFault::NotJson))
}

/// The JSON for a reader with access to it: a plain personal value is replaced by its content, and
/// a sealed or erased one by `null`.
///
/// # Errors
/// [`JsonFault`] if the JSON cannot be read, or contains an invalid personal value.
pub fn reveal(json: &[u8]) -> Result<Value, JsonFault> {
    shown_as(json, |mark| match mark.form {
        Form::Plain => mark.content(json).to_vec(),
        Form::Sealed | Form::Erased => b"null".to_vec(),
    })
}

/// Whether this JSON contains a plain personal value, or cannot be checked for one. No stored JSON
/// may contain one.
#[must_use]
pub fn has_plain(json: &[u8]) -> bool {
    marks(json).map_or(true, |marks| marks.iter().any(|mark| mark.form == Form::Plain))
}

/// Whether these are the same JSON, apart from whether and how personal values are sealed. The same
/// value is sealed differently in different places.
pub(crate) fn sealed_alike(left: &[u8], right: &[u8]) -> bool {
    let unsealed = |json| {
        let shown = shown_as(json, |mark| match mark.form {
            Form::Plain => mark.text(json).to_vec(),
            Form::Sealed | Form::Erased => mark.in_form(json, Form::Sealed, b"null"),
        });
        shown.ok()
    };
    unsealed(left).is_some_and(|left| unsealed(right) == Some(left))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::json::{MAX_EVENT_LEVELS, check};

    const SAMPLE: &str = r#"{
        "name": { "$person": "c-1", "plain": "Jane" },
        "lines": [{ "to": { "sealed": "AQID", "$person": "c-2" } }, { "erased": true, "\u0024person": "c-3" }],
        "personal": { "of": "c-4" }
    }"#;

    #[test]
    fn a_personal_value_is_found_wherever_it_stands_and_nothing_is_taken_for_one() {
        let found = marks(SAMPLE.as_bytes()).unwrap();
        let found: Vec<_> = found.iter().map(|mark| (mark.form, mark.person.as_str())).collect();
        assert_eq!(found, [(Form::Plain, "c-1"), (Form::Sealed, "c-2"), (Form::Erased, "c-3")]);
    }

    #[test]
    fn a_reader_who_may_see_it_gets_the_bare_value() {
        let shown =
            json!({ "name": "Jane", "lines": [{ "to": null }, null], "personal": { "of": "c-4" } });
        assert_eq!(reveal(SAMPLE.as_bytes()), Ok(shown));
    }

    /// A number that fits no Rust type does not change, nor do whitespace, escapes and everything
    /// else.
    #[test]
    fn what_is_not_personal_stays_as_it_was_written() {
        let json = r#"{ "z":18446744073709551616,"\u0061" : [1.10, -0,"\u00e4\n"],"of":[],"e":{ },"n":{ "plain" : {"x" :1} , "$person" :"c-1"} }"#;
        let found = marks(json.as_bytes()).unwrap();
        let kept = rewritten(json.as_bytes(), &found, |mark| {
            Ok::<_, JsonFault>(mark.in_form(
                json.as_bytes(),
                mark.form,
                mark.content(json.as_bytes()),
            ))
        });
        assert_eq!(String::from_utf8(kept.unwrap()).unwrap(), json);
    }

    /// The names that are reserved in a mark may be used freely elsewhere.
    #[test]
    fn only_one_name_is_reserved() {
        for json in [
            r#"{"sealed":true,"of":"c-1"}"#,
            r#"{"personal":"Jane","of":"c-1"}"#,
            r#"{"erased":true,"plain":1,"person":"c-1","$Person":"c-1"}"#,
            r#"["$person",{"a":"$person"}]"#,
        ] {
            assert_eq!(check(json.as_bytes(), MAX_EVENT_LEVELS), Ok(()), "{json}");
            assert!(
                marks(json.as_bytes()).unwrap().is_empty() && !has_plain(json.as_bytes()),
                "{json}"
            );
        }
    }

    #[test]
    fn what_is_personal_and_unclear_is_refused_and_never_counts_as_sealed() {
        for (json, unclear) in [
            (r#"{"kind":"phone","$person":"c-1","plain":"0123"}"#, InvalidMark::Mixed),
            (r#"{"$person":"c-1"}"#, InvalidMark::Mixed),
            (r#"{"$person":"c-1","plain":1,"sealed":"AQID"}"#, InvalidMark::Mixed),
            (r#"{"$person":"no one","plain":"Jane"}"#, InvalidMark::Person),
            (r#"{"$person":{"of":"c-1"}}"#, InvalidMark::Person),
            (r#"[{"$person":null,"plain":"Jane"}]"#, InvalidMark::Person),
            (r#"{"$person":"c-1","personal":"Jane"}"#, InvalidMark::Form),
            (r#"{"$person":"c-1","sealed":true}"#, InvalidMark::Form),
            (r#"{"$person":"c-1","pl\u0061in":"Jane"}"#, InvalidMark::Form),
            (r#"{"$person":"c-1","erased":false}"#, InvalidMark::Form),
            (
                r#"{"$person":"c-1","plain":{"a":[{"$person":"c-2","plain":"x"}]}}"#,
                InvalidMark::Nested,
            ),
            (r#"{"plain":{"sealed":"AQID","$person":"c-2"},"$person":"c-1"}"#, InvalidMark::Nested),
        ] {
            assert_eq!(
                check(json.as_bytes(), MAX_EVENT_LEVELS),
                Err(JsonFault::InvalidMark(unclear)),
                "{json}"
            );
            assert!(reveal(json.as_bytes()).is_err() && has_plain(json.as_bytes()), "{json}");
        }
        let deep = format!(
            "{}{}{}",
            "[".repeat(200),
            r#"{"$person":"c-1","plain":"Jane"}"#,
            "]".repeat(200)
        );
        for json in [r#"{"$person":"c-1","plain":"Jane""#, &deep] {
            assert!(reveal(json.as_bytes()).is_err() && has_plain(json.as_bytes()), "{json}");
        }
    }

    #[test]
    fn what_was_never_sealed_is_not_stored_as_sealed() {
        let check = |sealed: &str| {
            let json = format!(r#"{{"$person":"c-1","sealed":"{sealed}"}}"#);
            check(json.as_bytes(), MAX_EVENT_LEVELS)
        };
        let of = |version: u8, rest: usize| {
            BASE64.encode([&[version], vec![7; rest].as_slice()].concat())
        };
        for sealed in [of(1, 29), of(1, 500), of(2, 17), of(255, 29)] {
            assert_eq!(check(&sealed), Ok(()), "{sealed}");
        }
        for sealed in [
            String::new(),
            "AQID".into(),
            "no base64!".into(),
            of(1, 28),
            of(2, 16),
            of(1, 29) + "=",
        ] {
            assert_eq!(check(&sealed), Err(InvalidMark::Seal.into()), "{sealed}");
        }
    }

    #[test]
    fn what_is_plain_is_told() {
        assert!(has_plain(SAMPLE.as_bytes()));
        assert!(!has_plain(
            br#"[{"sealed":"AQID","$person":"c-2"},{"$person":"c-3","erased":true},{"plain":1}]"#
        ));
        assert!(!has_plain(br#"{"a":1}"#));
    }
}
