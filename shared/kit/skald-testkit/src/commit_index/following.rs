//! Following an index: nothing is missed, and nothing is news twice.

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
/// A year, in seconds: how far a wrong clock is ahead.
const YEAR_S: i64 = 31_536_000;

/// From the beginning on, with a margin of 10 and an overlap of 30 seconds.
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
    assert_eq!(batch.malformed, [], "an entry was not understood");
    assert_eq!(batch.ahead, [], "a clock was wrong");
    batch
        .deliveries
        .iter()
        .map(|deliveries| (deliveries.entry.key.clone(), deliveries.novelty))
        .collect()
}

/// The batch as of `now`, which is then handed on.
async fn hear<I: CommitIndex, V: ViewStore>(
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

fn news<'a>(commits: impl IntoIterator<Item = &'a Commit>) -> Vec<(IndexKey, Novelty)> {
    novelty(commits, Novelty::New)
}

/// Nine commits of nine accounts, a second apart.
async fn nine<F: CommitIndexFixture>(fixture: &F) -> Vec<Commit> {
    let mut commits = Vec::new();
    for second in 1..=9 {
        commits.push(write(fixture.store(), &account(&second.to_string()), at(second), &[1]).await);
    }
    fixture.settled().await;
    commits
}

/// By time over all slices, however often it looks, slices without entries included.
pub async fn a_follower_hands_on_every_commit_once<F: CommitIndexFixture>(fixture: &F) {
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    let mut follower = resume(&index, &checkpoints, following::<F::Index>("one")).await;
    assert_eq!(hear(&index, &mut follower, at(0)).await, []);
    let commits = nine(fixture).await;
    let mut deliveries = Vec::new();
    for second in 0..60 {
        deliveries.extend(hear(&index, &mut follower, at(second)).await);
    }
    assert_eq!(deliveries, news(&commits));
    let later = write(fixture.store(), &account("1"), at(70), &[1]).await;
    fixture.settled().await;
    assert_eq!(hear(&index, &mut follower, at(79)).await, [], "within the margin");
    assert_eq!(hear(&index, &mut follower, at(80)).await, news([&later]));
}

/// From a time on, and from an entry on; the overlap reaches no further back than the beginning.
pub async fn a_follower_begins_where_it_is_told<F: CommitIndexFixture>(fixture: &F) {
    let (index, commits) = (Delayed::new(fixture.index()), nine(fixture).await);
    let from = Position::before(at(6), F::Index::SLICES);
    let following = FollowOptions { from, ..following::<F::Index>("one") };
    let mut follower = resume(&index, &InMemoryViewStore::default(), following).await;
    let mut deliveries = hear(&index, &mut follower, at(18)).await;
    deliveries.extend(hear(&index, &mut follower, at(60)).await);
    assert_eq!(deliveries, news(&commits[5..]));
}

/// One writer's clock goes ahead, another's behind, a write takes its time, the index too: nobody
/// is missed, none is late.
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
        deliveries.extend(hear(&index, &mut follower, at(100 + second)).await);
    }
    fixture.settled().await;
    for second in 0..60 {
        deliveries.extend(hear(&index, &mut follower, at(140 + second)).await);
    }
    deliveries.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(deliveries, news(&written));
}

/// One commit from a wrong clock is not seen for a year; those after it in its stream are seen like
/// any other.
pub async fn a_commit_from_a_clock_far_ahead_holds_up_none_after_it<F: CommitIndexFixture>(
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
    let keys: Vec<_> =
        batch.deliveries.iter().map(|deliveries| deliveries.entry.key.clone()).collect();
    assert_eq!(keys, [&before, &after[0], &after[1]].map(IndexKey::of));
    assert_eq!(batch.ahead, [IndexKey::of(&ahead)], "nothing says that a commit is missing");
    follower.acknowledge();
    let in_time = at(YEAR_S).plus_millis(MARGIN_MS);
    assert_eq!(hear(&index, &mut follower, in_time).await, news([&ahead]));
}

/// However often a follower looks; another run says it again. What lies within the margin is
/// nothing to report.
pub async fn what_lies_ahead_of_now_is_reported_once_a_run<F: CommitIndexFixture>(fixture: &F) {
    let (index, store, checkpoints) =
        (Delayed::new(fixture.index()), fixture.store(), InMemoryViewStore::default());
    let near = write(store, &account("near"), at(9), &[1]).await;
    let mut expected = Vec::new();
    for name in ["a", "b", "c"] {
        expected.push(IndexKey::of(&write(store, &account(name), at(YEAR_S), &[1]).await));
    }
    let far = write(store, &account("far"), at(YEAR_S), &[1]).await;
    fixture.settled().await;
    // It is not there when the first run begins, and is found all the same.
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

/// What shows behind others that were handed on is found again by the overlap, and told as what it
/// is.
pub async fn what_shows_after_the_margin_is_late_but_not_missed<F: CommitIndexFixture>(
    fixture: &F,
) {
    let (index, store) = (Delayed::new(fixture.index()), fixture.store());
    let mut follower =
        resume(&index, &InMemoryViewStore::default(), following::<F::Index>("one")).await;
    let late = write(store, &account("a"), at(10), &[1]).await;
    let shows = at(10).plus_millis(MARGIN_MS + OVERLAP_MS);
    index.show(&late, shows);
    let other = write(store, &account("a"), at(40), &[1]).await;
    fixture.settled().await;
    assert_eq!(hear(&index, &mut follower, shows.plus_millis(-1)).await, []);
    let late_too = write(store, &account("a"), at(41), &[1]).await;
    index.show(&late_too, at(60));
    assert_eq!(
        hear(&index, &mut follower, shows).await,
        news([&late, &other]),
        "nothing later was handed on"
    );
    let last = write(store, &account("a"), at(49), &[1]).await;
    fixture.settled().await;
    assert_eq!(hear(&index, &mut follower, at(59)).await, news([&last]));
    assert_eq!(hear(&index, &mut follower, at(60)).await, novelty([&late_too], Novelty::Late));
    assert_eq!(hear(&index, &mut follower, at(61)).await, [], "once");
}

/// That is the end of the promise. What reads behind it has to compare index and table.
pub async fn what_shows_after_margin_and_overlap_is_not_handed_on<F: CommitIndexFixture>(
    fixture: &F,
) {
    let (index, store) = (Delayed::new(fixture.index()), fixture.store());
    let mut follower =
        resume(&index, &InMemoryViewStore::default(), following::<F::Index>("one")).await;
    let lost = write(store, &account("a"), at(10), &[1]).await;
    index.show(&lost, at(60));
    let on_time = write(store, &account("a"), at(41), &[1]).await;
    fixture.settled().await;
    assert_eq!(hear(&index, &mut follower, at(51)).await, news([&on_time]));
    assert_eq!(hear(&index, &mut follower, at(60)).await, []);
}

/// Whatever one slice has more than another, and however small the batches: who reads sees what
/// happened first, first.
pub async fn entries_come_by_time_over_all_slices_and_batches<F: CommitIndexFixture>(fixture: &F) {
    let (index, mut written) = (Delayed::new(fixture.index()), Vec::new());
    for number in 0..60 {
        // Two of three are of one busy stream, at first; the others of many.
        let name =
            if number < 40 && number % 3 > 0 { "busy".to_owned() } else { number.to_string() };
        written.push(write(fixture.store(), &account(&name), at(number), &[1]).await);
    }
    fixture.settled().await;
    for batch in [2, 100] {
        let following = FollowOptions { batch, ..following::<F::Index>("one") };
        let mut follower = resume(&index, &InMemoryViewStore::default(), following.clone()).await;
        let mut deliveries = Vec::new();
        while let more @ [_, ..] = &hear(&index, &mut follower, at(200)).await[..] {
            deliveries.extend(more.iter().cloned());
            // From anywhere, another goes on with what comes next.
            let from = follower.position();
            let following = FollowOptions { from, overlap_ms: 0, ..following.clone() };
            let mut other = resume(&index, &InMemoryViewStore::default(), following).await;
            let next = hear(&index, &mut other, at(200)).await;
            let is_next = |(key, novelty): &(IndexKey, Novelty)| {
                *novelty == Novelty::MaybeSeen || *key == IndexKey::of(&written[deliveries.len()])
            };
            assert!(next.first().is_none_or(is_next), "{next:?} after {}", deliveries.len());
        }
        assert_eq!(deliveries, news(&written), "in batches of {batch}");
    }
}

/// Memory is bounded by the batch, and nothing gets lost between two.
pub async fn more_than_a_batch_comes_in_batches<F: CommitIndexFixture>(fixture: &F) {
    let (index, mut written) = (Delayed::new(fixture.index()), Vec::new());
    for number in 0..23 {
        // Ten of one moment, and all in one slice.
        written.push(write(fixture.store(), &account("a"), at(number / 10), &[1]).await);
    }
    fixture.settled().await;
    let following = FollowOptions { batch: 5, ..following::<F::Index>("one") };
    let mut follower = resume(&index, &InMemoryViewStore::default(), following).await;
    let mut sizes = Vec::new();
    let mut deliveries = Vec::new();
    for _ in 0..6 {
        let batch = hear(&index, &mut follower, at(60)).await;
        sizes.push(batch.len());
        deliveries.extend(batch);
    }
    assert_eq!(sizes, [5, 5, 5, 5, 3, 0]);
    assert_eq!(deliveries, news(&written));
}

/// Whoever fails to hand something on gets it again, and is told that it is not certainly news any
/// more.
pub async fn a_batch_comes_again_until_it_was_handed_on<F: CommitIndexFixture>(fixture: &F) {
    let (index, commits) = (Delayed::new(fixture.index()), nine(fixture).await);
    let mut follower =
        resume(&index, &InMemoryViewStore::default(), following::<F::Index>("one")).await;
    assert_eq!(next(&index, &mut follower, at(15)).await, news(&commits[..5]));
    assert_eq!(
        next(&index, &mut follower, at(60)).await,
        novelty(&commits[..5], Novelty::MaybeSeen)
    );
    follower.acknowledge();
    assert_eq!(hear(&index, &mut follower, at(60)).await, news(&commits[5..]));
}

/// Who dies between handing on and saying so leaves exactly that in doubt.
pub async fn after_a_crash_only_what_was_begun_is_in_doubt<F: CommitIndexFixture>(fixture: &F) {
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    let commits = nine(fixture).await;
    let following = |run| FollowOptions { overlap_ms: 0, ..following::<F::Index>(run) };
    let mut follower = resume(&index, &checkpoints, following("one")).await;
    assert_eq!(hear(&index, &mut follower, at(13)).await, news(&commits[..3]));
    assert_eq!(next(&index, &mut follower, at(16)).await, news(&commits[3..6]));
    drop(follower);

    let mut follower = resume(&index, &checkpoints, following("two")).await;
    let deliveries = hear(&index, &mut follower, at(60)).await;
    // That the first three are done was said in slices that were written to since; the others may
    // tell them again.
    let in_doubt = deliveries
        .iter()
        .filter(|(_, novelty)| *novelty == Novelty::MaybeSeen)
        .cloned()
        .collect::<Vec<_>>();
    let expected = novelty(&commits[..6], Novelty::MaybeSeen);
    assert!(
        in_doubt.ends_with(&expected[3..]),
        "handed on or not, the batch under way comes again: {in_doubt:?}"
    );
    assert!(in_doubt.iter().all(|deliveries| expected.contains(deliveries)), "{in_doubt:?}");
    let certain = deliveries
        .into_iter()
        .filter(|(_, novelty)| *novelty != Novelty::MaybeSeen)
        .collect::<Vec<_>>();
    assert_eq!(certain, news(&commits[6..]));
}

/// After an end in peace, nothing is missed and nothing is news again; the overlap is told in
/// doubt.
pub async fn a_follower_goes_on_from_its_checkpoint<F: CommitIndexFixture>(fixture: &F) {
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    let commits = nine(fixture).await;
    let hidden = write(fixture.store(), &account("9"), at(9), &[1]).await;
    fixture.settled().await;
    index.show(&hidden, at(45));
    let mut follower = resume(&index, &checkpoints, following::<F::Index>("one")).await;
    assert_eq!(hear(&index, &mut follower, at(30)).await, news(&commits));
    // Nothing new: what is done is said.
    assert_eq!(hear(&index, &mut follower, at(31)).await, []);
    drop(follower);

    let far = FollowOptions {
        from: Position::before(at(500), F::Index::SLICES),
        ..following::<F::Index>("two")
    };
    let mut follower = resume(&index, &checkpoints, far.clone()).await;
    assert_eq!(hear(&index, &mut follower, at(44)).await, novelty(&commits, Novelty::MaybeSeen));
    let deliveries = hear(&index, &mut follower, at(45)).await;
    assert_eq!(
        deliveries.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(),
        [IndexKey::of(&hidden)]
    );
    assert_eq!(hear(&index, &mut follower, at(46)).await, []);
    drop(follower);

    let narrow = FollowOptions { overlap_ms: 0, run: "three".to_owned(), ..far };
    let mut follower = resume(&index, &checkpoints, narrow).await;
    let deliveries = hear(&index, &mut follower, at(60)).await;
    assert!(
        deliveries.iter().all(|(_, novelty)| *novelty == Novelty::MaybeSeen),
        "what was handed on is no news: {deliveries:?}"
    );
}

/// A position may leave the system, come back, and be another's beginning.
pub async fn another_follower_goes_on_from_a_position<F: CommitIndexFixture>(fixture: &F) {
    let (index, commits) = (Delayed::new(fixture.index()), nine(fixture).await);
    let mut follower =
        resume(&index, &InMemoryViewStore::default(), following::<F::Index>("one")).await;
    assert_eq!(hear(&index, &mut follower, at(15)).await, news(&commits[..5]));
    let token = follower.position().to_string();
    let position: Position = token.parse().unwrap_or_else(|error| panic!("{token}: {error}"));
    assert_eq!(position, follower.position());
    let from_there = FollowOptions { from: position, ..following::<F::Index>("two") };
    let mut other = resume(&index, &InMemoryViewStore::default(), from_there).await;
    let deliveries = hear(&index, &mut other, at(60)).await;
    let (doubtful, certain): (Vec<_>, Vec<_>) =
        deliveries.into_iter().partition(|(_, novelty)| *novelty == Novelty::MaybeSeen);
    assert_eq!(certain, news(&commits[5..]), "what comes after the position is news");
    assert_eq!(
        doubtful,
        novelty(&commits[..5], Novelty::MaybeSeen),
        "what lies in the overlap may have been seen"
    );
}

/// Two that run at once do not both hand on: who came first is stopped at its next checkpoint.
pub async fn a_second_run_ends_the_first<F: CommitIndexFixture>(fixture: &F) {
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    let mut first = resume(&index, &checkpoints, following::<F::Index>("one")).await;
    let mut second = resume(&index, &checkpoints, following::<F::Index>("two")).await;
    let commits = nine(fixture).await;
    let error = first.next(at(60)).await.expect_err("the first goes on");
    assert!(matches!(&error, FollowError::Taken { name } if name == "tester"), "{error}");
    assert!(!error.is_transient());
    assert_eq!(hear(&index, &mut second, at(60)).await, news(&commits));
}

/// A checkpoint is its follower's alone.
pub async fn followers_of_different_names_do_not_mix<F: CommitIndexFixture>(fixture: &F) {
    let (index, checkpoints) = (Delayed::new(fixture.index()), InMemoryViewStore::default());
    let commits = nine(fixture).await;
    for name in ["one", "two", "one.1"] {
        let following = FollowOptions { name: name.to_owned(), ..following::<F::Index>("run") };
        let mut follower = resume(&index, &checkpoints, following).await;
        assert_eq!(hear(&index, &mut follower, at(60)).await, news(&commits), "{name}");
    }
    let following = FollowOptions { name: "no/name".to_owned(), ..following::<F::Index>("run") };
    let error = Follower::resume(index, checkpoints, following).await.expect_err("it has a name");
    assert!(matches!(error, FollowError::Unfit(_)), "{error}");
}

/// Writes every row, but loses its answer to one of the writes of each.
#[derive(Debug, Clone)]
struct Forgetful {
    rows: InMemoryViewStore,
    forgets: u32,
    writes: Arc<Mutex<BTreeMap<StreamId, u32>>>,
}

impl ViewStore for Forgetful {
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
        if write == self.forgets {
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

/// What was written without its writer's knowing is no other run's.
pub async fn a_lost_answer_of_the_checkpoint_s_store_does_no_harm<F: CommitIndexFixture>(
    fixture: &F,
) {
    let (index, commits) = (Delayed::new(fixture.index()), nine(fixture).await);
    index.set_now(at(60));
    for forgets in 1..=5 {
        let checkpoints =
            Forgetful { rows: InMemoryViewStore::default(), forgets, writes: Arc::default() };
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
                            .map(|deliveries| (deliveries.entry.key.clone(), deliveries.novelty)),
                    );
                    follower.acknowledge();
                }
                Err(error) if error.is_transient() && failures < 100 => failures += 1,
                Err(error) => panic!("{error}"),
            }
        }
        deliveries.sort_by(|(one, _), (other, _)| one.cmp(other));
        assert_eq!(deliveries, news(&commits), "write {forgets} of each row");
        assert!(failures > 0 || forgets > 3, "no answer was lost");
    }
}

/// What is no checkpoint, or one of an index of other slices, is not guessed at.
pub async fn a_row_that_is_no_checkpoint_is_an_error<F: CommitIndexFixture>(fixture: &F) {
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
        let error = error.expect_err("a checkpoint was made of it");
        assert!(
            matches!(&error, FollowError::MalformedCheckpoint { row, .. } if *row == key.key()),
            "{error}"
        );
    }
}

/// A position with other slices means nothing here.
pub async fn a_position_of_another_index_is_refused<F: CommitIndexFixture>(fixture: &F) {
    let index = Delayed::new(fixture.index());
    for slices in [0, F::Index::SLICES - 1, F::Index::SLICES + 1] {
        let from = Position::new(vec![SlicePosition::START; usize::from(slices)]);
        let following = FollowOptions { from, ..following::<F::Index>("one") };
        let error = Follower::resume(index.clone(), InMemoryViewStore::default(), following).await;
        let error = error.expect_err("it begins somewhere");
        assert!(matches!(error, FollowError::Unfit(_)), "{error}");
    }
}
