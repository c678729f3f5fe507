//! Reads: complete, exact and strongly consistent.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use skald::commit::{Actor, Commit, Context, CorrelationId, Draft, EventId};
use skald::event::EventData;
use skald::reading::{AsOf, ReadFrom, commits_as_of, state_as_of};
use skald::snapshot::Snapshot;
use skald::store::{EventStore, Head};
use skald::stream::{StreamId, Version};

use super::EventStoreFixture;
use crate::fixtures::{append, append_at, at, commits, deposited, draft, enlarge, id, load, noted};
use crate::sample::{Account, account};

/// A stream without commits is empty, not an error.
pub async fn a_stream_without_events_is_empty<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("empty"));
    assert!(commits(store, &stream).await.is_empty());
    assert_eq!(load(store, &stream).await.head.version(), Version::START);
    assert!(store.read(&stream, Version::new(7)).await.expect("an empty read").is_empty());
}

/// A commit is readable as soon as its append returns.
pub async fn a_commit_is_readable_immediately<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("fresh"));
    for number in 1..=20 {
        let appended = append(store, &stream, &number.to_string(), deposited(number)).await;
        assert_eq!(commits(store, &stream).await.last(), Some(&appended.commit));
    }
}

/// Context, metadata, types, schemas and bytes are read exactly as they were written.
pub async fn commits_are_read_exactly_as_written<F: EventStoreFixture>(fixture: &F) {
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
            source: "a.b_c:d-9".to_owned(),
            correlation_id: CorrelationId::new("a.b_c:d-9").expect("a valid id"),
            causation_id: Some(EventId::of(&account("cause"), id("cause"), 3)),
            actor: Actor::new("customer:c-1001").expect("a valid actor"),
            metadata: BTreeMap::from([
                ("a.b_c:d-9".to_owned(), "📦 \u{0} \"".to_owned()),
                ("empty".to_owned(), String::new()),
            ]),
        },
        events: vec![
            event("account.noted", 1, "{\"text\":\"日本語 \\u0000 🧾\"}".as_bytes()),
            // Spaces, the order of fields and the notation of numbers stay the same.
            event(
                "account.other",
                u32::MAX,
                b"{ \"b\" : 1.50,\n\t\"a\": 1e3,\"A\":12345678901234567890123 }",
            ),
            event("account.other_2", 1, b"null"),
            event("account.noted", 2, b"\"\\ud83d\\ude00 \\u00e9 \\/\""),
        ],
        snapshot: Some(Snapshot { schema: 7, state: b"[ -0.0, {} ]".to_vec() }),
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

/// A read continues after the first page of a service.
pub async fn a_stream_over_one_megabyte_is_read_whole<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("long"));
    let written = append_megabytes(store, &stream).await;
    let read = commits(store, &stream).await;
    assert_eq!(read.len(), written.len(), "the stream was truncated");
    assert!(read == written, "the stream differs from what was written");
}

/// Reading after a version gives every later commit and no earlier one.
pub async fn reading_after_a_version_gives_the_rest<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("rest"));
    let written = append_megabytes(store, &stream).await;
    for skipped in [0, 1, 4, 7, 8] {
        let after = written[..skipped].last().map_or(Version::START, Commit::last);
        let rest = store
            .read(&stream, after)
            .await
            .unwrap_or_else(|error| panic!("read after {after}: {error}"));
        assert_eq!(rest.len(), written.len() - skipped, "after {after}");
        assert!(
            rest == written[skipped..],
            "after {after}: the commits differ from what was written"
        );
    }
}

/// Appends eight commits of 300 KB, with one to three events each.
async fn append_megabytes<S: EventStore>(
    store: &S,
    stream: &skald::stream::StreamId,
) -> Vec<Commit> {
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

/// The first versions of the commits that this read returns.
async fn read_firsts<S: EventStore>(store: &S, stream: &StreamId, from: ReadFrom) -> Vec<u64> {
    let read: Result<Vec<Commit>, _> =
        skald::reading::commits(store, stream, from).try_collect().await;
    let read = read.unwrap_or_else(|error| panic!("{from:?}: {error}"));
    read.iter().map(|commit| commit.first.get()).collect()
}

/// A stream is read forwards and backwards, from its ends and from between any two commits.
pub async fn a_stream_is_read_in_both_directions_from_any_commit<F: EventStoreFixture>(
    fixture: &F,
) {
    let (store, stream) = (fixture.store(), account("directions"));
    for from in [ReadFrom::After(Version::START), ReadFrom::End, ReadFrom::Before(Version::new(1))]
    {
        assert_eq!(
            read_firsts(store, &stream, from).await,
            [] as [u64; 0],
            "the stream has no commits"
        );
    }
    for number in 0..5_u64 {
        append(
            store,
            &stream,
            &number.to_string(),
            (0..=number % 2).map(deposited).collect::<Vec<_>>(),
        )
        .await;
    }
    let firsts = [1, 2, 4, 5, 7];
    assert_eq!(read_firsts(store, &stream, ReadFrom::End).await, [7, 5, 4, 2, 1]);
    for (index, first) in firsts.into_iter().enumerate() {
        let after = ReadFrom::After(Version::new(first - 1));
        assert_eq!(read_firsts(store, &stream, after).await, firsts[index..], "{after:?}");
        let before = ReadFrom::Before(Version::new(first));
        let mut earlier = firsts[..index].to_vec();
        earlier.reverse();
        assert_eq!(read_firsts(store, &stream, before).await, earlier, "{before:?}");
    }
}

/// A page holds at most its limit, and reports whether there is more.
pub async fn a_page_holds_at_most_its_limit<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("pages"));
    for number in 0..5 {
        append(store, &stream, &number.to_string(), deposited(1)).await;
    }
    let page = async |from, limit| {
        let page = store
            .page(&stream, from, limit)
            .await
            .unwrap_or_else(|error| panic!("{from:?}: {error}"));
        (page.commits.iter().map(|commit| commit.first.get()).collect::<Vec<_>>(), page.more)
    };
    assert_eq!(page(ReadFrom::After(Version::START), 2).await, (vec![1, 2], true));
    assert_eq!(page(ReadFrom::After(Version::new(2)), 2).await, (vec![3, 4], true));
    assert_eq!(page(ReadFrom::After(Version::new(4)), 2).await, (vec![5], false));
    assert_eq!(page(ReadFrom::End, 3).await, (vec![5, 4, 3], true));
    assert_eq!(page(ReadFrom::Before(Version::new(3)), 3).await, (vec![2, 1], false));
}

/// A commit with a time in the future, from a wrong clock, precedes the commits after it.
pub async fn the_state_as_of_a_time_includes_all_earlier_commits<F: EventStoreFixture>(
    fixture: &F,
) {
    let (store, stream) = (fixture.store(), account("past"));
    let mut head = store.start(stream.clone());
    for seconds in [0, 1_000_000, 10, 20, 1_000_000] {
        let draft = Draft { at: at(seconds), ..draft(&head.version().to_string(), [deposited(1)]) };
        head = append_at(store, &head, draft).await.head;
    }
    let all = commits(store, &stream).await;
    let times = [(-1, 0), (0, 1), (9, 1), (10, 3), (19, 3), (20, 4), (999_999, 4), (1_000_000, 5)];
    for (seconds, expected) in times {
        let folded = state_as_of::<Account, _>(store, &stream, AsOf::Time(at(seconds))).await;
        let folded = folded.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (folded.state.balance, folded.version.get()),
            (expected, expected),
            "{seconds} seconds"
        );
        assert_eq!(commits_as_of(&all, at(seconds)).len() as u64, expected, "{seconds} seconds");
    }
}

/// The state is folded as of every version, even inside a commit, and as of every time.
pub async fn the_state_is_folded_as_of_any_version_or_time<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("past"));
    let mut head = store.start(stream.clone());
    for number in 0..4 {
        let draft = Draft {
            at: at(10 * number),
            ..draft(&number.to_string(), [deposited(1), deposited(1)])
        };
        head = append_at(store, &head, draft).await.head;
    }
    let balance = async |until| {
        let folded = state_as_of::<Account, _>(store, &stream, until).await;
        let folded = folded.unwrap_or_else(|error| panic!("{until:?}: {error}"));
        (folded.state.balance, folded.version.get())
    };
    for version in 0..=9 {
        assert_eq!(
            balance(AsOf::Version(Version::new(version))).await,
            (version.min(8), version.min(8))
        );
    }
    for (seconds, events) in [(-1, 0), (0, 2), (9, 2), (10, 4), (29, 6), (30, 8), (99, 8)] {
        assert_eq!(balance(AsOf::Time(at(seconds))).await, (events, events), "{seconds} seconds");
    }
}
