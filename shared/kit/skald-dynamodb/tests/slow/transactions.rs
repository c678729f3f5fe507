//! The result that the caller of an append to several streams gets for each cancellation of a
//! transaction.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use skald::decider::Folded;
use skald::handle::{HandleError, Handler, Many, Outcome};
use skald::store::{AppendError, EventStore, StoreError};
use skald::stream::StreamId;
use skald_dynamodb::DynamoDbEventStore;
use skald_testkit::NoPause;
use skald_testkit::sample::{Account, AccountEvent, AccountState, Deposited, account};

use crate::support::calls::{commits, draft, events, kind, parts, request, streams};
use crate::support::proxy::{Fate, Interceptor, always, error_body};
use crate::support::reasons::{Reason, cancelled};
use crate::support::{EVENTS, Engine};

/// The outcome of an append; for a conflict, with the streams.
fn outcome<H>(error: &AppendError<H>) -> String {
    match error {
        AppendError::Conflict { moved } => {
            let streams = moved.iter().map(|moved| moved.stream.id());
            format!("conflict: {}", streams.collect::<Vec<_>>().join(" "))
        }
        AppendError::RepeatedInPart { found } => {
            format!(
                "repeated: {}",
                found.iter().map(|commit| commit.stream.id()).collect::<Vec<_>>().join(" ")
            )
        }
        AppendError::Contended | AppendError::Invalid(_) | AppendError::Store(_) => {
            kind(error).to_owned()
        }
    }
}

#[tokio::test]
async fn each_cancellation_of_a_transaction_is_distinguished() {
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
        ("one invalid", &[NONE, INVALID], "denied"),
        ("one invalid, the other throttled", &[INVALID, THROTTLED], "denied"),
        ("one invalid, a transaction on the other", &[CONFLICT, INVALID], "denied"),
        ("an unknown reason", &[NONE, Code("SomethingNew")], "denied"),
        ("no reasons", &[], "denied"),
    ];
    for (case, reasons, expected) in cases {
        let engine = Engine::start().await;
        // A read at the taken position finds the commit of another command.
        let past = DynamoDbEventStore::new(engine.client(), EVENTS);
        past.append(&past.start(account("b")), draft("before")).await.unwrap();

        let store = events(&engine, always("TransactWriteItems", 400, cancelled(reasons))).await;
        let error = store.append_all(parts(&store, "mine")).await.unwrap_err();
        assert_eq!(outcome(&error), *expected, "{case}");
        assert!(
            !format!("{error:?}").contains("account.noted"),
            "{case}: an item is shown: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_whole_transaction_can_be_contended_or_denied() {
    let engine = Engine::start().await;
    for (code, expected) in [
        ("TransactionInProgressException", "contended"),
        ("IdempotentParameterMismatchException", "denied"),
    ] {
        let store = events(&engine, always("TransactWriteItems", 400, error_body(code))).await;
        assert_eq!(
            kind(&store.append_all(parts(&store, "mine")).await.unwrap_err()),
            expected,
            "{code}"
        );
    }
}

/// The command's own id at one position means that all of its commits were written, regardless of
/// the other reasons.
#[tokio::test]
async fn a_transaction_whose_command_is_found_at_one_position_was_committed() {
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
        let again = store
            .append_all(parts(&store, "mine"))
            .await
            .unwrap_or_else(|error| panic!("case {number}: {error}"));
        let names: Vec<&StreamId> = again.iter().map(|part| &part.commit.stream).collect();
        assert_eq!(names, streams().iter().collect::<Vec<_>>(), "case {number}");
        assert!(again.iter().all(|part| part.repeated), "case {number}");
    }
}

/// Answers every transaction with the value that is set.
#[derive(Clone, Default)]
struct Answering(Arc<Mutex<Value>>);

impl Interceptor for Answering {
    fn request(&self, operation: &str, _: &mut Value) -> Fate {
        match operation {
            "TransactWriteItems" => Fate::Answer(400, self.0.lock().unwrap().clone()),
            _ => Fate::Pass,
        }
    }
}

/// The codes of a reason, except that of a failed condition.
const CODES: [&str; 8] = [
    "None",
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
    "ValidationError",
    "ItemCollectionSizeLimitExceeded",
    "DuplicateItem",
    "SomethingNew",
];

/// The expected outcome of a cancellation for these reasons, computed in another way than in the
/// store: the most important reason decides.
fn expected_outcome(reasons: &[Reason; 2], is_written: bool) -> String {
    let taken = |reason: &Reason| matches!(reason, Reason::Taken(_) | Reason::TakenBySomething);
    let codes: Vec<&str> = reasons
        .iter()
        .filter_map(|reason| if let Reason::Code(code) = reason { Some(*code) } else { None })
        .collect();
    let any = |wanted: &[&str]| codes.iter().any(|code| wanted.contains(code));
    if reasons.iter().any(taken) {
        let streams = streams().into_iter().zip(reasons).filter(|(_, reason)| taken(reason));
        let names: Vec<String> = streams.map(|(stream, _)| stream.id().to_owned()).collect();
        return if is_written {
            "committed".to_owned()
        } else {
            format!("conflict: {}", names.join(" "))
        };
    }
    let code = if any(&CODES[4..]) {
        "denied"
    } else if any(&CODES[2..4]) {
        "throttled"
    } else if any(&CODES[1..2]) {
        "contended"
    } else {
        // A retry does not help against a cancellation without a reason.
        "denied"
    };
    code.to_owned()
}

/// Each of two positions takes every state, and either all commits of this command are stored or
/// none.
#[tokio::test]
async fn every_mix_of_reasons_is_distinguished() {
    for is_written in [false, true] {
        let (engine, answering) = (Engine::start().await, Answering::default());
        let past = DynamoDbEventStore::new(engine.client(), EVENTS);
        let there = if is_written { "mine" } else { "other" };
        past.append_all(parts(&past, there)).await.unwrap();
        let store = events(&engine, answering.clone()).await;

        let mut reasons: Vec<Reason> = CODES.map(Reason::Code).into();
        reasons.extend([Reason::Taken(there), Reason::TakenBySomething]);
        for mix in reasons.iter().flat_map(|one| reasons.iter().map(|other| [*one, *other])) {
            *answering.0.lock().unwrap() = cancelled(&mix);
            let actual = match store.append_all(parts(&store, "mine")).await {
                Ok(appended) => {
                    assert!(
                        appended.len() == 2 && appended.iter().all(|part| part.repeated),
                        "{mix:?}: not a repeat"
                    );
                    "committed".to_owned()
                }
                Err(error) => outcome(&error),
            };
            assert_eq!(
                actual,
                expected_outcome(&mix, is_written),
                "{mix:?}, the command is written: {is_written}"
            );
        }
        for stream in streams() {
            assert_eq!(commits(&engine, &stream).await, 1, "something was written");
        }
    }
}

/// An earlier attempt was decided on other streams. It must not be reported as complete, nor as
/// unwritten.
#[tokio::test]
async fn a_command_found_at_only_one_position_is_reported_as_repeated_in_part() {
    let engine = Engine::start().await;
    let store = events(
        &engine,
        always(
            "TransactWriteItems",
            400,
            cancelled(&[Reason::Taken("mine"), Reason::Code("None")]),
        ),
    )
    .await;
    let error = store.append_all(parts(&store, "mine")).await.unwrap_err();
    assert_eq!(outcome(&error), "repeated: a");
}

/// Counts the requests by operation, and cancels the first transactions for this reason.
struct CancelsFirstTransactions {
    counts: Arc<Mutex<BTreeMap<String, u32>>>,
    reason: &'static str,
    times: u32,
}

impl Interceptor for CancelsFirstTransactions {
    fn request(&self, operation: &str, _: &mut Value) -> Fate {
        let mut counts = self.counts.lock().unwrap();
        let count = counts.entry(operation.to_owned()).or_default();
        *count += 1;
        if operation == "TransactWriteItems" && *count <= self.times {
            return Fate::Answer(
                400,
                cancelled(&[Reason::Code(self.reason), Reason::Code("None")]),
            );
        }
        Fate::Pass
    }
}

/// Handles a command on two new streams while the first `times` transactions are cancelled. Returns
/// the outcome, the number of decisions, and the requests.
async fn command(
    reason: &'static str,
    times: u32,
) -> (Result<Outcome, HandleError<Infallible>>, u32, BTreeMap<String, u32>) {
    let counts = Arc::default();
    let store = events(
        &Engine::start().await,
        CancelsFirstTransactions { counts: Arc::clone(&counts), reason, times },
    )
    .await;
    let decided = AtomicU32::new(0);
    let decide = |_: &Vec<Folded<AccountState>>| {
        decided.fetch_add(1, Ordering::Relaxed);
        let deposit = || vec![AccountEvent::from(Deposited { amount: 1 })];
        Ok(vec![deposit(), deposit()])
    };
    let streams = Many::<Account>::new(streams().into());
    let handled = Handler::new(&store, NoPause).handle_all(&streams, &request("x"), decide).await;
    let counts = counts.lock().unwrap().clone();
    (handled.map(|handled| handled.outcome), decided.into_inner(), counts)
}

fn requests(transactions: u32) -> BTreeMap<String, u32> {
    BTreeMap::from([("Query".to_owned(), 2), ("TransactWriteItems".to_owned(), transactions)])
}

#[tokio::test]
async fn a_command_against_other_transactions_or_a_throttle_is_retried_without_a_new_decision() {
    for reason in ["TransactionConflict", "ThrottlingError"] {
        let (outcome, decided, counts) = command(reason, 2).await;
        assert!(
            matches!(&outcome, Ok(Outcome::Appended(commits)) if commits.len() == 2),
            "{reason}: {outcome:?}"
        );
        assert_eq!((decided, counts), (1, requests(3)), "{reason}");
    }
}

#[tokio::test]
async fn a_command_that_never_succeeds_is_given_up() {
    let (outcome, decided, counts) = command("TransactionConflict", u32::MAX).await;
    assert!(matches!(outcome, Err(HandleError::Busy { attempts: 10 })), "{outcome:?}");
    assert_eq!((decided, counts), (1, requests(10)));
    let (outcome, decided, counts) = command("ThrottlingError", u32::MAX).await;
    assert!(
        matches!(outcome, Err(HandleError::Store(StoreError::Throttled { .. }))),
        "{outcome:?}"
    );
    assert_eq!((decided, counts), (1, requests(10)));
}

#[tokio::test]
async fn a_denied_command_is_not_retried() {
    let (outcome, _, counts) = command("ValidationError", u32::MAX).await;
    assert!(matches!(outcome, Err(HandleError::Store(StoreError::Denied { .. }))), "{outcome:?}");
    assert_eq!(counts, requests(1));
}
