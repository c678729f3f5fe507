//! An index in which entries show as late as a test says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use skald::commit::Commit;
use skald::index::{CommitIndex, IndexKey, IndexPage, SlicePosition};
use skald::store::StoreError;
use skald::time::Timestamp;

/// The index, as of a time that is told. What has no time from which on it shows, shows always.
pub(crate) struct Delayed<'a, I> {
    index: &'a I,
    novelty: Arc<Mutex<Novelty>>,
}

struct Novelty {
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
        Self { index: self.index, novelty: Arc::clone(&self.novelty) }
    }
}

impl<'a, I> Delayed<'a, I> {
    pub(crate) fn new(index: &'a I) -> Self {
        Self {
            index,
            novelty: Arc::new(Mutex::new(Novelty { now: Timestamp::EPOCH, shows: HashMap::new() })),
        }
    }

    fn novelty<T>(&self, change: impl FnOnce(&mut Novelty) -> T) -> T {
        change(&mut self.novelty.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// It is `now`.
    pub(crate) fn set_now(&self, now: Timestamp) {
        self.novelty(|novelty| novelty.now = now);
    }

    /// This commit's entry shows from `at` on.
    pub(crate) fn show(&self, commit: &Commit, at: Timestamp) {
        self.novelty(|novelty| novelty.shows.insert(IndexKey::of(commit), at));
    }

    fn shows(&self, key: &IndexKey) -> bool {
        self.novelty(|novelty| novelty.shows.get(key).is_none_or(|at| *at <= novelty.now))
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
            shown.malformed.extend(page.malformed);
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
