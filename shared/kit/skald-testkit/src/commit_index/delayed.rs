//! An index whose entries become visible at times that a test sets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use skald::commit::Commit;
use skald::index::{CommitIndex, IndexKey, IndexPage, SlicePosition};
use skald::store::StoreError;
use skald::time::Timestamp;

/// The index as of the time that a test sets. An entry without a time is always visible.
pub(crate) struct Delayed<'a, I> {
    index: &'a I,
    visibility: Arc<Mutex<Visibility>>,
}

struct Visibility {
    now: Timestamp,
    visible_from: HashMap<IndexKey, Timestamp>,
}

impl<I> std::fmt::Debug for Delayed<'_, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Delayed")
    }
}

impl<I> Clone for Delayed<'_, I> {
    fn clone(&self) -> Self {
        Self { index: self.index, visibility: Arc::clone(&self.visibility) }
    }
}

impl<'a, I> Delayed<'a, I> {
    pub(crate) fn new(index: &'a I) -> Self {
        Self {
            index,
            visibility: Arc::new(Mutex::new(Visibility {
                now: Timestamp::EPOCH,
                visible_from: HashMap::new(),
            })),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Visibility> {
        self.visibility.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the current time.
    pub(crate) fn set_now(&self, now: Timestamp) {
        self.lock().now = now;
    }

    /// Makes this commit's entry visible from `at` on.
    pub(crate) fn show(&self, commit: &Commit, at: Timestamp) {
        self.lock().visible_from.insert(IndexKey::of(commit), at);
    }

    fn shows(&self, key: &IndexKey) -> bool {
        let visibility = self.lock();
        visibility.visible_from.get(key).is_none_or(|at| *at <= visibility.now)
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
