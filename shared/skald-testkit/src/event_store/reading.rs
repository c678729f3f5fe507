//! Reading what is there: all of it, exactly, and at once.

use std::collections::BTreeMap;

use skald::{Actor, Commit, Context, CorrelationId, Draft, EventData, EventId, EventStore, Head, Snapshot, Version};

use super::EventStoreFixture;
use crate::sample::account;
use crate::scene::{append, append_at, at, commits, deposited, draft, enlarge, id, load, noted};

/// A stream that nobody has written to is empty, not an error.
pub async fn a_stream_without_events_is_empty<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("nobody"));
    assert!(commits(store, &stream).await.is_empty());
    assert_eq!(load(store, &stream).await.head.version(), Version::START);
    assert!(store.read(&stream, Version::new(7)).await.expect("an empty read").is_empty());
}

/// Whoever was told that something is appended finds it there.
pub async fn what_was_written_is_read_at_once<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("fresh"));
    for number in 1..=20 {
        let appended = append(store, &stream, &number.to_string(), deposited(number)).await;
        assert_eq!(commits(store, &stream).await.last(), Some(&appended.commit));
    }
}

/// Context, metadata, types, schemas and bytes come back as they were written, whatever they are.
pub async fn what_was_written_is_read_exactly<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("exact"));
    let event = |event_type: &str, schema, data: &[u8]| EventData {
        event_type: event_type.to_owned(),
        schema,
        data: data.to_vec(),
    };
    let exact = Draft {
        commit_id: id("exact"),
        at: at(0).plus_millis(7),
        context: Context {
            source: "tëst \"source\"".to_owned(),
            correlation_id: CorrelationId::new("a.b_c:d-9").expect("a valid id"),
            causation_id: Some(EventId::of(id("cause"), 3)),
            actor: Actor::new("customer:c-1001").expect("a valid actor"),
            metadata: BTreeMap::from([("käse".to_owned(), "📦".to_owned()), ("empty".to_owned(), String::new())]),
        },
        events: vec![
            event("account.noted", 1, "{\"text\":\"日本語 \\u0000 🧾\"}".as_bytes()),
            event("account.other", u32::MAX, b""),
            event("account.noted", 2, &[0, 255, 128, 10]),
        ],
        snapshot: Some(Snapshot { schema: 7, state: vec![0, 255, b'{'] }),
    };
    let appended = append_at(store, &store.start(stream.clone()), exact.clone()).await;
    let expected = Commit {
        id: exact.commit_id,
        stream: stream.clone(),
        first: Version::new(1),
        at: exact.at,
        context: exact.context,
        events: exact.events,
        snapshot: exact.snapshot,
    };
    assert_eq!(appended.commit, expected);
    assert_eq!(commits(store, &stream).await, [expected]);
}

/// No page is the last because it is the first.
pub async fn a_stream_over_one_megabyte_is_read_whole<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("long"));
    let written = append_megabytes(store, &stream).await;
    let read = commits(store, &stream).await;
    assert_eq!(read.len(), written.len(), "the stream was cut");
    assert!(read == written, "the stream was read otherwise than it was written");
}

/// Reading after a version gives every later commit and no earlier one.
pub async fn reading_after_a_version_gives_the_rest<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("rest"));
    let written = append_megabytes(store, &stream).await;
    for skipped in [0, 1, 4, 7, 8] {
        let after = written[..skipped].last().map_or(Version::START, Commit::last);
        let rest = store.read(&stream, after).await.unwrap_or_else(|error| panic!("read after {after}: {error}"));
        assert_eq!(rest.len(), written.len() - skipped, "after {after}");
        assert!(rest == written[skipped..], "after {after}: not what was written");
    }
}

/// Eight commits of 300 KB, of one to three events.
async fn append_megabytes<S: EventStore>(store: &S, stream: &skald::StreamId) -> Vec<Commit> {
    let mut head = store.start(stream.clone());
    let mut written = Vec::new();
    for number in 0..8_u32 {
        let mut events = vec![noted(number.to_string())];
        events.extend((0..number % 3).map(|_| deposited(1)));
        let mut large = draft(&format!("large {number}"), events);
        enlarge(&mut large, 300_000);
        let appended = append_at(store, &head, large).await;
        head = appended.head;
        written.push(appended.commit);
    }
    assert_eq!(head.version(), Version::new(8 + 7));
    written
}
