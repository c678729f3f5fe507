//! The same command again, because the answer to the first attempt was lost.

use skald::{AppendError, Appended, EventStore, Head, StreamId, Version};

use super::EventStoreFixture;
use crate::sample::account;
use crate::scene::{append, append_at, assert_conflict, commits, deposited, draft, withdrawn};

/// The same id at the same head gets the commit that is stored, even if the second draft says something else.
pub async fn a_repeated_commit_gives_the_first_answer<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("repeat"));
    let before = append(store, &stream, "before", deposited(9)).await;
    let first = append_at(store, &before.head, draft("command", [deposited(1), deposited(2)])).await;

    for events in [vec![deposited(1), deposited(2)], vec![withdrawn(4)]] {
        let again = append_at(store, &before.head, draft("command", events)).await;
        assert!(again.repeated, "not recognised");
        assert_eq!(again.commit, first.commit);
        assert_eq!((again.head.version(), again.head.recorded_at()), (Version::new(3), Some(first.commit.at)));
    }
    let again = append_at(store, &before.head, draft("command", deposited(7))).await;
    append_at(store, &again.head, draft("next", deposited(1))).await;
    assert_eq!(commits(store, &stream).await.len(), 3);
}

/// The repeat is recognised however much came after it; its head is where it stands, not the end.
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

/// Equal events do not make two commands one.
pub async fn another_command_at_the_same_head_is_no_repeat<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("rival"));
    let start = store.start(stream.clone());
    append_at(store, &start, draft("mine", deposited(1))).await;
    assert_conflict(store.append(&start, draft("yours", deposited(1))).await, [&stream]);
}

/// As for one stream, so for several.
pub async fn repeated_commits_to_several_streams_give_the_first_answer<F: EventStoreFixture>(fixture: &F) {
    let (store, streams) = (fixture.store(), ["a", "b"].map(account));
    let before = append(store, &streams[0], "before", deposited(9)).await;
    let heads = [before.head, store.start(streams[1].clone())];
    let first = append_both(store, &heads, ["both", "both"]).await.expect("both are appended");

    let parts = heads.iter().map(|head| (head.clone(), draft("both", [withdrawn(5), withdrawn(4)]))).collect();
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
        let again = append_both(store, &heads, ["both", "both"]).await.expect("the repeat is recognised");
        assert_repeated(&again, &first);
        assert_eq!(lengths(store, &streams).await, expected);
    }
}

/// A second attempt that was decided otherwise, over another stream, finds the first and writes nothing.
pub async fn a_repeat_with_another_stream_writes_nothing<F: EventStoreFixture>(fixture: &F) {
    let (store, streams) = (fixture.store(), ["a", "b", "c"].map(account));
    let heads = streams.clone().map(|stream| store.start(stream));
    append_both(store, &heads[..2], ["both", "both"]).await.expect("both are appended");
    assert_conflict(append_both(store, &heads[1..], ["both", "both"]).await, [&streams[2]]);
    assert_eq!(lengths(store, &streams).await, [1, 1, 0]);
}

/// A second attempt that saw one stream before the first, and the other after it, finds the first: it is told what was written,
/// or of a conflict, and writes nothing.
pub async fn a_repeat_at_a_later_head_of_one_stream_writes_nothing<F: EventStoreFixture>(fixture: &F) {
    let (store, streams) = (fixture.store(), ["a", "b"].map(account));
    let mut heads = streams.clone().map(|stream| store.start(stream));
    let first = append_both(store, &heads, ["both", "both"]).await.expect("both are appended");
    heads[1] = first[1].head.clone();
    match append_both(store, &heads, ["both", "both"]).await {
        Ok(again) => assert_repeated(&again, &first),
        told => assert_conflict(told, [&streams[1]]),
    }
    assert_eq!(lengths(store, &streams).await, [1, 1]);
}

/// Appends to these heads at once.
async fn append_both<S: EventStore>(
    store: &S,
    heads: &[S::Head],
    names: [&str; 2],
) -> Result<Vec<Appended<S::Head>>, AppendError> {
    let parts = heads.iter().zip(names).map(|(head, name)| (head.clone(), draft(name, deposited(1))));
    store.append_all(parts.collect()).await
}

fn assert_repeated<H: Head>(again: &[Appended<H>], first: &[Appended<H>]) {
    assert_eq!(again.len(), first.len());
    for (again, first) in again.iter().zip(first) {
        assert!(again.repeated, "not recognised in {}", first.head.stream());
        assert_eq!(again.commit, first.commit);
        assert_eq!((again.head.stream(), again.head.version()), (first.head.stream(), first.head.version()));
    }
}

async fn lengths<S: EventStore>(store: &S, streams: &[StreamId]) -> Vec<usize> {
    let mut lengths = Vec::new();
    for stream in streams {
        lengths.push(commits(store, stream).await.len());
    }
    lengths
}
