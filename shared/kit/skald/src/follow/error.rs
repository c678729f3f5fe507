//! Why a follower cannot continue.

use crate::store::StoreError;

/// Why a follower cannot continue.
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
