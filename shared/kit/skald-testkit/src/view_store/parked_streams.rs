//! Streams that cannot be applied: their rows are parked, and redriven after the cause is fixed.

use skald::commit::Envelope;
use skald::decider::Decider;
use skald::json::MAX_STATE_LEVELS;
use skald::memory::InMemoryEventStore;
use skald::message::CommitMessage;
use skald::stream::{StreamId, Version};
use skald::view::{
    CatchUpError, CaughtUp, Inapplicable, Listing, MAX_ROW_BYTES, Parked, Projection, Put, ViewRow,
    ViewStore, catch_up, park, redrive,
};

use super::ViewStoreFixture;
use super::faults::{deliver, failure, progress};
use super::rows::{get, put, row};
use crate::fixtures::{append, at, deposited, withdrawn};
use crate::sample::{Account, AccountEvent, Statement, Statements, account};

/// An event that cannot be applied is an error that is not transient. A parked stream does not
/// move, and every other stream does.
pub async fn an_event_that_cannot_be_applied_parks_its_stream<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) =
        (InMemoryEventStore::default(), fixture.store(), account("overdrawn"));
    let first = append(&events, &stream, "first", deposited(5)).await.commit;
    let bad = append(&events, &stream, "bad", [deposited(1), withdrawn(7)]).await.commit;
    let later = append(&events, &stream, "later", deposited(100)).await.commit;
    deliver(&events, views, CommitMessage::of(first.clone())).await;

    let error = failure(&events, views, &CommitMessage::of(bad.clone())).await;
    assert!(
        matches!(&error, CatchUpError::Inapplicable { source, .. } if source.version.get() == 3),
        "{error}"
    );
    assert!(!error.is_transient() && error.parks(), "the error is transient, or does not park");

    park(views, &stream, None, &error.to_string(), at(60)).await.expect("it is parked");
    let parked = get(views, &stream).await.expect("a row");
    assert_eq!(
        parked.version,
        Version::new(1),
        "events of a commit were applied without the others"
    );
    for commit in [first, bad, later] {
        assert_eq!(
            deliver(&events, views, CommitMessage::of(commit.clone())).await,
            CaughtUp::Parked
        );
        assert_eq!(
            deliver(&events, views, CommitMessage::of(commit).into_hint()).await,
            CaughtUp::Parked
        );
    }
    let counted =
        parked.parked.clone().map(|parked| Parked { announced: Version::new(4), ..parked });
    assert_eq!(get(views, &stream).await, Some(ViewRow { parked: counted, ..parked }));

    let other = append(&events, &account("other"), "other", deposited(1)).await.commit;
    assert_eq!(
        deliver(&events, views, CommitMessage::of(other)).await,
        CaughtUp::To(Version::new(1))
    );
}

/// The events before an event that cannot be applied are applied, so the row is parked directly
/// before it.
pub async fn events_before_one_that_cannot_be_applied_are_applied<F: ViewStoreFixture>(
    fixture: &F,
) {
    let (events, views, stream) =
        (InMemoryEventStore::default(), fixture.store(), account("before"));
    append(&events, &stream, "first", deposited(5)).await;
    append(&events, &stream, "second", deposited(5)).await;
    let bad = append(&events, &stream, "bad", [deposited(1), withdrawn(70)]).await.commit;
    let error = failure(&events, views, &CommitMessage::of(bad)).await;
    assert!(error.parks(), "{error}");
    assert_eq!(progress(views, &stream).await, Some((2, 2, false)));
}

/// A stream that is parked without a row stays parked while its first event cannot be applied.
pub async fn a_stream_parked_before_its_first_event_stays_parked<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) =
        (InMemoryEventStore::default(), fixture.store(), account("never"));
    let first = append(&events, &stream, "first", withdrawn(5)).await.commit;
    let error = failure(&events, views, &CommitMessage::of(first.clone())).await;
    park(views, &stream, None, &error.to_string(), at(60)).await.expect("it is parked");
    for message in [CommitMessage::of(first.clone()), CommitMessage::of(first).into_hint()] {
        assert_eq!(deliver(&events, views, message).await, CaughtUp::Parked);
        assert_eq!(progress(views, &stream).await, Some((0, 0, true)));
    }
}

/// A stream that was parked before its first event is unparked when that event is applied.
pub async fn a_stream_parked_before_its_first_event_is_unparked_by_it<F: ViewStoreFixture>(
    fixture: &F,
) {
    let (events, views) = (InMemoryEventStore::default(), fixture.store());
    for (name, is_whole) in [("message", true), ("hint", false)] {
        let stream = account(name);
        park(views, &stream, None, "a wrong hint", at(60)).await.expect("it is parked");
        let first = append(&events, &stream, name, [deposited(5), deposited(6)]).await.commit;
        let message = CommitMessage::of(first);
        let message = if is_whole { message } else { message.into_hint() };
        assert_eq!(deliver(&events, views, message).await, CaughtUp::To(Version::new(2)), "{name}");
        assert_eq!(progress(views, &stream).await, Some((2, 2, false)), "{name}");
        assert!(
            get(views, &stream).await.is_some_and(|row| row.listing.is_some()),
            "{name} is not listed"
        );
    }
    // If a later event cannot be applied, the events before it still are.
    let stream = account("half");
    park(views, &stream, None, "a wrong hint", at(60)).await.expect("it is parked");
    append(&events, &stream, "half", deposited(5)).await;
    let bad = append(&events, &stream, "bad", withdrawn(70)).await.commit;
    let error = failure(&events, views, &CommitMessage::of(bad)).await;
    assert!(error.parks(), "{error}");
    assert_eq!(progress(views, &stream).await, Some((1, 1, false)));
}

/// A redrive folds all events since, and unparks the row. While the cause of parking remains, the
/// row stays parked.
pub async fn a_parked_row_is_redriven_from_the_event_store<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) =
        (InMemoryEventStore::default(), fixture.store(), account("redriven"));
    let first = append(&events, &stream, "first", deposited(5)).await.commit;
    deliver(&events, views, CommitMessage::of(first)).await;
    park(views, &stream, None, "a wrong hint", at(60)).await.expect("it is parked");
    append(&events, &stream, "second", deposited(6)).await;
    let caught_up =
        redrive::<Statements, _, _>(&events, views, &stream).await.expect("the stream is valid");
    assert_eq!(caught_up, CaughtUp::To(Version::new(2)));
    let restored = get(views, &stream).await.expect("a row");
    let statement = restored.decode::<Statement>(&stream).expect("a statement").expect("a body");
    assert_eq!((restored.parked, statement.balance, statement.entries), (None, 11, 2));
    let third = append(&events, &stream, "third", deposited(1)).await.commit;
    assert_eq!(
        deliver(&events, views, CommitMessage::of(third)).await,
        CaughtUp::To(Version::new(3))
    );

    append(&events, &stream, "bad", withdrawn(100)).await;
    park(views, &stream, None, "overdrawn", at(70)).await.expect("it is parked");
    let parked = get(views, &stream).await;
    let error = redrive::<Statements, _, _>(&events, views, &stream)
        .await
        .expect_err("the row was redriven");
    assert!(matches!(error, CatchUpError::Inapplicable { .. }), "{error}");
    assert_eq!(get(views, &stream).await, parked);

    // The row is parked before its stream has events. Then the first event is appended.
    let no_events = account("no-events");
    park(views, &no_events, None, "a wrong hint", at(60)).await.expect("it is parked");
    redrive::<Statements, _, _>(&events, views, &no_events)
        .await
        .expect("there is nothing to fold");
    let first = append(&events, &no_events, "first of no-events", deposited(1)).await.commit;
    assert_eq!(
        deliver(&events, views, CommitMessage::of(first)).await,
        CaughtUp::To(Version::new(1))
    );

    // A redrive removes the content of a row whose stream has no events.
    let planted = account("planted");
    let listing = Some(Listing { group: "default/accounts".to_owned(), sort: "a".to_owned() });
    put(views, &planted, 0, &ViewRow { listing, ..row(3, "{}") }).await;
    park(views, &planted, None, "a wrong hint", at(60)).await.expect("it is parked");
    let caught_up = redrive::<Statements, _, _>(&events, views, &planted)
        .await
        .expect("there is nothing to fold");
    let blank = ViewRow {
        version: Version::START,
        at: at(3),
        body: None,
        listing: None,
        worklist: None,
        parked: None,
    };
    assert_eq!(
        (caught_up, get(views, &planted).await),
        (CaughtUp::To(Version::START), Some(blank))
    );
}

/// A row with invalid content is parked, records the versions that messages announce, and is
/// redriven from the event store. So is a row whose content became invalid while it was parked.
pub async fn a_row_with_invalid_content_is_parked_and_redriven<F: ViewStoreFixture>(fixture: &F) {
    let (events, views) = (InMemoryEventStore::default(), fixture.store());
    let deep = format!("{}{}", "[".repeat(MAX_STATE_LEVELS + 1), "]".repeat(MAX_STATE_LEVELS + 1));
    let long = format!("\"{}\"", "x".repeat(MAX_ROW_BYTES));
    for (name, body) in
        [("cut", "{\"balance\": 5"), ("empty", ""), ("deep", &deep), ("long", &long)]
    {
        for is_parked in [false, true] {
            let stream = account(&format!("{name}-{is_parked}"));
            let mut messages = Vec::new();
            for number in 1..=3 {
                let commit =
                    append(&events, &stream, &format!("{number} of {stream}"), deposited(5))
                        .await
                        .commit;
                messages.push(CommitMessage::of(commit));
            }
            let listing = Some(Listing {
                group: format!("default/{name}-{is_parked}"),
                sort: "a".to_owned(),
            });
            let parked = is_parked.then(|| Parked {
                reason: "why".to_owned(),
                at: at(60),
                announced: Version::START,
            });
            fixture
                .plant(
                    &stream,
                    ViewRow { body: Some(body.to_owned()), listing, parked, ..row(1, "") },
                )
                .await;
            if !is_parked {
                let error = failure(&events, views, &messages[1]).await;
                assert!(error.parks(), "{error}");
                park(views, &stream, None, &error.to_string(), at(60)).await.expect("it is parked");
            }
            for message in &messages {
                assert_eq!(
                    deliver(&events, views, message.clone()).await,
                    CaughtUp::Parked,
                    "{stream}"
                );
            }
            let parked = get(views, &stream).await.expect("a row");
            assert_eq!(
                (parked.version, parked.parked.map(|parked| parked.announced)),
                (Version::new(1), Some(Version::new(3)))
            );
            fixture.settled().await;
            let listed = views
                .list(&format!("default/{name}-{is_parked}"), None, 10)
                .await
                .expect("an answer");
            assert_eq!(listed.entries.len(), 1, "{stream} is still listed");

            let caught_up = redrive::<Statements, _, _>(&events, views, &stream).await;
            assert!(
                matches!(caught_up, Ok(CaughtUp::To(version)) if version == Version::new(3)),
                "{caught_up:?}"
            );
            assert_eq!(progress(views, &stream).await, Some((3, 3, false)), "{stream}");
        }
    }
}

/// A row is parked only at the version at which the failure was seen. If another caller, with a
/// newer release, has moved the row on, it is not parked. The message is delivered again and finds
/// its events applied.
pub async fn a_row_is_parked_only_at_the_version_of_the_failure<F: ViewStoreFixture>(fixture: &F) {
    let (events, views) = (InMemoryEventStore::default(), fixture.store());
    for before in [0, 2] {
        let stream = account(&format!("after-{before}"));
        for number in 1..=before {
            let commit = append(&events, &stream, &format!("{number} of {stream}"), deposited(5))
                .await
                .commit;
            deliver(&events, views, CommitMessage::of(commit)).await;
        }
        let noted =
            append(&events, &stream, &format!("note in {stream}"), deposited(6)).await.commit;
        let message = CommitMessage::of(noted);
        let caught_up = catch_up::<OlderRelease, _, _>(&events, views, &message).await;
        let failure = caught_up.expect_err("the older release cannot apply it");
        assert!(failure.error.parks() && failure.seen == Some(Version::new(before)), "{failure:?}");

        deliver(&events, views, message.clone()).await;
        let healthy = get(views, &stream).await;
        let parked = park(views, &stream, failure.seen, &failure.to_string(), at(60)).await;
        let error = parked.expect_err("a row at a later version was parked");
        assert!(matches!(error, CatchUpError::Moved { .. }) && error.is_transient(), "{error}");
        assert_eq!(get(views, &stream).await, healthy, "a healthy row was changed");
        assert!(matches!(
            catch_up::<OlderRelease, _, _>(&events, views, &message).await,
            Ok(CaughtUp::Already)
        ));
        park(views, &stream, Some(Version::new(before + 1)), "why", at(60))
            .await
            .expect("the row is at this version");
        assert!(get(views, &stream).await.is_some_and(|row| row.parked.is_some()));
    }
}

/// The view of a release that cannot apply a deposit of six.
struct OlderRelease;

impl Projection for OlderRelease {
    const CATEGORY: &'static str = Account::CATEGORY;
    type Event = AccountEvent;
    type Row = Statement;

    fn apply(
        row: Option<Statement>,
        event: &Envelope<AccountEvent>,
    ) -> Result<Statement, Inapplicable> {
        match &event.data {
            AccountEvent::Deposited(deposited) if deposited.amount == 6 => Err(Inapplicable {
                event_type: "account.deposited".to_owned(),
                version: event.version,
                reason: "six is unknown",
            }),
            AccountEvent::Deposited(_) | AccountEvent::Withdrawn(_) | AccountEvent::Noted(_) => {
                Statements::apply(row, event)
            }
        }
    }

    fn listing(row: &Statement, stream: &StreamId) -> Option<Listing> {
        Statements::listing(row, stream)
    }
}

/// Redriving a row that is not parked, or a missing row, changes nothing.
pub async fn a_row_that_is_not_parked_is_not_redriven<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) =
        (InMemoryEventStore::default(), fixture.store(), account("unparked"));
    let first = append(&events, &stream, "first", deposited(5)).await.commit;
    deliver(&events, views, CommitMessage::of(first)).await;
    let before = get(views, &stream).await;
    let parked =
        Parked { reason: "a wrong hint".to_owned(), at: at(60), announced: Version::START };
    let parked = ViewRow { parked: Some(parked), ..row(1, "{}") };
    assert_eq!(
        views.put_over_parked(&stream, &parked, &row(2, "{}")).await.expect("an answer"),
        Put::Stale
    );
    for stream in [stream.clone(), account("none")] {
        let caught_up = redrive::<Statements, _, _>(&events, views, &stream)
            .await
            .expect("there is nothing to redrive");
        assert_eq!(caught_up, CaughtUp::Already);
    }
    assert_eq!(get(views, &stream).await, before);
}
