//! What an error says, together with all that caused it.

use std::error::Error;
use std::iter::successors;

/// The error and its causes in one line, for a log or an operator:
/// `the event store failed: Query: throttled`.
///
/// ```
/// # use skald::{HandleError, StoreError, with_causes};
/// let throttled = StoreError::Throttled { operation: "Query", source: "too many requests".into() };
/// let error = HandleError::<std::fmt::Error>::Store(throttled);
/// assert_eq!(error.to_string(), "the event store failed");
/// assert_eq!(with_causes(&error), "the event store failed: Query: throttled: too many requests");
/// ```
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let causes = successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}
