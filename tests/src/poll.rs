//! Waiting for what happens in its own time: by asking, with a deadline.

use std::future::Future;
use std::time::{Duration, Instant};

/// How long a test waits for anything: many times what it takes on a slow machine.
const DEADLINE: Duration = Duration::from_secs(180);
/// How long between two looks.
const INTERVAL: Duration = Duration::from_millis(20);

/// What `look` gives, as soon as it gives something.
///
/// # Panics
/// After three minutes without it, naming `what` did not happen.
#[expect(clippy::disallowed_methods, reason = "a deadline in real time is what this is")]
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(start.elapsed() < DEADLINE, "did not happen within {DEADLINE:?}: {what}");
        tokio::time::sleep(INTERVAL).await;
    }
}
