//! Why a sweep did not do all that was due.

use skald::follow::FollowError;
use skald::store::StoreError;

/// Why a sweep did not do all that was due. The next one continues.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The index could not be followed.
    #[error("the index of all commits could not be followed")]
    Follow(#[from] FollowError),
    /// The store of the watch list did not answer.
    #[error("the watch list did not answer")]
    WatchList(#[from] StoreError),
    /// The event store or the state machine did not answer for some sagas. All others were checked.
    #[error("the event store or the state machine did not answer for {sagas} sagas")]
    Unanswered {
        /// How many.
        sagas: u64,
    },
}
