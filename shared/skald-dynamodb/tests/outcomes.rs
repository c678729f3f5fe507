//! What each answer of the service, and each answer that never comes, means to who called the store.

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use skald::{
    Actor, AppendError, CommitId, Context, CorrelationId, Draft, EventData, EventStore, Many, Outcome, Put, Request,
    StoreError, StreamId, Tenant, Timestamp, Version, ViewRow, ViewStore, handle_all,
};
use skald_dynamodb::{DynamoDbEventStore, DynamoDbViewStore};
use skald_testkit::NoPause;
use skald_testkit::sample::{Account, AccountEvent, AccountState, Deposited, account};
use uuid::Uuid;

use support::proxy::{Fate, Meddler};
use support::{EVENTS, Engine, VIEW};

/// What a call ended in, in a word.
fn kind(error: &AppendError) -> &'static str {
    match error {
        AppendError::Conflict { .. } => "conflict",
        AppendError::Contended => "contended",
        AppendError::Refused(_) => "refusal",
        AppendError::Store(error) => store_kind(error),
    }
}

fn store_kind(error: &StoreError) -> &'static str {
    assert!(error.is_transient(), "the data is not at fault: {error}");
    match error {
        StoreError::Throttled { .. } => "throttled",
        StoreError::Unavailable { .. } => "unavailable",
        StoreError::Refused { .. } => "refused",
        StoreError::Corrupt { .. } => "corrupt",
    }
}

fn error_body(code: &str) -> Value {
    json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "for a test" })
}

/// The service's errors, their status, and what they are to a caller. (Answers to requests that were not executed.)
const ERRORS: &[(&str, u16, &str)] = &[
    ("ProvisionedThroughputExceededException", 400, "throttled"),
    ("ThrottlingException", 400, "throttled"),
    ("RequestLimitExceeded", 400, "throttled"),
    ("LimitExceededException", 400, "throttled"),
    ("TooManyRequests", 429, "throttled"),
    ("InternalServerError", 500, "unavailable"),
    ("ServiceUnavailable", 503, "unavailable"),
    ("AccessDeniedException", 400, "refused"),
    ("UnrecognizedClientException", 400, "refused"),
    ("ResourceNotFoundException", 400, "refused"),
    ("ValidationException", 400, "refused"),
];

/// Answers every request of one operation with the same error.
fn always(operation: &'static str, status: u16, body: Value) -> impl Meddler {
    move |asked: &str, _: &mut Value| if asked == operation { Fate::Answer(status, body.clone()) } else { Fate::Pass }
}

/// Does this to the first request of an operation; lets the others pass.
fn once(operation: &'static str, fate: fn() -> Fate) -> impl Meddler {
    let seen = AtomicU32::new(0);
    move |asked: &str, _: &mut Value| {
        if asked == operation && seen.fetch_add(1, Ordering::Relaxed) == 0 { fate() } else { Fate::Pass }
    }
}

fn draft(name: &str) -> Draft {
    let event = EventData { event_type: "account.deposited".to_owned(), schema: 1, data: b"{\"amount\":1}".to_vec() };
    let Request { commit_id, at, context } = request(name);
    Draft { commit_id, at, context, events: vec![event] }
}

fn request(name: &str) -> Request {
    Request {
        commit_id: CommitId::of(Uuid::NAMESPACE_OID, name),
        at: Timestamp::from_millis(0).unwrap(),
        context: Context {
            source: "test".to_owned(),
            correlation_id: CorrelationId::new("test").unwrap(),
            causation_id: None,
            actor: Actor::new("test").unwrap(),
            metadata: BTreeMap::new(),
        },
    }
}

fn streams() -> [StreamId; 2] {
    ["a", "b"].map(account)
}

/// The drafts of one command for two new streams.
fn parts<S: EventStore>(store: &S, name: &str) -> Vec<(S::Head, Draft)> {
    streams().map(|stream| (store.start(stream), draft(name))).into()
}

async fn events(engine: &Engine, meddler: impl Meddler) -> DynamoDbEventStore {
    DynamoDbEventStore::new(engine.meddled_client(meddler).await, EVENTS)
}

async fn views(engine: &Engine, meddler: impl Meddler) -> DynamoDbViewStore {
    DynamoDbViewStore::new(engine.meddled_client(meddler).await, VIEW)
}

/// How many commits a stream has, seen past every meddler.
async fn commits(engine: &Engine, stream: &StreamId) -> usize {
    DynamoDbEventStore::new(engine.client(), EVENTS).load(stream).await.unwrap().commits.len()
}

fn row() -> ViewRow {
    ViewRow {
        version: Version::new(1),
        at: Timestamp::from_millis(0).unwrap(),
        body: Some("{}".to_owned()),
        listing: None,
        parked: None,
    }
}

#[tokio::test]
async fn each_error_of_the_service_is_sorted_in_every_operation() {
    let engine = Engine::start().await;
    let [stream, _] = streams();
    for (code, status, expected) in ERRORS {
        let body = || error_body(code);
        let put = events(&engine, always("PutItem", *status, body())).await;
        assert_eq!(kind(&put.append(&put.start(stream.clone()), draft("x")).await.unwrap_err()), *expected, "{code}");
        let transact = events(&engine, always("TransactWriteItems", *status, body())).await;
        assert_eq!(kind(&transact.append_all(parts(&transact, "x")).await.unwrap_err()), *expected, "{code}");
        let query = events(&engine, always("Query", *status, body())).await;
        assert_eq!(store_kind(&query.load(&stream).await.unwrap_err()), *expected, "{code}");

        let put = views(&engine, always("PutItem", *status, body())).await;
        assert_eq!(store_kind(&put.put(&stream, Version::START, &row()).await.unwrap_err()), *expected, "{code}");
        let get = views(&engine, always("GetItem", *status, body())).await;
        assert_eq!(store_kind(&get.get(&stream).await.unwrap_err()), *expected, "{code}");
        let batch = views(&engine, always("BatchGetItem", *status, body())).await;
        assert_eq!(store_kind(&batch.get_many(&streams()).await.unwrap_err()), *expected, "{code}");
        let query = views(&engine, always("Query", *status, body())).await;
        assert_eq!(store_kind(&query.list("group", None, 1).await.unwrap_err()), *expected, "{code}");
    }
    assert_eq!(commits(&engine, &stream).await, 0);
}

#[tokio::test]
async fn an_error_says_what_was_asked_and_what_was_answered() {
    let engine = Engine::start().await;
    let store = events(&engine, always("Query", 400, error_body("ThrottlingException"))).await;
    let error = store.load(&account("a")).await.unwrap_err();
    assert_eq!(error.to_string(), "Query: throttled");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "ThrottlingException: for a test");
}

#[tokio::test]
async fn a_table_that_is_not_there_is_refused() {
    let store = DynamoDbEventStore::new(Engine::start().await.client(), "no-such-table");
    assert_eq!(store_kind(&store.load(&account("a")).await.unwrap_err()), "refused");
    let head = store.start(account("a"));
    assert_eq!(kind(&store.append(&head, draft("x")).await.unwrap_err()), "refused");
}

#[tokio::test]
async fn a_put_against_a_transaction_is_contended() {
    let engine = Engine::start().await;
    let store = events(&engine, always("PutItem", 400, error_body("TransactionConflictException"))).await;
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
    assert_eq!((commits(&engine, &account("a")).await, commits(&engine, &account("b")).await), (1, 1));
}

#[tokio::test]
async fn a_client_that_tries_again_by_itself_writes_once() {
    let engine = Engine::start().await;
    for (name, fate) in [("lost", (|| Fate::LoseAnswer) as fn() -> Fate), ("late", || Fate::NeverAnswer)] {
        let store = DynamoDbEventStore::new(engine.patient_client(once("PutItem", fate)).await, EVENTS);
        let appended = store.append(&store.start(account(name)), draft(name)).await.unwrap();
        assert!(appended.repeated, "{name}: the first attempt had written it");
        assert_eq!(commits(&engine, &account(name)).await, 1);
    }
    let store =
        DynamoDbEventStore::new(engine.patient_client(once("TransactWriteItems", || Fate::LoseAnswer)).await, EVENTS);
    assert_eq!(store.append_all(parts(&store, "both")).await.unwrap().len(), 2);
    assert_eq!((commits(&engine, &account("a")).await, commits(&engine, &account("b")).await), (1, 1));
}

#[tokio::test]
async fn a_service_that_never_answers_is_unavailable() {
    let engine = Engine::start().await;
    let silent = |_: &str, _: &mut Value| Fate::NeverAnswer;
    let store = DynamoDbEventStore::new(engine.patient_client(silent).await, EVENTS);
    assert_eq!(store_kind(&store.load(&account("a")).await.unwrap_err()), "unavailable");
    let error = store.append(&store.start(account("a")), draft("x")).await.unwrap_err();
    assert_eq!(kind(&error), "unavailable");
}

/// A row that was stored although nobody heard of it is stale to who stores it again: reading it tells.
#[tokio::test]
async fn a_row_whose_answer_is_lost_is_there() {
    let engine = Engine::start().await;
    let store = views(&engine, once("PutItem", || Fate::LoseAnswer)).await;
    let stream = account("a");
    assert_eq!(store_kind(&store.put(&stream, Version::START, &row()).await.unwrap_err()), "unavailable");
    assert_eq!(store.put(&stream, Version::START, &row()).await.unwrap(), Put::Stale);
    assert_eq!(store.get(&stream).await.unwrap(), Some(row()));
}

/// A reason for which a transaction was cancelled.
#[derive(Clone, Copy)]
enum Reason {
    Code(&'static str),
    /// The place is taken by this command; the item comes along.
    Taken(&'static str),
    /// The place is taken; what is there must be read.
    TakenBySomething,
}

impl Reason {
    fn body(self, stream: &StreamId) -> Value {
        match self {
            Self::Code("None") => json!({ "Code": "None" }),
            Self::Code(code) => json!({ "Code": code, "Message": "for a test" }),
            Self::TakenBySomething => json!({ "Code": "ConditionalCheckFailed", "Message": "for a test" }),
            Self::Taken(by) => json!({ "Code": "ConditionalCheckFailed", "Message": "for a test", "Item": {
                "pk": { "S": stream.key() }, "sk": { "N": "1" },
                "commit": { "S": draft(by).commit_id.to_string() },
                "at": { "S": "2026-11-21T08:15:30.250Z" }, "encoding": { "S": "json" },
                "events": { "L": [
                    { "M": { "type": { "S": "account.noted" }, "schema": { "N": "1" }, "data": { "B": "e30=" } } },
                ] },
                "context": { "M": {
                    "source": { "S": "t" }, "correlation": { "S": "t" }, "actor": { "S": "t" },
                } },
            } }),
        }
    }
}

fn cancelled(reasons: &[Reason]) -> Value {
    let mut body = error_body("TransactionCanceledException");
    let reasons: Vec<Value> = reasons.iter().zip(streams()).map(|(reason, stream)| reason.body(&stream)).collect();
    body["CancellationReasons"] = reasons.into();
    body
}

#[tokio::test]
async fn each_cancellation_of_a_transaction_is_told_apart() {
    use Reason::{Code, Taken, TakenBySomething};
    const NONE: Reason = Code("None");
    const CONFLICT: Reason = Code("TransactionConflict");
    const THROTTLED: Reason = Code("ThrottlingError");
    const EXCEEDED: Reason = Code("ProvisionedThroughputExceeded");
    const INVALID: Reason = Code("ValidationError");
    let cases: &[(&str, &[Reason], &str)] = &[
        ("another transaction on one", &[NONE, CONFLICT], "contended"),
        ("another transaction on both", &[CONFLICT, CONFLICT], "contended"),
        ("one taken", &[Taken("other"), NONE], "conflict: a"),
        ("both taken", &[Taken("other"), Taken("another")], "conflict: a b"),
        ("one taken, by what must be read", &[NONE, TakenBySomething], "conflict: b"),
        ("one taken, a transaction on the other", &[CONFLICT, Taken("other")], "conflict: b"),
        ("one taken, the other throttled", &[THROTTLED, Taken("other")], "conflict: b"),
        ("one taken, the other invalid", &[Taken("other"), INVALID], "conflict: a"),
        ("one throttled", &[THROTTLED, NONE], "throttled"),
        ("one over its capacity", &[NONE, EXCEEDED], "throttled"),
        ("one throttled, a transaction on the other", &[CONFLICT, THROTTLED], "throttled"),
        ("one invalid", &[NONE, INVALID], "refused"),
        ("one invalid, the other throttled", &[INVALID, THROTTLED], "refused"),
        ("one invalid, a transaction on the other", &[CONFLICT, INVALID], "refused"),
        ("an unheard-of reason", &[NONE, Code("SomethingNew")], "refused"),
        ("no reasons", &[], "refused"),
    ];
    for (case, reasons, expected) in cases {
        let engine = Engine::start().await;
        // Something else stands where reading it back would look.
        let past = DynamoDbEventStore::new(engine.client(), EVENTS);
        past.append(&past.start(account("b")), draft("before")).await.unwrap();

        let store = events(&engine, always("TransactWriteItems", 400, cancelled(reasons))).await;
        let error = store.append_all(parts(&store, "mine")).await.unwrap_err();
        let told = match &error {
            AppendError::Conflict { streams } => {
                format!("conflict: {}", streams.iter().map(StreamId::id).collect::<Vec<_>>().join(" "))
            }
            other => kind(other).to_owned(),
        };
        assert_eq!(told, *expected, "{case}");
        assert!(!format!("{error:?}").contains("account.noted"), "{case}: an item is shown: {error:?}");
    }
}

#[tokio::test]
async fn a_whole_transaction_can_be_in_the_way_or_mistaken() {
    let engine = Engine::start().await;
    for (code, expected) in
        [("TransactionInProgressException", "contended"), ("IdempotentParameterMismatchException", "refused")]
    {
        let store = events(&engine, always("TransactWriteItems", 400, error_body(code))).await;
        assert_eq!(kind(&store.append_all(parts(&store, "mine")).await.unwrap_err()), expected, "{code}");
    }
}

/// My own command at one place means that all of it was committed, whatever the other reasons are.
#[tokio::test]
async fn my_own_command_at_one_place_means_committed() {
    use Reason::{Code, Taken, TakenBySomething};
    let cases: &[[Reason; 2]] = &[
        [Taken("mine"), Taken("mine")],
        [Taken("mine"), Code("None")],
        [Code("TransactionConflict"), Taken("mine")],
        [Taken("mine"), Code("ThrottlingError")],
        [TakenBySomething, TakenBySomething],
        [Code("None"), TakenBySomething],
    ];
    for (number, reasons) in cases.iter().enumerate() {
        let engine = Engine::start().await;
        let past = DynamoDbEventStore::new(engine.client(), EVENTS);
        past.append_all(parts(&past, "mine")).await.unwrap();

        let store = events(&engine, always("TransactWriteItems", 400, cancelled(reasons))).await;
        let again =
            store.append_all(parts(&store, "mine")).await.unwrap_or_else(|error| panic!("case {number}: {error}"));
        let names: Vec<&StreamId> = again.iter().map(|part| &part.commit.stream).collect();
        assert_eq!(names, streams().iter().collect::<Vec<_>>(), "case {number}");
        assert!(again.iter().all(|part| part.repeated), "case {number}");
    }
}

/// An earlier attempt that was decided over other streams: nothing may be passed off as written.
#[tokio::test]
async fn my_own_command_at_one_place_and_not_at_the_other_is_a_conflict() {
    let engine = Engine::start().await;
    let store =
        events(&engine, always("TransactWriteItems", 400, cancelled(&[Reason::Taken("mine"), Reason::Code("None")])))
            .await;
    match store.append_all(parts(&store, "mine")).await.unwrap_err() {
        AppendError::Conflict { streams } => assert_eq!(streams, [account("b")]),
        other => panic!("{other}"),
    }
}

/// Counts the requests by operation, and puts another transaction in the way of the first two.
struct InTheWay(Arc<Mutex<BTreeMap<String, u32>>>);

impl Meddler for InTheWay {
    fn request(&self, operation: &str, _: &mut Value) -> Fate {
        let mut counts = self.0.lock().unwrap();
        let count = counts.entry(operation.to_owned()).or_default();
        *count += 1;
        if operation == "TransactWriteItems" && *count <= 2 {
            return Fate::Answer(400, cancelled(&[Reason::Code("TransactionConflict"), Reason::Code("None")]));
        }
        Fate::Pass
    }
}

#[tokio::test]
async fn a_command_against_other_transactions_is_not_decided_again() {
    let (engine, counts) = (Engine::start().await, Arc::default());
    let store = events(&engine, InTheWay(Arc::clone(&counts))).await;
    let decided = AtomicU32::new(0);
    let decide = |_: &Vec<skald::Folded<AccountState>>| {
        decided.fetch_add(1, Ordering::Relaxed);
        let deposit = || vec![AccountEvent::from(Deposited { amount: 1 })];
        Ok::<_, std::convert::Infallible>(vec![deposit(), deposit()])
    };
    let streams = Many::<Account>::new(streams().into());
    let handled = handle_all(&store, &NoPause, &streams, &request("x"), decide).await.unwrap();
    assert!(matches!(handled.outcome, Outcome::Appended(commits) if commits.len() == 2));
    assert_eq!(decided.load(Ordering::Relaxed), 1);
    let counts = counts.lock().unwrap().clone();
    assert_eq!(counts, BTreeMap::from([("Query".to_owned(), 2), ("TransactWriteItems".to_owned(), 3)]));
}

/// Leaves keys of a batch for later: all but the first, each time but every third, in which it leaves all.
#[derive(Default)]
struct Stingy(AtomicU32);

impl Meddler for Stingy {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation != "BatchGetItem" {
            return Fate::Pass;
        }
        if self.0.fetch_add(1, Ordering::Relaxed) % 3 == 2 {
            return Fate::Answer(200, json!({ "Responses": {}, "UnprocessedKeys": body["RequestItems"] }));
        }
        Fate::Pass
    }
}

#[tokio::test]
async fn keys_that_a_batch_left_out_are_asked_for_again() {
    let engine = Engine::start().await;
    let store = views(&engine, Stingy(AtomicU32::new(2))).await;
    let many: Vec<StreamId> = (0..150).map(|number| account(&number.to_string())).collect();
    for stream in &many {
        store.put(stream, Version::START, &row()).await.unwrap();
    }
    assert_eq!(store.get_many(&many).await.unwrap().len(), 150);
}

#[tokio::test]
async fn a_batch_that_never_looks_anything_up_is_throttled_in_the_end() {
    let engine = Engine::start().await;
    let requests = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&requests);
    let nothing = move |_: &str, body: &mut Value| {
        counted.fetch_add(1, Ordering::Relaxed);
        Fate::Answer(200, json!({ "Responses": {}, "UnprocessedKeys": body["RequestItems"] }))
    };
    let error = views(&engine, nothing).await.get_many(&streams()).await.unwrap_err();
    assert_eq!(store_kind(&error), "throttled");
    assert_eq!(requests.load(Ordering::Relaxed), 6);
}

#[tokio::test]
async fn an_item_that_is_no_row_is_reported_by_its_key() {
    let engine = Engine::start().await;
    let item = std::collections::HashMap::from([
        ("pk".to_owned(), support::text("default/account-a")),
        ("version".to_owned(), support::number(3)),
        ("at".to_owned(), support::text("jane@example.com")),
    ]);
    engine.client().put_item().table_name(VIEW).set_item(Some(item)).send().await.unwrap();
    let store = DynamoDbViewStore::new(engine.client(), VIEW);
    for error in [store.get(&account("a")).await.unwrap_err(), store.get_many(&[account("a")]).await.unwrap_err()] {
        assert_eq!(error.to_string(), "default/account-a: the item at 3 is malformed: `at` is not what it should be");
        assert!(!error.is_transient());
    }
    assert_eq!(Tenant::default(), *account("a").tenant());
}
