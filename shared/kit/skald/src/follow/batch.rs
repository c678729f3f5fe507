//! What a follower delivers.

use crate::index::{IndexEntry, IndexKey, MalformedEntry};

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
///
/// # Examples
///
/// A run that ends before it acknowledges its batch. The next run gets the entries again:
///
/// ```
/// use skald::follow::{Follower, Novelty};
/// # use skald::follow::FollowOptions;
/// # use skald::index::{CommitIndex, Position};
/// # use skald::memory::{InMemoryCommitIndex, InMemoryEventStore, InMemoryViewStore};
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
/// # let (index, checkpoints) = (InMemoryCommitIndex::over(&events), InMemoryViewStore::default());
/// # let options = |run: &str| FollowOptions {
/// #     name: "letters".to_owned(),
/// #     run: run.to_owned(),
/// #     from: Position::before(noon, InMemoryCommitIndex::SLICES),
/// #     margin_ms: 5_000,
/// #     overlap_ms: 60_000,
/// #     batch: 100,
/// # };
/// # let later = noon.plus_millis(5_000);
/// let mut one = Follower::resume(index.clone(), checkpoints.clone(), options("one")).await?;
/// assert_eq!(one.next(later).await?.deliveries[0].novelty, Novelty::New);
/// drop(one);
///
/// let mut two = Follower::resume(index, checkpoints, options("two")).await?;
/// assert_eq!(two.next(later).await?.deliveries[0].novelty, Novelty::MaybeSeen);
/// # Ok(())
/// # }
/// ```
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
