//! The same command again, because the answer to the first attempt was lost.

use std::slice::from_ref;
use std::sync::{Mutex, PoisonError};

use skald::commit::{Commit, Draft};
use skald::handle::{Handler, One, Outcome};
use skald::implementing::Page;
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{AppendError, Appended, EventStore, Head, Loaded, StoreError};
use skald::stream::{StreamId, Version};

use super::EventStoreFixture;
use super::snapshots::{KIND, SnapshottedAccount, command};
use crate::NoPause;
use crate::fixtures::{
    append, append_at, assert_conflict, commits, deposited, draft, load, request, withdrawn,
};
use crate::sample::{AccountCommand, AccountRejection, account};

/// An append with the same id at the same head returns the stored commit, even if its events
/// differ.
pub async fn a_repeated_commit_gives_the_first_answer<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("repeat"));
    let before = append(store, &stream, "before", deposited(9)).await;
    let first =
        append_at(store, &before.head, draft("command", [deposited(1), deposited(2)])).await;

    for events in [vec![deposited(1), deposited(2)], vec![withdrawn(4)]] {
        let again = append_at(store, &before.head, draft("command", events)).await;
        assert!(again.repeated, "not recognised");
        assert_eq!(again.commit, first.commit);
        assert_eq!(
            (again.head.version(), again.head.recorded_at()),
            (Version::new(3), Some(first.commit.at))
        );
    }
    let again = append_at(store, &before.head, draft("command", deposited(7))).await;
    append_at(store, &again.head, draft("next", deposited(1))).await;
    assert_eq!(commits(store, &stream).await.len(), 3);
}

/// A repeat is recognised after later commits. Its head is that of the commit, not the end.
pub async fn a_repeated_commit_is_recognised_after_others<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("late"));
    let start = store.start(stream.clone());
    let first = append_at(store, &start, draft("command", [deposited(1), deposited(2)])).await;
    append(store, &stream, "other", deposited(3)).await;

    let again = append_at(store, &start, draft("command", [deposited(1), deposited(2)])).await;
    assert!(again.repeated, "not recognised");
    assert_eq!((again.head.version(), again.commit), (Version::new(2), first.commit));
    assert_conflict(store.append(&again.head, draft("next", deposited(4))).await, [&stream]);
    assert_eq!(commits(store, &stream).await.len(), 2);
}

/// Two commands with equal events are different commands.
pub async fn another_command_at_the_same_head_is_not_a_repeat<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("rival"));
    let start = store.start(stream.clone());
    append_at(store, &start, draft("mine", deposited(1))).await;
    assert_conflict(store.append(&start, draft("yours", deposited(1))).await, [&stream]);
}

/// The same holds for several streams.
pub async fn repeated_commits_to_several_streams_give_the_first_answer<F: EventStoreFixture>(
    fixture: &F,
) {
    let (store, streams) = (fixture.store(), ["a", "b"].map(account));
    let before = append(store, &streams[0], "before", deposited(9)).await;
    let heads = [before.head, store.start(streams[1].clone())];
    let first = append_both(store, &heads, ["both", "both"]).await.expect("both are appended");

    let parts = heads
        .iter()
        .map(|head| (head.clone(), draft("both", [withdrawn(5), withdrawn(4)])))
        .collect();
    let again = store.append_all(parts).await.expect("the repeat is recognised");
    assert_repeated(&again, &first);
    for part in &again {
        append_at(store, &part.head, draft("next", deposited(1))).await;
    }
    assert_eq!(lengths(store, &streams).await, [3, 2]);
}

/// The repeat is recognised after others have appended to any of the streams.
pub async fn repeated_commits_are_recognised_after_others<F: EventStoreFixture>(fixture: &F) {
    let (store, streams) = (fixture.store(), ["a", "b"].map(account));
    let heads = streams.clone().map(|stream| store.start(stream));
    let first = append_both(store, &heads, ["both", "both"]).await.expect("both are appended");
    for (stream, expected) in streams.iter().zip([[2, 1], [2, 2]]) {
        append(store, stream, "other", deposited(3)).await;
        let again =
            append_both(store, &heads, ["both", "both"]).await.expect("the repeat is recognised");
        assert_repeated(&again, &first);
        assert_eq!(lengths(store, &streams).await, expected);
    }
}

/// A commit before or after the head is not a repeat: each store looks only at the head.
pub async fn a_commit_away_from_the_head_is_not_a_repeat<F: EventStoreFixture>(fixture: &F) {
    let (store, streams) = (fixture.store(), ["a", "b"].map(account));
    let starts = streams.clone().map(|stream| store.start(stream));
    append(store, &streams[0], "other", deposited(3)).await;
    let first = append(store, &streams[0], "command", deposited(1)).await;
    assert_conflict(store.append(&starts[0], draft("command", deposited(1))).await, [&streams[0]]);
    assert_conflict(append_both(store, &starts, ["command", "command"]).await, [&streams[0]]);
    assert_eq!(lengths(store, &streams).await, [2, 0]);

    let again = append_at(store, &first.head, draft("command", deposited(1))).await;
    assert!(!again.repeated, "a commit before the head was recognised");
    let both = append_both(store, &[again.head, starts[1].clone()], ["command", "command"]).await;
    assert!(
        both.expect("both heads are current").iter().all(|part| !part.repeated),
        "recognised before the head"
    );
    assert_eq!(lengths(store, &streams).await, [4, 1]);
}

/// A second attempt with another decision, over another stream, finds the first attempt and writes
/// nothing.
pub async fn a_repeat_with_another_stream_writes_nothing<F: EventStoreFixture>(fixture: &F) {
    let (store, streams) = (fixture.store(), ["a", "b", "c"].map(account));
    let heads = streams.clone().map(|stream| store.start(stream));
    let first = append_both(store, &heads[..2], ["both", "both"]).await.expect("both are appended");
    for others in [0, 1] {
        assert_found(append_both(store, &heads[1..], ["both", "both"]).await, &first[1].commit);
        assert_eq!(lengths(store, &streams).await, [1, 1, others]);
        // The result is the same whether the other stream is empty or not.
        append(store, &streams[2], "other", deposited(3)).await;
    }
}

/// A second attempt that loaded one stream before the first attempt and the other after it finds
/// the first attempt and writes nothing.
pub async fn a_repeat_at_a_later_head_of_one_stream_writes_nothing<F: EventStoreFixture>(
    fixture: &F,
) {
    let (store, streams) = (fixture.store(), ["a", "b"].map(account));
    let mut heads = streams.clone().map(|stream| store.start(stream));
    let first = append_both(store, &heads, ["both", "both"]).await.expect("both are appended");
    heads[1] = first[1].head.clone();
    assert_found(append_both(store, &heads, ["both", "both"]).await, &first[0].commit);
    assert_eq!(lengths(store, &streams).await, [1, 1]);
}

/// A repeated command about several streams may load one stream as it was before the first attempt,
/// and another one from a later snapshot. Neither load shows the first attempt, but its commit is
/// at the head of the first stream. So the repeat is answered, and not done again.
pub async fn a_command_that_is_found_in_only_some_streams_is_not_done_again<
    F: EventStoreFixture,
>(
    fixture: &F,
) {
    let (store, [left, right]) = (fixture.store(), ["left", "right"].map(account));
    let before = load(store, &left).await;
    let both = (
        One::<SnapshottedAccount>::new(left.clone()),
        One::<SnapshottedAccount>::new(right.clone()),
    );
    let decide = |_: &_| Ok::<_, AccountRejection>((vec![deposited(10)], vec![deposited(10)]));
    let sent = Handler::new(store, NoPause)
        .handle_all(&both, &request("both"), decide)
        .await
        .expect("it is done");
    let Outcome::Appended(written) = sent.outcome else { panic!("{:?}", sent.outcome) };
    for stream in [&left, &right] {
        for number in 0..2 * KIND.every {
            let name = format!("other {number} of {stream}");
            command(store, stream, &name, AccountCommand::Deposit(1)).await;
        }
    }

    let again = Handler::new(Stale::new(store, before), NoPause)
        .handle_all(&both, &request("both"), decide)
        .await;
    let again = again.expect("it is answered");
    assert_eq!(again.outcome, Outcome::Repeated(vec![written[0].clone()]));
    assert_eq!(
        (again.states.0.state.balance, again.states.1.state.balance),
        (10, 16),
        "the left balance after the command, and the current right balance"
    );
    assert_eq!(lengths(store, &[left, right]).await, [7, 7], "it was done again");
}

/// A store whose first load of one stream returns an earlier state.
struct Stale<'a, S: EventStore> {
    store: &'a S,
    loaded: Mutex<Option<Loaded<S::Head>>>,
}

impl<'a, S: EventStore> Stale<'a, S> {
    fn new(store: &'a S, loaded: Loaded<S::Head>) -> Self {
        Self { store, loaded: Mutex::new(Some(loaded)) }
    }
}

impl<S: EventStore> EventStore for Stale<'_, S> {
    type Head = S::Head;

    fn start(&self, stream: StreamId) -> S::Head {
        self.store.start(stream)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        self.store.page(stream, from, limit).await
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<S::Head>, StoreError> {
        let stale = {
            let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            loaded.take_if(|loaded| loaded.head.stream() == stream)
        };
        match stale {
            Some(stale) => Ok(stale),
            None => self.store.load(stream, snapshots).await,
        }
    }

    async fn load_after(&self, head: &S::Head) -> Result<Loaded<S::Head>, StoreError> {
        self.store.load_after(head).await
    }

    async fn append(
        &self,
        head: &S::Head,
        draft: Draft,
    ) -> Result<Appended<S::Head>, AppendError<S::Head>> {
        self.store.append(head, draft).await
    }

    async fn append_guarded(
        &self,
        parts: Vec<(S::Head, Draft)>,
        guards: Vec<S::Head>,
    ) -> Result<Vec<Appended<S::Head>>, AppendError<S::Head>> {
        self.store.append_guarded(parts, guards).await
    }
}

/// Appends to these heads in one transaction.
async fn append_both<S: EventStore>(
    store: &S,
    heads: &[S::Head],
    names: [&str; 2],
) -> Result<Vec<Appended<S::Head>>, AppendError<S::Head>> {
    let parts =
        heads.iter().zip(names).map(|(head, name)| (head.clone(), draft(name, deposited(1))));
    store.append_all(parts.collect()).await
}

/// Asserts that the append found exactly this commit of an earlier attempt.
#[track_caller]
fn assert_found<T, H>(result: Result<T, AppendError<H>>, expected: &Commit) {
    match result {
        Err(AppendError::RepeatedInPart { found }) => assert_eq!(found, from_ref(expected)),
        Err(error) => panic!("expected a repeat in part, got: {error}"),
        Ok(_) => panic!("expected a repeat in part, but it was appended"),
    }
}

fn assert_repeated<H: Head>(again: &[Appended<H>], first: &[Appended<H>]) {
    assert_eq!(again.len(), first.len());
    for (again, first) in again.iter().zip(first) {
        assert!(again.repeated, "not recognised in {}", first.head.stream());
        assert_eq!(again.commit, first.commit);
        assert_eq!(
            (again.head.stream(), again.head.version()),
            (first.head.stream(), first.head.version())
        );
    }
}

async fn lengths<S: EventStore>(store: &S, streams: &[StreamId]) -> Vec<usize> {
    let mut lengths = Vec::new();
    for stream in streams {
        lengths.push(commits(store, stream).await.len());
    }
    lengths
}
