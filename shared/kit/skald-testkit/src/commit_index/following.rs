//! Following an index: no commit is missed, and none is delivered as new twice.

use skald::commit::Commit;
use skald::follow::{FollowOptions, Follower, Novelty};
use skald::index::{CommitIndex, IndexKey, Position};
use skald::memory::InMemoryViewStore;
use skald::time::Timestamp;
use skald::view::ViewStore;

use super::CommitIndexFixture;
use super::delayed::Delayed;
use super::reading::write;
use crate::fixtures::at;
use crate::sample::account;

pub(super) const MARGIN_MS: i64 = 10_000;
pub(super) const OVERLAP_MS: i64 = 30_000;
/// A year in seconds: how far a wrong clock is ahead.
const YEAR_S: i64 = 31_536_000;

/// Options of a follower that starts at time 0, with a margin of 10 and an overlap of 30 seconds.
pub(super) fn following<I: CommitIndex>(run: &str) -> FollowOptions {
    FollowOptions {
        name: "tester".to_owned(),
        run: run.to_owned(),
        from: Position::before(at(0), I::SLICES),
        margin_ms: 10_000,
        overlap_ms: 30_000,
        batch: 100,
    }
}

pub(super) type Tester<'a, I> = Follower<Delayed<'a, I>, InMemoryViewStore>;

pub(super) async fn resume<'a, I: CommitIndex>(
    index: &Delayed<'a, I>,
    checkpoints: &InMemoryViewStore,
    following: FollowOptions,
) -> Tester<'a, I> {
    Follower::resume(index.clone(), checkpoints.clone(), following)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The batch as of `now`.
pub(super) async fn next<I: CommitIndex, V: ViewStore>(
    index: &Delayed<'_, I>,
    follower: &mut Follower<Delayed<'_, I>, V>,
    now: Timestamp,
) -> Vec<(IndexKey, Novelty)> {
    index.set_now(now);
    let batch = follower.next(now).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(batch.malformed, [], "malformed entries");
    assert_eq!(batch.ahead, [], "entries ahead of now");
    batch.deliveries.iter().map(|delivery| (delivery.entry.key.clone(), delivery.novelty)).collect()
}

/// The batch as of `now`, acknowledged.
pub(super) async fn next_acknowledged<I: CommitIndex, V: ViewStore>(
    index: &Delayed<'_, I>,
    follower: &mut Follower<Delayed<'_, I>, V>,
    now: Timestamp,
) -> Vec<(IndexKey, Novelty)> {
    let deliveries = next(index, follower, now).await;
    follower.acknowledge();
    deliveries
}

pub(super) fn novelty<'a>(
    commits: impl IntoIterator<Item = &'a Commit>,
    novelty: Novelty,
) -> Vec<(IndexKey, Novelty)> {
    let mut keys: Vec<_> =
        commits.into_iter().map(|commit| (IndexKey::of(commit), novelty)).collect();
    keys.sort_by(|(one, _), (other, _)| one.cmp(other));
    keys
}

pub(super) fn new<'a>(commits: impl IntoIterator<Item = &'a Commit>) -> Vec<(IndexKey, Novelty)> {
    novelty(commits, Novelty::New)
}

/// Appends nine commits to nine accounts, a second apart.
pub(super) async fn nine<F: CommitIndexFixture>(fixture: &F) -> Vec<Commit> {
    let mut commits = Vec::new();
    for second in 1..=9 {
        commits.push(write(fixture.store(), &account(&second.to_string()), at(second), &[1]).await);
    }
    fixture.settled().await;
    commits
}

/// A follower delivers every commit once, by time across all slices, in any number of reads.
pub async fn a_follower_delivers_every_commit_once<F: CommitIndexFixture>(fixture: &F) {
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    let mut follower = resume(&index, &checkpoints, following::<F::Index>("one")).await;
    assert_eq!(next_acknowledged(&index, &mut follower, at(0)).await, []);
    let commits = nine(fixture).await;
    let mut deliveries = Vec::new();
    for second in 0..60 {
        deliveries.extend(next_acknowledged(&index, &mut follower, at(second)).await);
    }
    assert_eq!(deliveries, new(&commits));
    let later = write(fixture.store(), &account("1"), at(70), &[1]).await;
    fixture.settled().await;
    assert_eq!(next_acknowledged(&index, &mut follower, at(79)).await, [], "within the margin");
    assert_eq!(next_acknowledged(&index, &mut follower, at(80)).await, new([&later]));
}

/// A follower starts at its position. The overlap does not reach back before that position.
pub async fn a_follower_starts_at_its_position<F: CommitIndexFixture>(fixture: &F) {
    let (index, commits) = (Delayed::new(fixture.index()), nine(fixture).await);
    let from = Position::before(at(6), F::Index::SLICES);
    let following = FollowOptions { from, ..following::<F::Index>("one") };
    let mut follower = resume(&index, &InMemoryViewStore::default(), following).await;
    let mut deliveries = next_acknowledged(&index, &mut follower, at(18)).await;
    deliveries.extend(next_acknowledged(&index, &mut follower, at(60)).await);
    assert_eq!(deliveries, new(&commits[5..]));
}

/// With clocks ahead and behind, slow writes and a slow index, all within the margin, no commit is
/// missed or late.
pub async fn clocks_may_differ_within_the_margin<F: CommitIndexFixture>(fixture: &F) {
    let (index, store) = (Delayed::new(fixture.index()), fixture.store());
    let mut follower =
        resume(&index, &InMemoryViewStore::default(), following::<F::Index>("one")).await;
    let (mut deliveries, mut written) = (Vec::new(), Vec::new());
    for second in 0..40 {
        for (name, skew_s, shows_after_s) in
            [("ahead", 4, 0), ("behind", -4, 6), ("right", 0, 9), ("ahead", -9, 1)]
        {
            let commit = write(store, &account(name), at(100 + second + skew_s), &[1]).await;
            index.show(&commit, at(100 + second + shows_after_s));
            written.push(commit);
        }
        deliveries.extend(next_acknowledged(&index, &mut follower, at(100 + second)).await);
    }
    fixture.settled().await;
    for second in 0..60 {
        deliveries.extend(next_acknowledged(&index, &mut follower, at(140 + second)).await);
    }
    deliveries.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(deliveries, new(&written));
}

/// A commit from a wrong clock is delivered a year later. Later commits of its stream are delivered
/// on time.
pub async fn a_commit_from_a_clock_far_ahead_does_not_delay_later_commits<F: CommitIndexFixture>(
    fixture: &F,
) {
    let (index, store, stream) = (Delayed::new(fixture.index()), fixture.store(), account("a"));
    let mut follower =
        resume(&index, &InMemoryViewStore::default(), following::<F::Index>("one")).await;
    let before = write(store, &stream, at(1), &[1]).await;
    let ahead = write(store, &stream, at(YEAR_S), &[2]).await;
    let after =
        [write(store, &stream, at(2), &[3]).await, write(store, &stream, at(3), &[4]).await];
    fixture.settled().await;
    index.set_now(at(20));
    let batch = follower.next(at(20)).await.unwrap_or_else(|error| panic!("{error}"));
    let keys: Vec<_> = batch.deliveries.iter().map(|delivery| delivery.entry.key.clone()).collect();
    assert_eq!(keys, [&before, &after[0], &after[1]].map(IndexKey::of));
    assert_eq!(batch.ahead, [IndexKey::of(&ahead)], "the commit ahead of now is not reported");
    follower.acknowledge();
    let in_time = at(YEAR_S).plus_millis(MARGIN_MS);
    assert_eq!(next_acknowledged(&index, &mut follower, in_time).await, new([&ahead]));
}

/// Each run reports an entry ahead of now once. Entries within the margin are not reported.
pub async fn entries_ahead_of_now_are_reported_once_per_run<F: CommitIndexFixture>(fixture: &F) {
    let (index, store, checkpoints) =
        (Delayed::new(fixture.index()), fixture.store(), InMemoryViewStore::default());
    let near = write(store, &account("near"), at(9), &[1]).await;
    let mut expected = Vec::new();
    for name in ["a", "b", "c"] {
        expected.push(IndexKey::of(&write(store, &account(name), at(YEAR_S), &[1]).await));
    }
    let far = write(store, &account("far"), at(YEAR_S), &[1]).await;
    fixture.settled().await;
    // This entry becomes visible after the first run has started, and is still found.
    index.show(&far, at(10));
    for run in ["one", "two"] {
        let mut follower = resume(&index, &checkpoints, following::<F::Index>(run)).await;
        let mut reported = Vec::new();
        for second in (0..200).step_by(20) {
            index.set_now(at(second));
            let batch = follower.next(at(second)).await.unwrap_or_else(|error| panic!("{error}"));
            reported.extend(batch.ahead.iter().cloned());
            follower.acknowledge();
        }
        if run == "one" {
            expected.push(IndexKey::of(&far));
        }
        reported.sort();
        expected.sort();
        assert_eq!(reported, expected, "run {run}");
        assert!(!reported.contains(&IndexKey::of(&near)), "within the margin");
    }
}

/// An entry that becomes visible behind delivered ones is found in the overlap, and delivered as
/// late.
pub async fn an_entry_after_the_margin_is_late_but_not_missed<F: CommitIndexFixture>(fixture: &F) {
    let (index, store) = (Delayed::new(fixture.index()), fixture.store());
    let mut follower =
        resume(&index, &InMemoryViewStore::default(), following::<F::Index>("one")).await;
    let late = write(store, &account("a"), at(10), &[1]).await;
    let shows = at(10).plus_millis(MARGIN_MS + OVERLAP_MS);
    index.show(&late, shows);
    let other = write(store, &account("a"), at(40), &[1]).await;
    fixture.settled().await;
    assert_eq!(next_acknowledged(&index, &mut follower, shows.plus_millis(-1)).await, []);
    let late_too = write(store, &account("a"), at(41), &[1]).await;
    index.show(&late_too, at(60));
    assert_eq!(
        next_acknowledged(&index, &mut follower, shows).await,
        new([&late, &other]),
        "no later entry was delivered before"
    );
    let last = write(store, &account("a"), at(49), &[1]).await;
    fixture.settled().await;
    assert_eq!(next_acknowledged(&index, &mut follower, at(59)).await, new([&last]));
    assert_eq!(
        next_acknowledged(&index, &mut follower, at(60)).await,
        novelty([&late_too], Novelty::Late)
    );
    assert_eq!(next_acknowledged(&index, &mut follower, at(61)).await, [], "once");
}

/// The guarantee ends with the overlap. To find later entries, compare the index with the table.
pub async fn an_entry_after_margin_and_overlap_is_not_delivered<F: CommitIndexFixture>(
    fixture: &F,
) {
    let (index, store) = (Delayed::new(fixture.index()), fixture.store());
    let mut follower =
        resume(&index, &InMemoryViewStore::default(), following::<F::Index>("one")).await;
    let lost = write(store, &account("a"), at(10), &[1]).await;
    index.show(&lost, at(60));
    let on_time = write(store, &account("a"), at(41), &[1]).await;
    fixture.settled().await;
    assert_eq!(next_acknowledged(&index, &mut follower, at(51)).await, new([&on_time]));
    assert_eq!(next_acknowledged(&index, &mut follower, at(60)).await, []);
}

/// Entries are delivered by time, even if one slice has more than another, in batches of any size.
pub async fn entries_are_delivered_by_time_over_all_slices_and_batches<F: CommitIndexFixture>(
    fixture: &F,
) {
    let (index, mut written) = (Delayed::new(fixture.index()), Vec::new());
    for number in 0..60 {
        // At first, two of three entries are of one busy stream. The others are of many.
        let name =
            if number < 40 && number % 3 > 0 { "busy".to_owned() } else { number.to_string() };
        written.push(write(fixture.store(), &account(&name), at(number), &[1]).await);
    }
    fixture.settled().await;
    for batch in [2, 100] {
        let following = FollowOptions { batch, ..following::<F::Index>("one") };
        let mut follower = resume(&index, &InMemoryViewStore::default(), following.clone()).await;
        let mut deliveries = Vec::new();
        while let more @ [_, ..] = &next_acknowledged(&index, &mut follower, at(200)).await[..] {
            deliveries.extend(more.iter().cloned());
            // From any position, another follower continues with the next entry.
            let from = follower.position();
            let following = FollowOptions { from, overlap_ms: 0, ..following.clone() };
            let mut other = resume(&index, &InMemoryViewStore::default(), following).await;
            let next = next_acknowledged(&index, &mut other, at(200)).await;
            let is_next = |(key, novelty): &(IndexKey, Novelty)| {
                *novelty == Novelty::MaybeSeen || *key == IndexKey::of(&written[deliveries.len()])
            };
            assert!(next.first().is_none_or(is_next), "{next:?} after {}", deliveries.len());
        }
        assert_eq!(deliveries, new(&written), "in batches of {batch}");
    }
}

/// A batch bounds the memory, and no entry is lost between batches.
pub async fn more_entries_than_a_batch_are_delivered_in_batches<F: CommitIndexFixture>(
    fixture: &F,
) {
    let (index, mut written) = (Delayed::new(fixture.index()), Vec::new());
    for number in 0..23 {
        // Ten entries have one time, and all are in one slice.
        written.push(write(fixture.store(), &account("a"), at(number / 10), &[1]).await);
    }
    fixture.settled().await;
    let following = FollowOptions { batch: 5, ..following::<F::Index>("one") };
    let mut follower = resume(&index, &InMemoryViewStore::default(), following).await;
    let mut sizes = Vec::new();
    let mut deliveries = Vec::new();
    for _ in 0..6 {
        let batch = next_acknowledged(&index, &mut follower, at(60)).await;
        sizes.push(batch.len());
        deliveries.extend(batch);
    }
    assert_eq!(sizes, [5, 5, 5, 5, 3, 0]);
    assert_eq!(deliveries, new(&written));
}
