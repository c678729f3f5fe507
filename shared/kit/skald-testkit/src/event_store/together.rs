//! Commits to several streams in one transaction.

use std::collections::HashSet;
use std::slice::from_ref;

use skald::commit::{Commit, Draft};
use skald::handle::{Handler, Many, Outcome};
use skald::store::{
    EventStore, Head, InvalidAppend, MAX_COMMIT_BYTES, MAX_STREAMS, MAX_TRANSACTION_BYTES,
};
use skald::stream::{StreamId, Tenant, Version};

use super::EventStoreFixture;
use crate::NoPause;
use crate::fixtures::{
    append, append_at, assert_conflict, at, commit, commits, deposited, draft, enlarge, invalid,
    load, noted, request, withdrawn,
};
use crate::sample::{Account, AccountRejection, account};

/// Each of several streams gets its commit. The answers are in the order of the streams.
pub async fn two_streams_are_appended_at_once<F: EventStoreFixture>(fixture: &F) {
    let (store, old, new) = (fixture.store(), account("old"), account("new"));
    let before = append(store, &old, "before", [deposited(5), deposited(5)]).await;

    let parts = vec![
        (store.start(new.clone()), draft("both", deposited(3))),
        (before.head, draft("both", [withdrawn(1), withdrawn(2)])),
    ];
    let appended = store.append_all(parts).await.expect("both are appended");

    let [to_new, to_old] = appended.as_slice() else {
        panic!("{} answers for two streams", appended.len())
    };
    assert_eq!(to_new.commit, commit(&new, 1, draft("both", deposited(3))));
    assert_eq!(to_old.commit, commit(&old, 3, draft("both", [withdrawn(1), withdrawn(2)])));
    assert_eq!((to_new.head.version(), to_old.head.version()), (Version::new(1), Version::new(4)));
    assert!(!to_new.repeated && !to_old.repeated, "a first append is reported as a repeat");
    assert_eq!(commits(store, &new).await, from_ref(&to_new.commit));
    assert_eq!(commits(store, &old).await, [before.commit, to_old.commit.clone()]);
    append_at(store, &to_old.head, draft("after", deposited(1))).await;
}

/// If one of two streams has moved, the other does not change.
pub async fn two_streams_are_appended_together_or_not_at_all<F: EventStoreFixture>(fixture: &F) {
    let (store, still, moved) = (fixture.store(), account("still"), account("moved"));
    let stale = load(store, &moved).await.head;
    let first = append(store, &moved, "first", deposited(1)).await;

    for order in 0..2 {
        let mut parts = vec![
            (store.start(still.clone()), draft("both", deposited(2))),
            (stale.clone(), draft("both", deposited(3))),
        ];
        parts.rotate_left(order);
        assert_conflict(store.append_all(parts).await, [&moved]);
        assert!(commits(store, &still).await.is_empty(), "only one commit was written");
        assert_eq!(commits(store, &moved).await, from_ref(&first.commit));
    }
}

/// A conflict names exactly the streams that moved.
pub async fn a_conflict_names_every_stream_that_moved<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    let streams = ["a", "b", "c", "d"].map(account);
    let parts: Vec<_> = streams
        .iter()
        .map(|stream| (store.start(stream.clone()), draft("all", deposited(1))))
        .collect();
    append(store, &streams[1], "b", deposited(1)).await;
    append(store, &streams[3], "d", deposited(1)).await;
    assert_conflict(store.append_all(parts).await, [&streams[1], &streams[3]]);
}

/// `append_all` also accepts a single stream.
pub async fn append_all_accepts_a_single_stream<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("alone"));
    let start = store.start(stream.clone());
    let appended = store
        .append_all(vec![(start.clone(), draft("one", deposited(1)))])
        .await
        .expect("it is appended");
    assert_eq!(appended.iter().map(|part| part.head.version().get()).collect::<Vec<_>>(), [1]);
    assert_eq!(commits(store, &stream).await.len(), 1);
    assert_conflict(store.append_all(vec![(start, draft("two", deposited(1)))]).await, [&stream]);
}

/// [`MAX_STREAMS`] streams fit.
pub async fn a_hundred_streams_are_appended_at_once<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    let streams = accounts(MAX_STREAMS);
    let appended = store.append_all(starts(store, &streams)).await.expect("a hundred are appended");
    assert_eq!(appended.len(), MAX_STREAMS);
    for (stream, part) in streams.iter().zip(appended) {
        assert_eq!(commits(store, stream).await, [part.commit]);
    }
}

/// More than [`MAX_STREAMS`] streams are invalid, and nothing is written.
pub async fn more_than_a_hundred_streams_are_invalid<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    let streams = accounts(MAX_STREAMS + 1);
    let error = invalid(store.append_all(starts(store, &streams)).await);
    assert_eq!(error, InvalidAppend::TooManyStreams(MAX_STREAMS + 1));
    assert_untouched(store, &streams).await;
}

/// An append with the same stream twice is invalid.
pub async fn the_same_stream_twice_is_invalid<F: EventStoreFixture>(fixture: &F) {
    let (store, streams) = (fixture.store(), ["a", "b"].map(account));
    let mut parts = starts(store, &streams);
    parts.push((store.start(streams[0].clone()), draft("again", deposited(2))));
    assert_eq!(
        invalid(store.append_all(parts).await),
        InvalidAppend::StreamTwice(streams[0].clone())
    );
    assert_untouched(store, &streams).await;
}

/// An append without streams, or with a stream without events, is invalid.
pub async fn an_append_without_streams_or_events_is_invalid<F: EventStoreFixture>(fixture: &F) {
    let (store, streams) = (fixture.store(), ["a", "b"].map(account));
    assert_eq!(invalid(store.append_all(vec![]).await), InvalidAppend::Empty);
    let mut parts = starts(store, &streams);
    parts[1].1.events.clear();
    assert_eq!(invalid(store.append_all(parts).await), InvalidAppend::Empty);
    assert_untouched(store, &streams).await;
}

/// One head of another store makes the whole append invalid.
pub async fn a_foreign_head_among_several_is_invalid<F: EventStoreFixture>(fixture: &F) {
    let (store, streams) = (fixture.store(), ["a", "b"].map(account));
    let mut parts = starts(store, &streams);
    parts[1].0 = fixture.foreign().start(streams[1].clone());
    assert_eq!(
        invalid(store.append_all(parts).await),
        InvalidAppend::ForeignHead(streams[1].clone())
    );
    assert_untouched(store, &streams).await;
}

/// A transaction may have [`MAX_TRANSACTION_BYTES`]. A larger one is invalid, and so is one with a
/// commit that is too large.
pub async fn a_transaction_that_is_too_large_is_invalid<F: EventStoreFixture>(fixture: &F) {
    let (store, streams) = (fixture.store(), accounts(11));
    let mut parts = starts(store, &streams);
    for (_, draft) in &mut parts {
        enlarge(draft, MAX_COMMIT_BYTES);
    }
    let error = invalid(store.append_all(parts.clone()).await);
    assert_eq!(error, InvalidAppend::TransactionTooLarge { size_bytes: 11 * MAX_COMMIT_BYTES });
    assert_untouched(store, &streams).await;

    enlarge(&mut parts[0].1, MAX_COMMIT_BYTES + 1);
    let error = invalid(store.append_all(parts.clone()).await);
    assert_eq!(
        error,
        InvalidAppend::TooLarge { stream: streams[0].clone(), size_bytes: MAX_COMMIT_BYTES + 1 }
    );
    assert_untouched(store, &streams).await;

    let largest: Vec<_> = parts.drain(1..).collect();
    assert_eq!(
        largest.iter().map(|(_, draft)| draft.size_bytes()).sum::<usize>(),
        MAX_TRANSACTION_BYTES
    );
    assert_eq!(
        store.append_all(largest).await.expect("the largest transaction is stored").len(),
        10
    );
}

/// In each of several streams, a commit is recorded no earlier than the one before it.
pub async fn recorded_times_never_decrease_in_any_of_several<F: EventStoreFixture>(fixture: &F) {
    let (store, old, new) = (fixture.store(), account("old"), account("new"));
    let start = store.start(old.clone());
    let before =
        append_at(store, &start, Draft { at: at(60), ..draft("before", deposited(1)) }).await;
    let parts = vec![
        (before.head, draft("both", deposited(1))),
        (store.start(new.clone()), draft("both", deposited(1))),
    ];
    store.append_all(parts).await.expect("both are appended");
    let times = |commits: Vec<Commit>| commits.iter().map(|commit| commit.at).collect::<Vec<_>>();
    assert_eq!(times(commits(store, &old).await), [at(60), at(60)]);
    assert_eq!(times(commits(store, &new).await), [at(0)]);
}

/// Events that one call writes to several streams, of several tenants, each have their own id and
/// keep it.
pub async fn events_written_at_once_have_different_ids<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    let tenant = Tenant::new("another").expect("a valid name");
    let namesake = StreamId::new(&tenant, "account", "a").expect("a valid name");
    let streams = [account("a"), account("b"), namesake];
    let two = || [deposited(1), deposited(2)];
    let parts =
        streams.iter().map(|stream| (store.start(stream.clone()), draft("first", two()))).collect();
    store.append_all(parts).await.expect("all are appended");
    let (all, second) = (Many::<Account>::new(streams.to_vec()), request("second"));
    let decide = |states: &Vec<_>| {
        Ok::<_, AccountRejection>(states.iter().map(|_| two().to_vec()).collect())
    };
    let handled = Handler::new(store, NoPause)
        .handle_all(&all, &second, decide)
        .await
        .expect("all are appended");
    let Outcome::Appended(written) = handled.outcome else {
        panic!("a first command is reported as a repeat")
    };

    let ids = |commit: &Commit| {
        (0..commit.events.len()).map(|index| commit.event_id(index)).collect::<Vec<_>>()
    };
    let mut seen = HashSet::new();
    for (stream, second) in streams.iter().zip(&written) {
        let stored = commits(store, stream).await;
        assert_eq!(
            stored.last().map(ids),
            Some(ids(second)),
            "events of {stream} have other ids when they are read again"
        );
        for id in stored.iter().flat_map(ids) {
            assert!(seen.insert(id), "{id} in {stream} is also the id of another event");
        }
    }
    assert_eq!(seen.len(), streams.len() * 4);
}

fn accounts(count: usize) -> Vec<StreamId> {
    (0..count).map(|number| account(&format!("{number:03}"))).collect()
}

fn starts<S: EventStore>(store: &S, streams: &[StreamId]) -> Vec<(S::Head, Draft)> {
    streams
        .iter()
        .map(|stream| (store.start(stream.clone()), draft("together", noted(""))))
        .collect()
}

async fn assert_untouched<S: EventStore>(store: &S, streams: &[StreamId]) {
    for stream in streams {
        assert!(commits(store, stream).await.is_empty(), "something was written to {stream}");
    }
}
