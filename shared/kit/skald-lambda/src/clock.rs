//! The values that the pure crates take as arguments: the time, new ids, and pauses.

use std::time::Duration;

use skald::handle::Pause;
use skald::time::Timestamp;
use uuid::Uuid;

/// First pause, in milliseconds. Each further pause is at most twice as long.
const FIRST_PAUSE_MS: u64 = 10;
/// Longest pause, in milliseconds.
const MAX_PAUSE_MS: u64 = 500;

/// The current time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the other modules take the time from here")]
pub fn now() -> Timestamp {
    // Only a broken clock is outside the years that a timestamp can represent. The time is then
    // that of the epoch, 1970.
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()).unwrap_or(Timestamp::EPOCH)
}

/// A new id, which sorts by time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the other modules take new ids from here")]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

/// Waits in real time: a random part of a limit that doubles, so that writers that conflicted once
/// are unlikely to conflict again.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomPause;

impl Pause for RandomPause {
    fn now(&self, earlier: Timestamp) -> Timestamp {
        now().max(earlier)
    }

    async fn pause(&self, attempt: u32) {
        let bound = FIRST_PAUSE_MS.saturating_mul(1 << attempt.min(16)).min(MAX_PAUSE_MS);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..=bound))).await;
    }
}
