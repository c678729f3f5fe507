//! Catching up with what cannot be applied: reported as what it is, nothing written, nobody else held up.

use skald::memory::InMemoryEventStore;
use skald::{
    CatchUpError, CaughtUp, Commit, CommitMessage, DecodeError, EventData, Listing, Put, StreamId, Version, ViewRow,
    ViewStore, catch_up, park, redrive,
};

use super::ViewStoreFixture;
use super::rows::{get, put, row};
use crate::sample::{Statement, Statements, account};
use crate::scene::{append, at, commit, deposited, draft, withdrawn};

/// Catches up with what must fail; the row stays as it is.
async fn failure<V: ViewStore>(events: &InMemoryEventStore, views: &V, message: &CommitMessage) -> CatchUpError {
    let before = get(views, &message.stream).await;
    let told = catch_up::<Statements, _, _>(events, views, message).await;
    assert_eq!(get(views, &message.stream).await, before, "the row was changed");
    told.expect_err("an error was to be expected")
}

async fn deliver<V: ViewStore>(events: &InMemoryEventStore, views: &V, message: CommitMessage) -> CaughtUp {
    catch_up::<Statements, _, _>(events, views, &message).await.unwrap_or_else(|error| panic!("{error}"))
}

/// A stream of a deposit, and a second commit planted after it, of which nothing is checked.
async fn with_planted(events: &InMemoryEventStore, stream: &StreamId, event: EventData) -> [Commit; 2] {
    let first = append(events, stream, &format!("first of {stream}"), deposited(5)).await.commit;
    let mut odd = draft(&format!("planted in {stream}"), []);
    odd.events.push(event);
    let planted = commit(stream, 2, odd);
    events.plant(planted.clone());
    [first, planted]
}

/// A message that tells of more than the event store has was not written by this system.
pub async fn a_message_from_beyond_the_end_is_an_error<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) = (InMemoryEventStore::default(), fixture.store(), account("beyond"));
    let beyond = CommitMessage { stream: stream.clone(), last: Version::new(3), commit: None };
    assert_beyond(&failure(&events, views, &beyond).await, 0);

    let first = append(&events, &stream, "first", [deposited(5), deposited(6)]).await.commit;
    assert_beyond(&failure(&events, views, &beyond).await, 2);
    deliver(&events, views, CommitMessage::of(first)).await;
    assert_beyond(&failure(&events, views, &beyond).await, 2);
}

#[track_caller]
fn assert_beyond(error: &CatchUpError, expected: u64) {
    let CatchUpError::BeyondTheEnd { end, told, .. } = error else { panic!("{error}") };
    assert_eq!((end.get(), told.get()), (expected, 3));
    assert!(!error.is_transient(), "waiting does not help");
}

/// A reader that has not been deployed yet waits: it neither skips the event nor parks the stream.
pub async fn an_unknown_event_waits_and_writes_nothing<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) = (InMemoryEventStore::default(), fixture.store(), account("unknown"));
    let unknown = EventData { event_type: "account.frozen".to_owned(), schema: 1, data: b"{}".to_vec() };
    let [first, planted] = with_planted(&events, &stream, unknown).await;
    let message = CommitMessage::of(planted);
    for message in [message.clone(), message.clone().into_hint()] {
        let error = failure(&events, views, &message).await;
        assert!(matches!(error, CatchUpError::Decode { source: DecodeError::Unknown { .. }, .. }), "{error}");
        assert!(error.is_transient(), "a newer build may know it");
    }
    assert_eq!(deliver(&events, views, CommitMessage::of(first)).await, CaughtUp::To(Version::new(1)));
    assert!(failure(&events, views, &message).await.is_transient(), "a newer build may know it");
}

/// An event that no rule-abiding stream has is permanent. Once its stream is parked it stays where it is, and every
/// other goes on.
pub async fn an_event_that_cannot_be_applied_parks_its_stream<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) = (InMemoryEventStore::default(), fixture.store(), account("overdrawn"));
    let first = append(&events, &stream, "first", deposited(5)).await.commit;
    let bad = append(&events, &stream, "bad", [deposited(1), withdrawn(7)]).await.commit;
    let later = append(&events, &stream, "later", deposited(100)).await.commit;
    deliver(&events, views, CommitMessage::of(first.clone())).await;

    let error = failure(&events, views, &CommitMessage::of(bad.clone())).await;
    assert!(matches!(&error, CatchUpError::Inapplicable { source, .. } if source.version.get() == 3), "{error}");
    assert!(!error.is_transient(), "waiting does not help");

    park(views, &stream, &error.to_string(), at(60)).await.expect("it is parked");
    let parked = get(views, &stream).await.expect("a row");
    assert_eq!(parked.version, Version::new(1), "events of a commit were applied without the others");
    for commit in [first, bad, later] {
        assert_eq!(deliver(&events, views, CommitMessage::of(commit.clone())).await, CaughtUp::Parked);
        assert_eq!(deliver(&events, views, CommitMessage::of(commit).into_hint()).await, CaughtUp::Parked);
    }
    assert_eq!(get(views, &stream).await, Some(parked));

    let other = append(&events, &account("other"), "other", deposited(1)).await.commit;
    assert_eq!(deliver(&events, views, CommitMessage::of(other)).await, CaughtUp::To(Version::new(1)));
}

/// A stream that is parked before its first row stays parked when the message of its first commit comes at last.
pub async fn a_stream_parked_before_its_first_event_stays_parked<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) = (InMemoryEventStore::default(), fixture.store(), account("never"));
    let first = append(&events, &stream, "first", deposited(5)).await.commit;
    let bad = append(&events, &stream, "bad", withdrawn(7)).await.commit;
    let error = failure(&events, views, &CommitMessage::of(bad)).await;
    park(views, &stream, &error.to_string(), at(60)).await.expect("it is parked");

    let parked = get(views, &stream).await;
    assert_eq!(deliver(&events, views, CommitMessage::of(first)).await, CaughtUp::Parked);
    assert_eq!(get(views, &stream).await, parked);
}

/// A stored row that is not of the view's shape is permanent, and not shown.
pub async fn a_row_that_is_none_is_an_error<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) = (InMemoryEventStore::default(), fixture.store(), account("scribbled"));
    append(&events, &stream, "first", deposited(5)).await;
    let second = append(&events, &stream, "second", deposited(5)).await.commit;
    let scribbled: ViewRow = row(1, "{\"balance\": \"jane@example.com\"}");
    put(views, &stream, 0, &scribbled).await;
    assert!(scribbled.decode::<Statement>(&stream).is_err());
    let error = failure(&events, views, &CommitMessage::of(second)).await;
    assert!(matches!(error, CatchUpError::MalformedRow { .. }), "{error}");
    assert!(!error.is_transient(), "waiting does not help");
    assert!(!format!("{error} {error:?}").contains("jane"), "a stored value is quoted: {error}");
}

/// A parked row comes back with everything that happened meanwhile, and goes on like any other; as long as its cause
/// stands, it stays parked.
pub async fn a_parked_row_is_redriven_from_the_event_store<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) = (InMemoryEventStore::default(), fixture.store(), account("redriven"));
    let first = append(&events, &stream, "first", deposited(5)).await.commit;
    deliver(&events, views, CommitMessage::of(first)).await;
    park(views, &stream, "a lie", at(60)).await.expect("it is parked");
    append(&events, &stream, "second", deposited(6)).await;
    let told = redrive::<Statements, _, _>(&events, views, &stream).await.expect("the stream is sound");
    assert_eq!(told, CaughtUp::To(Version::new(2)));
    let row = get(views, &stream).await.expect("a row");
    let statement = row.decode::<Statement>(&stream).expect("a statement").expect("a body");
    assert_eq!((row.parked, statement.balance, statement.entries), (None, 11, 2));
    let third = append(&events, &stream, "third", deposited(1)).await.commit;
    assert_eq!(deliver(&events, views, CommitMessage::of(third)).await, CaughtUp::To(Version::new(3)));

    append(&events, &stream, "bad", withdrawn(100)).await;
    park(views, &stream, "overdrawn", at(70)).await.expect("it is parked");
    let parked = get(views, &stream).await;
    let error = redrive::<Statements, _, _>(&events, views, &stream).await.expect_err("the cause stands");
    assert!(matches!(error, CatchUpError::Inapplicable { .. }), "{error}");
    assert_eq!(get(views, &stream).await, parked);

    // Parked by news of a stream that has no events, which then begins after all.
    let unborn = account("unborn");
    park(views, &unborn, "a lie", at(60)).await.expect("it is parked");
    redrive::<Statements, _, _>(&events, views, &unborn).await.expect("there is nothing to fold");
    let born = append(&events, &unborn, "born", deposited(1)).await.commit;
    assert_eq!(deliver(&events, views, CommitMessage::of(born)).await, CaughtUp::To(Version::new(1)));

    // And one that shows what no events say: nothing of it is left.
    let invented = account("invented");
    let listing = Some(Listing { group: "default/accounts".to_owned(), sort: "a".to_owned() });
    put(views, &invented, 0, &ViewRow { listing, ..super::rows::row(3, "{}") }).await;
    park(views, &invented, "a lie", at(60)).await.expect("it is parked");
    let told = redrive::<Statements, _, _>(&events, views, &invented).await.expect("there is nothing to fold");
    let blank = ViewRow { version: Version::START, at: at(3), body: None, listing: None, parked: None };
    assert_eq!((told, get(views, &invented).await), (CaughtUp::To(Version::START), Some(blank)));
}

/// Redriving a row that is well, or is none, changes nothing.
pub async fn a_row_that_is_not_parked_is_not_redriven<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) = (InMemoryEventStore::default(), fixture.store(), account("well"));
    let first = append(&events, &stream, "first", deposited(5)).await.commit;
    deliver(&events, views, CommitMessage::of(first)).await;
    let before = get(views, &stream).await;
    assert_eq!(views.put_over_parked(&stream, Version::new(1), &row(2, "{}")).await.expect("an answer"), Put::Stale);
    for stream in [stream.clone(), account("none")] {
        let told = redrive::<Statements, _, _>(&events, views, &stream).await.expect("nothing is wrong");
        assert_eq!(told, CaughtUp::Already);
    }
    assert_eq!(get(views, &stream).await, before);
}
