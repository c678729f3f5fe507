//! Catching up with faulty messages, events and rows: each fault is reported precisely.

use skald::commit::{Commit, Draft, Envelope};
use skald::decider::Decider;
use skald::event::{DecodeError, EventData};
use skald::memory::InMemoryEventStore;
use skald::message::CommitMessage;
use skald::store::StoreError;
use skald::stream::{StreamId, Version};
use skald::view::{
    CatchUpError, CaughtUp, Inapplicable, Listing, MAX_ROW_BYTES, Projection, ViewRow, ViewStore,
    catch_up,
};

use super::ViewStoreFixture;
use super::rows::{get, put, row};
use crate::fixtures::{append, commit, deposited, draft, noted};
use crate::sample::{Account, AccountEvent, Statement, Statements, account};

/// The error of a catch-up that must fail.
pub(super) async fn failure<V: ViewStore>(
    events: &InMemoryEventStore,
    views: &V,
    message: &CommitMessage,
) -> CatchUpError {
    let caught_up = catch_up::<Statements, _, _>(events, views, message).await;
    caught_up.expect_err("the catch-up succeeded").error
}

/// The row's version, its number of entries, and whether it is parked.
pub(super) async fn progress<V: ViewStore>(
    views: &V,
    stream: &StreamId,
) -> Option<(u64, u64, bool)> {
    let row = get(views, stream).await?;
    let statement = row.decode::<Statement>(stream).expect("a statement");
    Some((
        row.version.get(),
        statement.map_or(0, |statement| statement.entries),
        row.parked.is_some(),
    ))
}

pub(super) async fn deliver<V: ViewStore>(
    events: &InMemoryEventStore,
    views: &V,
    message: CommitMessage,
) -> CaughtUp {
    catch_up::<Statements, _, _>(events, views, &message)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A stream of a deposit and a planted commit with this event.
async fn with_planted(
    events: &InMemoryEventStore,
    stream: &StreamId,
    event: EventData,
) -> [Commit; 2] {
    let first = append(events, stream, &format!("first of {stream}"), deposited(5)).await.commit;
    let mut malformed = draft(&format!("planted in {stream}"), []);
    malformed.events.push(event);
    let planted = commit(stream, 2, malformed);
    events.plant(planted.clone());
    [first, planted]
}

/// A message that announces a version beyond the end is an error that is not transient. It does not
/// park the row, which catches up to the end.
pub async fn a_message_beyond_the_end_is_an_error<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) =
        (InMemoryEventStore::default(), fixture.store(), account("beyond"));
    let beyond = CommitMessage { stream: stream.clone(), last: Version::new(3), commit: None };
    assert_beyond(&failure(&events, views, &beyond).await, 0);
    assert_eq!(get(views, &stream).await, None, "a row without events");

    append(&events, &stream, "first", [deposited(5), deposited(6)]).await;
    for _ in 0..2 {
        assert_beyond(&failure(&events, views, &beyond).await, 2);
        assert_eq!(progress(views, &stream).await, Some((2, 2, false)));
    }
    let third = append(&events, &stream, "third", deposited(7)).await.commit;
    assert_eq!(
        deliver(&events, views, CommitMessage::of(third)).await,
        CaughtUp::To(Version::new(3))
    );
}

#[track_caller]
fn assert_beyond(error: &CatchUpError, expected: u64) {
    let CatchUpError::BeyondTheEnd { end, announced, .. } = error else { panic!("{error}") };
    assert_eq!((end.get(), announced.get()), (expected, 3));
    assert!(
        !error.is_transient() && !error.parks(),
        "the error is transient, or parks a valid stream"
    );
}

/// The commit of a message proves nothing: only a commit of the event store parks a stream.
pub async fn a_commit_that_only_a_message_has_parks_nothing<F: ViewStoreFixture>(fixture: &F) {
    let (events, views) = (InMemoryEventStore::default(), fixture.store());
    let event = |event_type: &str, data: &str| EventData {
        event_type: event_type.to_owned(),
        schema: 1,
        data: data.as_bytes().to_vec(),
    };
    let wrong = [
        event("account.deposited", "{\"amount\":\"many\"}"),
        event("account.deposited", "no JSON"),
        event("account.frozen", "{}"),
        event("account.withdrawn", "{\"amount\":9}"),
    ];
    for (number, event) in wrong.into_iter().enumerate() {
        let stream = account(&format!("wrong-{number}"));
        let forged = |first| {
            let draft = Draft { events: vec![event.clone()], ..draft("forged", []) };
            CommitMessage::of(commit(&stream, first, draft))
        };
        let error = failure(&events, views, &forged(1)).await;
        assert!(
            matches!(error, CatchUpError::BeyondTheEnd { .. }) && !error.parks(),
            "{number}: {error}"
        );
        assert_eq!(get(views, &stream).await, None, "{number}");

        append(&events, &stream, &format!("first of {stream}"), deposited(5)).await;
        assert_eq!(
            deliver(&events, views, forged(1)).await,
            CaughtUp::To(Version::new(1)),
            "{number}"
        );
        append(&events, &stream, &format!("second of {stream}"), deposited(5)).await;
        assert_eq!(
            deliver(&events, views, forged(2)).await,
            CaughtUp::To(Version::new(2)),
            "{number}"
        );
        assert_eq!(progress(views, &stream).await, Some((2, 2, false)), "{number}");
    }
}

/// An unknown event waits for a newer build: it is neither skipped, nor does it park the stream.
/// The events before it are applied.
pub async fn an_unknown_event_waits<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) =
        (InMemoryEventStore::default(), fixture.store(), account("unknown"));
    let unknown =
        EventData { event_type: "account.frozen".to_owned(), schema: 1, data: b"{}".to_vec() };
    let [_, planted] = with_planted(&events, &stream, unknown).await;
    let message = CommitMessage::of(planted);
    for message in [message.clone(), message.into_hint()] {
        let error = failure(&events, views, &message).await;
        assert!(
            matches!(error, CatchUpError::Decode { source: DecodeError::Unknown { .. }, .. }),
            "{error}"
        );
        assert!(error.is_transient() && !error.parks(), "a newer build may know it");
        assert_eq!(progress(views, &stream).await, Some((1, 1, false)));
    }
}

/// A stored row of another shape is an error that is not transient and does not quote the row.
pub async fn a_malformed_row_is_an_error<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) =
        (InMemoryEventStore::default(), fixture.store(), account("malformed"));
    append(&events, &stream, "first", deposited(5)).await;
    let second = append(&events, &stream, "second", deposited(5)).await.commit;
    let malformed: ViewRow = row(1, "{\"balance\": \"jane@example.com\"}");
    put(views, &stream, 0, &malformed).await;
    assert!(malformed.decode::<Statement>(&stream).is_err());
    let error = failure(&events, views, &CommitMessage::of(second)).await;
    assert_eq!(get(views, &stream).await, Some(malformed), "the row was changed");
    assert!(matches!(error, CatchUpError::MalformedRow { .. }), "{error}");
    assert!(!error.is_transient() && error.parks(), "the error is transient, or does not park");
    assert!(!format!("{error} {error:?}").contains("jane"), "a stored value is quoted: {error}");
}

/// A view with all notes of an account.
struct Notes;

impl Projection for Notes {
    const CATEGORY: &'static str = Account::CATEGORY;
    type Event = AccountEvent;
    type Row = Vec<String>;

    fn apply(
        row: Option<Vec<String>>,
        event: &Envelope<AccountEvent>,
    ) -> Result<Vec<String>, Inapplicable> {
        let note = match &event.data {
            AccountEvent::Noted(noted) => Some(noted.text.clone()),
            AccountEvent::Deposited(_) | AccountEvent::Withdrawn(_) => None,
        };
        Ok(row.into_iter().flatten().chain(note).collect())
    }

    fn listing(_: &Vec<String>, _: &StreamId) -> Option<Listing> {
        None
    }
}

/// An event after which the row is too large cannot be applied: the error is not transient, and
/// parks the stream.
pub async fn a_row_that_outgrows_the_limit_is_a_permanent_error<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) =
        (InMemoryEventStore::default(), fixture.store(), account("outgrown"));
    let note = "x".repeat(MAX_ROW_BYTES / 2);
    let first = append(&events, &stream, "first", noted(note.clone())).await.commit;
    let second = append(&events, &stream, "second", noted(note)).await.commit;
    let caught_up = catch_up::<Notes, _, _>(&events, views, &CommitMessage::of(first)).await;
    assert!(
        matches!(caught_up, Ok(CaughtUp::To(version)) if version == Version::new(1)),
        "{caught_up:?}"
    );
    for message in [CommitMessage::of(second.clone()), CommitMessage::of(second).into_hint()] {
        let caught_up = catch_up::<Notes, _, _>(&events, views, &message).await;
        let error = caught_up.expect_err("a row over the limit was stored").error;
        assert!(matches!(&error, CatchUpError::Store(StoreError::InvalidRow { .. })), "{error}");
        assert!(!error.is_transient() && error.parks(), "the error is transient, or does not park");
    }
    assert_eq!(get(views, &stream).await.map(|row| row.version), Some(Version::new(1)));
}
