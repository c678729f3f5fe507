//! The port to the rows of a view.

use std::future::Future;

use serde::de::DeserializeOwned;

use crate::index::MalformedEntry;
use crate::json::{self, JsonFault, MAX_STATE_LEVELS};
use crate::pointers::for_pointers;
use crate::store::StoreError;
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;
use crate::view::{CatchUpError, MAX_REASON};

/// Largest row, in bytes as [`ViewRow::size_bytes`] counts. An item of `DynamoDB` holds 400 KB,
/// including names, keys and the reason of a parked row.
pub const MAX_ROW_BYTES: usize = 380 * 1024;

/// Longest name of a list, in bytes.
///
/// Source: Amazon `DynamoDB` Developer Guide, "Constraints in Amazon DynamoDB": a partition key has
/// 1 to 2,048 bytes.
pub const MAX_LIST_GROUP_BYTES: usize = 2_048;

/// Longest place in a list, in bytes.
///
/// Source: as above: a sort key has 1 to 1,024 bytes.
pub const MAX_LIST_SORT_BYTES: usize = 1_024;

/// A place in a list of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The name of the list, unique across all tenants: 1 to [`MAX_LIST_GROUP_BYTES`] bytes.
    pub group: String,
    /// The place in the list, 1 to [`MAX_LIST_SORT_BYTES`] bytes, sorted as text. Entries with the
    /// same place come in any order.
    pub sort: String,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListPage {
    /// The entries, in descending order of their places.
    pub entries: Vec<ListEntry>,
    /// Malformed entries of the page, which no view store has written. They have no place in the
    /// order and may be repeated on the next page.
    pub malformed: Vec<MalformedEntry>,
}

/// Rows of several streams.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rows {
    /// The rows that exist, in the order of the request.
    pub rows: Vec<(StreamId, ViewRow)>,
    /// The rows that cannot be read. They do not prevent reading the others.
    pub malformed: Vec<MalformedRow>,
}

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MalformedRow {
    /// The row's stream.
    pub stream: StreamId,
    /// The fault, without the row's values.
    pub fault: String,
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEntry {
    /// The row's stream.
    pub stream: StreamId,
    /// The row's place in the list.
    pub sort: String,
}

/// A stored row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewRow {
    /// The version of the last event in the row.
    pub version: Version,
    /// When that event was recorded; for a row parked before its first event, when it was parked.
    pub at: Timestamp,
    /// The row as JSON. `None` if the row was parked before its first event.
    pub body: Option<String>,
    /// The row's place in a list. `None` if the row is not listed.
    pub listing: Option<Listing>,
    /// Set while the stream cannot be applied.
    pub parked: Option<Parked>,
}

/// Why no store accepts a row: the row is too large, or some JSON reader could not read it back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRow {
    /// The body is not JSON that may be stored. It may have [`MAX_STATE_LEVELS`] levels of nesting.
    #[error("its body: {0}")]
    Json(#[from] JsonFault),
    /// The row is larger than [`MAX_ROW_BYTES`].
    #[error("it has {size_bytes} bytes, and at most {MAX_ROW_BYTES} fit an item")]
    TooLarge {
        /// The row's size.
        size_bytes: usize,
    },
    /// The name of the row's list is empty or longer than [`MAX_LIST_GROUP_BYTES`].
    #[error("the name of its list has {length_bytes} bytes, not 1 to {MAX_LIST_GROUP_BYTES}")]
    ListGroup {
        /// The name's length.
        length_bytes: usize,
    },
    /// The row's place in its list is empty or longer than [`MAX_LIST_SORT_BYTES`].
    #[error("its place in its list has {length_bytes} bytes, not 1 to {MAX_LIST_SORT_BYTES}")]
    ListSort {
        /// The length of the place.
        length_bytes: usize,
    },
}

impl InvalidRow {
    /// Checks the rules that need no store.
    fn check(row: &ViewRow) -> Result<(), Self> {
        if let Some(Listing { group, sort }) = &row.listing {
            if !(1..=MAX_LIST_GROUP_BYTES).contains(&group.len()) {
                return Err(Self::ListGroup { length_bytes: group.len() });
            }
            if !(1..=MAX_LIST_SORT_BYTES).contains(&sort.len()) {
                return Err(Self::ListSort { length_bytes: sort.len() });
            }
        }
        let size_bytes = row.size_bytes();
        if size_bytes > MAX_ROW_BYTES {
            return Err(Self::TooLarge { size_bytes });
        }
        row.body.iter().try_for_each(|body| Ok(json::check(body.as_bytes(), MAX_STATE_LEVELS)?))
    }
}

impl ViewRow {
    /// The highest [`Parked::announced`] that the stored row may have if `row` is to replace it,
    /// given that this row was read before. `None` if this row is not parked. Stores use it in
    /// [`ViewStore::put_over_parked`].
    #[must_use]
    pub fn announced_at_most(&self, row: &Self) -> Option<Version> {
        self.parked.as_ref().map(|parked| parked.announced.max(row.version))
    }

    /// The size of the body and of the place in a list, in bytes. Of the reason, only the part
    /// beyond the most that [`park`](crate::view::park) keeps counts; the limit leaves room for the
    /// rest.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let listing =
            self.listing.as_ref().map_or(0, |Listing { group, sort }| group.len() + sort.len());
        let reason = self.parked.as_ref().map_or(0, |parked| parked.reason.len());
        self.body.as_ref().map_or(0, String::len) + listing + reason.saturating_sub(4 * MAX_REASON)
    }

    /// Checks that the row is within the limits and that every reader can read it back. Stores call
    /// this method before they write.
    ///
    /// # Errors
    /// [`StoreError::InvalidRow`] with the first rule that the row breaks.
    pub fn check(&self, stream: &StreamId) -> Result<(), StoreError> {
        InvalidRow::check(self)
            .map_err(|refusal| StoreError::InvalidRow { key: stream.key(), refusal })
    }

    /// The decoded row.
    ///
    /// # Errors
    /// [`CatchUpError::MalformedRow`] if the stored JSON is not an `R`.
    pub fn decode<R: DeserializeOwned>(
        &self,
        stream: &StreamId,
    ) -> Result<Option<R>, CatchUpError> {
        let decoded = self.body.as_deref().map(serde_json::from_str).transpose();
        decoded.map_err(|error| CatchUpError::MalformedRow {
            stream: stream.clone(),
            column: error.column(),
        })
    }
}

/// Why and since when a row is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The reason, for the operator.
    pub reason: String,
    /// When the row was parked.
    pub at: Timestamp,
    /// The last version that a message announced since then, if it is beyond the row;
    /// [`Version::START`] before the first such message. A [`redrive`](crate::view::redrive) that
    /// has read less than that version is stale.
    pub announced: Version,
}

/// Stores the rows of one view: the port to a table.
pub trait ViewStore: Sync {
    /// The row of this stream, as of now (strongly consistent).
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer or the stored item is not a row.
    fn get(
        &self,
        stream: &StreamId,
    ) -> impl Future<Output = Result<Option<ViewRow>, StoreError>> + Send;

    /// The existing rows of these streams, in the order of the streams. Recent changes may be
    /// missing (eventually consistent).
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer. A row that cannot be read is not an error: it
    /// is in [`Rows::malformed`].
    fn get_many(
        &self,
        streams: &[StreamId],
    ) -> impl Future<Output = Result<Rows, StoreError>> + Send;

    /// Stores the row if the stored row is still at `expected` and not parked. With
    /// [`Version::START`], also stores it if there is no row. So only a caller that has seen that a
    /// row is parked can overwrite it.
    ///
    /// # Errors
    /// [`StoreError::InvalidRow`] for a row that breaks a limit, before it is sent; the other kinds
    /// if the store does not answer.
    fn put(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> impl Future<Output = Result<Put, StoreError>> + Send;

    /// Stores the row if the stored row is still the parked one that was read: at the same version,
    /// parked, and with [`announced`](Parked::announced) at most [`ViewRow::announced_at_most`].
    /// [`redrive`](crate::view::redrive) calls this method after the cause is fixed.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
        row: &ViewRow,
    ) -> impl Future<Output = Result<Put, StoreError>> + Send;

    /// At most `limit` entries of a list in descending order, starting before the entry `before`.
    /// Consecutive pages contain every entry once, even entries with the same place. A page with
    /// fewer than `limit` entries is the last.
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer. A malformed entry is not an error: it is in
    /// [`ListPage::malformed`].
    fn list(
        &self,
        group: &str,
        before: Option<&ListEntry>,
        limit: u32,
    ) -> impl Future<Output = Result<ListPage, StoreError>> + Send;
}

for_pointers!(ViewStore {
    async fn get(&self, stream: &StreamId) -> Result<Option<ViewRow>, StoreError> {
        (**self).get(stream).await
    }

    async fn get_many(&self, streams: &[StreamId]) -> Result<Rows, StoreError> {
        (**self).get_many(streams).await
    }

    async fn put(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        (**self).put(stream, expected, row).await
    }

    async fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        (**self).put_over_parked(stream, parked, row).await
    }

    async fn list(
        &self,
        group: &str,
        before: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        (**self).list(group, before, limit).await
    }
});

/// The result of a [`ViewStore::put`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The row is stored.
    Stored,
    /// Another caller has written or parked the row since it was read; nothing was stored.
    Stale,
}
