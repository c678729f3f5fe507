//! Keeping the rows of a view.
//!
//! Messages may be lost, doubled, reordered or late. Nothing here relies on them: a message says how far a stream has
//! grown, and saves a read if it carries just the commit that is missing. [`catch_up`] is all there is to keeping a row:
//! live delivery, redelivery, repair and rebuild are calls of it.

use crate::{
    Commit, CommitMessage, DecodeError, EventStore, Inapplicable, Parked, Projection, Put, StoreError, StreamId,
    Timestamp, Version, ViewRow, ViewStore, project,
};

/// How often a row is read again because somebody else wrote it meanwhile.
const ATTEMPTS: u32 = 10;

/// What [`catch_up`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaughtUp {
    /// The row is now at this version.
    To(Version),
    /// The row was there already.
    Already,
    /// The row is parked and stays behind until an operator redrives it.
    Parked,
}

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
    /// The message tells of events that the event store does not have. *Permanent.*
    #[error("{stream} ends at version {end}, the message tells of {told}")]
    BeyondTheEnd {
        /// The stream.
        stream: StreamId,
        /// Where it ends.
        end: Version,
        /// What the message told.
        told: Version,
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
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CatchUpError {
    /// Whether the same call can succeed later without anybody's help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Decode { source, .. } => source.is_transient(),
            Self::Store(error) => error.is_transient(),
            Self::Busy { .. } => true,
            Self::Inapplicable { .. } | Self::BeyondTheEnd { .. } | Self::MalformedRow { .. } | Self::Encode { .. } => {
                false
            }
        }
    }
}

/// Brings the row of the message's stream at least to where the message says the stream is.
///
/// If the message carries exactly the next commit, it is applied; if the row is further already, nothing happens; in
/// every other case what is missing is read from the event store. The write is conditional on the row's version, so each
/// event is applied exactly once, however many callers there are.
///
/// # Errors
/// [`CatchUpError`]; the row is unchanged. A permanent one is for [`park`].
pub async fn catch_up<P: Projection, E: EventStore, V: ViewStore>(
    events: &E,
    views: &V,
    message: &CommitMessage,
) -> Result<CaughtUp, CatchUpError> {
    let stream = &message.stream;
    // The commit that starts a stream needs no look at the row: if there is one, the conditional write says so.
    let mut starts = message.commit.as_ref().is_some_and(|commit| commit.first == Version::START.next());
    for _ in 0..ATTEMPTS {
        let stored = if std::mem::take(&mut starts) { None } else { views.get(stream).await? };
        if stored.as_ref().is_some_and(|row| row.parked.is_some()) {
            return Ok(CaughtUp::Parked);
        }
        let version = stored.as_ref().map_or(Version::START, |row| row.version);
        if version >= message.last {
            return Ok(CaughtUp::Already);
        }
        let read;
        let missing = match &message.commit {
            Some(commit) if commit.first == version.next() => std::slice::from_ref(commit),
            Some(_) | None => {
                read = events.read(stream, version).await?;
                read.as_slice()
            }
        };
        let end = missing.last().map_or(version, Commit::last);
        if end < message.last {
            return Err(CatchUpError::BeyondTheEnd { stream: stream.clone(), end, told: message.last });
        }
        let before = match &stored {
            Some(row) => row.decode::<P::Row>(stream)?,
            None => None,
        };
        if let Some(row) = stored_row::<P>(stream, before, missing)?
            && views.put(stream, version, &row).await? == Put::Stored
        {
            return Ok(CaughtUp::To(row.version));
        }
    }
    Err(CatchUpError::Busy { stream: stream.clone() })
}

fn stored_row<P: Projection>(
    stream: &StreamId,
    before: Option<P::Row>,
    commits: &[Commit],
) -> Result<Option<ViewRow>, CatchUpError> {
    let Some(last) = commits.last() else { return Ok(None) };
    let Some(row) = project::<P>(stream, before, commits, |_| true)? else { return Ok(None) };
    let body = serde_json::to_string(&row).map_err(|source| CatchUpError::Encode { stream: stream.clone(), source })?;
    Ok(Some(ViewRow {
        version: last.last(),
        at: last.at,
        body: Some(body),
        listing: P::listing(&row, stream),
        parked: None,
    }))
}

/// Marks the row as parked, for this reason and since `at`, wherever it stands. A row parked already stays as it is.
///
/// # Errors
/// [`CatchUpError::Store`], and [`CatchUpError::Busy`] if others wrote the row all the time.
pub async fn park<V: ViewStore>(views: &V, stream: &StreamId, reason: &str, at: Timestamp) -> Result<(), CatchUpError> {
    for _ in 0..ATTEMPTS {
        let stored = views.get(stream).await?;
        if stored.as_ref().is_some_and(|row| row.parked.is_some()) {
            return Ok(());
        }
        let parked = Some(Parked { reason: reason.to_owned(), at });
        let row = match stored {
            Some(row) => ViewRow { parked, ..row },
            None => ViewRow { version: Version::START, at, body: None, listing: None, parked },
        };
        if views.put(stream, row.version, &row).await? == Put::Stored {
            return Ok(());
        }
    }
    Err(CatchUpError::Busy { stream: stream.clone() })
}

/// Brings a parked row back: folds its whole stream anew and stores the row unparked. One that is not parked stays.
///
/// # Errors
/// As [`catch_up`]; the row stays parked.
pub async fn redrive<P: Projection, E: EventStore, V: ViewStore>(
    events: &E,
    views: &V,
    stream: &StreamId,
) -> Result<CaughtUp, CatchUpError> {
    for _ in 0..ATTEMPTS {
        let Some(parked) = views.get(stream).await?.filter(|row| row.parked.is_some()) else {
            return Ok(CaughtUp::Already);
        };
        let commits = events.read(stream, Version::START).await?;
        let row = stored_row::<P>(stream, None, &commits)?;
        // Parked by news of a stream that has no events: then there is nothing to show.
        let row = row.unwrap_or(ViewRow { version: Version::START, body: None, listing: None, parked: None, ..parked });
        if views.put_over_parked(stream, parked.version, &row).await? == Put::Stored {
            return Ok(CaughtUp::To(row.version));
        }
    }
    Err(CatchUpError::Busy { stream: stream.clone() })
}
