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

/// Largest row, in bytes as [`ViewRow::size_bytes`] counts: an item of `DynamoDB` holds 400 KB,
/// names, keys and the reason of a parked row included.
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
    /// The list, unique over all tenants: 1 to [`MAX_LIST_GROUP_BYTES`] bytes.
    pub group: String,
    /// The place in it, 1 to [`MAX_LIST_SORT_BYTES`] bytes; sorts as text. Entries that share a
    /// place come in any order.
    pub sort: String,
}

/// Some entries of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListPage {
    /// The entries, last place first.
    pub entries: Vec<ListEntry>,
    /// Malformed entries among them, never written by a view store. They have no place in the order
    /// and may be on the next page too.
    pub malformed: Vec<MalformedEntry>,
}

/// Rows of several streams.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rows {
    /// Those that exist, in the order asked for.
    pub rows: Vec<(StreamId, ViewRow)>,
    /// Those that cannot be read. The others are read all the same.
    pub malformed: Vec<MalformedRow>,
}

/// A row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MalformedRow {
    /// Its stream.
    pub stream: StreamId,
    /// What is wrong with it, without its values.
    pub fault: String,
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

/// Why no store takes a row: it does not fit, or some reader could not read it back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRow {
    /// Its body is no JSON that may be stored. It may have [`MAX_STATE_LEVELS`] of nesting.
    #[error("its body: {0}")]
    Json(#[from] JsonFault),
    /// It is larger than [`MAX_ROW_BYTES`].
    #[error("it has {size_bytes} bytes, and at most {MAX_ROW_BYTES} fit an item")]
    TooLarge {
        /// How large it is.
        size_bytes: usize,
    },
    /// The name of its list is empty or longer than [`MAX_LIST_GROUP_BYTES`].
    #[error("the name of its list has {length_bytes} bytes, not 1 to {MAX_LIST_GROUP_BYTES}")]
    ListGroup {
        /// How long it is.
        length_bytes: usize,
    },
    /// Its place in its list is empty or longer than [`MAX_LIST_SORT_BYTES`].
    #[error("its place in its list has {length_bytes} bytes, not 1 to {MAX_LIST_SORT_BYTES}")]
    ListSort {
        /// How long it is.
        length_bytes: usize,
    },
}

impl InvalidRow {
    /// Checks what can be checked without a store.
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
    /// The most that [`Parked::announced`] of the stored row may be if `row` is to replace it,
    /// given that this row was read before. `None` if this row is not parked. For stores, in
    /// [`ViewStore::put_over_parked`].
    #[must_use]
    pub fn announced_at_most(&self, row: &Self) -> Option<Version> {
        self.parked.as_ref().map(|parked| parked.announced.max(row.version))
    }

    /// The size of its body and its place in a list, in bytes. Of the reason, only what exceeds the
    /// most that [`park`](crate::view::park) keeps is counted: there is room for the rest.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let listing =
            self.listing.as_ref().map_or(0, |Listing { group, sort }| group.len() + sort.len());
        let reason = self.parked.as_ref().map_or(0, |parked| parked.reason.len());
        self.body.as_ref().map_or(0, String::len) + listing + reason.saturating_sub(4 * MAX_REASON)
    }

    /// Checks that the row fits, and that every reader can read it back. Stores call this before
    /// they write.
    ///
    /// # Errors
    /// [`StoreError::InvalidRow`] with the first rule that is broken.
    pub fn check(&self, stream: &StreamId) -> Result<(), StoreError> {
        InvalidRow::check(self)
            .map_err(|refusal| StoreError::InvalidRow { key: stream.key(), refusal })
    }

    /// The row, typed.
    ///
    /// # Errors
    /// [`CatchUpError::MalformedRow`] if the stored JSON is no `R`.
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

/// Why and since when a row stands still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// What cannot be applied, for the operator.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
    /// The last version that a message announced since, if that is beyond the row;
    /// [`Version::START`] before the first. A [`redrive`](crate::view::redrive) that read less than
    /// was announced since is stale.
    pub announced: Version,
}

/// Keeps the rows of one view. The port to a table.
pub trait ViewStore: Sync {
    /// The row of this stream as of now (strongly consistent).
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer or the row is none.
    fn get(
        &self,
        stream: &StreamId,
    ) -> impl Future<Output = Result<Option<ViewRow>, StoreError>> + Send;

    /// The rows of these streams, in their order; those that exist, perhaps not as of now
    /// (eventually consistent).
    ///
    /// # Errors
    /// [`StoreError`] if the store does not answer. A row that cannot be read is not an error: it
    /// is in [`Rows::malformed`].
    fn get_many(
        &self,
        streams: &[StreamId],
    ) -> impl Future<Output = Result<Rows, StoreError>> + Send;

    /// Stores the row, if the stored one is still at `expected` and not parked; at
    /// [`Version::START`] also if there is none. So only a caller that has seen that a row is
    /// parked overwrites it.
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

    /// Stores the row, if the stored one is still the parked one that was read: at its version,
    /// parked, and with [`announced`](Parked::announced) not beyond [`ViewRow::announced_at_most`].
    /// For [`redrive`](crate::view::redrive), after the cause is mended.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
        row: &ViewRow,
    ) -> impl Future<Output = Result<Put, StoreError>> + Send;

    /// At most `limit` entries of a list, last place first, from before the entry `before` on.
    /// Pages that start where the one before ended have every entry once, even those that share a
    /// place. If there are fewer than `limit`, there are no more.
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

/// What became of a [`ViewStore::put`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The row is stored.
    Stored,
    /// Another caller has written or parked the row since it was read; nothing was stored.
    Stale,
}
