//! The view store in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::lock::lock;
use crate::implementing::{check_row, max_announced};
use crate::store::StoreError;
use crate::stream::{StreamId, Version};
use crate::view::{ListEntry, ListPage, Listing, Put, Rows, ViewRow, ViewStore};

/// A view store in memory. Clones share their rows.
///
/// # Examples
///
/// ```
/// use skald::memory::{InMemoryEventStore, InMemoryViewStore};
/// use skald::message::CommitMessage;
/// use skald::stream::Version;
/// use skald::view::{ViewStore, catch_up};
/// # use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountCommand, Statements, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// # let events = InMemoryEventStore::default();
/// # let deposit = AccountCommand::Deposit(5);
/// # Handler::new(&events, NoPause).handle::<Account>(&account("1"), &deposit, &request).await?;
/// let views = InMemoryViewStore::default();
/// let hint = CommitMessage { stream: account("1"), last: Version::new(1), commit: None };
/// catch_up::<Statements, _, _>(&events, &views, &hint).await?;
/// assert!(views.clone().get(&account("1")).await?.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct InMemoryViewStore {
    rows: Arc<Mutex<BTreeMap<StreamId, ViewRow>>>,
}

impl InMemoryViewStore {
    /// Stores a row unchecked, bypassing the rules of the store, so that tests can show how readers
    /// react to it.
    #[cfg(feature = "planting")]
    pub fn plant(&self, stream: &StreamId, row: ViewRow) {
        lock(&self.rows).insert(stream.clone(), row);
    }

    /// Stores the row if the stored row, or its absence, is at this version, and if one of these
    /// holds: `max_announced` is `None` and the row is not parked, or the row is parked and no
    /// version beyond `max_announced` was announced.
    ///
    /// # Errors
    /// [`StoreError::InvalidRow`]
    fn replace(
        &self,
        stream: &StreamId,
        version: Version,
        max_announced: Option<Version>,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        check_row(stream, row)?;
        let mut rows = lock(&self.rows);
        let stored = rows.get(stream);
        let found = stored.map_or(Version::START, |row| row.version);
        let announced = stored.and_then(|row| row.parked.as_ref()).map(|parked| parked.announced);
        if found != version
            || announced.is_some() != max_announced.is_some()
            || announced > max_announced
        {
            return Ok(Put::Stale);
        }
        rows.insert(stream.clone(), row.clone());
        Ok(Put::Stored)
    }

    /// The entries of the rows whose place is in this group, in ascending order.
    fn entries(
        &self,
        group: &str,
        listing: impl Fn(&ViewRow) -> Option<&Listing>,
    ) -> Vec<ListEntry> {
        let rows = lock(&self.rows);
        let placed = rows.iter().filter_map(|(stream, row)| Some((stream, listing(row)?)));
        let mut entries: Vec<ListEntry> = placed
            .filter(|(_, listing)| listing.group == group)
            .map(|(stream, listing)| ListEntry {
                stream: stream.clone(),
                sort: listing.sort.clone(),
            })
            .collect();
        entries.sort_by(|one, other| place(one).cmp(&place(other)));
        entries
    }
}

impl ViewStore for InMemoryViewStore {
    async fn get(&self, stream: &StreamId) -> Result<Option<ViewRow>, StoreError> {
        Ok(lock(&self.rows).get(stream).cloned())
    }

    async fn get_many(&self, streams: &[StreamId]) -> Result<Rows, StoreError> {
        let stored = lock(&self.rows);
        let rows =
            streams.iter().filter_map(|stream| Some((stream.clone(), stored.get(stream)?.clone())));
        Ok(Rows { rows: rows.collect(), malformed: Vec::new() })
    }

    async fn put(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        self.replace(stream, expected, None, row)
    }

    async fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        // This method replaces only parked rows.
        let Some(announced) = max_announced(parked, row) else { return Ok(Put::Stale) };
        self.replace(stream, parked.version, Some(announced), row)
    }

    async fn list(
        &self,
        group: &str,
        before: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        let mut entries = self.entries(group, |row| row.listing.as_ref());
        entries.retain(|entry| before.is_none_or(|before| place(entry) < place(before)));
        entries.reverse();
        entries.truncate(limit as usize);
        Ok(ListPage { entries, malformed: Vec::new() })
    }

    async fn worklist(
        &self,
        group: &str,
        after: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        let mut entries = self.entries(group, |row| row.worklist.as_ref());
        entries.retain(|entry| after.is_none_or(|after| place(entry) > place(after)));
        entries.truncate(limit as usize);
        Ok(ListPage { entries, malformed: Vec::new() })
    }
}

fn place(entry: &ListEntry) -> (&str, &StreamId) {
    (&entry.sort, &entry.stream)
}
