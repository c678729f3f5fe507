//! The kit's reports: one for each condition, with exactly the documented fields.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use skald::commit::{CommitId, Draft};
use skald::event::{DomainEvent, EventData};
use skald::follow::{FollowOptions, Follower};
use skald::handle::{Handler, Many, Request};
use skald::implementing::read_back;
use skald::index::{CommitIndex, IndexKey, Position};
use skald::memory::{InMemoryCommitIndex, InMemoryEventStore, InMemoryViewStore};
use skald::message::CommitMessage;
use skald::observe::{
    CONFLICT, CONTENTION, LATE_ENTRY, PAGE_READ, RETRY, ROW_PARKED, ROW_REPAIRED,
};
use skald::snapshot::SnapshotKind;
use skald::store::EventStore;
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;
use skald::view::{CaughtUp, ViewStore, catch_up, park, redrive};
use skald_testkit::NoPause;
use skald_testkit::faulty::{Fault, Faulty, Plan};
use skald_testkit::reports::{Report, Reports};
use skald_testkit::sample::{
    Account, AccountCommand, AccountEvent, AccountRejection, Deposited, Noted, Statements,
    Withdrawn, account,
};
use tracing::Level;
use uuid::Uuid;

use support::context;

/// A text that no report may contain.
const SECRET: &str = "jane@example.com";

fn request() -> Request {
    Request {
        commit_id: CommitId::new(Uuid::NAMESPACE_OID),
        at: Timestamp::EPOCH,
        context: context(),
    }
}

fn debug<const N: usize>(name: &'static str, fields: [(&'static str, &str); N]) -> Report {
    Report::new(name, Level::DEBUG, fields)
}

fn page(stream: &str, commits: &str, limit: &str) -> Report {
    debug(PAGE_READ, [("stream", stream), ("commits", commits), ("limit", limit)])
}

fn stored<E: Into<AccountEvent>>(event: E) -> EventData {
    event.into().encode().unwrap()
}

/// Appends an event, recorded at this time.
async fn append(
    store: &InMemoryEventStore,
    stream: &StreamId,
    event: EventData,
    at: i64,
) -> CommitMessage {
    let head = store.load(stream, None).await.unwrap().head;
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{stream}{head:?}").as_bytes());
    let draft = Draft {
        commit_id: CommitId::new(id),
        at: Timestamp::from_millis(at).unwrap(),
        context: context(),
        events: vec![event],
        snapshot: None,
    };
    CommitMessage::of(store.append(&head, draft).await.unwrap().commit)
}

#[tokio::test]
async fn a_command_reports_its_pages_its_conflicts_and_its_retries() {
    let store = InMemoryEventStore::default();
    let faults = [Some(Fault::Overtaken), Some(Fault::Contended), None];
    let faulty = Faulty::new(&store, Plan::script(faults));
    let reports = Reports::receive();
    let command = AccountCommand::Note(SECRET.to_owned());
    let handler = Handler::new(&faulty, &NoPause);
    handler.handle::<Account>(&account("a"), &command, &request()).await.unwrap();
    let reports: Vec<_> =
        reports.take().into_iter().filter(|report| report.name != PAGE_READ).collect();
    assert_eq!(
        reports,
        [
            debug(CONFLICT, [("stream", "default/account-a")]),
            debug(RETRY, [("attempt", "1")]),
            debug(CONTENTION, [("streams", "default/account-a")]),
            debug(RETRY, [("attempt", "2")]),
        ]
    );
}

/// A failed transaction does not show which stream caused the contention, so all of them are named.
#[tokio::test]
async fn contention_names_the_streams_of_the_transaction() {
    let store = InMemoryEventStore::default();
    let faulty = Faulty::new(&store, Plan::script([Some(Fault::Contended)]));
    let both = Many::<Account>::new(vec![account("a"), account("b")]);
    let decide = |_: &Vec<_>| {
        let deposited = vec![AccountEvent::from(Deposited { amount: 1 })];
        Ok::<_, AccountRejection>(vec![deposited.clone(), deposited])
    };
    let reports = Reports::receive();
    Handler::new(&faulty, &NoPause).handle_all(&both, &request(), decide).await.unwrap();
    assert_eq!(
        reports.take_named(CONTENTION),
        [debug(CONTENTION, [("streams", "default/account-a default/account-b")])]
    );
}

#[tokio::test]
async fn each_page_is_reported_with_its_limit_and_its_commits() {
    let store = InMemoryEventStore::default();
    for _ in 0..20 {
        append(&store, &account("a"), stored(Deposited { amount: 1 }), 0).await;
    }
    let reports = Reports::receive();
    read_back(&store, &account("a"), SnapshotKind { schema: 1, every: 2 }).await.unwrap();
    let stream = "default/account-a";
    assert_eq!(
        reports.take(),
        [page(stream, "2", "2"), page(stream, "8", "8"), page(stream, "10", "32")]
    );
}

#[tokio::test]
async fn a_row_that_is_parked_or_brought_forward_from_the_store_is_reported() {
    let (events, views) = (InMemoryEventStore::default(), InMemoryViewStore::default());
    let stream = account("a");
    let first = append(&events, &stream, stored(Deposited { amount: 1 }), 0).await;
    append(&events, &stream, stored(Noted { text: SECRET.to_owned() }), 0).await;
    let third = append(&events, &stream, stored(Withdrawn { amount: 1 }), 0).await;
    let reports = Reports::receive();
    let take = || -> Vec<_> {
        reports.take().into_iter().filter(|report| report.name != PAGE_READ).collect()
    };

    catch_up::<Statements, _, _>(&events, &views, &first).await.unwrap();
    assert_eq!(take(), [], "the message had the commit");

    // The second message was lost.
    catch_up::<Statements, _, _>(&events, &views, &third).await.unwrap();
    let repaired = |from, to, by| {
        let stream = ("stream", "default/account-a");
        debug(ROW_REPAIRED, [stream, ("from", from), ("to", to), ("by", by)])
    };
    assert_eq!(take(), [repaired("1", "3", "catch_up")]);

    catch_up::<Statements, _, _>(&events, &views, &third).await.unwrap();
    assert_eq!(take(), [], "the row had the event already");

    let parked =
        Report::new(ROW_PARKED, Level::WARN, [("stream", "default/account-a"), ("version", "3")]);
    for expected in [vec![parked], vec![]] {
        park(&views, &stream, None, SECRET, Timestamp::EPOCH).await.unwrap();
        assert_eq!(take(), expected);
    }

    let fourth = append(&events, &stream, stored(Deposited { amount: 1 }), 0).await;
    let waits = catch_up::<Statements, _, _>(&events, &views, &fourth).await.unwrap();
    assert_eq!((waits, take()), (CaughtUp::Parked, vec![]));
    redrive::<Statements, _, _>(&events, &views, &stream).await.unwrap();
    assert_eq!(take(), [repaired("3", "4", "redrive")]);
    redrive::<Statements, _, _>(&events, &views, &stream).await.unwrap();
    assert_eq!(take(), [], "the row is not parked");
    let row = views.get(&stream).await.unwrap().unwrap();
    assert_eq!((row.version, row.parked), (Version::new(4), None));
}

#[tokio::test]
async fn an_entry_that_appears_late_is_reported() {
    let store = InMemoryEventStore::default();
    let options = FollowOptions {
        name: "tester".to_owned(),
        run: "run".to_owned(),
        from: Position::before(Timestamp::EPOCH, InMemoryCommitIndex::SLICES),
        margin_ms: 0,
        overlap_ms: 1_000,
        batch: 10,
    };
    let index = InMemoryCommitIndex::over(&store);
    let mut follower =
        Follower::resume(index, InMemoryViewStore::default(), options).await.unwrap();
    let reports = Reports::receive();
    let mut reported = Vec::new();
    for (name, at, now) in [("a", 500, 600), ("b", 700, 800), ("c", 400, 900)] {
        let written = append(&store, &account(name), stored(Deposited { amount: 1 }), at).await;
        let batch = follower.next(Timestamp::from_millis(now).unwrap()).await.unwrap();
        assert_eq!(batch.deliveries.len(), 1, "{name}");
        follower.acknowledge();
        if name == "c" {
            let entry = IndexKey::of(&written.commit.unwrap());
            reported.push(Report::new(LATE_ENTRY, Level::WARN, [("entry", entry.as_str())]));
        }
    }
    assert_eq!(reports.take_named(LATE_ENTRY), reported);
}
