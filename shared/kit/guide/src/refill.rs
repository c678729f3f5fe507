//! Refilling the view of loans after the shape of its rows has changed.

use skald::follow::{FollowError, Follower};
use skald::index::CommitIndex;
use skald::message::CommitMessage;
use skald::prelude::*;
use skald::store::EventStore;
use skald::view::{CatchUpError, Projection, ViewStore, catch_up, park};

use crate::loans::Loans;

/// Why the view could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum RefillError {
    /// The commits could not be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// A row could not be brought up to date.
    #[error(transparent)]
    CatchUp(#[from] CatchUpError),
}

/// Brings up to date the row of every loan that has a commit in the index as of `now`.
///
/// # Errors
/// [`RefillError`]. The next call continues with the batch that failed.
pub async fn refill<E: EventStore, V: ViewStore, I: CommitIndex, C: ViewStore>(
    events: &E,
    views: &V,
    follower: &mut Follower<I, C>,
    now: Timestamp,
) -> Result<(), RefillError> {
    loop {
        let batch = follower.next(now).await?;
        if batch.is_empty() {
            return Ok(());
        }
        for key in batch.deliveries.iter().map(|delivery| &delivery.entry.key) {
            if key.stream().category() == Loans::CATEGORY {
                // The message carries no commit, so the events are read from the event store.
                let (stream, last) = (key.stream().clone(), key.first());
                let message = CommitMessage { stream, last, commit: None };
                match catch_up::<Loans, _, _>(events, views, &message).await {
                    Ok(_) => {}
                    // The row waits for another release. The others are filled meanwhile.
                    Err(failure) if failure.error.parks() => {
                        let (stream, reason) = (&message.stream, failure.to_string());
                        park(views, stream, failure.seen, &reason, now).await?;
                    }
                    Err(failure) => return Err(failure.error.into()),
                }
            }
        }
        follower.acknowledge();
    }
}
