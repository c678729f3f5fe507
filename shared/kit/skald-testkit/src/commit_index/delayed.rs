//! An index in which entries show as late as a test says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use skald::{Commit, CommitIndex, IndexKey, IndexPage, SlicePosition, StoreError, Timestamp};

/// The index, as of a time that is told. What has no time from which on it shows, shows always.
pub(crate) struct Delayed<'a, I> {
    index: &'a I,
    told: Arc<Mutex<Told>>,
}

struct Told {
    now: Timestamp,
    shows: HashMap<IndexKey, Timestamp>,
}

impl<I> std::fmt::Debug for Delayed<'_, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Delayed")
    }
}

impl<I> Clone for Delayed<'_, I> {
    fn clone(&self) -> Self {
        Self { index: self.index, told: Arc::clone(&self.told) }
    }
}

impl<'a, I> Delayed<'a, I> {
    pub(crate) fn new(index: &'a I) -> Self {
        Self {
            index,
            told: Arc::new(Mutex::new(Told { now: Timestamp::EPOCH, shows: HashMap::new() })),
        }
    }

    fn told<T>(&self, change: impl FnOnce(&mut Told) -> T) -> T {
        change(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// It is `now`.
    pub(crate) fn set_now(&self, now: Timestamp) {
        self.told(|told| told.now = now);
    }

    /// This commit's entry shows from `at` on.
    pub(crate) fn show(&self, commit: &Commit, at: Timestamp) {
        self.told(|told| told.shows.insert(IndexKey::of(commit), at));
    }

    fn shows(&self, key: &IndexKey) -> bool {
        self.told(|told| told.shows.get(key).is_none_or(|at| *at <= told.now))
    }
}

impl<I: CommitIndex> CommitIndex for Delayed<'_, I> {
    const SLICES: u8 = I::SLICES;

    async fn read(
        &self,
        slice: u8,
        after: &SlicePosition,
        until: Timestamp,
        limit: u32,
    ) -> Result<IndexPage, StoreError> {
        let mut after = after.clone();
        let mut shown = IndexPage::default();
        loop {
            let page = self.index.read(slice, &after, until, limit).await?;
            let is_last = page.entries.len() < limit as usize;
            if let Some(last) = page.entries.last() {
                after = SlicePosition::After(last.key.clone());
            }
            shown.entries.extend(page.entries.into_iter().filter(|entry| self.shows(&entry.key)));
            shown.odd.extend(page.odd);
            if is_last || shown.entries.len() >= limit as usize {
                shown.entries.truncate(limit as usize);
                return Ok(shown);
            }
        }
    }

    async fn commit(&self, entry: &IndexKey) -> Result<Option<Commit>, StoreError> {
        self.index.commit(entry).await
    }
}
