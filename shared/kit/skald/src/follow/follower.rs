//! The follower: reads all slices, and merges their entries in order of time.

use super::batch::{Batch, Novelty};
use super::checkpoint::Row;
use super::error::FollowError;
use super::options::FollowOptions;
use super::slice::Slice;
use crate::commit::MAX_CLOCK_SKEW_MS;
use crate::concurrency::{concurrently, try_concurrently};
use crate::index::{CommitIndex, Position, SlicePosition};
use crate::time::Timestamp;
use crate::view::ViewStore;

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
/// Checkpoints are rows of a [`ViewStore`], in a table of their own, or in memory if they need not
/// be durable. They need a key, a version and a conditional write. Memory is bounded by the entries
/// of one batch and one overlap.
///
/// # Examples
///
/// ```
/// use skald::follow::{FollowOptions, Follower, Novelty};
/// use skald::index::{CommitIndex, Position};
/// use skald::memory::{InMemoryCommitIndex, InMemoryEventStore, InMemoryViewStore};
/// # use skald_testkit::NoPause;
/// # use skald_testkit::sample::{Account, AccountCommand, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let noon: Timestamp = "2025-12-01T12:00:00Z".parse()?;
/// # let request = Request::new(id, noon, "example", Actor::new("c-1")?);
/// # let events = InMemoryEventStore::default();
/// # let deposit = AccountCommand::Deposit(5);
/// # Handler::new(&events, NoPause).handle::<Account>(&account("1"), &deposit, &request).await?;
/// // The event store has one commit, recorded at noon.
/// let options = FollowOptions {
///     name: "letters".to_owned(),
///     run: "host-1".to_owned(),
///     from: Position::before(noon, InMemoryCommitIndex::SLICES),
///     margin_ms: 5_000,
///     overlap_ms: 60_000,
///     batch: 100,
/// };
/// let (index, checkpoints) = (InMemoryCommitIndex::over(&events), InMemoryViewStore::default());
/// let mut follower = Follower::resume(index, checkpoints, options).await?;
/// // The commit is still within the margin.
/// assert!(follower.next(noon).await?.is_empty());
/// follower.acknowledge();
///
/// let batch = follower.next(noon.plus_millis(5_000)).await?;
/// let [delivery] = &batch.deliveries[..] else { panic!("one commit is delivered") };
/// assert_eq!(delivery.novelty, Novelty::New);
/// assert_eq!(delivery.entry.types, ["account.deposited"]);
/// follower.acknowledge();
/// assert_ne!(follower.position(), Position::before(noon, InMemoryCommitIndex::SLICES));
/// # Ok(())
/// # }
/// ```
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
            return Err(FollowError::InvalidOptions(
                "the name of a follower must be 1 to 70 characters of A-Z a-z 0-9 . _ -".to_owned(),
            ));
        }
        let from = following.from.slices();
        if from.len() != usize::from(I::SLICES) {
            return Err(FollowError::InvalidOptions(format!(
                "the starting position has {} slices, and the index has {}",
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
