//! Callers that race each other.

use std::future::Future;

use futures_util::future::join_all;

/// Runs all of these at the same time, and gives their results in their order. A rule says how many
/// race.
#[expect(clippy::disallowed_methods, reason = "who waits for its turn does not race")]
pub(crate) async fn all_at_once<F: Future>(racing: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    join_all(racing).await
}
