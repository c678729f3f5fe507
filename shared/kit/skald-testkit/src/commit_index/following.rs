//! Following an index: no commit is missed, and none is delivered as new twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use skald::commit::Commit;
use skald::follow::{FollowError, FollowOptions, Follower, Novelty};
use skald::index::{CommitIndex, IndexKey, Position, SlicePosition};
use skald::memory::InMemoryViewStore;
use skald::store::StoreError;
use skald::stream::{StreamId, Tenant, Version};
use skald::time::Timestamp;
use skald::view::{ListEntry, ListPage, Put, Rows, ViewRow, ViewStore};

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

async fn resume<'a, I: CommitIndex>(
    index: &Delayed<'a, I>,
    checkpoints: &InMemoryViewStore,
    following: FollowOptions,
) -> Tester<'a, I> {
    Follower::resume(index.clone(), checkpoints.clone(), following)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The batch as of `now`.
async fn next<I: CommitIndex, V: ViewStore>(
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
async fn next_acknowledged<I: CommitIndex, V: ViewStore>(
    index: &Delayed<'_, I>,
    follower: &mut Follower<Delayed<'_, I>, V>,
    now: Timestamp,
) -> Vec<(IndexKey, Novelty)> {
    let deliveries = next(index, follower, now).await;
    follower.acknowledge();
    deliveries
}

fn novelty<'a>(
    commits: impl IntoIterator<Item = &'a Commit>,
    novelty: Novelty,
) -> Vec<(IndexKey, Novelty)> {
    let mut keys: Vec<_> =
        commits.into_iter().map(|commit| (IndexKey::of(commit), novelty)).collect();
    keys.sort_by(|(one, _), (other, _)| one.cmp(other));
    keys
}

fn new<'a>(commits: impl IntoIterator<Item = &'a Commit>) -> Vec<(IndexKey, Novelty)> {
    novelty(commits, Novelty::New)
}

/// Appends nine commits to nine accounts, a second apart.
async fn nine<F: CommitIndexFixture>(fixture: &F) -> Vec<Commit> {
    let mut commits = Vec::new();
    for second in 1..=9 {
        commits.push(write(fixture.store(), &account(&second.to_string()), at(second), &[1]).await);
    }
    fixture.settled().await;
    commits
}

/// A follower delivers every commit once, by time over all slices, in any number of reads.
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

/// An entry that becomes visible behind delivered ones is found by the overlap, and delivered as
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

/// A batch that was not acknowledged is delivered again, as maybe seen.
pub async fn a_batch_is_delivered_again_until_it_is_acknowledged<F: CommitIndexFixture>(
    fixture: &F,
) {
    let (index, commits) = (Delayed::new(fixture.index()), nine(fixture).await);
    let mut follower =
        resume(&index, &InMemoryViewStore::default(), following::<F::Index>("one")).await;
    assert_eq!(next(&index, &mut follower, at(15)).await, new(&commits[..5]));
    assert_eq!(
        next(&index, &mut follower, at(60)).await,
        novelty(&commits[..5], Novelty::MaybeSeen)
    );
    follower.acknowledge();
    assert_eq!(next_acknowledged(&index, &mut follower, at(60)).await, new(&commits[5..]));
}

/// After a crash before the acknowledgement, only the current batch is in doubt.
pub async fn after_a_crash_only_the_current_batch_is_in_doubt<F: CommitIndexFixture>(fixture: &F) {
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    let commits = nine(fixture).await;
    let following = |run| FollowOptions { overlap_ms: 0, ..following::<F::Index>(run) };
    let mut follower = resume(&index, &checkpoints, following("one")).await;
    assert_eq!(next_acknowledged(&index, &mut follower, at(13)).await, new(&commits[..3]));
    assert_eq!(next(&index, &mut follower, at(16)).await, new(&commits[3..6]));
    drop(follower);

    let mut follower = resume(&index, &checkpoints, following("two")).await;
    let deliveries = next_acknowledged(&index, &mut follower, at(60)).await;
    // Only slices with a later write have recorded that the first three are done. Other slices may
    // deliver them again.
    let in_doubt = deliveries
        .iter()
        .filter(|(_, novelty)| *novelty == Novelty::MaybeSeen)
        .cloned()
        .collect::<Vec<_>>();
    let expected = novelty(&commits[..6], Novelty::MaybeSeen);
    assert!(
        in_doubt.ends_with(&expected[3..]),
        "the batch without an acknowledgement was not delivered again: {in_doubt:?}"
    );
    assert!(in_doubt.iter().all(|delivery| expected.contains(delivery)), "{in_doubt:?}");
    let certain = deliveries
        .into_iter()
        .filter(|(_, novelty)| *novelty != Novelty::MaybeSeen)
        .collect::<Vec<_>>();
    assert_eq!(certain, new(&commits[6..]));
}

/// After a regular end, no commit is missed and none is new again. The overlap is delivered as
/// maybe seen.
pub async fn a_follower_continues_from_its_checkpoint<F: CommitIndexFixture>(fixture: &F) {
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    let commits = nine(fixture).await;
    let hidden = write(fixture.store(), &account("9"), at(9), &[1]).await;
    fixture.settled().await;
    index.show(&hidden, at(45));
    let mut follower = resume(&index, &checkpoints, following::<F::Index>("one")).await;
    assert_eq!(next_acknowledged(&index, &mut follower, at(30)).await, new(&commits));
    // Without new entries, the checkpoint records what is done.
    assert_eq!(next_acknowledged(&index, &mut follower, at(31)).await, []);
    drop(follower);

    let far = FollowOptions {
        from: Position::before(at(500), F::Index::SLICES),
        ..following::<F::Index>("two")
    };
    let mut follower = resume(&index, &checkpoints, far.clone()).await;
    assert_eq!(
        next_acknowledged(&index, &mut follower, at(44)).await,
        novelty(&commits, Novelty::MaybeSeen)
    );
    let deliveries = next_acknowledged(&index, &mut follower, at(45)).await;
    assert_eq!(
        deliveries.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(),
        [IndexKey::of(&hidden)]
    );
    assert_eq!(next_acknowledged(&index, &mut follower, at(46)).await, []);
    drop(follower);

    let narrow = FollowOptions { overlap_ms: 0, run: "three".to_owned(), ..far };
    let mut follower = resume(&index, &checkpoints, narrow).await;
    let deliveries = next_acknowledged(&index, &mut follower, at(60)).await;
    assert!(
        deliveries.iter().all(|(_, novelty)| *novelty == Novelty::MaybeSeen),
        "a delivered commit is new again: {deliveries:?}"
    );
}

/// A position can be stored as text and used as the start of another follower.
pub async fn another_follower_continues_from_a_position<F: CommitIndexFixture>(fixture: &F) {
    let (index, commits) = (Delayed::new(fixture.index()), nine(fixture).await);
    let mut follower =
        resume(&index, &InMemoryViewStore::default(), following::<F::Index>("one")).await;
    assert_eq!(next_acknowledged(&index, &mut follower, at(15)).await, new(&commits[..5]));
    let token = follower.position().to_string();
    let position: Position = token.parse().unwrap_or_else(|error| panic!("{token}: {error}"));
    assert_eq!(position, follower.position());
    let from_there = FollowOptions { from: position, ..following::<F::Index>("two") };
    let mut other = resume(&index, &InMemoryViewStore::default(), from_there).await;
    let deliveries = next_acknowledged(&index, &mut other, at(60)).await;
    let (maybe_seen, certain): (Vec<_>, Vec<_>) =
        deliveries.into_iter().partition(|(_, novelty)| *novelty == Novelty::MaybeSeen);
    assert_eq!(certain, new(&commits[5..]), "commits after the position are new");
    assert_eq!(
        maybe_seen,
        novelty(&commits[..5], Novelty::MaybeSeen),
        "commits in the overlap are maybe seen"
    );
}

/// Of two concurrent runs, the first one ends at its next checkpoint.
pub async fn a_second_run_ends_the_first<F: CommitIndexFixture>(fixture: &F) {
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    let mut first = resume(&index, &checkpoints, following::<F::Index>("one")).await;
    let mut second = resume(&index, &checkpoints, following::<F::Index>("two")).await;
    let commits = nine(fixture).await;
    let error = first.next(at(60)).await.expect_err("the first run continued");
    assert!(matches!(&error, FollowError::Taken { name } if name == "tester"), "{error}");
    assert!(!error.is_transient());
    assert_eq!(next_acknowledged(&index, &mut second, at(60)).await, new(&commits));
}

/// A checkpoint belongs to one follower.
pub async fn followers_of_different_names_do_not_mix<F: CommitIndexFixture>(fixture: &F) {
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    let commits = nine(fixture).await;
    for name in ["one", "two", "one.1"] {
        let following = FollowOptions { name: name.to_owned(), ..following::<F::Index>("run") };
        let mut follower = resume(&index, &checkpoints, following).await;
        assert_eq!(next_acknowledged(&index, &mut follower, at(60)).await, new(&commits), "{name}");
    }
    let following = FollowOptions { name: "no/name".to_owned(), ..following::<F::Index>("run") };
    let error =
        Follower::resume(index, checkpoints, following).await.expect_err("the name was accepted");
    assert!(matches!(error, FollowError::InvalidOptions(_)), "{error}");
}

/// A store that writes every row, but loses the answer to one write of each row.
#[derive(Debug, Clone)]
struct LosesAnAnswer {
    rows: InMemoryViewStore,
    lost_write: u32,
    writes: Arc<Mutex<BTreeMap<StreamId, u32>>>,
}

impl ViewStore for LosesAnAnswer {
    async fn get(&self, stream: &StreamId) -> Result<Option<ViewRow>, StoreError> {
        self.rows.get(stream).await
    }

    async fn get_many(&self, streams: &[StreamId]) -> Result<Rows, StoreError> {
        self.rows.get_many(streams).await
    }

    async fn put(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        let put = self.rows.put(stream, expected, row).await?;
        let write = {
            let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
            let count = writes.entry(stream.clone()).or_default();
            *count += 1;
            *count
        };
        if write == self.lost_write {
            let source = "the answer was lost".into();
            return Err(StoreError::Unavailable { operation: "PutItem", source });
        }
        Ok(put)
    }

    async fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        self.rows.put_over_parked(stream, parked, row).await
    }

    async fn list(
        &self,
        group: &str,
        before: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.rows.list(group, before, limit).await
    }
}

/// A run recognises its own checkpoint, even if the answer to its write was lost.
pub async fn a_lost_answer_to_a_checkpoint_write_is_harmless<F: CommitIndexFixture>(fixture: &F) {
    let (index, commits) = (Delayed::new(fixture.index()), nine(fixture).await);
    index.set_now(at(60));
    for lost_write in 1..=5 {
        let checkpoints = LosesAnAnswer {
            rows: InMemoryViewStore::default(),
            lost_write,
            writes: Arc::default(),
        };
        let mut failures = 0;
        let mut follower = loop {
            let following = FollowOptions { batch: 1, ..following::<F::Index>("one") };
            match Follower::resume(index.clone(), checkpoints.clone(), following).await {
                Ok(follower) => break follower,
                Err(error) if error.is_transient() && failures < 100 => failures += 1,
                Err(error) => panic!("{error}"),
            }
        };
        let mut deliveries = Vec::new();
        for _ in 0..100 {
            match follower.next(at(60)).await {
                Ok(batch) => {
                    deliveries.extend(
                        batch
                            .deliveries
                            .iter()
                            .map(|delivery| (delivery.entry.key.clone(), delivery.novelty)),
                    );
                    follower.acknowledge();
                }
                Err(error) if error.is_transient() && failures < 100 => failures += 1,
                Err(error) => panic!("{error}"),
            }
        }
        deliveries.sort_by(|(one, _), (other, _)| one.cmp(other));
        assert_eq!(deliveries, new(&commits), "write {lost_write} of each row");
        assert!(failures > 0 || lost_write > 3, "no answer was lost");
    }
}

/// A malformed checkpoint, or one of an index with other slices, is an error.
pub async fn a_malformed_checkpoint_is_an_error<F: CommitIndexFixture>(fixture: &F) {
    let index = Delayed::new(fixture.index());
    let key = StreamId::new(&Tenant::default(), "checkpoint", "tester~0").expect("a name");
    let run = format!("\"run\":\"one\",\"generation\":1,\"floor\":\"{}\"", at(0));
    let bodies = [
        "\"nonsense\"".to_owned(),
        "{}".to_owned(),
        format!(
            "{{{run},\"slices\":{},\"done\":\"{}\",\"begun\":\"{}\"}}",
            F::Index::SLICES + 1,
            at(0),
            at(0)
        ),
        format!(
            "{{{run},\"slices\":{},\"done\":\"{}\",\"begun\":\"{}\"}}",
            F::Index::SLICES,
            at(1),
            at(0)
        ),
        format!(
            "{{{run},\"slices\":{},\"done\":\"soon\",\"begun\":\"{}\"}}",
            F::Index::SLICES,
            at(0)
        ),
    ];
    for body in bodies {
        let checkpoints = InMemoryViewStore::default();
        let row = ViewRow {
            version: Version::new(1),
            at: at(0),
            body: Some(body),
            listing: None,
            parked: None,
        };
        assert!(matches!(checkpoints.put(&key, Version::START, &row).await, Ok(Put::Stored)));
        let error =
            Follower::resume(index.clone(), checkpoints, following::<F::Index>("one")).await;
        let error = error.expect_err("the checkpoint was accepted");
        assert!(
            matches!(&error, FollowError::MalformedCheckpoint { row, .. } if *row == key.key()),
            "{error}"
        );
    }
}

/// A position with another number of slices is invalid.
pub async fn a_position_of_another_index_is_invalid<F: CommitIndexFixture>(fixture: &F) {
    let index = Delayed::new(fixture.index());
    for slices in [0, F::Index::SLICES - 1, F::Index::SLICES + 1] {
        let from = Position::new(vec![SlicePosition::START; usize::from(slices)]);
        let following = FollowOptions { from, ..following::<F::Index>("one") };
        let error = Follower::resume(index.clone(), InMemoryViewStore::default(), following).await;
        let error = error.expect_err("the position was accepted");
        assert!(matches!(error, FollowError::InvalidOptions(_)), "{error}");
    }
}
