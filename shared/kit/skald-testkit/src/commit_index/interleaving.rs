//! Random interleavings of writers, a lagging index and a crashing follower. A seed determines the
//! interleaving, so a failure can be reproduced.

use std::collections::{BTreeMap, BTreeSet};

use skald::follow::{FollowOptions, Follower, Novelty};
use skald::index::{CommitIndex, IndexKey, Position};
use skald::memory::InMemoryViewStore;
use skald::time::Timestamp;

use super::CommitIndexFixture;
use super::delayed::Delayed;
use super::following::{MARGIN_MS, OVERLAP_MS, Tester, following};
use super::reading::write;
use crate::SeededRng;
use crate::fixtures::at;
use crate::sample::account;

/// Few, because each seed sends a thousand requests to a service. [`interleavings`] takes any
/// seeds.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=3;
const STEPS: u64 = 120;

/// A number below `bound`.
fn below(rng: &mut SeededRng, bound: i64) -> i64 {
    i64::try_from(rng.below(bound.unsigned_abs())).unwrap_or_default()
}

/// The deliveries of a follower in all its runs.
#[derive(Default)]
struct Delivered {
    /// How often each entry was delivered as new or late.
    as_new: BTreeMap<IndexKey, u32>,
    late: u32,
    /// The deliveries of this run.
    this_run: BTreeSet<IndexKey>,
}

impl Delivered {
    async fn receive<I: CommitIndex>(
        &mut self,
        follower: &mut Tester<'_, I>,
        now: Timestamp,
        seed: u64,
    ) -> bool {
        let batch = follower.next(now).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        for delivery in &batch.deliveries {
            let key = delivery.entry.key.clone();
            assert!(
                self.this_run.insert(key.clone()),
                "seed {seed}: {key} was delivered twice in a run"
            );
            let as_new = self.as_new.entry(key.clone()).or_default();
            match delivery.novelty {
                Novelty::MaybeSeen => continue,
                Novelty::New => {}
                Novelty::Late => self.late += 1,
            }
            *as_new += 1;
            assert_eq!(*as_new, 1, "seed {seed}: {key} was delivered as new twice");
        }
        !batch.is_empty()
    }
}

/// Runs one interleaving and returns the number of late entries. `delay_ms` is the longest time
/// between the recorded time of a commit and the moment when its entry becomes visible, clock skew
/// included.
async fn interleave<F: CommitIndexFixture>(fixture: &F, seed: u64, delay_ms: i64) -> u32 {
    let mut rng = SeededRng::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    // Each seed has its own time and streams, because seeds share a fixture.
    let beginning = at(i64::try_from(seed).unwrap_or_default() * 10_000);
    let batch = 1 + u32::try_from(below(&mut rng, 9)).unwrap_or_default();
    let run = async |number: u64| {
        let from = Position::before(beginning, F::Index::SLICES);
        let following = FollowOptions { from, batch, ..following::<F::Index>(&number.to_string()) };
        let resumed = Follower::resume(index.clone(), checkpoints.clone(), following).await;
        resumed.unwrap_or_else(|error| panic!("seed {seed}: {error}"))
    };
    let (mut follower, mut delivered) = (run(0).await, Delivered::default());
    let mut written = BTreeSet::new();
    let mut now = beginning.plus_millis(60_000);
    for step in 1..=STEPS {
        now = now.plus_millis(below(&mut rng, 3_000));
        index.set_now(now);
        if below(&mut rng, 3) > 0 {
            // Either the writer's clock is behind and its write is slow, together at most
            // `delay_ms`, or its clock is ahead.
            let behind_ms = below(&mut rng, delay_ms + 1);
            let shows_after_ms = below(&mut rng, delay_ms - behind_ms + 1);
            let clock = if below(&mut rng, 4) == 0 { below(&mut rng, 8_000) } else { -behind_ms };
            let stream = account(&format!("{seed}.{}", below(&mut rng, 6)));
            let commit = write(fixture.store(), &stream, now.plus_millis(clock), &[step]).await;
            index.show(&commit, now.plus_millis(shows_after_ms));
            written.insert(IndexKey::of(&commit));
            continue;
        }
        let more = delivered.receive(&mut follower, now, seed).await;
        if below(&mut rng, 6) == 0 {
            // The follower crashes before it acknowledges its batch.
            follower = run(step).await;
            delivered.this_run.clear();
        } else if more {
            follower.acknowledge();
        }
    }
    fixture.settled().await;
    now = now.plus_millis(MARGIN_MS + delay_ms + 8_000);
    index.set_now(now);
    while delivered.receive(&mut follower, now, seed).await {
        follower.acknowledge();
    }
    let keys: BTreeSet<IndexKey> = delivered.as_new.into_keys().collect();
    let missed: Vec<_> = written.difference(&keys).collect();
    assert!(missed.is_empty(), "seed {seed}: missed {missed:?}");
    assert_eq!(keys, written, "seed {seed}: deliveries of commits that were not written");
    delivered.late
}

/// Within the margin, every commit is delivered, as new once over all runs, and none is late.
pub async fn no_commit_within_the_margin_is_missed_in_any_interleaving<F: CommitIndexFixture>(
    fixture: &F,
) {
    for seed in SEEDS {
        assert_eq!(interleave(fixture, seed, MARGIN_MS).await, 0, "seed {seed}: late commits");
    }
}

/// Between the margin and the end of the overlap, commits are late, but none is missed and none is
/// new twice.
pub async fn no_commit_within_the_overlap_is_missed_in_any_interleaving<F: CommitIndexFixture>(
    fixture: &F,
) {
    let mut late = 0;
    for seed in SEEDS {
        late += interleave(fixture, seed, MARGIN_MS + OVERLAP_MS).await;
    }
    assert!(late > 0, "no commit was late: the seeds do not test late commits");
}

/// Runs both rules above for these seeds, each with a fixture of its own.
///
/// # Panics
/// If a rule is broken. The message names the seed.
///
/// # Examples
///
/// ```
/// use skald::memory::{InMemoryCommitIndex, InMemoryEventStore};
/// use skald_testkit::commit_index::{CommitIndexFixture, interleavings};
/// # struct Fixture { store: InMemoryEventStore, index: InMemoryCommitIndex }
/// # impl Fixture {
/// #     fn new() -> Self {
/// #         let store = InMemoryEventStore::default();
/// #         Self { index: InMemoryCommitIndex::over(&store), store }
/// #     }
/// # }
/// # impl CommitIndexFixture for Fixture {
/// #     type Store = InMemoryEventStore;
/// #     type Index = InMemoryCommitIndex;
/// #     fn store(&self) -> &InMemoryEventStore { &self.store }
/// #     fn index(&self) -> &InMemoryCommitIndex { &self.index }
/// # }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// interleavings(Fixture::new, 1..=2).await;
/// # }
/// ```
pub async fn interleavings<F: CommitIndexFixture>(
    fixture: impl Fn() -> F,
    seeds: impl IntoIterator<Item = u64>,
) {
    for seed in seeds {
        assert_eq!(interleave(&fixture(), seed, MARGIN_MS).await, 0, "seed {seed}: late commits");
        interleave(&fixture(), seed, MARGIN_MS + OVERLAP_MS).await;
    }
}
