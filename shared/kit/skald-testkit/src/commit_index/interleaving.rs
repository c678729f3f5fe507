//! Writers, an index that lags and a follower that crashes, in any order: told by seeds, so that a
//! failure can be repeated.

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

/// Few, because each asks a service a thousand times; [`interleavings`] tells as many as one likes.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=3;
const STEPS: u64 = 120;

/// A number below `bound`.
fn below(rng: &mut SeededRng, bound: i64) -> i64 {
    i64::try_from(rng.below(bound.unsigned_abs())).unwrap_or_default()
}

/// What a follower was told in all its runs.
#[derive(Default)]
struct Ear {
    /// Everything that was told, and how often as news.
    deliveries: BTreeMap<IndexKey, u32>,
    late: u32,
    /// What this run was told.
    this_run: BTreeSet<IndexKey>,
}

impl Ear {
    async fn listen<I: CommitIndex>(
        &mut self,
        follower: &mut Tester<'_, I>,
        now: Timestamp,
        seed: u64,
    ) -> bool {
        let batch = follower.next(now).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        for deliveries in &batch.deliveries {
            let key = deliveries.entry.key.clone();
            assert!(self.this_run.insert(key.clone()), "seed {seed}: {key} came twice in a run");
            let news = self.deliveries.entry(key.clone()).or_default();
            match deliveries.novelty {
                Novelty::MaybeSeen => continue,
                Novelty::New => {}
                Novelty::Late => self.late += 1,
            }
            *news += 1;
            assert_eq!(*news, 1, "seed {seed}: {key} is news again");
        }
        !batch.is_empty()
    }
}

/// Tells one story and gives how many entries were late. `delay_ms` is the most that passes between
/// the time that a commit is recorded at and the time that it shows, differing clocks included.
async fn story<F: CommitIndexFixture>(fixture: &F, seed: u64, delay_ms: i64) -> u32 {
    let mut rng = SeededRng::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    // Each story has its own time and streams, because stories share a fixture.
    let beginning = at(i64::try_from(seed).unwrap_or_default() * 10_000);
    let batch = 1 + u32::try_from(below(&mut rng, 9)).unwrap_or_default();
    let run = async |number: u64| {
        let from = Position::before(beginning, F::Index::SLICES);
        let following = FollowOptions { from, batch, ..following::<F::Index>(&number.to_string()) };
        let resumed = Follower::resume(index.clone(), checkpoints.clone(), following).await;
        resumed.unwrap_or_else(|error| panic!("seed {seed}: {error}"))
    };
    let (mut follower, mut ear) = (run(0).await, Ear::default());
    let mut written = BTreeSet::new();
    let mut now = beginning.plus_millis(60_000);
    for step in 1..=STEPS {
        now = now.plus_millis(below(&mut rng, 3_000));
        index.set_now(now);
        if below(&mut rng, 3) > 0 {
            // Its clock is behind and its write is slow, together at most `delay_ms`; or its clock
            // is ahead.
            let behind_ms = below(&mut rng, delay_ms + 1);
            let shows_after_ms = below(&mut rng, delay_ms - behind_ms + 1);
            let clock = if below(&mut rng, 4) == 0 { below(&mut rng, 8_000) } else { -behind_ms };
            let stream = account(&format!("{seed}.{}", below(&mut rng, 6)));
            let commit = write(fixture.store(), &stream, now.plus_millis(clock), &[step]).await;
            index.show(&commit, now.plus_millis(shows_after_ms));
            written.insert(IndexKey::of(&commit));
            continue;
        }
        let more = ear.listen(&mut follower, now, seed).await;
        if below(&mut rng, 6) == 0 {
            // It dies before it says that it handed on what it did.
            follower = run(step).await;
            ear.this_run.clear();
        } else if more {
            follower.acknowledge();
        }
    }
    fixture.settled().await;
    now = now.plus_millis(MARGIN_MS + delay_ms + 8_000);
    index.set_now(now);
    while ear.listen(&mut follower, now, seed).await {
        follower.acknowledge();
    }
    let deliveries: BTreeSet<IndexKey> = ear.deliveries.into_keys().collect();
    let missed: Vec<_> = written.difference(&deliveries).collect();
    assert!(missed.is_empty(), "seed {seed}: missed {missed:?}");
    assert_eq!(deliveries, written, "seed {seed}: deliveries of what was not written");
    ear.late
}

/// Within the margin there is no bad luck: everything comes, as news once over all runs, and
/// nothing is late.
pub async fn nothing_within_the_margin_is_missed_whatever_the_interleaving<
    F: CommitIndexFixture,
>(
    fixture: &F,
) {
    for seed in SEEDS {
        assert_eq!(story(fixture, seed, MARGIN_MS).await, 0, "seed {seed}: something was late");
    }
}

/// Beyond the margin things are late, but within the overlap none is missed, and none is news
/// twice.
pub async fn nothing_within_the_overlap_is_missed_whatever_the_interleaving<
    F: CommitIndexFixture,
>(
    fixture: &F,
) {
    let mut late = 0;
    for seed in SEEDS {
        late += story(fixture, seed, MARGIN_MS + OVERLAP_MS).await;
    }
    assert!(late > 0, "nothing was late: the stories do not show what they are to show");
}

/// Both rules above, for the stories of these seeds, each with a fixture of its own.
///
/// # Panics
/// If one is broken; the message names the seed.
pub async fn interleavings<F: CommitIndexFixture>(
    fixture: impl Fn() -> F,
    seeds: impl IntoIterator<Item = u64>,
) {
    for seed in seeds {
        assert_eq!(story(&fixture(), seed, MARGIN_MS).await, 0, "seed {seed}: something was late");
        story(&fixture(), seed, MARGIN_MS + OVERLAP_MS).await;
    }
}
