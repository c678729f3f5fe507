//! Following the index of all commits, without missing any.
//!
//! The follower handles three difficulties:
//!
//! - A commit's position in the index is the time of its writer's clock before the write, and the
//!   commit appears in the index some time later. So a follower reads no further than a **safety
//!   margin** before now. A commit that appears within the margin is still ahead of the follower.
//! - Each read also covers an **overlap** before the end of the previous read, for entries that
//!   take longer to appear. All older entries have appeared by then. An entry that is found there
//!   after later ones were delivered is [`Novelty::Late`]. It is delivered nevertheless, and shows
//!   that the margin is too small.
//! - A **checkpoint** per slice is written before entries are delivered. It records up to where
//!   they may have been delivered (`begun`) and up to where they have been (`done`). So a run that
//!   resumes from it knows which entries may have been delivered before: these are
//!   [`Novelty::MaybeSeen`], and all others are certainly new.
//!
//! Entries are delivered in order of time, across all slices. An entry of one slice is delivered
//! once all other slices have been read as far.
//!
//! No commit is missed that appears in the index within margin and overlap of its recorded time,
//! regardless of the time between a follower's reads. A commit that takes longer than both may be
//! missed without a sign; a comparison of index and table finds it.
//!
//! A commit from a clock that is ahead is delivered when the follower's clock reaches its time. The
//! later commits of its stream do not wait (see [`Commit::at`](crate::commit::Commit::at)), so they
//! are delivered first. Once a minute the follower searches for commits that are ahead of now by
//! more than the margin, and reports them as [`Batch::ahead`]. Nothing else would show that they
//! are missing.

mod checkpoint;
mod slice;

use crate::commit::MAX_CLOCK_SKEW_MS;
use crate::concurrency::{concurrently, try_concurrently};
use crate::index::{CommitIndex, IndexEntry, IndexKey, MalformedEntry, Position, SlicePosition};
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::view::ViewStore;
use checkpoint::Row;
use slice::Slice;

/// A follower's name, starting position and settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowOptions {
    /// The name under which the checkpoints are stored: 1 to 70 characters of `A-Z a-z 0-9 . _ -`.
    pub name: String,
    /// An identifier of this run, for people. Another run that resumes from the checkpoints ends
    /// this one.
    pub run: String,
    /// The starting position if there are no checkpoints. Entries in the overlap before an entry of
    /// another follower's position are delivered too, as [`Novelty::MaybeSeen`], because they may
    /// have appeared since.
    pub from: Position,
    /// How far to stay behind now: the sum of the clock skew, the time of a write, and the delay of
    /// the index.
    pub margin_ms: u32,
    /// How far before the end of the previous read to read again. Each read repeats the entries of
    /// that time.
    pub overlap_ms: u32,
    /// Most entries of a slice in one batch.
    pub batch: u32,
}

/// The entries that are delivered together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Entries of all slices, in order of time. Each is later than those of the previous batch,
    /// except for late ones.
    pub deliveries: Vec<Delivery>,
    /// Malformed entries that were found between them; each is reported once in a run.
    pub malformed: Vec<MalformedEntry>,
    /// Commits that are further ahead of now than the margin, because a writer's clock was wrong.
    /// Each is reported once in a run, and delivered when its time comes. The search covers the
    /// first 1,000 of each slice.
    pub ahead: Vec<IndexKey>,
}

impl Batch {
    /// Whether the batch is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty() && self.malformed.is_empty() && self.ahead.is_empty()
    }
}

/// A delivered entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The entry.
    pub entry: IndexEntry,
    /// Whether the entry was delivered before.
    pub novelty: Novelty,
}

/// Whether an entry was delivered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// The entry was not delivered before, by this run or an earlier one.
    New,
    /// The entry was not delivered before, but later entries were: it appeared after the safety
    /// margin.
    Late,
    /// The entry may have been delivered before: by an earlier run, or by this run without an
    /// acknowledgement.
    MaybeSeen,
}

/// Why a follower cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The name is not valid for a follower, or the starting position belongs to another index.
    #[error("{0}")]
    Unfit(String),
    /// Another run has resumed from the checkpoints, and this one must end.
    #[error("another run follows as {name}")]
    Taken {
        /// The follower's name.
        name: String,
    },
    /// The stored row is not a checkpoint, or belongs to another index.
    #[error("{row} holds no checkpoint for an index of {slices} slices")]
    MalformedCheckpoint {
        /// The key of the row.
        row: String,
        /// The number of slices of the index.
        slices: u8,
    },
    /// The index or the checkpoints did not answer.
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

/// Whether a text is a valid name of a follower: see [`FollowOptions::name`]. A `~` is excluded
/// because it could make one follower's row that of another.
fn is_name(name: &str) -> bool {
    (1..=70).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// Reads an index from a position on. Delivers every commit at least once, and at most once as new.
///
/// Checkpoints are rows behind the port of views, in a table of their own, or in memory if they
/// need not be durable. They need a key, a version and a conditional write. Memory is bounded by
/// the entries of one batch and one overlap.
#[derive(Debug)]
pub struct Follower<I, V> {
    index: I,
    checkpoints: V,
    following: FollowOptions,
    slices: Vec<Slice>,
    batch: Batch,
    /// The end of the batch: all slices have been read up to here.
    horizon: Option<SlicePosition>,
    /// The position up to which all slices were read and delivered.
    reached: Option<SlicePosition>,
    /// The last entry of all batches so far.
    last: SlicePosition,
    /// The time of the last search for entries ahead of now.
    looked_ahead: Option<Timestamp>,
}

impl<I: CommitIndex, V: ViewStore> Follower<I, V> {
    /// Resumes from the checkpoints, or begins at the position in `following`. Any earlier run
    /// ends. If several runs resume at the same time, the last to claim the first slice's row wins.
    ///
    /// # Errors
    /// [`FollowError`]
    pub async fn resume(
        index: I,
        checkpoints: V,
        following: FollowOptions,
    ) -> Result<Self, FollowError> {
        if !is_name(&following.name) {
            return Err(FollowError::Unfit(
                "a follower's name is 1 to 70 of A-Z a-z 0-9 . _ -".to_owned(),
            ));
        }
        let from = following.from.slices();
        if from.len() != usize::from(I::SLICES) {
            return Err(FollowError::Unfit(format!(
                "a position in an index of {} slices: this one has {}",
                from.len(),
                I::SLICES
            )));
        }
        let claim = |number, generation| {
            Row::claim(&checkpoints, &following, I::SLICES, number, generation)
        };
        let mut rows = vec![claim(0, None).await?];
        let generation = rows.first().map(Row::generation);
        rows.extend(
            try_concurrently((1..I::SLICES).map(|number| claim(number, generation))).await?,
        );
        let slices: Vec<Slice> =
            (0..).zip(rows).map(|(number, row)| Slice::new(number, row, &following)).collect();
        let last = slices.iter().map(Slice::done).max().cloned().unwrap_or(SlicePosition::START);
        let (batch, horizon, reached, looked_ahead) = (Batch::default(), None, None, None);
        Ok(Self {
            index,
            checkpoints,
            following,
            slices,
            batch,
            horizon,
            reached,
            last,
            looked_ahead,
        })
    }

    /// The entries to deliver as of `now`. The batch is empty if there are none for now.
    ///
    /// Until [`acknowledge`](Self::acknowledge) is called, the next call returns the same entries,
    /// marked as maybe seen.
    ///
    /// # Errors
    /// [`FollowError`]. No entry is lost, and after a transient error the same call can be
    /// repeated.
    pub async fn next(&mut self, now: Timestamp) -> Result<&Batch, FollowError> {
        if !self.batch.is_empty() {
            self.batch
                .deliveries
                .iter_mut()
                .for_each(|deliveries| deliveries.novelty = Novelty::MaybeSeen);
            return Ok(&self.batch);
        }
        self.look(now).await?;
        let Some(horizon) = self.slices.iter().filter_map(Slice::reached).min().cloned() else {
            return Ok(&self.batch);
        };

        // All writes are awaited, so that each slice knows the result for its own row.
        let checkpoints = &self.checkpoints;
        let writes = self.slices.iter_mut().map(|slice| slice.begin(checkpoints, &horizon));
        concurrently(writes).await.into_iter().collect::<Result<(), _>>()?;
        for slice in &mut self.slices {
            slice.take(&horizon, &self.last, &mut self.batch.deliveries);
        }
        self.batch.deliveries.sort_by(|one, other| one.entry.key.cmp(&other.entry.key));
        self.batch.ahead.sort();
        match self.batch.deliveries.last() {
            Some(last) => {
                self.last = SlicePosition::After(last.entry.key.clone()).max(self.last.clone())
            }
            None => self.reached = Some(horizon.clone()),
        }
        self.horizon = Some(horizon);
        Ok(&self.batch)
    }

    /// Reads the slices without waiting entries, and from time to time searches all slices for
    /// entries ahead of now.
    async fn look(&mut self, now: Timestamp) -> Result<(), FollowError> {
        let (index, following) = (&self.index, &self.following);
        let until = now.plus_millis(-i64::from(following.margin_ms));
        let looks = self.slices.iter().map(|slice| slice.look(index, until, following));
        let looks = try_concurrently(looks).await?;
        let minute = |last: Timestamp| last..last.plus_millis(MAX_CLOCK_SKEW_MS);
        let ahead = if self.looked_ahead.is_none_or(|last| !minute(last).contains(&now)) {
            let from = now.plus_millis(following.margin_ms.into());
            try_concurrently(self.slices.iter().map(|slice| slice.look_ahead(index, from))).await?
        } else {
            vec![]
        };
        for (slice, look) in self.slices.iter_mut().zip(looks) {
            slice.found(look, following, &mut self.batch);
        }
        if !ahead.is_empty() {
            self.looked_ahead = Some(now);
        }
        for (slice, page) in self.slices.iter_mut().zip(ahead) {
            slice.found_ahead(page, now, &mut self.batch);
        }
        Ok(())
    }

    /// Records that all entries of the batch were durably delivered.
    pub fn acknowledge(&mut self) {
        self.batch = Batch::default();
        self.reached = self.horizon.clone();
        self.slices.iter_mut().for_each(Slice::acknowledge);
    }

    /// The position up to which all entries were delivered.
    #[must_use]
    pub fn position(&self) -> Position {
        let reached =
            |slice: &Slice| slice.done().max(self.reached.as_ref().unwrap_or(slice.done())).clone();
        Position::new(self.slices.iter().map(reached).collect())
    }
}
