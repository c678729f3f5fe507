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
///
/// # Examples
///
/// ```
/// use skald::time::Timestamp;
/// use skald_lambda::clock;
///
/// let kept_for_s = 60;
/// let expires = clock::now().plus_millis(kept_for_s * 1_000);
/// assert!(expires > clock::now() && expires < Timestamp::LAST);
/// ```
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the other modules take the time from here")]
pub fn now() -> Timestamp {
    // Only a broken clock is outside the years that a timestamp can represent. The time is then
    // that of the epoch, 1970.
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()).unwrap_or(Timestamp::EPOCH)
}

/// A new id, which sorts by time.
///
/// # Examples
///
/// ```
/// use skald_lambda::clock;
///
/// let (first, second) = (clock::new_id(), clock::new_id());
/// assert!(first < second, "later ids are greater");
/// ```
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the other modules take new ids from here")]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

/// Waits in real time: a random part of a limit that doubles, so that writers that conflicted once
/// are unlikely to conflict again.
///
/// # Examples
///
/// ```
/// use skald::handle::Handler;
/// use skald::memory::InMemoryEventStore;
/// use skald_lambda::clock::RandomPause;
/// use skald_testkit::faulty::{Fault, Faulty, Plan};
/// use skald_testkit::sample::{Account, AccountCommand, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let store = InMemoryEventStore::default();
/// // Another transaction prevents the first attempt.
/// let contended = Faulty::new(&store, Plan::script([Some(Fault::Contended)]));
/// let handler = Handler::new(&contended, RandomPause);
/// let deposit = AccountCommand::Deposit(5);
/// let handled = handler.handle::<Account>(&account("1"), &deposit, &request).await?;
/// assert!(handled.created());
/// # Ok(())
/// # }
/// ```
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
