//! The state of following one slice.

use std::collections::BTreeSet;

use super::batch::{Batch, Delivery, Novelty};
use super::checkpoint::Row;
use super::error::FollowError;
use super::options::FollowOptions;
use crate::index::{CommitIndex, IndexEntry, IndexKey, IndexPage, MalformedEntry, SlicePosition};
use crate::observe;
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::view::ViewStore;

/// The maximum number of entries in one read.
const PAGE: usize = 1000;

/// The state of following one slice.
#[derive(Debug)]
pub(super) struct Slice {
    number: u8,
    row: Row,
    /// The position up to which all entries were delivered.
    done: SlicePosition,
    /// The last entry of the current batch; `done` if there is no batch.
    read: SlicePosition,
    /// The position up to which an earlier run may have delivered entries.
    maybe_delivered: SlicePosition,
    /// The start of the next read: every earlier entry has appeared and was seen.
    from: SlicePosition,
    /// The end of the last read.
    reached: Option<SlicePosition>,
    /// Entries that are not delivered yet, because other slices have not been read that far; sorted
    /// by position.
    waiting: Vec<IndexEntry>,
    /// The entries after `from` that this run has seen.
    seen: BTreeSet<IndexKey>,
    malformed: BTreeSet<MalformedEntry>,
    /// The entries that were reported as ahead of now, and still are.
    ahead: BTreeSet<IndexKey>,
}

/// The result of a read of a slice.
pub(super) struct Look {
    entries: Vec<IndexEntry>,
    malformed: Vec<MalformedEntry>,
    until: Timestamp,
    reached: SlicePosition,
}

impl Slice {
    pub(super) fn new(number: u8, row: Row, following: &FollowOptions) -> Self {
        let done = row.done().clone();
        let overlap = done.at().plus_millis(-i64::from(following.overlap_ms));
        Self {
            number,
            read: done.clone(),
            maybe_delivered: row.begun().clone(),
            from: SlicePosition::Before(overlap.max(row.floor())),
            reached: None,
            waiting: Vec::new(),
            seen: BTreeSet::new(),
            malformed: BTreeSet::new(),
            ahead: BTreeSet::new(),
            row,
            done,
        }
    }

    /// The position up to which all entries were delivered.
    pub(super) const fn done(&self) -> &SlicePosition {
        &self.done
    }

    /// The position up to which the slice was read; no waiting entry is after it.
    pub(super) const fn reached(&self) -> Option<&SlicePosition> {
        self.reached.as_ref()
    }

    /// Reads entries that this run has not seen, unless entries are waiting.
    pub(super) async fn look<I: CommitIndex>(
        &self,
        index: &I,
        until: Timestamp,
        following: &FollowOptions,
    ) -> Result<Option<Look>, StoreError> {
        if !self.waiting.is_empty() {
            return Ok(None);
        }
        let limit = following.batch.max(1) as usize;
        let mut after = self.from.clone();
        let (mut entries, mut malformed) = (Vec::new(), Vec::new());
        let is_whole = loop {
            // The entries that were seen are returned again.
            let wanted = (limit - entries.len()).saturating_add(self.seen.len()).min(PAGE);
            let page = index
                .read(self.number, &after, until, u32::try_from(wanted).unwrap_or(u32::MAX))
                .await?;
            let is_last = page.entries.len() < wanted;
            if let Some(last) = page.entries.last() {
                after = SlicePosition::After(last.key.clone());
            }
            entries
                .extend(page.entries.into_iter().filter(|entry| !self.seen.contains(&entry.key)));
            malformed.extend(page.malformed);
            if is_last || entries.len() >= limit {
                break is_last && entries.len() <= limit;
            }
        };
        entries.truncate(limit);
        let last = entries
            .last()
            .filter(|_| !is_whole)
            .map(|entry| SlicePosition::After(entry.key.clone()));
        let reached = last.unwrap_or(SlicePosition::Through(until));
        Ok(Some(Look { entries, malformed, until, reached }))
    }

    /// Reads the entries at `from` or later.
    pub(super) async fn look_ahead<I: CommitIndex>(
        &self,
        index: &I,
        from: Timestamp,
    ) -> Result<IndexPage, StoreError> {
        let limit = u32::try_from(PAGE).unwrap_or(u32::MAX);
        index.read(self.number, &SlicePosition::Before(from), Timestamp::LAST, limit).await
    }

    /// Stores the result of a read, and sets the start of the next one. Entries further than the
    /// overlap before the end of this read have appeared by now.
    pub(super) fn found(
        &mut self,
        look: Option<Look>,
        following: &FollowOptions,
        batch: &mut Batch,
    ) {
        let Some(look) = look else { return };
        self.seen.extend(look.entries.iter().map(|entry| entry.key.clone()));
        self.waiting = look.entries;
        let overlap =
            SlicePosition::Before(look.until.plus_millis(-i64::from(following.overlap_ms)));
        let from = overlap.min(look.reached.clone()).max(self.from.clone());
        self.seen.retain(|key| !from.covers(key));
        (self.from, self.reached) = (from, Some(look.reached));
        self.report_malformed(look.malformed, batch);
    }

    /// Reports entries that are ahead of now and were not reported before.
    pub(super) fn found_ahead(&mut self, page: IndexPage, now: Timestamp, batch: &mut Batch) {
        self.ahead.retain(|key| key.at() > now);
        for entry in page.entries {
            if self.ahead.insert(entry.key.clone()) {
                batch.ahead.push(entry.key);
            }
        }
        self.report_malformed(page.malformed, batch);
    }

    /// Reports malformed entries, each once: an entry may be on several pages.
    fn report_malformed(&mut self, found: Vec<MalformedEntry>, batch: &mut Batch) {
        for malformed in found {
            if self.malformed.insert(malformed.clone()) {
                observe::malformed_entry(&malformed.key, malformed.fault);
                batch.malformed.push(malformed);
            }
        }
    }

    /// The number of waiting entries up to and including `horizon`.
    fn ready(&self, horizon: &SlicePosition) -> usize {
        self.waiting.partition_point(|entry| horizon.covers(&entry.key))
    }

    /// Records that the waiting entries up to `horizon` may be delivered.
    ///
    /// # Errors
    /// As [`Row::store`].
    pub(super) async fn begin<V: ViewStore>(
        &mut self,
        checkpoints: &V,
        horizon: &SlicePosition,
    ) -> Result<(), FollowError> {
        let last = self.ready(horizon).checked_sub(1).and_then(|last| self.waiting.get(last));
        let last =
            last.map_or(SlicePosition::START, |entry| SlicePosition::After(entry.key.clone()));
        let begun = last.max(self.read.clone());
        self.row.store(checkpoints, &self.done, &begun).await
    }

    /// Takes the waiting entries up to `horizon`. An entry is late if it is before `last`, which
    /// was delivered earlier.
    pub(super) fn take(
        &mut self,
        horizon: &SlicePosition,
        last: &SlicePosition,
        into: &mut Vec<Delivery>,
    ) {
        let ready = self.ready(horizon);
        for entry in self.waiting.drain(..ready) {
            let novelty = match &entry.key {
                key if self.maybe_delivered.covers(key) => Novelty::MaybeSeen,
                key if last.covers(key) => Novelty::Late,
                _ => Novelty::New,
            };
            self.read = SlicePosition::After(entry.key.clone()).max(self.read.clone());
            if novelty == Novelty::Late {
                observe::late_entry(entry.key.as_str());
            }
            into.push(Delivery { entry, novelty });
        }
    }

    /// Records that all taken entries were delivered.
    pub(super) fn acknowledge(&mut self) {
        self.done = self.read.clone();
    }
}
