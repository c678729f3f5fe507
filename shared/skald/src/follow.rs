//! Following the index of all commits, so that nothing is missed.
//!
//! What stands in the way, and what is done about it:
//!
//! - A commit's place in the index is the time that its writer's clock said before it was written, and it shows in the
//!   index some time after. So a follower reads no further than a **safety margin** before now. What shows within the
//!   margin has its place ahead of whoever reads.
//! - For what takes longer it reads again, each time, from an **overlap** before the last entry on. What it finds there
//!   for the first time is [`Told::Late`]: handed on all the same, and a sign that the margin is too small.
//! - A **checkpoint** per slice is written before entries are handed on, and says up to where that may have happened
//!   (`begun`) and up to where it has (`done`). So whoever goes on from it knows which of what it reads again may have been
//!   handed on: that is [`Told::Perhaps`], and all else is news for certain.
//!
//! Nothing is missed that shows in the index within margin and overlap of the time it is recorded at, however far apart the
//! followers' looks are. What takes longer than both may be missed, without a sign; comparing index and table finds it.
//!
//! A commit from a clock ahead is handed on when the follower's clock has come there. Those after it in its stream do not wait
//! for it (see [`Commit::at`](crate::Commit::at)), so they come first. What lies ahead of now by more than the margin is
//! looked for once a minute and reported as [`Batch::ahead`]: nothing else shows that it is missing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    CLOCKS_APART_MS, CommitIndex, IndexEntry, IndexKey, OddEntry, Position, Put, SlicePosition, StoreError, StreamId,
    Tenant, Timestamp, Version, ViewRow, ViewStore, at_once, try_at_once,
};

/// Entries asked for at once.
const PAGE: u32 = 1000;
/// What the checkpoints' rows are called: `checkpoint-<follower>~<slice>`.
const CATEGORY: &str = "checkpoint";

/// Who follows, from where on, and how carefully.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Following {
    /// What the checkpoints are kept under: 1 to 70 of `A-Z a-z 0-9 . _ -`.
    pub name: String,
    /// Identifies this run of it: another run that goes on from the checkpoints ends this one.
    pub run: String,
    /// Where to begin, if there are no checkpoints. What stands in the overlap before an entry of another follower's position
    /// is handed on too, as [`Told::Perhaps`]: it may have shown since.
    pub from: Position,
    /// How far to stay behind now. As long as clocks may be apart, a write may take, and the index may lag, in sum.
    pub margin_ms: u32,
    /// How far before the last entry to read again. It costs reading the entries of that time once more each time.
    pub overlap_ms: u32,
    /// Most entries of a slice that are handed on at once.
    pub batch: u32,
}

/// What is handed on at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Entries of all slices, by time.
    pub heard: Vec<Heard>,
    /// What was found between them that is no commit's entry; each once in a run.
    pub odd: Vec<OddEntry>,
    /// Commits that lie further ahead of now than the margin: a writer's clock was wrong. Each once in a run;
    /// they are handed on when their time comes. Of each slice the first 1,000 are looked for.
    pub ahead: Vec<IndexKey>,
}

impl Batch {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heard.is_empty() && self.odd.is_empty() && self.ahead.is_empty()
    }
}

/// An entry that is handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The entry.
    pub entry: IndexEntry,
    /// Whether it was handed on before.
    pub told: Told,
}

/// Whether an entry was handed on before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Never, by this run or an earlier one.
    News,
    /// Never either, but later entries were: it showed after the safety margin.
    Late,
    /// Perhaps, before this run went on from a checkpoint, or by this run, which then did not say so.
    Perhaps,
}

/// Why a follower cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The name cannot be that of a follower, or the position to begin at is one of another index.
    #[error("{0}")]
    Unfit(String),
    /// Another run has gone on from the checkpoints: this one must end.
    #[error("another run follows as {name}")]
    Taken {
        /// The follower's name.
        name: String,
    },
    /// What is stored at the checkpoint's place is none, or one of another index.
    #[error("{row} holds no checkpoint for an index of {slices} slices")]
    MalformedCheckpoint {
        /// The key of the row.
        row: String,
        /// How many slices the index has.
        slices: u8,
    },
    /// Index or checkpoints do not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FollowError {
    /// Whether the same call can succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Unfit(_) | Self::Taken { .. } | Self::MalformedCheckpoint { .. } => false,
        }
    }
}

/// Reads an index from a position on and hands on every commit at least once; as news at most once.
///
/// Checkpoints are rows behind the port of views, in a table of their own (or in memory, if none are to be kept): they need
/// a key, a version and a conditional write. Memory is bounded by the entries of one batch and one overlap.
#[derive(Debug)]
pub struct Follower<I, V> {
    index: I,
    checkpoints: V,
    following: Following,
    slices: Vec<Slice>,
    batch: Batch,
    /// When it last looked for what lies ahead.
    looked_ahead: Option<Timestamp>,
}

/// A slice, as far as it is followed.
#[derive(Debug)]
struct Slice {
    number: u8,
    row: StreamId,
    revision: Version,
    stored: Checkpoint,
    /// Up to where everything was handed on.
    done: SlicePosition,
    /// The last entry of the batch under way, and else `done`.
    read: SlicePosition,
    /// What lies behind it may have been handed on by an earlier run.
    doubtful: Option<IndexKey>,
    /// The entries of the overlap that this run has seen.
    seen: BTreeSet<IndexKey>,
    odd: BTreeSet<OddEntry>,
    /// What was reported as ahead of now, and still is.
    ahead: BTreeSet<IndexKey>,
}

/// A slice's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    run: String,
    slices: u8,
    /// Nothing before it is of interest.
    floor: Timestamp,
    done: SlicePosition,
    begun: SlicePosition,
}

/// What a look at a slice brought.
struct Found {
    entries: Vec<IndexEntry>,
    odd: Vec<OddEntry>,
    ahead: Vec<IndexKey>,
    /// Where the slice is read up to, once these are handed on.
    read: SlicePosition,
}

impl<I: CommitIndex, V: ViewStore> Follower<I, V> {
    /// Goes on from the checkpoints, or begins where `following` says. From here on, an earlier run can no longer go on.
    ///
    /// # Errors
    /// [`FollowError`]
    pub async fn resume(index: I, checkpoints: V, following: Following) -> Result<Self, FollowError> {
        if following.from.slices().len() != usize::from(I::SLICES) {
            let found = following.from.slices().len();
            return Err(FollowError::Unfit(format!(
                "a position in an index of {found} slices: this one has {}",
                I::SLICES
            )));
        }
        let begin = (0..)
            .zip(following.from.slices())
            .map(|(number, from)| Slice::resume(&checkpoints, &following, number, I::SLICES, from));
        let slices = try_at_once(begin).await?;
        Ok(Self { index, checkpoints, following, slices, batch: Batch::default(), looked_ahead: None })
    }

    /// What is there to hand on as of `now`; empty if there is nothing for now.
    ///
    /// The same comes again, in doubt, until [`handed_on`](Self::handed_on) is called.
    ///
    /// # Errors
    /// [`FollowError`]; nothing is lost, and after a transient one the same call may be made again.
    pub async fn next(&mut self, now: Timestamp) -> Result<&Batch, FollowError> {
        if !self.batch.is_empty() {
            self.batch.heard.iter_mut().for_each(|heard| heard.told = Told::Perhaps);
            return Ok(&self.batch);
        }
        let until = now.plus_millis(-i64::from(self.following.margin_ms));
        let looks = self.slices.iter().map(|slice| slice.look(&self.index, until, &self.following));
        let mut found = try_at_once(looks).await?;
        let looks_ahead =
            self.looked_ahead.is_none_or(|last| !(last..last.plus_millis(CLOCKS_APART_MS)).contains(&now));
        if looks_ahead {
            let from = now.plus_millis(self.following.margin_ms.into());
            let looks =
                self.slices.iter().zip(&mut found).map(|(slice, found)| slice.look_ahead(&self.index, from, found));
            try_at_once(looks).await?;
        }

        // All of them, so that each slice knows what became of its own row.
        let checkpoints = &self.checkpoints;
        let writes = self.slices.iter_mut().zip(&found).map(|(slice, found)| slice.store(checkpoints, &found.read));
        let stored = at_once(writes).await;
        if let Some(error) = stored.into_iter().find_map(Result::err) {
            return Err(error.unwrap_or_else(|| FollowError::Taken { name: self.following.name.clone() }));
        }
        if looks_ahead {
            self.looked_ahead = Some(now);
            self.slices.iter_mut().for_each(|slice| slice.ahead.retain(|key| key.at() > now));
        }
        for (slice, found) in self.slices.iter_mut().zip(found) {
            slice.take(found, &self.following, &mut self.batch);
        }
        self.batch.heard.sort_by(|one, other| one.entry.key.cmp(&other.entry.key));
        self.batch.ahead.sort();
        Ok(&self.batch)
    }

    /// Everything of the batch was handed on, durably.
    pub fn handed_on(&mut self) {
        self.batch = Batch::default();
        for slice in &mut self.slices {
            slice.done = slice.read.clone();
        }
    }

    /// Up to where everything was handed on.
    #[must_use]
    pub fn position(&self) -> Position {
        Position::new(self.slices.iter().map(|slice| slice.done.clone()).collect())
    }
}

impl Slice {
    async fn resume<V: ViewStore>(
        checkpoints: &V,
        following: &Following,
        number: u8,
        slices: u8,
        from: &SlicePosition,
    ) -> Result<Self, FollowError> {
        let row = StreamId::new(&Tenant::default(), CATEGORY, &format!("{}~{number}", following.name))
            .map_err(|error| FollowError::Unfit(error.to_string()))?;
        let (revision, earlier) = match checkpoints.get(&row).await? {
            None => (Version::START, None),
            Some(stored) => {
                let malformed = || FollowError::MalformedCheckpoint { row: row.key(), slices };
                (stored.version, Some(read_checkpoint(&stored, slices).ok_or_else(malformed)?))
            }
        };
        let floor = match from {
            SlicePosition::Before(at) => *at,
            SlicePosition::After(key) => key.at().plus_millis(-i64::from(following.overlap_ms)),
        };
        let begun = Checkpoint { run: String::new(), slices, floor, done: from.clone(), begun: from.clone() };
        let stored = Checkpoint { run: following.run.clone(), ..earlier.unwrap_or(begun) };
        let doubtful = match &stored.begun {
            SlicePosition::After(key) => Some(key.clone()),
            SlicePosition::Before(_) => None,
        };
        let done = stored.done.clone();
        let (seen, odd, ahead) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut slice = Self { number, row, revision, stored, read: done.clone(), done, doubtful, seen, odd, ahead };
        let claim = slice.stored.clone();
        let taken = |_| FollowError::Taken { name: following.name.clone() };
        slice.put(checkpoints, claim).await.map_err(|error| error.unwrap_or_else(|| taken(())))?;
        Ok(slice)
    }

    /// Reads from the overlap on what was not seen before.
    async fn look<I: CommitIndex>(
        &self,
        index: &I,
        until: Timestamp,
        following: &Following,
    ) -> Result<Found, FollowError> {
        let limit = following.batch.max(1) as usize;
        let mut after = SlicePosition::Before(self.overlap(following));
        let (mut entries, mut odd) = (Vec::new(), Vec::new());
        loop {
            let page = index.read(self.number, &after, until, PAGE).await?;
            let is_last = page.entries.len() < PAGE as usize;
            if let Some(last) = page.entries.last() {
                after = SlicePosition::After(last.key.clone());
            }
            entries.extend(page.entries.into_iter().filter(|entry| !self.seen.contains(&entry.key)));
            odd.extend(page.odd.into_iter().filter(|odd| !self.odd.contains(odd)));
            if is_last || entries.len() >= limit {
                break;
            }
        }
        entries.truncate(limit);
        let last = entries.last().map(|entry| SlicePosition::After(entry.key.clone()));
        let read = last.map_or_else(|| self.read.clone(), |last| last.max(self.read.clone()));
        Ok(Found { entries, odd, ahead: vec![], read })
    }

    /// Adds to `found` what stands at `from` or later and was not reported before.
    async fn look_ahead<I: CommitIndex>(
        &self,
        index: &I,
        from: Timestamp,
        found: &mut Found,
    ) -> Result<(), StoreError> {
        let page = index.read(self.number, &SlicePosition::Before(from), Timestamp::LAST, PAGE).await?;
        let keys = page.entries.into_iter().map(|entry| entry.key);
        found.ahead = keys.filter(|key| !self.ahead.contains(key)).collect();
        found.odd.extend(page.odd.into_iter().filter(|odd| !self.odd.contains(odd)));
        Ok(())
    }

    /// From when on to read.
    fn overlap(&self, following: &Following) -> Timestamp {
        self.read.at().plus_millis(-i64::from(following.overlap_ms)).max(self.stored.floor)
    }

    /// Makes the checkpoint say that entries up to `begun` may be handed on; writes nothing if it says so.
    ///
    /// # Errors
    /// None if another run has it.
    async fn store<V: ViewStore>(&mut self, checkpoints: &V, begun: &SlicePosition) -> Result<(), Option<FollowError>> {
        // An earlier run may have handed on more than this one has come to.
        let begun = begun.max(&self.stored.begun).clone();
        let done = self.done.clone();
        let checkpoint = Checkpoint { done, begun, ..self.stored.clone() };
        if checkpoint == self.stored { Ok(()) } else { self.put(checkpoints, checkpoint).await }
    }

    async fn put<V: ViewStore>(&mut self, checkpoints: &V, checkpoint: Checkpoint) -> Result<(), Option<FollowError>> {
        let store = |error: StoreError| Some(FollowError::Store(error));
        // A handful of texts and numbers: writing them cannot fail.
        let body = serde_json::to_string(&checkpoint).unwrap_or_default();
        let row = |revision: Version| ViewRow {
            version: revision.next(),
            at: checkpoint.begun.at(),
            body: Some(body.clone()),
            listing: None,
            parked: None,
        };
        if checkpoints.put(&self.row, self.revision, &row(self.revision)).await.map_err(store)? == Put::Stale {
            // It may be this run's own, if an answer was lost: then it is written over.
            let found = checkpoints.get(&self.row).await.map_err(store)?.ok_or(None)?;
            let own = read_checkpoint(&found, checkpoint.slices).filter(|found| found.run == checkpoint.run);
            self.revision = own.map(|_| found.version).ok_or(None)?;
            if checkpoints.put(&self.row, self.revision, &row(self.revision)).await.map_err(store)? == Put::Stale {
                return Err(None);
            }
        }
        self.revision = self.revision.next();
        self.stored = checkpoint;
        Ok(())
    }

    /// Puts what was found into the batch.
    fn take(&mut self, found: Found, following: &Following, batch: &mut Batch) {
        for entry in found.entries {
            let is_late = SlicePosition::After(entry.key.clone()) < self.read;
            let told = match &self.doubtful {
                Some(doubtful) if entry.key <= *doubtful => Told::Perhaps,
                _ if is_late => Told::Late,
                _ => Told::News,
            };
            self.seen.insert(entry.key.clone());
            batch.heard.push(Heard { entry, told });
        }
        for odd in found.odd {
            // It may be on several pages.
            if self.odd.insert(odd.clone()) {
                batch.odd.push(odd);
            }
        }
        self.ahead.extend(found.ahead.iter().cloned());
        batch.ahead.extend(found.ahead);
        self.read = found.read;
        let overlap = self.overlap(following);
        self.seen.retain(|key| key.at() >= overlap);
    }
}

fn read_checkpoint(row: &ViewRow, slices: u8) -> Option<Checkpoint> {
    let checkpoint: Checkpoint = serde_json::from_str(row.body.as_deref()?).ok()?;
    (checkpoint.slices == slices && checkpoint.done <= checkpoint.begun).then_some(checkpoint)
}
