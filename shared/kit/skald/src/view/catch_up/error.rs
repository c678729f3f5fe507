//! Why a row could not be kept, and where it stood.

use std::error::Error;
use std::fmt;

use super::ATTEMPTS;
use crate::event::DecodeError;
use crate::store::StoreError;
use crate::stream::{StreamId, Version};
use crate::view::{Inapplicable, ViewRow};

/// Why a row could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum CatchUpError {
    /// A stored event cannot be read.
    #[error("{stream}: an event cannot be read")]
    Decode {
        /// The stream.
        stream: StreamId,
        /// Which event, and why.
        source: DecodeError,
    },
    /// An event cannot come at its place. *Permanent.*
    #[error("{stream}: {source}")]
    Inapplicable {
        /// The stream.
        stream: StreamId,
        /// Which event, and why.
        source: Inapplicable,
    },
    /// The message announces events that the event store does not have. *Permanent*, and the
    /// message's own fault: the row is at the end of the stream and must not be parked.
    #[error("{stream} ends at version {end}, the message tells of {announced}")]
    BeyondTheEnd {
        /// The stream.
        stream: StreamId,
        /// Where it ends.
        end: Version,
        /// What the message told.
        announced: Version,
    },
    /// The stored row is not what this release stores. *Permanent.*
    #[error("the row of {stream} is malformed at byte {column}")]
    MalformedRow {
        /// The stream.
        stream: StreamId,
        /// Where its JSON stops being a row.
        column: usize,
    },
    /// The row cannot be written as JSON. *Permanent.*
    #[error("the row of {stream} cannot be stored")]
    Encode {
        /// The stream.
        stream: StreamId,
        /// Why not.
        source: serde_json::Error,
    },
    /// Others wrote the row all the time. *Transient.*
    #[error("the row of {stream} was written by others {ATTEMPTS} times in a row")]
    Busy {
        /// The stream.
        stream: StreamId,
    },
    /// Others took the row on from where it was to be parked. *Transient*: what was wrong may be
    /// mended.
    #[error("the row of {stream} does not stand at version {seen} any more")]
    Moved {
        /// The stream.
        stream: StreamId,
        /// Where it stood.
        seen: Version,
    },
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CatchUpError {
    /// Whether the row is to be parked: the failure is permanent, and the event store or the row
    /// shows it. A message alone parks nothing.
    #[must_use]
    pub fn parks(&self) -> bool {
        match self {
            Self::BeyondTheEnd { .. } => false,
            Self::Decode { .. }
            | Self::Inapplicable { .. }
            | Self::MalformedRow { .. }
            | Self::Encode { .. }
            | Self::Busy { .. }
            | Self::Moved { .. }
            | Self::Store(_) => !self.is_transient(),
        }
    }

    /// Whether the same call can succeed later without anybody's help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Decode { source, .. } => source.is_transient(),
            Self::Store(error) => error.is_transient(),
            Self::Busy { .. } | Self::Moved { .. } => true,
            Self::Inapplicable { .. }
            | Self::BeyondTheEnd { .. }
            | Self::MalformedRow { .. }
            | Self::Encode { .. } => false,
        }
    }
}

/// A row that could not be brought up to date, and where it stood.
#[derive(Debug)]
pub struct CatchUpFailure {
    /// The version of the row at which the failure was seen. `None` if the row was not seen. For
    /// [`park`].
    pub seen: Option<Version>,
    /// Why it could not be brought up to date.
    pub error: CatchUpError,
}

impl CatchUpFailure {
    pub(super) fn at(stored: Option<&ViewRow>, error: impl Into<CatchUpError>) -> Self {
        Self { seen: Some(stored.map_or(Version::START, |row| row.version)), error: error.into() }
    }
}

impl fmt::Display for CatchUpFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for CatchUpFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl From<StoreError> for CatchUpFailure {
    fn from(error: StoreError) -> Self {
        Self { seen: None, error: error.into() }
    }
}
