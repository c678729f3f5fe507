//! Personal values in JSON, found by their marks. Code that stores, opens or shows JSON need not
//! know its type.
//!
//! JSON is changed as text, only at the marks: everything else is preserved byte for byte.

use serde_json::Value;

use crate::json::mark::{Form, Mark, PERSON_MEMBER};
use crate::json::{JsonFault, MAX_READ_LEVELS, Scan};

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
        rewritten.extend_from_slice(&json[copied..mark.object().start]);
        rewritten.extend(change(mark)?);
        copied = mark.object().end;
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
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use skald::personal::reveal;
///
/// let row = br#"[{"$person":"r-17","plain":"Ann"},{"$person":"r-18","erased":true}]"#;
/// assert_eq!(reveal(row)?, json!(["Ann", null]));
/// # Ok::<_, skald::json::JsonFault>(())
/// ```
pub fn reveal(json: &[u8]) -> Result<Value, JsonFault> {
    shown_as(json, |mark| match mark.form {
        Form::Plain => mark.content(json).to_vec(),
        Form::Sealed | Form::Erased => b"null".to_vec(),
    })
}

/// Whether this JSON contains a plain personal value, or cannot be checked for one. No stored JSON
/// may contain one.
///
/// # Examples
///
/// ```
/// use skald::personal::has_plain;
///
/// assert!(has_plain(br#"{"name":{"$person":"r-17","plain":"Ann"}}"#));
/// assert!(!has_plain(br#"{"name":{"$person":"r-17","erased":true}}"#));
/// ```
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

    use base64::Engine;

    use super::*;
    use crate::json::mark::{BASE64, InvalidMark};
    use crate::json::{MAX_EVENT_LEVELS, check};

    const SAMPLE: &str = r#"{
        "name": { "$person": "c-1", "plain": "Jane" },
        "lines": [{ "to": { "sealed": "AQID", "$person": "c-2" } }, { "erased": true, "\u0024person": "c-3" }],
        "personal": { "of": "c-4" }
    }"#;

    #[test]
    fn personal_values_are_found_at_every_level_and_nothing_else_is() {
        let found = marks(SAMPLE.as_bytes()).unwrap();
        let found: Vec<_> = found.iter().map(|mark| (mark.form, mark.person.as_str())).collect();
        assert_eq!(found, [(Form::Plain, "c-1"), (Form::Sealed, "c-2"), (Form::Erased, "c-3")]);
    }

    #[test]
    fn a_reader_with_access_gets_the_bare_value() {
        let shown =
            json!({ "name": "Jane", "lines": [{ "to": null }, null], "personal": { "of": "c-4" } });
        assert_eq!(reveal(SAMPLE.as_bytes()), Ok(shown));
    }

    /// A number that fits no Rust type does not change, nor do whitespace, escapes and everything
    /// else.
    #[test]
    fn json_outside_personal_values_is_preserved_byte_for_byte() {
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
    fn an_invalid_personal_value_is_rejected_and_never_counts_as_sealed() {
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
    fn a_value_that_was_never_sealed_is_not_stored_as_sealed() {
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
    fn plain_values_are_detected() {
        assert!(has_plain(SAMPLE.as_bytes()));
        assert!(!has_plain(
            br#"[{"sealed":"AQID","$person":"c-2"},{"$person":"c-3","erased":true},{"plain":1}]"#
        ));
        assert!(!has_plain(br#"{"a":1}"#));
    }
}
