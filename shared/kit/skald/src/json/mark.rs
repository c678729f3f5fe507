//! The mark of a personal value in JSON: the member name that no other object may have.
//!
//! The functions that change marked values are in [`personal`](crate::personal).

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine;
pub(crate) use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;

use crate::person::PersonId;

/// The member that only a personal value has: the id of the person it is about.
pub const PERSON_MEMBER: &str = "$person";

/// The first byte of a value that is sealed with AES-256-GCM-SIV. It is followed by the nonce, and
/// by the encrypted value with its tag.
pub(crate) const AES_256_GCM_SIV: u8 = 1;
/// The number of bytes of a nonce.
pub(crate) const NONCE: usize = 12;
/// The number of bytes of the tag at the end of a sealed value.
const TAG: usize = 16;

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
///
/// # Examples
///
/// ```
/// use skald::json::JsonFault;
/// use skald::personal::{InvalidMark, reveal};
///
/// let mixed = br#"{"$person":"r-17","plain":"Ann","title":"Dr"}"#;
/// assert_eq!(reveal(mixed), Err(JsonFault::InvalidMark(InvalidMark::Mixed)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMark {
    /// The member `$person` is not the id of a person.
    #[error("a personal value does not name a person")]
    Person,
    /// The object does not have exactly one member besides `$person`. For example, a
    /// [`Personal`](crate::personal::Personal) was flattened into another object, or is the content
    /// of a tagged variant.
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

/// A member of an object.
pub(crate) struct Member<'a> {
    pub(crate) name: Cow<'a, str>,
    /// The range of the name, including its quotes.
    pub(crate) quoted: Range<usize>,
    /// The range of the value.
    pub(crate) value: Range<usize>,
}

/// The location of a personal value in a text.
#[derive(Debug)]
pub(crate) struct Mark {
    pub(crate) form: Form,
    pub(crate) person: PersonId,
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
                // Even an unknown format has at least this many bytes: without a tag it could not
                // detect changes.
                _ => SHORTEST + TAG,
            };
            (sealed.len() > rest).then_some(())
        };
        if self.form == Form::Sealed { is_seal().ok_or(InvalidMark::Seal) } else { Ok(()) }
    }

    /// The range of the whole value.
    pub(crate) const fn object(&self) -> &Range<usize> {
        &self.object
    }

    /// The whole value, in the text that contains it.
    pub(crate) fn text<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.object.clone()]
    }

    /// The value in another form, with the layout of the text that contains it. `content` is JSON.
    pub(crate) fn in_form(&self, text: &[u8], form: Form, content: &[u8]) -> Vec<u8> {
        let (before, between) =
            (&text[self.object.start..self.name.start], &text[self.name.end..self.content.start]);
        let name = format!("\"{}\"", form.member());
        [before, name.as_bytes(), between, content, &text[self.content.end..self.object.end]]
            .concat()
    }

    /// The JSON of the value's content, in the text that contains it.
    pub(crate) fn content<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.content.clone()]
    }
}
