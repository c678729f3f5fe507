//! The port to the rows of a view.

use std::future::Future;

use serde::de::DeserializeOwned;

use crate::json::{self, JsonFault, MAX_STATE_LEVELS};
use crate::{CatchUpError, StoreError, StreamId, Timestamp, Version};

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

/// A row that no store takes, since not every reader could read it back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowRefusal {
    /// Its body is no JSON that may be stored. It may have [`MAX_STATE_LEVELS`] of nesting.
    #[error("its body: {0}")]
    Json(#[from] JsonFault),
}

impl RowRefusal {
    /// Checks what needs no store to be checked.
    fn check(row: &ViewRow) -> Result<(), Self> {
        row.body.iter().try_for_each(|body| Ok(json::check(body.as_bytes(), MAX_STATE_LEVELS)?))
    }
}

impl ViewRow {
    /// Checks that every reader can read the row back. For stores, before they write.
    ///
    /// # Errors
    /// [`StoreError::RowRefused`] with the first rule that is broken.
    pub fn check(&self, stream: &StreamId) -> Result<(), StoreError> {
        RowRefusal::check(self).map_err(|refusal| StoreError::RowRefused { key: stream.key(), refusal })
    }

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
    /// How many messages came since. A [`redrive`](crate::redrive) that has not seen what they told of is stale.
    pub missed: u64,
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

    /// Stores the row, if the stored one is still the parked one that was read: at its version, parked, and with its count of
    /// missed messages. For [`redrive`](crate::redrive), after the cause is mended.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
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
