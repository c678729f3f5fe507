//! A slice, as far as it is followed.

use std::collections::BTreeSet;

use super::checkpoint::Row;
use super::{Batch, Delivery, FollowError, FollowOptions, Novelty};
use crate::index::{CommitIndex, IndexEntry, IndexKey, IndexPage, MalformedEntry, SlicePosition};
use crate::observe;
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::view::ViewStore;

/// Most entries asked for at once.
const PAGE: usize = 1000;

/// A slice, as far as it is followed.
#[derive(Debug)]
pub(super) struct Slice {
    number: u8,
    row: Row,
    /// Up to where everything was handed on.
    done: SlicePosition,
    /// The last entry of the batch under way, and else `done`.
    read: SlicePosition,
    /// Entries up to there may have been handed on by an earlier run.
    doubtful: SlicePosition,
    /// Where the next look begins: every earlier entry has shown and was seen.
    from: SlicePosition,
    /// Up to where the last look went.
    reached: Option<SlicePosition>,
    /// Entries that are not handed on yet, because other slices are not read as far; by place.
    waiting: Vec<IndexEntry>,
    /// The entries after `from` that this run has seen.
    seen: BTreeSet<IndexKey>,
    malformed: BTreeSet<MalformedEntry>,
    /// What was reported as ahead of now, and still is.
    ahead: BTreeSet<IndexKey>,
}

/// What a look at a slice brought.
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
            doubtful: row.begun().clone(),
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

    /// Up to where everything was handed on.
    pub(super) const fn done(&self) -> &SlicePosition {
        &self.done
    }

    /// Up to where it was read; nothing that waits stands behind it.
    pub(super) const fn reached(&self) -> Option<&SlicePosition> {
        self.reached.as_ref()
    }

    /// Reads what was not seen before, unless something waits.
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
            // What was seen comes again.
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

    /// Reads what stands at `from` or later.
    pub(super) async fn look_ahead<I: CommitIndex>(
        &self,
        index: &I,
        from: Timestamp,
    ) -> Result<IndexPage, StoreError> {
        let limit = u32::try_from(PAGE).unwrap_or(u32::MAX);
        index.read(self.number, &SlicePosition::Before(from), Timestamp::LAST, limit).await
    }

    /// Keeps the result of a look, and sets where the next one begins. Entries further than the
    /// overlap before the end of this look have shown by now.
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
        self.found_odd(look.malformed, batch);
    }

    /// Reports what lies ahead of now and was not reported before.
    pub(super) fn found_ahead(&mut self, page: IndexPage, now: Timestamp, batch: &mut Batch) {
        self.ahead.retain(|key| key.at() > now);
        for entry in page.entries {
            if self.ahead.insert(entry.key.clone()) {
                batch.ahead.push(entry.key);
            }
        }
        self.found_odd(page.malformed, batch);
    }

    /// It may be on several pages.
    fn found_odd(&mut self, found: Vec<MalformedEntry>, batch: &mut Batch) {
        for malformed in found {
            if self.malformed.insert(malformed.clone()) {
                observe::malformed_entry(&malformed);
                batch.malformed.push(malformed);
            }
        }
    }

    /// How many waiting entries are no further than there.
    fn ready(&self, horizon: &SlicePosition) -> usize {
        self.waiting.partition_point(|entry| horizon.covers(&entry.key))
    }

    /// Records that the waiting entries up to there may be handed on.
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

    /// Takes what waits up to there. It is late if it stands before `last`, which was handed on
    /// before.
    pub(super) fn take(
        &mut self,
        horizon: &SlicePosition,
        last: &SlicePosition,
        into: &mut Vec<Delivery>,
    ) {
        let ready = self.ready(horizon);
        for entry in self.waiting.drain(..ready) {
            let novelty = match &entry.key {
                key if self.doubtful.covers(key) => Novelty::MaybeSeen,
                key if last.covers(key) => Novelty::Late,
                _ => Novelty::New,
            };
            self.read = SlicePosition::After(entry.key.clone()).max(self.read.clone());
            if novelty == Novelty::Late {
                observe::late_entry(&entry);
            }
            into.push(Delivery { entry, novelty });
        }
    }

    /// Everything that was taken was handed on.
    pub(super) fn acknowledge(&mut self) {
        self.done = self.read.clone();
    }
}
