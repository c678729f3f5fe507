//! A follower of an index with many entries, or with malformed ones.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use skald::commit::{Commit, CommitId, Draft};
use skald::event::DomainEvent;
use skald::follow::{FollowError, FollowOptions, Follower, Novelty};
use skald::index::{CommitIndex, IndexKey, IndexPage, MalformedEntry, Position, SlicePosition};
use skald::memory::{InMemoryCommitIndex, InMemoryEventStore, InMemoryViewStore};
use skald::observe::MALFORMED_ENTRY;
use skald::store::{EventStore, Head, StoreError};
use skald::stream::Version;
use skald::time::Timestamp;
use skald_testkit::reports::{Report, Reports};
use skald_testkit::sample::{AccountEvent, Deposited, account};
use tracing::Level;
use uuid::Uuid;

use crate::support::context;

/// More commits than one read of an index, and than one batch of a follower.
const MANY: u32 = 2500;
const BATCH: u32 = 300;

fn options() -> FollowOptions {
    FollowOptions {
        name: "tester".to_owned(),
        run: "run".to_owned(),
        from: Position::before(Timestamp::EPOCH, InMemoryCommitIndex::SLICES),
        margin_ms: 0,
        overlap_ms: 3_600_000,
        batch: BATCH,
    }
}

/// A stream of [`MANY`] commits, a millisecond apart.
async fn fill(store: &InMemoryEventStore) {
    let mut head = store.start(account("busy"));
    for number in 1..=MANY {
        let events = vec![AccountEvent::from(Deposited { amount: 1 }).encode().unwrap()];
        let (commit_id, at) =
            (CommitId::new(Uuid::from_u128(number.into())), Timestamp::from_millis(number.into()));
        let draft =
            Draft { commit_id, at: at.unwrap(), context: context(), events, snapshot: None };
        head = store.append(&head, draft).await.unwrap().head;
    }
    assert_eq!(head.version(), Version::new(MANY.into()));
}

/// Each batch reads the overlap again, and the entries of the overlap fill whole pages. The entries
/// after them must not be missed.
#[tokio::test]
async fn entries_after_pages_of_seen_entries_are_delivered() {
    let store = InMemoryEventStore::default();
    fill(&store).await;
    let index = InMemoryCommitIndex::over(&store);
    let mut follower =
        Follower::resume(index, InMemoryViewStore::default(), options()).await.unwrap();
    let now = Timestamp::from_millis(10_000).unwrap();
    let mut deliveries = Vec::new();
    for _ in 0..MANY.div_ceil(BATCH) {
        let batch = follower.next(now).await.unwrap();
        assert!(!batch.is_empty(), "the follower stopped after {} of {MANY}", deliveries.len());
        deliveries.extend(batch.deliveries.iter().map(|delivery| delivery.entry.key.first().get()));
        follower.acknowledge();
    }
    assert_eq!(deliveries, (1..=MANY.into()).collect::<Vec<u64>>());
    assert!(follower.next(now).await.unwrap().is_empty());
}

/// Counts the reads, and the entries that they return.
#[derive(Clone)]
struct CountingIndex {
    index: InMemoryCommitIndex,
    returned: Arc<AtomicUsize>,
    reads: Arc<AtomicUsize>,
}

impl CommitIndex for CountingIndex {
    const SLICES: u8 = InMemoryCommitIndex::SLICES;

    async fn read(
        &self,
        slice: u8,
        after: &SlicePosition,
        until: Timestamp,
        limit: u32,
    ) -> Result<IndexPage, StoreError> {
        let page = self.index.read(slice, after, until, limit).await?;
        self.returned.fetch_add(page.entries.len(), Ordering::Relaxed);
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(page)
    }

    async fn commit(&self, entry: &IndexKey) -> Result<Option<Commit>, StoreError> {
        self.index.commit(entry).await
    }
}

/// Entries that are older than the overlap are not read again, so even an overlap of an hour must
/// not be read again for every batch of a replay.
#[tokio::test]
async fn a_replay_reads_each_entry_about_once() {
    let store = InMemoryEventStore::default();
    fill(&store).await;
    let index = InMemoryCommitIndex::over(&store);
    for (batch, now) in [(20, 86_400_000), (BATCH, 86_400_000), (MANY, 86_400_000)] {
        let index =
            CountingIndex { index: index.clone(), returned: Arc::default(), reads: Arc::default() };
        let options = FollowOptions { batch, ..options() };
        let mut follower =
            Follower::resume(index.clone(), InMemoryViewStore::default(), options).await.unwrap();
        let (now, mut deliveries, mut batches) = (Timestamp::from_millis(now).unwrap(), 0, 1);
        while let more @ 1.. = follower.next(now).await.unwrap().deliveries.len() {
            (deliveries, batches) = (deliveries + more, batches + 1);
            follower.acknowledge();
        }
        let (returned, reads) =
            (index.returned.load(Ordering::Relaxed), index.reads.load(Ordering::Relaxed));
        assert_eq!(deliveries, MANY as usize);
        assert!(
            returned <= deliveries + deliveries / 50,
            "{returned} entries were read for {deliveries}, in batches of {batch}"
        );
        // One entry of each slice in each read, one in the search ahead of now, and further pages
        // if a batch is larger than one page.
        let most = (batches + 1) * usize::from(InMemoryCommitIndex::SLICES) + deliveries / 1000;
        assert!(reads <= most, "{reads} reads in {batches} batches");
    }
}

/// A run that resumes begins at the position of the previous run, not at the very beginning.
#[tokio::test]
async fn after_a_crash_only_the_entries_of_the_unfinished_batch_are_delivered_again() {
    let store = InMemoryEventStore::default();
    fill(&store).await;
    let checkpoints = InMemoryViewStore::default();
    let now = Timestamp::from_millis(10_000).unwrap();
    let resume = async |run: &str| {
        let options = FollowOptions { run: run.to_owned(), overlap_ms: 0, ..options() };
        Follower::resume(InMemoryCommitIndex::over(&store), checkpoints.clone(), options)
            .await
            .unwrap()
    };
    let mut first_run = resume("first").await;
    for _ in 0..3 {
        first_run.next(now).await.unwrap();
        first_run.acknowledge();
    }
    let mut second_run = resume("second").await;
    let deliveries = &second_run.next(now).await.unwrap().deliveries;
    let last_seen = u64::from(BATCH) * 2;
    assert_eq!(
        deliveries[0].entry.key.first().get(),
        last_seen,
        "no other entry has the same time as the last entry of the batch before"
    );
    assert!(deliveries.iter().all(|delivery| (delivery.novelty == Novelty::MaybeSeen)
        == (delivery.entry.key.first().get() <= last_seen + 300)));
}

/// An index with a malformed entry in one slice, which every page of that slice contains.
struct MalformedIndex {
    index: InMemoryCommitIndex,
    slice: u8,
}

fn malformed_entry() -> MalformedEntry {
    MalformedEntry { key: "default/order-1 7".to_owned(), fault: "`sk` is not a version" }
}

fn expected_report() -> Report {
    let MalformedEntry { key, fault } = malformed_entry();
    Report::new(MALFORMED_ENTRY, Level::WARN, [("key", key.as_str()), ("fault", fault)])
}

impl CommitIndex for MalformedIndex {
    const SLICES: u8 = InMemoryCommitIndex::SLICES;

    async fn read(
        &self,
        slice: u8,
        after: &SlicePosition,
        until: Timestamp,
        limit: u32,
    ) -> Result<IndexPage, StoreError> {
        let page = self.index.read(slice, after, until, limit).await?;
        Ok(IndexPage {
            malformed: if slice == self.slice { vec![malformed_entry()] } else { vec![] },
            ..page
        })
    }

    async fn commit(&self, entry: &IndexKey) -> Result<Option<Commit>, StoreError> {
        self.index.commit(entry).await
    }
}

#[tokio::test]
async fn a_malformed_entry_is_reported_once_per_run() {
    let index = || MalformedIndex {
        index: InMemoryCommitIndex::over(&InMemoryEventStore::default()),
        slice: 3,
    };
    let checkpoints = InMemoryViewStore::default();
    let now = Timestamp::from_millis(10_000).unwrap();
    let reports = Reports::receive();
    for run in ["first", "second"] {
        let options = FollowOptions { run: run.to_owned(), ..options() };
        let mut follower = Follower::resume(index(), checkpoints.clone(), options).await.unwrap();
        assert_eq!(follower.next(now).await.unwrap().malformed, [malformed_entry()], "{run}");
        follower.acknowledge();
        for _ in 0..3 {
            assert_eq!(follower.next(now).await.unwrap().malformed, [], "{run}, again");
            follower.acknowledge();
        }
        assert_eq!(reports.take_named(MALFORMED_ENTRY), [expected_report()]);
    }
}

/// A malformed entry has no place in the order, so an index may return it on every page.
#[tokio::test]
async fn a_malformed_entry_on_several_pages_is_reported_once() {
    let store = InMemoryEventStore::default();
    fill(&store).await;
    let (index, now) = (InMemoryCommitIndex::over(&store), Timestamp::from_millis(10_000).unwrap());
    let mut slice = 0;
    while index.read(slice, &SlicePosition::START, now, 1).await.unwrap().entries.is_empty() {
        slice += 1;
    }
    let options = FollowOptions { batch: MANY, ..options() };
    let malformed_index = MalformedIndex { index, slice };
    let mut follower =
        Follower::resume(malformed_index, InMemoryViewStore::default(), options).await.unwrap();
    let reports = Reports::receive();
    let batch = follower.next(now).await.unwrap();
    assert_eq!(
        (batch.deliveries.len(), batch.malformed.as_slice()),
        (MANY as usize, &[malformed_entry()][..])
    );
    assert_eq!(reports.take_named(MALFORMED_ENTRY), [expected_report()]);
}

/// A name with a `~` and a number could be the name of another follower's row.
#[tokio::test]
async fn a_follower_accepts_only_names_that_are_valid_in_the_keys_of_its_rows() {
    let longest = "n".repeat(70);
    let valid_names = [longest.as_str(), "a", "A-z.0_9"].map(|name| (name, true));
    let longer = "n".repeat(71);
    let invalid = ["", longer.as_str(), "a~1", "a b", "ä", "a/b"].map(|name| (name, false));
    for (name, valid) in valid_names.into_iter().chain(invalid) {
        let index = InMemoryCommitIndex::over(&InMemoryEventStore::default());
        let options = FollowOptions { name: name.to_owned(), ..options() };
        match Follower::resume(index, InMemoryViewStore::default(), options).await {
            Ok(_) => assert!(valid, "{name:?}"),
            Err(error) => {
                assert!(
                    matches!(error, FollowError::InvalidOptions(_)) && !valid,
                    "{name:?}: {error}"
                )
            }
        }
    }
}
