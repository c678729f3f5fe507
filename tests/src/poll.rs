//! Waits for a condition by polling it until a deadline.

use std::future::Future;
use std::time::{Duration, Instant};

/// How long a test waits for a condition: much longer than a slow machine needs.
const DEADLINE: Duration = Duration::from_secs(180);
/// How long to wait between two polls.
const INTERVAL: Duration = Duration::from_millis(20);

/// Calls `poll` until it returns a value, and returns that value.
///
/// # Panics
/// If there is no value after three minutes. The message contains `what`: the condition that was
/// not met.
#[expect(clippy::disallowed_methods, reason = "the deadline is in real time")]
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut poll: impl FnMut() -> F,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = poll().await {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "did not happen within {DEADLINE:?}: {what}");
        tokio::time::sleep(INTERVAL).await;
    }
}
