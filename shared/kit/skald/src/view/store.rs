//! The port to the rows of a view.

use std::future::Future;

use super::row::ViewRow;
use crate::index::MalformedEntry;
use crate::pointers::for_pointers;
use crate::store::StoreError;
use crate::stream::{StreamId, Version};

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListPage {
    /// The entries in the order of their places: descending in a list, ascending in a worklist.
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

/// Stores the rows of one view: the port to a table.
///
/// # Examples
///
/// ```
/// use skald::memory::InMemoryViewStore;
/// use skald::stream::{StreamId, Tenant, Version};
/// use skald::time::Timestamp;
/// use skald::view::{Listing, Put, ViewRow, ViewStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let views = InMemoryViewStore::default();
/// let loan = StreamId::new(&Tenant::default(), "loan", "17")?;
/// let place = |group: &str| Some(Listing { group: group.to_owned(), sort: "2025-12-01".to_owned() });
/// let row = ViewRow {
///     version: Version::new(1),
///     at: Timestamp::EPOCH,
///     body: Some(r#"{"book":"moby-dick"}"#.to_owned()),
///     listing: place("loans of ann"),
///     worklist: place("books to return"),
///     parked: None,
/// };
/// assert_eq!(views.put(&loan, Version::START, &row).await?, Put::Stored);
/// // The row is at version 1 now, not at the start.
/// assert_eq!(views.put(&loan, Version::START, &row).await?, Put::Stale);
///
/// assert_eq!(views.get(&loan).await?, Some(row.clone()));
/// assert_eq!(views.get_many(&[loan.clone()]).await?.rows, [(loan.clone(), row)]);
/// let page = views.list("loans of ann", None, 20).await?;
/// assert_eq!(page.entries[0].stream, loan);
/// assert!(views.list("loans of ann", page.entries.last(), 20).await?.entries.is_empty());
/// assert_eq!(views.worklist("books to return", None, 20).await?, page);
/// # Ok(())
/// # }
/// ```
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
    /// parked, and with [`announced`](super::Parked::announced) at most
    /// [`max_announced`](crate::implementing::max_announced).
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

    /// At most `limit` entries of a worklist in ascending order, starting after the entry `after`,
    /// which may have left the worklist or may never have been in it. Consecutive pages contain
    /// once every entry that does not move meanwhile. A page with fewer than `limit` entries is the
    /// last.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    fn worklist(
        &self,
        group: &str,
        after: Option<&ListEntry>,
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

    async fn worklist(
        &self,
        group: &str,
        after: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        (**self).worklist(group, after, limit).await
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
