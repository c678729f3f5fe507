//! A single pass through JSON that checks it and finds the personal values in it.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::value::RawValue;

use super::mark::{InvalidMark, Mark, Member};

/// The maximum number of levels of nesting in the data of an event. A number or a text has one
/// level; an array or an object has one level more than its content.
pub const MAX_EVENT_LEVELS: usize = 64;

/// The maximum number of levels of nesting in the state of a snapshot and in the row of a view. It
/// exceeds [`MAX_EVENT_LEVELS`], so that they can contain the data of events. It is less than the
/// 128 levels that `serde_json` reads (most readers allow more), so that messages and answers can
/// wrap them.
pub const MAX_STATE_LEVELS: usize = 96;

/// The maximum number of levels of nesting that are read: the limit of `serde_json`.
pub(crate) const MAX_READ_LEVELS: usize = 128;

/// Numbers of fewer characters and without an exponent are in the range of every reader.
const SHORT_NUMBER: usize = 300;

/// Why JSON may not be stored. Quotes nothing of the JSON.
///
/// # Examples
///
/// ```
/// use skald::event::EventData;
/// use skald::json::JsonFault;
/// use skald::memory::InMemoryEventStore;
/// use skald::store::{AppendError, EventStore, InvalidAppend};
/// use skald_testkit::sample::account;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let data = br#"{"to":"ann","to":"bob"}"#.to_vec();
/// let event = EventData { event_type: "book.lent".to_owned(), schema: 1, data };
/// let store = InMemoryEventStore::default();
/// let invalid = store.append(&store.start(account("1")), request.draft(vec![event], None)).await;
/// assert!(matches!(
///     invalid,
///     Err(AppendError::Invalid(InvalidAppend::Json { fault: JsonFault::NamedTwice, .. }))
/// ));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// The text is not exactly one JSON value in UTF-8, or has whitespace around it.
    #[error("it is not exactly one JSON value, or has space around it")]
    NotJson,
    /// The value is nested too deeply.
    #[error("it is nested more than {max_levels} levels deep")]
    TooDeep {
        /// The number of levels that the value may have.
        max_levels: usize,
    },
    /// A number that is out of the range of a 64-bit floating-point number, such as `1e400`.
    #[error("a number is out of range for some readers")]
    Number,
    /// A string with an escape that is not a character, such as `\ud800`.
    #[error("a string has an escape that is not a character")]
    Text,
    /// An object with two members of the same name: readers differ in which of them they use.
    #[error("an object has two members with the same name")]
    NamedTwice,
    /// A member with the name that is reserved for personal values, in an object that is not a
    /// valid personal value.
    #[error(transparent)]
    InvalidMark(#[from] InvalidMark),
}

/// Checks that this text may be stored, with at most `max_levels` levels.
///
/// # Errors
/// The first [`JsonFault`].
pub(crate) fn check(text: &[u8], max_levels: usize) -> Result<(), JsonFault> {
    Scan::of(text, max_levels)?.iter().try_for_each(|mark| Ok(mark.check(text)?))
}

/// The bytes as a JSON value, without a check that it may be stored. `None` if they are not exactly
/// one JSON value.
pub(crate) fn raw(text: &[u8]) -> Option<&RawValue> {
    // The parser skips whitespace around a value.
    serde_json::from_slice::<&RawValue>(text).ok().filter(|json| json.get().len() == text.len())
}

/// A single pass through a text that is valid JSON.
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
    max_levels: usize,
    marks: Vec<Mark>,
}

impl<'a> Scan<'a> {
    /// The personal values in a text with at most `max_levels` levels, in order.
    pub(crate) fn of(text: &'a [u8], max_levels: usize) -> Result<Vec<Mark>, JsonFault> {
        let text = raw(text).ok_or(JsonFault::NotJson)?.get();
        let mut scan = Self { text, at: 0, max_levels, marks: Vec::new() };
        scan.value(max_levels)?;
        Ok(scan.marks)
    }

    /// The next byte that is not whitespace. The text is known to be JSON, so wherever this
    /// function is called there is one.
    fn next(&mut self) -> u8 {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    /// Consumes the next byte that is not whitespace, if it equals `byte`.
    fn takes(&mut self, byte: u8) -> bool {
        let takes = self.next() == byte;
        self.at += usize::from(takes);
        takes
    }

    /// Passes a value with at most `levels` levels, and returns its range.
    fn value(&mut self, levels: usize) -> Result<Range<usize>, JsonFault> {
        let levels =
            levels.checked_sub(1).ok_or(JsonFault::TooDeep { max_levels: self.max_levels })?;
        let first = self.next();
        let start = self.at;
        match first {
            b'{' => self.object(levels)?,
            b'[' => self.list(levels)?,
            b'"' => drop(self.string()?),
            _ => self.scalar()?,
        }
        Ok(start..self.at)
    }

    fn list(&mut self, levels: usize) -> Result<(), JsonFault> {
        self.at += 1;
        while !self.takes(b']') {
            self.value(levels)?;
            self.takes(b',');
        }
        Ok(())
    }

    fn object(&mut self, levels: usize) -> Result<(), JsonFault> {
        let (start, marks) = (self.at, self.marks.len());
        let mut members = Vec::new();
        self.at += 1;
        while !self.takes(b'}') {
            self.next();
            let start = self.at;
            let name = self.string()?;
            let quoted = start..self.at;
            self.takes(b':');
            let value = self.value(levels)?;
            members.push(Member { name, quoted, value });
            self.takes(b',');
        }
        if let Some(mark) = Mark::of(self.text, start..self.at, &members)? {
            // Each personal value has its own person and key.
            if self.marks.len() > marks {
                return Err(InvalidMark::Nested.into());
            }
            self.marks.push(mark);
        }
        members.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        if members.windows(2).any(|pair| pair[0].name == pair[1].name) {
            Err(JsonFault::NamedTwice)
        } else {
            Ok(())
        }
    }

    /// Passes the string that begins here, and returns its content.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonFault> {
        let rest = &self.text[self.at + 1..];
        let (mut end, mut is_escaped) = (0, false);
        for byte in rest.bytes() {
            match byte {
                b'"' if !is_escaped => break,
                b'\\' => is_escaped = !is_escaped,
                _ => is_escaped = false,
            }
            end += 1;
        }
        let quoted = &self.text[self.at..self.at + end + 2];
        self.at += quoted.len();
        let inside = &rest[..end];
        if inside.contains('\\') {
            serde_json::from_str(quoted).map(Cow::Owned).or(Err(JsonFault::Text))
        } else {
            Ok(Cow::Borrowed(inside))
        }
    }

    /// Passes a number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Result<(), JsonFault> {
        let is_over = |byte: &u8| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace();
        let rest = &self.text[self.at..];
        let scalar = &rest[..rest.as_bytes().iter().position(is_over).unwrap_or(rest.len())];
        self.at += scalar.len();
        let is_number = scalar.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        let may_be_large = scalar.len() >= SHORT_NUMBER || scalar.contains(['e', 'E']);
        if is_number && may_be_large && serde_json::from_str::<f64>(scalar).is_err() {
            return Err(JsonFault::Number);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<(), JsonFault> {
        check(text.as_bytes(), MAX_EVENT_LEVELS)
    }

    #[test]
    fn json_that_every_reader_understands_may_be_stored() {
        for text in [
            "null",
            "-0",
            "[]",
            "{}",
            r#""""#,
            r#""a\\""#,
            r#"{"a":[1.10,-0,1e308,18446744073709551616,122.416294033786585],"A":{ "a" : true , "":"" }}"#,
            r#"["\ud83d\ude00","\u0000\/","{\"a\":[","]"]"#,
            "[1 ,\t2\r\n, [ ] ]",
        ] {
            assert_eq!(checked(text), Ok(()), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn json_that_readers_reject_or_interpret_differently_is_a_fault() {
        for (text, fault) in [
            ("", JsonFault::NotJson),
            (" 1", JsonFault::NotJson),
            ("1\n", JsonFault::NotJson),
            ("{", JsonFault::NotJson),
            ("01", JsonFault::NotJson),
            ("NaN", JsonFault::NotJson),
            ("[1,]", JsonFault::NotJson),
            ("\"\u{1}\"", JsonFault::NotJson),
            ("[1e400]", JsonFault::Number),
            (r#"{"a":-1E999}"#, JsonFault::Number),
            (r#"["\ud800"]"#, JsonFault::Text),
            (r#"{"\udc00\ud800":1}"#, JsonFault::Text),
            (r#"{"a":1,"b":{},"a":1}"#, JsonFault::NamedTwice),
            (r#"[{"a":1,"\u0061":1}]"#, JsonFault::NamedTwice),
        ] {
            assert_eq!(checked(text), Err(fault), "{text}");
        }
        let many = format!("[{}]", "9".repeat(400));
        assert_eq!(checked(&many), Err(JsonFault::Number));
        assert_eq!(check(b"\"\xe9\"", MAX_EVENT_LEVELS), Err(JsonFault::NotJson));
    }

    #[test]
    fn nesting_is_limited() {
        for max_levels in [MAX_EVENT_LEVELS, MAX_STATE_LEVELS] {
            let nested =
                |levels: usize| format!("{}1{}", "[".repeat(levels - 1), "]".repeat(levels - 1));
            assert_eq!(check(nested(max_levels).as_bytes(), max_levels), Ok(()));
            for levels in [max_levels + 1, 127, 10_000, 300_000] {
                assert_eq!(
                    check(nested(levels).as_bytes(), max_levels),
                    Err(JsonFault::TooDeep { max_levels }),
                    "{levels}"
                );
            }
        }
    }
}
