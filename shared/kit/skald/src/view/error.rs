//! Why a row could not be brought up to date, and at which version.

use std::error::Error;
use std::fmt;

use crate::event::DecodeError;
use crate::store::StoreError;
use crate::stream::{StreamId, Version};

/// How often a row is read again because another caller has written it meanwhile.
pub(super) const ATTEMPTS: u32 = 10;

/// An event that cannot occur at its position in the stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} at version {version} cannot be applied: {reason}", crate::text::cut(event_type))]
pub struct Inapplicable {
    /// The stored name.
    pub event_type: String,
    /// The event's position.
    pub version: Version,
    /// Why the event cannot occur there.
    pub reason: &'static str,
}

/// Why a row could not be brought up to date.
///
/// # Examples
///
/// ```
/// use skald::view::{CatchUpError, ViewRow};
/// use skald_testkit::sample::{Statement, account};
///
/// let row = ViewRow {
///     version: skald::stream::Version::new(1),
///     at: skald::time::Timestamp::EPOCH,
///     body: Some("{}".to_owned()),
///     listing: None, worklist: None,
///     parked: None,
/// };
/// let error = row.decode::<Statement>(&account("1")).unwrap_err();
/// assert!(matches!(error, CatchUpError::MalformedRow { .. }));
/// // A later message does not repair the row: it is parked, and an operator redrives it.
/// assert!(!error.is_transient() && error.parks());
/// ```
#[derive(Debug, thiserror::Error)]
pub enum CatchUpError {
    /// A stored event cannot be decoded.
    #[error("{stream}: an event cannot be read")]
    Decode {
        /// The stream.
        stream: StreamId,
        /// The event, and the reason.
        source: DecodeError,
    },
    /// An event cannot occur at its position. *Permanent.*
    #[error("{stream}: {source}")]
    Inapplicable {
        /// The stream.
        stream: StreamId,
        /// The event, and the reason.
        source: Inapplicable,
    },
    /// The message announces events that the event store does not have. *Permanent*, and the
    /// message's own fault: the row is at the end of the stream and must not be parked.
    #[error("{stream} ends at version {end}, but the message announces version {announced}")]
    BeyondTheEnd {
        /// The stream.
        stream: StreamId,
        /// The version at the end of the stream.
        end: Version,
        /// The version that the message announced.
        announced: Version,
    },
    /// The stored row does not have the shape that this release stores. *Permanent.*
    #[error("the row of {stream} is malformed at byte {column}")]
    MalformedRow {
        /// The stream.
        stream: StreamId,
        /// The first byte of the JSON that does not match the shape.
        column: usize,
    },
    /// The row cannot be written as JSON. *Permanent.*
    #[error("the row of {stream} cannot be stored")]
    Encode {
        /// The stream.
        stream: StreamId,
        /// The reason.
        source: serde_json::Error,
    },
    /// Other callers wrote the row at every attempt. *Transient.*
    #[error("other callers wrote the row of {stream} at each of {ATTEMPTS} attempts")]
    Busy {
        /// The stream.
        stream: StreamId,
    },
    /// Other callers moved the row on from the version at which it was to be parked. *Transient*:
    /// the cause may be fixed.
    #[error("the row of {stream} is no longer at version {seen}")]
    Moved {
        /// The stream.
        stream: StreamId,
        /// The row's version at the failure.
        seen: Version,
    },
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CatchUpError {
    /// Whether the row is to be parked: the failure is permanent, and it comes from the event store
    /// or the row. A message alone never parks a row.
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

    /// Whether the same call can succeed later without an operator's action.
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

/// A row that could not be brought up to date, and its version.
///
/// # Examples
///
/// A message that announces events which the event store does not have:
///
/// ```
/// use skald::memory::{InMemoryEventStore, InMemoryViewStore};
/// use skald::message::CommitMessage;
/// use skald::stream::Version;
/// use skald::view::{CatchUpError, catch_up};
/// use skald_testkit::sample::{Statements, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (events, views) = (InMemoryEventStore::default(), InMemoryViewStore::default());
/// let message = CommitMessage { stream: account("1"), last: Version::new(7), commit: None };
/// let failure = catch_up::<Statements, _, _>(&events, &views, &message).await.unwrap_err();
/// assert!(matches!(failure.error, CatchUpError::BeyondTheEnd { .. }));
/// // The message is wrong, not the row: the message is a dead letter, and the row is not parked.
/// assert!(!failure.error.is_transient() && !failure.error.parks());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CatchUpFailure {
    /// The version of the row at the failure, for [`park`](crate::view::park). `None` if the row
    /// was not read.
    pub seen: Option<Version>,
    /// The failure.
    pub error: CatchUpError,
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
