//! Text of unknown length, where a person reads it.

use std::borrow::Cow;

/// How much of a text is shown at most, in characters.
const MOST_CHARACTERS: usize = 200;

/// The text; if it is long, its beginning and how long it is. Stored text was not always written by
/// a store and may have any length, so errors, printed lines and logs quote it through this
/// function.
///
/// ```
/// assert_eq!(skald::cut("order.placed"), "order.placed");
/// assert!(skald::cut(&"x".repeat(270_000)).ends_with("xxx… (270000 characters)"));
/// ```
#[must_use]
pub fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MOST_CHARACTERS) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            Cow::Owned(format!("{}… ({} characters)", &text[..end], text.chars().count()))
        }
    }
}
