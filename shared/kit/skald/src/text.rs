//! Text for people: stored text of any length, and errors with their causes.

use std::borrow::Cow;
use std::error::Error;
use std::iter::successors;

/// The number of characters of a text that are shown.
const MAX_CHARACTERS: usize = 200;

/// The text. A long text is replaced by its beginning and its length. Stored text was not always
/// written by a store and may have any length, so errors, printed lines and logs quote it through
/// this function.
///
/// ```
/// assert_eq!(skald::text::cut("order.placed"), "order.placed");
/// assert!(skald::text::cut(&"x".repeat(270_000)).ends_with("xxx… (270000 characters)"));
/// ```
#[must_use]
pub fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_CHARACTERS) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            Cow::Owned(format!("{}… ({} characters)", &text[..end], text.chars().count()))
        }
    }
}

/// The error and its causes in one line, for a log or an operator:
/// `the event store failed: Query: throttled`.
///
/// ```
/// # use skald::handle::HandleError;
/// # use skald::store::StoreError;
/// # use skald::text::with_causes;
/// let throttled = StoreError::Throttled { operation: "Query", source: "too many requests".into() };
/// let error = HandleError::<std::fmt::Error>::Store(throttled);
/// assert_eq!(error.to_string(), "the event store failed");
/// assert_eq!(with_causes(&error), "the event store failed: Query: throttled: too many requests");
/// ```
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let causes = successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
