//! Following the index of all commits, so that nothing is missed.
//!
//! What stands in the way, and what is done about it:
//!
//! - A commit's place in the index is the time that its writer's clock said before it was written,
//!   and it shows in the index some time after. So a follower reads no further than a **safety
//!   margin** before now. What shows within the margin has its place ahead of whoever reads.
//! - Each look also reads an **overlap** before the end of the last look, for entries that take
//!   longer to show. Everything older has shown by then. An entry found there behind others is
//!   [`Novelty::Late`]: it is handed on all the same, and shows that the margin is too small.
//! - A **checkpoint** per slice is written before entries are handed on, and says up to where that
//!   may have happened (`begun`) and up to where it has (`done`). So whoever goes on from it knows
//!   which of what it reads again may have been handed on: that is [`Novelty::MaybeSeen`], and all
//!   else is news for certain.
//!
//! Entries come by time, over all slices: what one slice has is handed on when all others are read
//! as far.
//!
//! Nothing is missed that shows in the index within margin and overlap of the time it is recorded
//! at, however far apart the followers' looks are. What takes longer than both may be missed,
//! without a sign; comparing index and table finds it.
//!
//! A commit from a clock that is ahead is handed on when the follower's clock reaches its time. The
//! commits after it in its stream do not wait (see [`Commit::at`](crate::commit::Commit::at)), so
//! they come first. Commits ahead of now by more than the margin are looked for once a minute and
//! reported as [`Batch::ahead`]; nothing else would show that they are missing.

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

/// Who follows, from where on, and how carefully.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowOptions {
    /// What the checkpoints are kept under: 1 to 70 of `A-Z a-z 0-9 . _ -`.
    pub name: String,
    /// Identifies this run, for people. Another run that resumes from the checkpoints ends this
    /// one.
    pub run: String,
    /// Where to begin, if there are no checkpoints. What stands in the overlap before an entry of
    /// another follower's position is handed on too, as [`Novelty::MaybeSeen`]: it may have shown
    /// since.
    pub from: Position,
    /// How far to stay behind now. As long as clocks may be apart, a write may take, and the index
    /// may lag, in sum.
    pub margin_ms: u32,
    /// How far before the end of the last look to read again. Each look reads the entries of that
    /// time once more.
    pub overlap_ms: u32,
    /// Most entries of a slice that are handed on at once.
    pub batch: u32,
}

/// What is handed on at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Entries of all slices, by time. Each is later than those of the batch before, except for
    /// late ones.
    pub deliveries: Vec<Delivery>,
    /// What was found between them that is no commit's entry; each once in a run.
    pub malformed: Vec<MalformedEntry>,
    /// Commits that lie further ahead of now than the margin: a writer's clock was wrong. Each once
    /// in a run; they are handed on when their time comes. Of each slice the first 1,000 are looked
    /// for.
    pub ahead: Vec<IndexKey>,
}

impl Batch {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty() && self.malformed.is_empty() && self.ahead.is_empty()
    }
}

/// An entry that is handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The entry.
    pub entry: IndexEntry,
    /// Whether it was handed on before.
    pub novelty: Novelty,
}

/// Whether an entry was handed on before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// Never, by this run or an earlier one.
    New,
    /// Never either, but later entries were: it showed after the safety margin.
    Late,
    /// Perhaps, before this run went on from a checkpoint, or by this run, which then did not say
    /// so.
    MaybeSeen,
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

/// Whether a follower can be called so: see [`FollowOptions::name`]. With a `~` in it, one
/// follower's row could be another's.
fn is_name(name: &str) -> bool {
    (1..=70).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// Reads an index from a position on and hands on every commit at least once; as news at most once.
///
/// Checkpoints are rows behind the port of views, in a table of their own (or in memory, if none
/// are to be kept): they need a key, a version and a conditional write. Memory is bounded by the
/// entries of one batch and one overlap.
#[derive(Debug)]
pub struct Follower<I, V> {
    index: I,
    checkpoints: V,
    following: FollowOptions,
    slices: Vec<Slice>,
    batch: Batch,
    /// Up to where the batch goes: all slices are read so far.
    horizon: Option<SlicePosition>,
    /// Up to where everything of all slices was handed on.
    reached: Option<SlicePosition>,
    /// The last entry of all batches.
    last: SlicePosition,
    /// When it last looked for what lies ahead.
    looked_ahead: Option<Timestamp>,
}

impl<I: CommitIndex, V: ViewStore> Follower<I, V> {
    /// Resumes from the checkpoints, or begins where `following` says. Any earlier run ends. If
    /// several runs resume at once, the last to claim the first slice's row wins.
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

    /// What is there to hand on as of `now`; empty if there is nothing for now.
    ///
    /// The same comes again, in doubt, until [`acknowledge`](Self::acknowledge) is called.
    ///
    /// # Errors
    /// [`FollowError`]; nothing is lost, and after a transient one the same call may be made again.
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

        // All of them, so that each slice knows what became of its own row.
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

    /// Looks at the slices of which nothing waits, and now and then for what lies ahead of all.
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

    /// Everything of the batch was handed on, durably.
    pub fn acknowledge(&mut self) {
        self.batch = Batch::default();
        self.reached = self.horizon.clone();
        self.slices.iter_mut().for_each(Slice::acknowledge);
    }

    /// Up to where everything was handed on.
    #[must_use]
    pub fn position(&self) -> Position {
        let reached =
            |slice: &Slice| slice.done().max(self.reached.as_ref().unwrap_or(slice.done())).clone();
        Position::new(self.slices.iter().map(reached).collect())
    }
}
