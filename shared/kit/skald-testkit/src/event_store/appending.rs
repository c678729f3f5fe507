//! One commit to one stream.

use skald::commit::{Commit, Draft, MAX_CLOCK_SKEW_MS};
use skald::event::EventData;
use skald::json::{JsonFault, MAX_EVENT_LEVELS, MAX_STATE_LEVELS};
use skald::snapshot::Snapshot;
use skald::store::{EventStore, Head, InvalidAppend, MAX_COMMIT_BYTES};
use skald::stream::{StreamId, Tenant, Version};

use super::EventStoreFixture;
use crate::fixtures::{
    append, append_at, assert_conflict, at, commit, commits, deposited, draft, enlarge, invalid,
    load, noted, withdrawn,
};
use crate::json_samples;
use crate::sample::account;

/// A commit at [`EventStore::start`] makes a stream.
pub async fn a_commit_at_the_start_makes_a_stream<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("new"));
    let start = store.start(stream.clone());
    assert_eq!(
        (start.stream(), start.version(), start.recorded_at()),
        (&stream, Version::START, None)
    );

    let appended = append_at(store, &start, draft("first", deposited(5))).await;

    let expected = commit(&stream, 1, draft("first", deposited(5)));
    assert!(!appended.repeated, "a first append is reported as a repeat");
    assert_eq!(appended.commit, expected);
    assert_eq!(commits(store, &stream).await, [expected]);
}

/// A commit at a loaded head or at the head of an append follows the existing commits.
pub async fn a_commit_at_the_head_continues_the_stream<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("grows"));
    let first = append(store, &stream, "first", deposited(1)).await;
    let second = append_at(store, &first.head, draft("second", deposited(2))).await;
    let third = append(store, &stream, "third", deposited(3)).await;
    assert_eq!(commits(store, &stream).await, [first.commit, second.commit, third.commit]);
}

/// A commit of three events takes three versions.
pub async fn heads_count_events<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("several"));
    let three = append(store, &stream, "three", [deposited(1), deposited(2), withdrawn(3)]).await;
    assert_eq!(
        (three.commit.first, three.commit.last(), three.head.version().get()),
        (Version::new(1), Version::new(3), 3)
    );
    let two = append_at(store, &three.head, draft("two", [noted("a"), noted("b")])).await;
    assert_eq!((two.commit.first, two.head.version()), (Version::new(4), Version::new(5)));
    assert_eq!(load(store, &stream).await.head.version(), Version::new(5));
}

/// An append at a head behind the end is a conflict that names the stream, and writes nothing.
pub async fn an_append_behind_the_head_is_a_conflict<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("passed"));
    append(store, &stream, "first", deposited(1)).await;
    let behind = load(store, &stream).await.head;
    let second = append(store, &stream, "second", deposited(2)).await;

    assert_conflict(store.append(&behind, draft("late", deposited(3))).await, [&stream]);
    assert_eq!(commits(store, &stream).await.last(), Some(&second.commit));

    append(store, &stream, "third", deposited(4)).await;
    assert_conflict(store.append(&behind, draft("late", deposited(3))).await, [&stream]);
    assert_eq!(commits(store, &stream).await.len(), 3);
}

/// An append at the start of a stream that has events is a conflict.
pub async fn the_start_of_a_stream_with_events_is_a_conflict<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("not-new"));
    let start = store.start(stream.clone());
    append(store, &stream, "first", [deposited(1), deposited(2)]).await;
    assert_conflict(store.append(&start, draft("also first", deposited(3))).await, [&stream]);
    assert_eq!(commits(store, &stream).await.len(), 1);
}

/// The head of another store is invalid.
pub async fn the_head_of_another_store_is_invalid<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("foreign"));
    let start = fixture.foreign().start(stream.clone());
    let error = invalid(store.append(&start, draft("first", deposited(1))).await);
    assert_eq!(error, InvalidAppend::ForeignHead(stream.clone()));

    let loaded = load(fixture.foreign(), &stream).await.head;
    let error = invalid(store.append(&loaded, draft("first", deposited(1))).await);
    assert_eq!(error, InvalidAppend::ForeignHead(stream.clone()));
    assert!(commits(store, &stream).await.is_empty(), "something was written at a foreign head");
}

/// The events of a commit are written together or not at all.
pub async fn two_events_are_appended_at_once_or_not_at_all<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("pair"));
    let start = store.start(stream.clone());
    append_at(store, &start, draft("one", deposited(1))).await;

    // The version of the pair's second event is free.
    assert_conflict(
        store.append(&start, draft("pair", [deposited(2), deposited(3)])).await,
        [&stream],
    );
    assert_eq!(commits(store, &stream).await.len(), 1);

    append(store, &stream, "pair", [deposited(2), deposited(3)]).await;
    let events: Vec<usize> =
        commits(store, &stream).await.iter().map(|commit| commit.events.len()).collect();
    assert_eq!(events, [1, 2]);
}

/// A commit without events is invalid.
pub async fn a_commit_without_events_is_invalid<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("empty"));
    let start = store.start(stream.clone());
    assert_eq!(invalid(store.append(&start, draft("empty", [])).await), InvalidAppend::Empty);
    assert!(commits(store, &stream).await.is_empty(), "an empty commit was written");
}

/// A commit over [`MAX_COMMIT_BYTES`] is invalid.
pub async fn a_commit_that_is_too_large_is_invalid<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("too-large"));
    let start = store.start(stream.clone());
    let mut large = draft("large", noted(""));
    enlarge(&mut large, MAX_COMMIT_BYTES + 1);
    let error = invalid(store.append(&start, large).await);
    assert_eq!(
        error,
        InvalidAppend::TooLarge { stream: stream.clone(), size_bytes: MAX_COMMIT_BYTES + 1 }
    );
    assert!(commits(store, &stream).await.is_empty(), "a commit that is too large was written");
}

/// JSON that some reader could not read back is invalid, as an event's data and as a state.
pub async fn json_that_cannot_be_read_back_is_invalid<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("malformed"));
    let start = store.start(stream.clone());
    let assert_invalid = async |draft: Draft, fault: JsonFault, malformed: &[u8]| {
        let error = invalid(store.append(&start, draft).await);
        assert_eq!(
            error,
            InvalidAppend::Json { stream: stream.clone(), fault },
            "{}",
            malformed.escape_ascii()
        );
    };
    for (malformed, fault) in json_samples::invalid(MAX_EVENT_LEVELS) {
        let mut data = draft("data", [deposited(1), deposited(2)]);
        data.events[1].data.clone_from(&malformed);
        assert_invalid(data, fault, &malformed).await;
    }
    for (malformed, fault) in json_samples::invalid(MAX_STATE_LEVELS) {
        let snapshot = Some(Snapshot { schema: 1, state: malformed.clone() });
        assert_invalid(Draft { snapshot, ..draft("state", deposited(1)) }, fault, &malformed).await;
    }
    assert!(commits(store, &stream).await.is_empty(), "something was written");
}

/// A name that an index or a message could not carry is invalid, and nothing is written.
pub async fn a_name_that_breaks_the_rules_is_invalid<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("names"));
    let valid = || draft("named", [deposited(1), deposited(2)]);
    let typed = |event_type: &str, schema| {
        let mut draft = valid();
        draft.events[1] =
            EventData { event_type: event_type.to_owned(), schema, ..draft.events[1].clone() };
        draft
    };
    let called = |source: &str, name: &str| {
        let mut draft = valid();
        draft.context.source = source.to_owned();
        draft.context.metadata.insert(name.to_owned(), "any text: \u{0} 📦".to_owned());
        draft
    };
    let (long, longer) = ("x".repeat(65), "x".repeat(129));
    let types = [
        "",
        "two words",
        "Account.noted",
        "account..noted",
        "account.",
        ".noted",
        "käse",
        "a\n",
        "2nd",
        &long,
    ];
    let names = ["", "two words", "käse", "a/b", "\u{0}", &longer];
    let drafts =
        types.map(|malformed| typed(malformed, 1)).into_iter().chain([typed("account.noted", 0)]);
    let drafts = drafts
        .chain(names.map(|malformed| called(malformed, "a")))
        .chain(names.map(|malformed| called("a", malformed)));
    for draft in drafts {
        let shown = format!("{draft:?}");
        let error = invalid(store.append(&store.start(stream.clone()), draft).await);
        assert!(
            matches!(&error, InvalidAppend::Name { stream: of, .. } if *of == stream),
            "{error}: {shown}"
        );
        assert!(error.to_string().len() < 400, "{error}");
    }
    assert!(commits(store, &stream).await.is_empty(), "something was written");

    let (longest, name) = ("x".repeat(64), "x".repeat(128));
    let mut all = typed(&longest, u32::MAX);
    all.events[0].event_type = "a.b2.c_d".to_owned();
    all.context = called(&name, &name).context;
    let appended = append_at(store, &store.start(stream.clone()), all).await.commit;
    assert_eq!(commits(store, &stream).await, [appended]);
}

/// Unusual but valid JSON is stored and read unchanged. Only one name is reserved for personal
/// values.
pub async fn valid_json_is_read_as_it_was_written<F: EventStoreFixture>(fixture: &F) {
    let (store, stream) = (fixture.store(), account("unusual"));
    let mut all = draft("all", vec![deposited(1); json_samples::valid(MAX_EVENT_LEVELS).len()]);
    for (event, unusual) in all.events.iter_mut().zip(json_samples::valid(MAX_EVENT_LEVELS)) {
        event.data = unusual;
    }
    let mut expected =
        vec![append_at(store, &store.start(stream.clone()), all.clone()).await.commit];
    assert_eq!(expected, [commit(&stream, 1, all)]);
    for (number, state) in json_samples::valid(MAX_STATE_LEVELS).into_iter().enumerate() {
        let head = load(store, &stream).await.head;
        let snapshot = Some(Snapshot { schema: 1, state });
        let draft = Draft { snapshot, ..draft(&number.to_string(), deposited(1)) };
        expected.push(append_at(store, &head, draft).await.commit);
    }
    assert_eq!(commits(store, &stream).await, expected);
}

/// A commit of exactly [`MAX_COMMIT_BYTES`] is stored, with one event or thousands.
pub async fn the_largest_commits_are_stored<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    for (name, count) in [("one", 1), ("hundred", 100), ("thousands", 4000)] {
        let stream = account(name);
        let mut large = draft(name, vec![noted(""); count]);
        large.context.source = "s".repeat(128);
        large.context.metadata = (0..50).map(|key| (key.to_string(), "m".repeat(20))).collect();
        for (number, event) in large.events.iter_mut().enumerate() {
            event.event_type = format!("account.noted{number}");
            event.schema = u32::MAX;
        }
        enlarge(&mut large, MAX_COMMIT_BYTES);
        let appended = append_at(store, &store.start(stream.clone()), large).await;
        assert!(commits(store, &stream).await == [appended.commit], "{name}: the commit changed");
    }
}

/// Appends a commit at each of these times, in milliseconds, to one stream, and returns the
/// recorded times. Every second commit is appended together with another stream.
async fn recorded<S: EventStore>(store: &S, name: &str, decided: &[i64]) -> Vec<i64> {
    let stream = account(name);
    for (number, millis) in decided.iter().enumerate() {
        let head = load(store, &stream).await.head;
        let name = format!("{name}-{number}");
        let draft = Draft { at: at(0).plus_millis(*millis), ..draft(&name, deposited(1)) };
        let appended = if number % 2 == 0 {
            append_at(store, &head, draft).await
        } else {
            let other = (store.start(account(&name)), draft.clone());
            let both = store.append_all(vec![(head, draft), other]).await;
            both.unwrap_or_else(|error| panic!("append: {error}")).swap_remove(0)
        };
        assert_eq!(appended.head.recorded_at(), Some(appended.commit.at));
    }
    commits(store, &stream)
        .await
        .iter()
        .map(|commit| commit.at.as_millis() - at(0).as_millis())
        .collect()
}

/// If a clock is slightly behind, its commit is not recorded earlier than the previous one.
pub async fn recorded_times_do_not_decrease_while_clocks_are_close<F: EventStoreFixture>(
    fixture: &F,
) {
    let (behind, later) = (10_000 - MAX_CLOCK_SKEW_MS, 20_000);
    let times =
        recorded(fixture.store(), "clocks", &[10_000, 5_000, later, later - 1, behind, 10_000])
            .await;
    let expected = [10_000, 10_000, later, later, behind, 10_000];
    assert_eq!(times, expected, "{behind} is too far behind {later}: one of the clocks is wrong");
    let apart = MAX_CLOCK_SKEW_MS;
    assert_eq!(
        recorded(fixture.store(), "bound", &[apart, 0, apart + 1, 0]).await,
        [apart, apart, apart + 1, 0]
    );
}

/// A clock that is far ahead affects only its own commits: later commits are recorded at their own
/// times.
pub async fn a_clock_far_ahead_does_not_change_later_times<F: EventStoreFixture>(fixture: &F) {
    let year = 31_536_000_000;
    let decided = [0, 1_000, year, 2_000, 3_000, year + 1, year, 4_000, 3_500];
    let times = recorded(fixture.store(), "ahead", &decided).await;
    assert_eq!(times, [0, 1_000, year, 2_000, 3_000, year + 1, year + 1, 4_000, 4_000]);
}

/// A name with the same prefix, or the same name of another tenant, is another stream.
pub async fn streams_with_similar_names_do_not_mix<F: EventStoreFixture>(fixture: &F) {
    let store = fixture.store();
    let tenant = Tenant::new("other").expect("a valid tenant");
    let other = StreamId::new(&tenant, "account", "a").expect("a valid stream");
    let streams = [account("a"), account("a-b"), account("A"), account("a~1"), other];
    for stream in &streams {
        append(store, stream, &stream.key(), noted(stream.key())).await;
    }
    for stream in &streams {
        let found: Vec<Commit> = commits(store, stream).await;
        assert_eq!(found, [commit(stream, 1, draft(&stream.key(), noted(stream.key())))]);
    }
}
