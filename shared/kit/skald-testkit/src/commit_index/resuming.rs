//! Two runs of a follower that resume concurrently: in every order of their calls, one continues.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use skald::commit::Commit;
use skald::follow::{FollowError, FollowOptions, Follower, Novelty};
use skald::index::{CommitIndex, IndexEntry, IndexKey, IndexPage, Position, SlicePosition};
use skald::memory::InMemoryViewStore;
use skald::store::StoreError;
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;
use skald::view::{ListEntry, ListPage, Put, Rows, ViewRow, ViewStore};

use super::CommitIndexFixture;
use super::following::following;
use super::reading::{all, write};
use crate::fixtures::at;
use crate::sample::account;

/// How many calls are interleaved in every order. Later calls take turns.
const CALLS: u32 = 13;

/// A copy of two slices of an index.
#[derive(Debug, Clone, Default)]
struct TwoSlices([Vec<IndexEntry>; 2]);

impl CommitIndex for TwoSlices {
    const SLICES: u8 = 2;

    async fn read(
        &self,
        slice: u8,
        after: &SlicePosition,
        until: Timestamp,
        limit: u32,
    ) -> Result<IndexPage, StoreError> {
        let entries = self.0.get(usize::from(slice)).into_iter().flatten();
        let entries = entries.filter(|entry| !after.covers(&entry.key) && entry.key.at() <= until);
        Ok(IndexPage {
            entries: entries.take(limit as usize).cloned().collect(),
            malformed: vec![],
        })
    }

    async fn commit(&self, _: &IndexKey) -> Result<Option<Commit>, StoreError> {
        Ok(None)
    }
}

/// A view store that makes one call each time it is this run's turn.
struct InTurn<'a> {
    rows: &'a InMemoryViewStore,
    may: &'a AtomicBool,
}

impl InTurn<'_> {
    async fn turn(&self) {
        poll_fn(|context| {
            if self.may.swap(false, Ordering::Relaxed) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl ViewStore for InTurn<'_> {
    async fn get(&self, stream: &StreamId) -> Result<Option<ViewRow>, StoreError> {
        self.turn().await;
        self.rows.get(stream).await
    }

    async fn get_many(&self, streams: &[StreamId]) -> Result<Rows, StoreError> {
        self.turn().await;
        self.rows.get_many(streams).await
    }

    async fn put(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        self.turn().await;
        self.rows.put(stream, expected, row).await
    }

    async fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        self.turn().await;
        self.rows.put_over_parked(stream, parked, row).await
    }

    async fn list(
        &self,
        group: &str,
        before: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.turn().await;
        self.rows.list(group, before, limit).await
    }

    async fn worklist(
        &self,
        group: &str,
        after: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.turn().await;
        self.rows.worklist(group, after, limit).await
    }
}

/// The deliveries of a run, in two batches, and its error, if it ended with one.
#[derive(Default)]
struct Run {
    deliveries: Vec<(IndexKey, Novelty)>,
    end: Option<FollowError>,
}

/// Resumes a follower, and reads and acknowledges one batch.
async fn run<'a>(
    index: &TwoSlices,
    rows: InTurn<'a>,
    following: FollowOptions,
    into: &mut Run,
) -> Result<Follower<TwoSlices, InTurn<'a>>, FollowError> {
    let mut follower = Follower::resume(index.clone(), rows, following).await?;
    next(&mut follower, at(60), into).await?;
    Ok(follower)
}

async fn next<V: ViewStore>(
    follower: &mut Follower<TwoSlices, V>,
    now: Timestamp,
    into: &mut Run,
) -> Result<(), FollowError> {
    let batch = follower.next(now).await?;
    into.deliveries.extend(
        batch.deliveries.iter().map(|delivery| (delivery.entry.key.clone(), delivery.novelty)),
    );
    follower.acknowledge();
    Ok(())
}

/// Interleaves two runs in the order of the bits of `schedule`. Then each run that did not fail
/// reads one more batch.
fn interleaved(
    index: &TwoSlices,
    following: impl Fn(&str) -> FollowOptions,
    schedule: u32,
) -> [Run; 2] {
    let (rows, may) =
        (InMemoryViewStore::default(), [AtomicBool::new(false), AtomicBool::new(false)]);
    let mut runs = [Run::default(), Run::default()];
    let mut followers = [None, None];
    {
        let [first, second] = &mut runs;
        let in_turn = |number: usize| InTurn { rows: &rows, may: &may[number] };
        let mut under_way: [Option<Pin<Box<dyn Future<Output = _> + '_>>>; 2] = [
            Some(Box::pin(run(index, in_turn(0), following("one"), first))),
            Some(Box::pin(run(index, in_turn(1), following("two"), second))),
        ];
        for step in 0.. {
            let bit = if step < CALLS { schedule >> step } else { step } & 1;
            let next = if bit == 0 { 0 } else { 1 };
            may[next].store(true, Ordering::Relaxed);
            if let Some(future) = &mut under_way[next]
                && let Poll::Ready(done) =
                    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            {
                (under_way[next], followers[next]) = (None, Some(done));
            }
            if under_way.iter().all(Option::is_none) {
                break;
            }
            assert!(step < 1_000, "schedule {schedule:b}: the runs do not end");
        }
    }
    for (number, follower) in followers.into_iter().enumerate() {
        let last = async |follower: Result<Follower<_, _>, FollowError>, into: &mut Run| {
            next(&mut follower?, at(200), into).await
        };
        let into = &mut runs[number];
        let mut last = Box::pin(last(follower.expect("both have ended"), into));
        let done = loop {
            may[number].store(true, Ordering::Relaxed);
            if let Poll::Ready(done) = last.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                break done;
            }
        };
        drop(last);
        runs[number].end = done.err();
    }
    runs
}

/// Exactly one run continues. Together, the runs deliver every commit, as new at most once.
pub async fn of_two_concurrent_runs_one_continues_in_every_interleaving<F: CommitIndexFixture>(
    fixture: &F,
) {
    for number in 0..16 {
        write(fixture.store(), &account(&number.to_string()), at(number), &[1]).await;
        write(fixture.store(), &account(&number.to_string()), at(100 + number), &[1]).await;
    }
    fixture.settled().await;
    let mut slices = all(fixture.index(), 100).await.into_values();
    let index = TwoSlices([slices.next(), slices.next()].map(Option::unwrap_or_default));
    let expected: Vec<IndexKey> = index.0.iter().flatten().map(|entry| entry.key.clone()).collect();
    let following = |run: &str| {
        let from = Position::before(at(0), TwoSlices::SLICES);
        FollowOptions { from, ..following::<F::Index>(run) }
    };
    for schedule in 0..1 << CALLS {
        let runs = interleaved(&index, following, schedule);
        let ended = runs.iter().filter_map(|run| run.end.as_ref()).collect::<Vec<_>>();
        assert!(
            matches!(ended[..], [FollowError::Taken { .. }]),
            "schedule {schedule:b}: {ended:?} ended"
        );
        let mut as_new = BTreeMap::new();
        for (key, novelty) in runs.iter().flat_map(|run| &run.deliveries) {
            *as_new.entry(key).or_insert(0) += u32::from(*novelty != Novelty::MaybeSeen);
        }
        assert!(
            as_new.values().all(|count| *count <= 1),
            "schedule {schedule:b}: a commit was delivered as new twice"
        );
        assert!(
            expected.iter().all(|key| as_new.contains_key(key)),
            "schedule {schedule:b}: a commit was not delivered"
        );
    }
}
