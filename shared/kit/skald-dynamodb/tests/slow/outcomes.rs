//! The result that the store's caller gets for each answer of the service, and if no answer
//! arrives.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{AsyncSleep, Sleep, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use skald::index::MalformedEntry;
use skald::store::EventStore;
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;
use skald::view::{Listing, MalformedRow, Put, ViewRow, ViewStore};
use skald_dynamodb::{DynamoDbEventStore, DynamoDbViewStore};
use skald_testkit::sample::account;

use crate::support;
use crate::support::calls::{
    ERRORS, commits, draft, events, kind, parts, store_kind, streams, views,
};
use crate::support::proxy::{FailsAfterwards, Fate, Interceptor, always, error_body, once};
use crate::support::{EVENTS, Engine, VIEW};

fn row() -> ViewRow {
    ViewRow {
        version: Version::new(1),
        at: Timestamp::from_millis(0).unwrap(),
        body: Some("{}".to_owned()),
        listing: None,
        worklist: None,
        parked: None,
    }
}

#[tokio::test]
async fn each_error_of_the_service_is_classified_in_every_operation() {
    let engine = Engine::start().await;
    let [stream, _] = streams();
    for (code, status, expected) in ERRORS {
        let body = || error_body(code);
        let put = events(&engine, always("PutItem", *status, body())).await;
        assert_eq!(
            kind(&put.append(&put.start(stream.clone()), draft("x")).await.unwrap_err()),
            *expected,
            "{code}"
        );
        let transact = events(&engine, always("TransactWriteItems", *status, body())).await;
        assert_eq!(
            kind(&transact.append_all(parts(&transact, "x")).await.unwrap_err()),
            *expected,
            "{code}"
        );
        let query = events(&engine, always("Query", *status, body())).await;
        assert_eq!(store_kind(&query.load(&stream, None).await.unwrap_err()), *expected, "{code}");

        let put = views(&engine, always("PutItem", *status, body())).await;
        assert_eq!(
            store_kind(&put.put(&stream, Version::START, &row()).await.unwrap_err()),
            *expected,
            "{code}"
        );
        let get = views(&engine, always("GetItem", *status, body())).await;
        assert_eq!(store_kind(&get.get(&stream).await.unwrap_err()), *expected, "{code}");
        let batch = views(&engine, always("BatchGetItem", *status, body())).await;
        assert_eq!(store_kind(&batch.get_many(&streams()).await.unwrap_err()), *expected, "{code}");
        let query = views(&engine, always("Query", *status, body())).await;
        assert_eq!(
            store_kind(&query.list("group", None, 1).await.unwrap_err()),
            *expected,
            "{code}"
        );
    }
    assert_eq!(commits(&engine, &stream).await, 0);
}

/// Records whether each request was a strongly consistent read.
#[derive(Clone, Default)]
struct Consistency(Arc<Mutex<Vec<(String, bool)>>>);

impl Interceptor for Consistency {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        let consistent = body["ConsistentRead"] == json!(true);
        self.0.lock().unwrap().push((operation.to_owned(), consistent));
        Fate::Pass
    }

    /// The answer omits the item at a taken position, so it must be read.
    fn answer(&self, operation: &str, _: &mut u16, body: &mut Value) {
        if operation == "PutItem" {
            body.as_object_mut().unwrap().remove("Item");
        }
    }
}

/// The engine's reads are always consistent; the service's reads are consistent only on request.
#[tokio::test]
async fn everything_a_decision_is_based_on_is_read_strongly_consistently() {
    let (engine, reads) = (Engine::start().await, Consistency::default());
    let store = events(&engine, reads.clone()).await;
    let head = store.load(&account("a"), None).await.unwrap().head;
    store.append(&head, draft("x")).await.unwrap();
    assert!(store.append(&head, draft("x")).await.unwrap().repeated);
    store.read(&account("a"), Version::new(1)).await.unwrap();
    views(&engine, reads.clone()).await.get(&account("a")).await.unwrap();

    let reads = reads.0.lock().unwrap().clone();
    let reads: Vec<(&str, bool)> =
        reads.iter().map(|(operation, consistent)| (operation.as_str(), *consistent)).collect();
    let writes = ("PutItem", false);
    assert_eq!(
        reads,
        [("Query", true), writes, writes, ("GetItem", true), ("Query", true), ("GetItem", true)]
    );
}

#[tokio::test]
async fn an_error_names_the_operation_and_the_answer() {
    let engine = Engine::start().await;
    let store = events(&engine, always("Query", 400, error_body("ThrottlingException"))).await;
    let error = store.load(&account("a"), None).await.unwrap_err();
    assert_eq!(error.to_string(), "Query: throttled");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "ThrottlingException: for a test");
}

#[tokio::test]
async fn a_missing_table_is_a_denied_request() {
    let store = DynamoDbEventStore::new(Engine::start().await.client(), "no-such-table");
    assert_eq!(store_kind(&store.load(&account("a"), None).await.unwrap_err()), "denied");
    let head = store.start(account("a"));
    assert_eq!(kind(&store.append(&head, draft("x")).await.unwrap_err()), "denied");
}

#[tokio::test]
async fn a_put_against_a_transaction_is_contended() {
    let engine = Engine::start().await;
    let store =
        events(&engine, always("PutItem", 400, error_body("TransactionConflictException"))).await;
    let error = store.append(&store.start(account("a")), draft("x")).await.unwrap_err();
    assert_eq!(kind(&error), "contended");
}

#[tokio::test]
async fn an_append_whose_answer_is_lost_is_found_by_the_next_attempt() {
    let engine = Engine::start().await;
    let store = events(&engine, once("PutItem", || Fate::LoseAnswer)).await;
    let head = store.start(account("a"));
    assert_eq!(kind(&store.append(&head, draft("x")).await.unwrap_err()), "unavailable");
    let again = store.append(&head, draft("x")).await.unwrap();
    assert!(again.repeated);
    assert_eq!(commits(&engine, &account("a")).await, 1);
}

#[tokio::test]
async fn an_append_to_several_whose_answer_is_lost_is_found_by_the_next_attempt() {
    let engine = Engine::start().await;
    let store = events(&engine, once("TransactWriteItems", || Fate::LoseAnswer)).await;
    let parts = parts(&store, "x");
    assert_eq!(kind(&store.append_all(parts.clone()).await.unwrap_err()), "unavailable");
    let again = store.append_all(parts).await.unwrap();
    assert!(again.iter().all(|part| part.repeated));
    assert_eq!(
        (commits(&engine, &account("a")).await, commits(&engine, &account("b")).await),
        (1, 1)
    );
}

#[tokio::test]
async fn a_fault_of_the_service_after_the_write_is_found_by_the_next_attempt() {
    let engine = Engine::start().await;
    let store = events(&engine, FailsAfterwards::new("PutItem")).await;
    let head = store.start(account("one"));
    assert_eq!(kind(&store.append(&head, draft("x")).await.unwrap_err()), "unavailable");
    assert!(store.append(&head, draft("x")).await.unwrap().repeated);

    let store = events(&engine, FailsAfterwards::new("TransactWriteItems")).await;
    assert_eq!(kind(&store.append_all(parts(&store, "x")).await.unwrap_err()), "unavailable");
    assert!(store.append_all(parts(&store, "x")).await.unwrap().iter().all(|part| part.repeated));
    for stream in [account("one"), account("a"), account("b")] {
        assert_eq!(commits(&engine, &stream).await, 1, "{stream}");
    }
}

#[tokio::test]
async fn a_client_that_tries_again_by_itself_writes_once() {
    let engine = Engine::start().await;
    for (name, fate) in
        [("lost", (|| Fate::LoseAnswer) as fn() -> Fate), ("late", || Fate::NeverAnswer)]
    {
        let store =
            DynamoDbEventStore::new(engine.patient_client(once("PutItem", fate)).await, EVENTS);
        let appended = store.append(&store.start(account(name)), draft(name)).await.unwrap();
        assert!(appended.repeated, "{name}: the first attempt wrote the commit");
        assert_eq!(commits(&engine, &account(name)).await, 1);
    }
    let store = DynamoDbEventStore::new(
        engine.patient_client(once("TransactWriteItems", || Fate::LoseAnswer)).await,
        EVENTS,
    );
    assert_eq!(store.append_all(parts(&store, "both")).await.unwrap().len(), 2);
    assert_eq!(
        (commits(&engine, &account("a")).await, commits(&engine, &account("b")).await),
        (1, 1)
    );
}

#[tokio::test]
async fn a_service_that_never_answers_is_unavailable() {
    let engine = Engine::start().await;
    let silent = |_: &str, _: &mut Value| Fate::NeverAnswer;
    let store = DynamoDbEventStore::new(engine.patient_client(silent).await, EVENTS);
    assert_eq!(store_kind(&store.load(&account("a"), None).await.unwrap_err()), "unavailable");
    let error = store.append(&store.start(account("a")), draft("x")).await.unwrap_err();
    assert_eq!(kind(&error), "unavailable");
}

/// The next attempt is stale, because the first one stored the row.
#[tokio::test]
async fn a_row_is_stored_although_its_answer_is_lost() {
    let engine = Engine::start().await;
    let store = views(&engine, once("PutItem", || Fate::LoseAnswer)).await;
    let stream = account("a");
    assert_eq!(
        store_kind(&store.put(&stream, Version::START, &row()).await.unwrap_err()),
        "unavailable"
    );
    assert_eq!(store.put(&stream, Version::START, &row()).await.unwrap(), Put::Stale);
    assert_eq!(store.get(&stream).await.unwrap(), Some(row()));
}

/// Returns one row of a batch at a time, and none for every second request.
#[derive(Default)]
struct PartialBatches {
    requests: AtomicU32,
    omitted: Mutex<Value>,
}

impl Interceptor for PartialBatches {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation != "BatchGetItem" {
            return Fate::Pass;
        }
        let mut omitted = body["RequestItems"].clone();
        if self.requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            return Fate::Answer(200, json!({ "Responses": {}, "UnprocessedKeys": omitted }));
        }
        omitted[VIEW]["Keys"].as_array_mut().unwrap().remove(0);
        body["RequestItems"][VIEW]["Keys"].as_array_mut().unwrap().truncate(1);
        *self.omitted.lock().unwrap() = omitted;
        Fate::Pass
    }

    fn answer(&self, operation: &str, _: &mut u16, body: &mut Value) {
        let omitted = self.omitted.lock().unwrap().take();
        if operation == "BatchGetItem"
            && omitted[VIEW]["Keys"].as_array().is_some_and(|keys| !keys.is_empty())
        {
            body["UnprocessedKeys"] = omitted;
        }
    }
}

#[tokio::test]
async fn keys_that_a_batch_did_not_return_are_requested_until_all_are_read() {
    let engine = Engine::start().await;
    let store = views(&engine, PartialBatches::default()).await;
    let many: Vec<StreamId> = (0..10).map(|number| account(&number.to_string())).collect();
    for stream in &many {
        store.put(stream, Version::START, &row()).await.unwrap();
    }
    assert_eq!(store.get_many(&many).await.unwrap().rows.len(), 10);
}

/// Sleeps, and records the durations.
#[derive(Debug, Clone, Default)]
struct Timer(Arc<Mutex<Vec<u128>>>);

impl AsyncSleep for Timer {
    fn sleep(&self, duration: Duration) -> Sleep {
        self.0.lock().unwrap().push(duration.as_millis());
        Sleep::new(tokio::time::sleep(duration))
    }
}

#[tokio::test]
async fn a_batch_that_never_returns_a_row_ends_as_throttled() {
    let (requests, timer) = (Arc::new(AtomicU32::new(0)), Timer::default());
    let counted = Arc::clone(&requests);
    let nothing = move |_: &str, body: &mut Value| {
        counted.fetch_add(1, Ordering::Relaxed);
        Fate::Answer(200, json!({ "Responses": {}, "UnprocessedKeys": body["RequestItems"] }))
    };
    let client = Engine::start().await.intercepted_client(nothing).await;
    let config = client.config().to_builder().sleep_impl(timer.clone());
    let config =
        config.stalled_stream_protection(StalledStreamProtectionConfig::disabled()).build();

    let error = DynamoDbViewStore::new(Client::from_conf(config), VIEW)
        .get_many(&streams())
        .await
        .unwrap_err();
    assert_eq!(store_kind(&error), "throttled");
    assert_eq!(requests.load(Ordering::Relaxed), 6);
    let mut waits = timer.0.lock().unwrap().clone();
    // The client also measures its own time limits with this timer; those are longer.
    waits.retain(|millis| *millis < 1000);
    assert_eq!(waits, [20, 40, 80, 160, 320]);
}

#[tokio::test]
async fn a_malformed_row_is_reported_with_its_key() {
    let engine = Engine::start().await;
    let store = DynamoDbViewStore::new(engine.client(), VIEW);
    let good = ViewRow {
        version: Version::new(1),
        at: Timestamp::EPOCH,
        body: Some("{}".to_owned()),
        listing: None,
        worklist: None,
        parked: None,
    };
    store.put(&account("b"), Version::START, &good).await.unwrap();
    let parked = AttributeValue::M(HashMap::from([(
        "at".to_owned(),
        support::text("2026-11-21T08:15:30.250Z"),
    )]));
    for (at, parked, fault) in [
        (Some("jane@example.com"), None, "`at` is invalid"),
        (None, None, "missing field `at`"),
        (Some("2026-11-21T08:15:30.250Z"), Some(parked), "`parked`: missing field `reason`"),
    ] {
        let key = [("pk", support::text("default/account-a")), ("version", support::number(3))];
        let rest = at
            .map(|at| ("at", support::text(at)))
            .into_iter()
            .chain(parked.map(|parked| ("parked", parked)));
        let item =
            key.into_iter().chain(rest).map(|(name, value)| (name.to_owned(), value)).collect();
        engine.client().put_item().table_name(VIEW).set_item(Some(item)).send().await.unwrap();
        let error = store.get(&account("a")).await.unwrap_err();
        let fault = format!("the item at 3 is malformed: {fault}");
        assert_eq!(error.to_string(), format!("default/account-a: {fault}"));
        assert!(!error.is_transient());

        // The fault of one row does not prevent reading the others.
        let found = store.get_many(&["a", "b", "a"].map(account)).await.unwrap();
        assert_eq!(found.rows, [(account("b"), good.clone())]);
        let malformed = MalformedRow { stream: account("a"), fault };
        assert_eq!(found.malformed, [malformed.clone(), malformed]);
    }
}

#[tokio::test]
async fn a_malformed_entry_is_reported_and_the_rest_of_the_list_is_returned() {
    let engine = Engine::start().await;
    let store = DynamoDbViewStore::new(engine.client(), VIEW);
    let place = |sort: &str| Listing { group: "list".to_owned(), sort: sort.to_owned() };
    let names = ["a", "c", "e"];
    for name in names {
        let listing = Some(place(name));
        let row = ViewRow {
            version: Version::new(1),
            at: Timestamp::EPOCH,
            body: None,
            listing,
            worklist: None,
            parked: None,
        };
        store.put(&account(name), Version::START, &row).await.unwrap();
    }
    for (key, sort) in [("not-a-stream", "b"), ("/", "d"), ("account-a", "f")] {
        let attributes = [("pk", key), ("list_group", "list"), ("list_sort", sort)];
        let item = attributes.map(|(name, value)| (name.to_owned(), support::text(value))).into();
        engine.client().put_item().table_name(VIEW).set_item(Some(item)).send().await.unwrap();
    }
    for limit in [1, 2, 3, 10] {
        let (mut streams, mut malformed) = (Vec::new(), BTreeSet::new());
        let mut before = None;
        loop {
            let page = store.list("list", before.as_ref(), limit).await.unwrap();
            streams.extend(page.entries.iter().map(|entry| entry.stream.clone()));
            malformed.extend(page.malformed);
            if page.entries.len() < limit as usize {
                break;
            }
            before = page.entries.last().cloned();
        }
        assert_eq!(streams, ["e", "c", "a"].map(account), "by {limit}");
        let keys: Vec<String> =
            malformed.into_iter().map(|malformed: MalformedEntry| malformed.key).collect();
        assert_eq!(keys, ["pk \"/\"", "pk \"account-a\"", "pk \"not-a-stream\""], "by {limit}");
    }
}
