//! Projections: from a stream to one row of a view.
//!
//! Messages may be lost, doubled, reordered or late. Nothing here relies on them: a message says how far a stream has
//! grown, and saves a read if it carries just the commit that is missing. [`catch_up`] is all there is to keeping a row:
//! live delivery, redelivery, repair and rebuild are calls of it.

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{
    Category, Commit, CommitMessage, DecodeError, DomainEvent, Envelope, EventStore, StoreError, StreamId, Timestamp,
    Version,
};

/// How often a row is read again because somebody else wrote it meanwhile.
const ATTEMPTS: u32 = 10;

/// A view with one row per stream: a pure fold over the stream's envelopes.
pub trait Projection {
    /// The category of the streams it follows.
    const CATEGORY: &'static Category;
    /// The events of that category.
    type Event: DomainEvent;
    /// The row, stored as JSON.
    type Row: Serialize + DeserializeOwned + Send + Sync;

    /// The row after this event; `row` is none before the first.
    ///
    /// # Errors
    /// [`Inapplicable`] if no rule-abiding stream has this event here. *Permanent*: the row is parked.
    fn apply(row: Option<Self::Row>, event: &Envelope<Self::Event>) -> Result<Self::Row, Inapplicable>;

    /// Where the row is listed, if it is: fixed by the stream's first event.
    fn listing(row: &Self::Row, stream: &StreamId) -> Option<Listing>;
}

/// An event that cannot come at this place of its stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event_type} at version {version} cannot be applied: {reason}")]
pub struct Inapplicable {
    /// The stored name.
    pub event_type: String,
    /// Its position.
    pub version: Version,
    /// Why not.
    pub reason: &'static str,
}

/// A place in a list of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The list, unique over all tenants.
    pub group: String,
    /// The place in it; sorts as text. Entries that share a place come in any order.
    pub sort: String,
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// The row's stream.
    pub stream: StreamId,
    /// Its place in the list.
    pub sort: String,
}

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewRow {
    /// The last event in it.
    pub version: Version,
    /// When that event was recorded; of a row parked before its first event, when it was parked.
    pub at: Timestamp,
    /// The row as JSON; none if it was parked before its first event.
    pub body: Option<String>,
    /// Where it is listed.
    pub listing: Option<Listing>,
    /// Set while the stream cannot be applied.
    pub parked: Option<Parked>,
}

impl ViewRow {
    /// The row, typed.
    ///
    /// # Errors
    /// [`CatchUpError::MalformedRow`] if the stored JSON is no `R`.
    pub fn decode<R: DeserializeOwned>(&self, stream: &StreamId) -> Result<Option<R>, CatchUpError> {
        let decoded = self.body.as_deref().map(serde_json::from_str).transpose();
        decoded.map_err(|error| CatchUpError::MalformedRow { stream: stream.clone(), column: error.column() })
    }
}

/// Why and since when a row stands still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// What cannot be applied, for the operator.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// Keeps the rows of one view. The port to a table.
pub trait ViewStore: Sync {
    /// The row of this stream as of now (strongly consistent).
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer or the row is none.
    fn get(&self, stream: &StreamId) -> impl Future<Output = Result<Option<ViewRow>, StoreError>> + Send;

    /// The rows of these streams, in their order; those that exist, perhaps not as of now (eventually consistent).
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn get_many(
        &self,
        streams: &[StreamId],
    ) -> impl Future<Output = Result<Vec<(StreamId, ViewRow)>, StoreError>> + Send;

    /// Stores the row, if the stored one is still at `expected` and not parked; at [`Version::START`] also if there is
    /// none. So nobody writes over a parked row who has not seen that it is parked.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn put(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> impl Future<Output = Result<Put, StoreError>> + Send;

    /// Stores the row, if the stored one is still at `expected` and parked. For [`redrive`], after the cause is mended.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn put_over_parked(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> impl Future<Output = Result<Put, StoreError>> + Send;

    /// At most `limit` entries of a list, last place first, from before the entry `before` on. Pages that start where the
    /// one before ended have every entry once, even those that share a place.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn list(
        &self,
        group: &str,
        before: Option<&ListEntry>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<ListEntry>, StoreError>> + Send;
}

/// What became of a [`ViewStore::put`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The row is stored.
    Stored,
    /// Somebody else has written or parked the row since it was read; nothing was stored.
    Stale,
}

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

/// The row after those events of these commits that `wanted` lets through; it is asked in order, until it says no.
///
/// # Errors
/// [`CatchUpError::Decode`] or [`CatchUpError::Inapplicable`].
pub fn project<P: Projection>(
    stream: &StreamId,
    mut row: Option<P::Row>,
    commits: &[Commit],
    wanted: impl Fn(&Envelope<P::Event>) -> bool,
) -> Result<Option<P::Row>, CatchUpError> {
    for commit in commits {
        for envelope in commit.envelopes::<P::Event>() {
            let envelope = envelope.map_err(|source| CatchUpError::Decode { stream: stream.clone(), source })?;
            if !wanted(&envelope) {
                return Ok(row);
            }
            let applied = P::apply(row, &envelope);
            row = Some(applied.map_err(|source| CatchUpError::Inapplicable { stream: stream.clone(), source })?);
        }
    }
    Ok(row)
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
