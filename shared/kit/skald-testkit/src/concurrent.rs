//! Futures that run at the same time.

use std::future::Future;

use futures_util::future::join_all;

/// Runs all futures at the same time, and returns their results in the order of the futures. The
/// number of futures is fixed by the rule that calls it.
#[expect(clippy::disallowed_methods, reason = "the rules are about callers that compete")]
pub(crate) async fn run_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    join_all(futures).await
}
