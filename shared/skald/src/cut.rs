//! Text of unknown length, where a person reads it.

use std::borrow::Cow;

/// Most that is shown of a text, in characters.
const MOST_CHARACTERS: usize = 200;

/// The text, cut where it is longer than a person reads; then it says how long it is. What is stored was not always written by a
/// store, so what quotes it in an error, a line or a log cuts it.
///
/// ```
/// assert_eq!(skald::cut("order.placed"), "order.placed");
/// assert!(skald::cut(&"x".repeat(270_000)).ends_with("xxx… (270000 characters)"));
/// ```
#[must_use]
pub fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MOST_CHARACTERS) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}… ({} characters)", &text[..end], text.chars().count())),
    }
}
