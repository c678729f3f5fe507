//! The counts of invocations: one line for each, and no count is lost.

use std::cell::RefCell;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use http::StatusCode;
use skald::handle::Pause;
use skald::memory::{InMemoryEventStore, InMemoryViewStore};
use skald::store::EventStore;
use skald::stream::Version;
use skald_testkit::sample::{Statements, account};

use super::*;
use crate::Error;
use crate::http::{Reply, answer};
use crate::logging::tests::Log;
use crate::queue::{DeadLetters, Queue};
use crate::views::ViewKeeper;

thread_local! {
    static LINES: RefCell<Vec<Value>> = const { RefCell::new(Vec::new()) };
}

fn keep(line: &Value) {
    LINES.with_borrow_mut(|lines| lines.push(line.clone()));
}

fn written() -> Vec<Value> {
    LINES.take()
}

fn now() -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000).unwrap()
}

/// `CloudWatch` silently ignores a malformed line.
#[track_caller]
fn well_formed(line: &Value) {
    assert!(line["_aws"]["Timestamp"].is_u64(), "{line}");
    for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
        assert_eq!(directive["Namespace"], "Skald");
        let dimension = directive["Dimensions"][0][0].as_str().unwrap();
        assert!(line[dimension].is_string(), "{dimension} is declared and has no value: {line}");
        for metric in directive["Metrics"].as_array().unwrap() {
            let unit = if metric["Name"] == "OldestSaga" { "Seconds" } else { "Count" };
            assert_eq!(metric["Unit"], unit);
            assert!(line[metric["Name"].as_str().unwrap()].is_u64(), "{metric}: {line}");
        }
    }
}

/// The counts of a line, without their declarations.
fn counts(mut line: Value) -> Value {
    well_formed(&line);
    line.as_object_mut().unwrap().remove("_aws");
    line
}

#[test]
fn dimensions_are_those_that_alarms_are_on() {
    let counts = Counts {
        by_function: [("Conflicts", 2), ("ForeignMessages", 1)].into(),
        omitted_snapshots: [("order".to_owned(), 3), ("stock".to_owned(), 1)].into(),
    };
    let lines = lines(&counts, "order-view-1", now());
    let count = |name| json!({ "Name": name, "Unit": "Count" });
    let by_function = json!({
        "Namespace": "Skald", "Dimensions": [["FunctionName"]],
        "Metrics": [count("Conflicts"), count("ForeignMessages")],
    });
    let by_category = json!({
        "Namespace": "Skald", "Dimensions": [["Category"]],
        "Metrics": [count("SnapshotsOmitted")],
    });
    let declared = |directives: &[&Value]| {
        json!({
            "Timestamp": 1_795_000_000_000_u64, "CloudWatchMetrics": directives,
        })
    };
    assert_eq!(
        lines,
        [
            json!({
                "_aws": declared(&[&by_function, &by_category]),
                "FunctionName": "order-view-1", "Category": "order",
                "Conflicts": 2, "ForeignMessages": 1, "SnapshotsOmitted": 3,
            }),
            json!({
                "_aws": declared(&[&by_category]), "Category": "stock", "SnapshotsOmitted": 1,
            }),
        ]
    );
    lines.iter().for_each(well_formed);
}

struct NoLetters;

impl DeadLetters for NoLetters {
    async fn keep(&self, _: &SqsMessage, _: &str) -> Result<(), Error> {
        Ok(())
    }
}

/// Hints for these streams; each needs a page of the event store.
fn batch(streams: &[&str]) -> SqsEvent {
    let records: Vec<_> = streams
        .iter()
        .map(|name| {
            let body = json!({
                "tenant": "default", "stream": name, "version": 1, "count": 1,
            });
            let attributes = json!({ "MessageGroupId": name });
            json!({ "messageId": name, "body": body.to_string(), "attributes": attributes })
        })
        .collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

/// The level of the log does not matter, and reports below it add no line to the log.
#[tokio::test]
async fn a_batch_of_groups_at_once_is_one_line() {
    for level in ["ERROR", "INFO"] {
        let (log, _guard) = Log::at(level, keep);
        let (events, views) = (InMemoryEventStore::default(), InMemoryViewStore::default());
        let queue = Queue::new(ViewKeeper::<Statements, _, _>::new(events, views), NoLetters);
        let messages = ["account-a", "account-b", "account-c", "order-1"];
        queue.handle_batch(batch(&messages)).await.unwrap();
        let [line] = written().try_into().unwrap();
        let expected =
            json!({ "FunctionName": "order-view-1", "PagesRead": 3, "ForeignMessages": 1 });
        assert_eq!(counts(line), expected);
        assert!(!log.lines().iter().any(|line| line.to_string().contains("read a page")));
        queue.handle_batch(batch(&[])).await.unwrap();
        assert_eq!(written(), [] as [Value; 0], "nothing was counted");
    }
}

/// A customer's call, which reads a stream and then calls `ends`.
async fn call(ends: fn()) -> u16 {
    let store = InMemoryEventStore::default();
    let event = json!({
        "rawPath": "/customers/jane@example.com",
        "requestContext": { "http": { "method": "GET" } },
        "body": "jane@example.com",
    });
    let handler = async |_| {
        store.read(&account("jane"), Version::START).await.unwrap();
        ends();
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    };
    answer(event.to_string().as_bytes(), now(), handler).await.status_code
}

#[tokio::test]
async fn nothing_is_lost_when_the_handler_fails_and_no_person_is_in_the_line() {
    let (_log, _guard) = Log::at("INFO", keep);
    for (ends, status) in [((|| {}) as fn(), 204), (|| panic!("jane@example.com"), 500)] {
        assert_eq!(call(ends).await, status);
        let [line] = written().try_into().unwrap();
        assert!(!line.to_string().contains("jane"), "{line}");
        assert_eq!(counts(line), json!({ "FunctionName": "order-view-1", "PagesRead": 1 }));
    }
}

/// A batch that fails as a whole was begun, and its counts are not added to the next.
#[tokio::test]
async fn a_batch_that_is_dropped_on_the_way_is_written() {
    let (_log, _guard) = Log::at("INFO", keep);
    let invocation = async {
        let _counted = counted();
        InMemoryEventStore::default().read(&account("a"), Version::START).await.unwrap();
        crate::clock::RandomPause.pause(9).await;
    };
    let mut invocation = Box::pin(invocation);
    assert!(futures_util::poll!(&mut invocation).is_pending(), "it pauses");
    assert_eq!(written(), [] as [Value; 0]);
    drop(invocation);
    assert_eq!(written().len(), 1);
}

/// Zero is written, too: an alarm on missing data could not tell a quiet system from no sweep.
#[test]
fn a_sweep_is_one_line_with_all_of_its_numbers() {
    let (_log, _guard) = Log::at("ERROR", keep);
    let counted = counted();
    tracing::event!(
        name: SWEPT, target: TARGET, tracing::Level::DEBUG,
        watched = 5_u64, parked = 2_u64, started = 3_u64, resumed = 1_u64, overdue = 0_u64,
        unreadable = 0_u64, oldest_s = 960_u64, "swept"
    );
    drop(counted);
    let [line] = written().try_into().unwrap();
    assert_eq!(
        counts(line),
        json!({
            "FunctionName": "order-view-1", "SagasWatched": 5, "SagasParked": 2,
            "SagasStarted": 3, "SagasResumed": 1, "SagasOverdue": 0, "SagasUnreadable": 0,
            "OldestSaga": 960,
        })
    );
}
