//! The clock.

use std::time::{SystemTime, UNIX_EPOCH};

use skald::time::Timestamp;

/// The current time.
#[expect(clippy::disallowed_methods, reason = "the other modules take the time from here")]
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis())
        .ok()
        .and_then(|millis| Timestamp::from_millis(millis).ok())
        .unwrap_or(Timestamp::EPOCH)
}
