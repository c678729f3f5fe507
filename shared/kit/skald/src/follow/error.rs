//! Why a follower cannot continue.

use crate::store::StoreError;

/// Why a follower cannot continue.
///
/// # Examples
///
/// A second run with the same name ends the first:
///
/// ```
/// use skald::follow::{FollowError, Follower};
/// # use skald::follow::FollowOptions;
/// # use skald::index::{CommitIndex, Position};
/// # use skald::memory::{InMemoryCommitIndex, InMemoryEventStore, InMemoryViewStore};
/// # use skald_testkit::NoPause;
/// # use skald_testkit::sample::{Account, AccountCommand, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let noon: Timestamp = "2025-12-01T12:00:00Z".parse()?;
/// # let request = Request::new(id, noon, "example", Actor::new("c-1")?);
/// # let events = InMemoryEventStore::default();
/// # let deposit = AccountCommand::Deposit(5);
/// # Handler::new(&events, NoPause).handle::<Account>(&account("1"), &deposit, &request).await?;
/// # let (index, checkpoints) = (InMemoryCommitIndex::over(&events), InMemoryViewStore::default());
/// # let options = |run: &str| FollowOptions {
/// #     name: "letters".to_owned(),
/// #     run: run.to_owned(),
/// #     from: Position::before(noon, InMemoryCommitIndex::SLICES),
/// #     margin_ms: 5_000,
/// #     overlap_ms: 60_000,
/// #     batch: 100,
/// # };
/// # let later = noon.plus_millis(5_000);
/// let mut one = Follower::resume(index.clone(), checkpoints.clone(), options("one")).await?;
/// let two = Follower::resume(index, checkpoints, options("two")).await?;
/// let error = one.next(later).await.unwrap_err();
/// assert!(matches!(error, FollowError::Taken { .. }) && !error.is_transient());
/// # drop(two);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The name is not valid for a follower, or the starting position belongs to another index.
    #[error("{0}")]
    InvalidOptions(String),
    /// Another run has resumed from the checkpoints, and this one must end.
    #[error("another run has taken over the follower {name}")]
    Taken {
        /// The follower's name.
        name: String,
    },
    /// The stored row is not a checkpoint, or belongs to another index.
    #[error("the row {row} is not a checkpoint for an index of {slices} slices")]
    MalformedCheckpoint {
        /// The key of the row.
        row: String,
        /// The number of slices of the index.
        slices: u8,
    },
    /// The index or the checkpoints did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FollowError {
    /// Whether the same call can succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::InvalidOptions(_) | Self::Taken { .. } | Self::MalformedCheckpoint { .. } => {
                false
            }
        }
    }
}
