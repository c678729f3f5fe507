//! The cost of each operation in requests and capacity units, as the service counts them.
//! BENCHMARKS.md refers to these tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use serde_json::{Value, json};
use skald::commit::{Commit, Draft};
use skald::event::EventData;
use skald::handle::Handler;
use skald::index::{CommitIndex, SlicePosition};
use skald::message::CommitMessage;
use skald::personal::PersonKeys;
use skald::snapshot::{Snapshot, SnapshotKind};
use skald::store::{EventStore, Head};
use skald::stream::Version;
use skald::time::Timestamp;
use skald::view::{Listing, ViewRow, ViewStore, catch_up};
use skald_dynamodb::{
    DynamoDbCommitIndex, DynamoDbEventStore, DynamoDbPersonKeys, DynamoDbViewStore,
};
use skald_testkit::faulty::{Fault, Faulty, Plan};
use skald_testkit::sample::{Account, AccountCommand, Statements, account};
use skald_testkit::{NoPause, SeededRng};

use crate::support::calls::{self, request};
use crate::support::keys::{LocalWrap, person};
use crate::support::proxy::{Fate, Interceptor};
use crate::support::{EVENTS, Engine, KEYS, VIEW, item};

/// The requests since the last call of `take`, their total cost, and the cost of the indexes.
#[derive(Debug, Default, PartialEq)]
struct Bill {
    requests: BTreeMap<String, u32>,
    /// Capacity units in tenths, because an eventually consistent read costs half a unit.
    tenths: i64,
    index_tenths: i64,
}

/// Sums up the capacity that the requests consume.
#[derive(Clone, Default)]
struct Counter(Arc<Mutex<Bill>>);

impl Counter {
    /// Returns the bill so far, and starts a new one.
    fn take(&self) -> Bill {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Interceptor for Counter {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        *self.0.lock().unwrap().requests.entry(operation.to_owned()).or_default() += 1;
        body["ReturnConsumedCapacity"] = json!("INDEXES");
        Fate::Pass
    }

    fn answer(&self, _: &str, _: &mut u16, body: &mut Value) {
        let mut bill = self.0.lock().unwrap();
        // The capacity of one table, or a list for several.
        let consumed = match body["ConsumedCapacity"].take() {
            Value::Array(tables) => tables,
            table @ Value::Object(_) => vec![table],
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![],
        };
        for table in consumed {
            bill.tenths += tenths(&table["CapacityUnits"]);
            let indexes = table["GlobalSecondaryIndexes"].as_object().into_iter().flatten();
            bill.index_tenths +=
                indexes.map(|(_, index)| tenths(&index["CapacityUnits"])).sum::<i64>();
        }
    }
}

/// Reads a number such as `1.5` without floating point.
fn tenths(units: &Value) -> i64 {
    let text = units.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "0"));
    whole.parse::<i64>().unwrap() * 10 + fraction[..1].parse::<i64>().unwrap()
}

/// Asserts that the bill has these requests, and this many units of the table and of its indexes.
#[track_caller]
fn assert_bill(bill: &Bill, requests: &[(&str, u32)], table: i64, indexes: i64) {
    let requests =
        requests.iter().map(|(operation, count)| ((*operation).to_owned(), *count)).collect();
    let expected = Bill { requests, tenths: 10 * (table + indexes), index_tenths: 10 * indexes };
    assert_eq!(*bill, expected);
}

/// A commit of this many events, with a total of 300 bytes.
fn draft(name: &str, count: usize) -> Draft {
    let event = EventData {
        event_type: "account.noted".to_owned(),
        schema: 1,
        data: format!("\"{}\"", "x".repeat(300 / count - 2)).into(),
    };
    Draft { events: vec![event; count], ..calls::draft(name) }
}

async fn store() -> (DynamoDbEventStore, Counter) {
    let counter = Counter::default();
    let client = Engine::start().await.intercepted_client(counter.clone()).await;
    (DynamoDbEventStore::new(client, EVENTS), counter)
}

#[tokio::test]
async fn an_append_is_one_request_and_one_write_unit_whatever_its_number_of_events() {
    let (store, counter) = store().await;
    for count in [1, 3, 5] {
        let head = store.start(account(&count.to_string()));
        let appended = store.append(&head, draft("first", count)).await.unwrap();
        assert_bill(&counter.take(), &[("PutItem", 1)], 1, 1);
        store.append(&appended.head, draft("next", count)).await.unwrap();
        assert_bill(&counter.take(), &[("PutItem", 1)], 1, 1);
    }
}

/// After a change of the state's shape no snapshot can be used: one load must still complete within
/// a function's time limit.
#[tokio::test]
async fn thirty_thousand_commits_without_a_snapshot_are_loaded_in_at_most_forty_requests() {
    const COMMITS: u64 = 30_000;
    let (engine, counter, stream) = (Engine::start().await, Counter::default(), account("long"));
    let small = |first: u64| {
        let Draft { commit_id: id, at, context, events, snapshot } = calls::draft("small");
        let (stream, first) = (stream.clone(), Version::new(first));
        let item = item(&Commit { id, stream, first, at, context, events, snapshot });
        WriteRequest::builder()
            .put_request(PutRequest::builder().set_item(Some(item)).build().unwrap())
            .build()
    };
    let client = engine.client();
    for first in (1..=COMMITS).step_by(25) {
        let puts = (first..first + 25).map(small).collect();
        client.batch_write_item().request_items(EVENTS, puts).send().await.unwrap();
    }
    let store = DynamoDbEventStore::new(engine.intercepted_client(counter.clone()).await, EVENTS);
    let loaded = store.load(&stream, Some(SnapshotKind { schema: 1, every: 10 })).await.unwrap();
    assert_eq!(
        (loaded.head.version(), loaded.commits.len()),
        (Version::new(COMMITS), COMMITS as usize)
    );
    let requests = counter.take().requests;
    assert!(requests["Query"] <= 40 && requests.len() == 1, "{requests:?}");
}

#[tokio::test]
async fn an_append_costs_a_write_unit_for_each_kilobyte_after_compression() {
    let (store, counter) = store().await;
    // A fifth can be saved. A text of less than 1.5 KB still needs more than one unit; one of six
    // units then needs five.
    for (length, units) in [(1_150, 2), (5 * 1024, 5)] {
        let mut large = draft("large", 1);
        large.events[0].data = SeededRng::new(1).json(length);
        store.append(&store.start(account(&length.to_string())), large).await.unwrap();
        assert_bill(&counter.take(), &[("PutItem", 1)], units, 1);
    }
}

#[tokio::test]
async fn a_large_commit_of_json_costs_a_fraction_of_its_size() {
    let (store, counter) = store().await;
    let line = |number: u32| {
        format!(r#"{{"sku":"SKU-{number:04}","name":"Product {number}","quantity":{number}}}"#)
    };
    let lines = (0..200).map(line).collect::<Vec<_>>().join(",");
    let data = format!(r#"{{"lines":[{lines}]}}"#).into_bytes();
    assert_eq!(data.len().div_ceil(1024), 11);
    let mut large = draft("large", 1);
    large.events[0].data = data.clone();
    store.append(&store.start(account("large")), large).await.unwrap();
    assert_bill(&counter.take(), &[("PutItem", 1)], 1, 1);
    assert_eq!(store.load(&account("large"), None).await.unwrap().commits[0].events[0].data, data);
}

#[tokio::test]
async fn ten_thousand_events_are_loaded_from_their_last_snapshot() {
    let (store, counter) = store().await;
    let kind = SnapshotKind { schema: 1, every: 10 };
    let mut head = store.start(account("long"));
    for number in 1..=500 {
        let snapshot =
            (number % kind.every == 0).then(|| Snapshot { schema: 1, state: b"{}".to_vec() });
        let draft = Draft { snapshot, ..draft(&number.to_string(), 20) };
        head = store.append(&head, draft).await.unwrap().head;
    }
    assert_eq!(head.version(), Version::new(10_000));
    counter.take();
    assert_eq!(store.load(&account("long"), Some(kind)).await.unwrap().commits.len(), 1);
    // A page of ten items, each of about 1,400 bytes before compression.
    assert_bill(&counter.take(), &[("Query", 1)], 1, 0);
}

#[tokio::test]
async fn a_small_state_in_every_commit_costs_no_write_unit_and_a_load_reads_one_item() {
    let (store, counter) = store().await;
    let state = br#"{"on_hand":9007199254740991,"reserved":9007199254740991}"#;
    let kind = SnapshotKind { schema: 1, every: 1 };
    let snapshot = || Some(Snapshot { schema: kind.schema, state: state.to_vec() });
    let with_state = |name: &str| Draft { snapshot: snapshot(), ..draft(name, 1) };
    let [mut head, mut other] = ["a", "b"].map(|name| store.start(account(name)));
    for number in 0..100 {
        // As a step of a saga does: one commit of the stock, one of its own.
        let name = format!("both-{number}");
        let parts = vec![(head, with_state(&name)), (other, draft(&name, 1))];
        let appended = store.append_all(parts).await.unwrap();
        [head, other] = <[_; 2]>::try_from(appended).unwrap().map(|appended| appended.head);
        assert_bill(&counter.take(), &[("TransactWriteItems", 1)], 4, 2);
        head = store.append(&head, with_state(&format!("one-{number}"))).await.unwrap().head;
        assert_bill(&counter.take(), &[("PutItem", 1)], 1, 1);

        let loaded = store.load(&account("a"), Some(kind)).await.unwrap();
        assert_eq!((loaded.head.version(), loaded.commits.len()), (head.version(), 1));
        assert_bill(&counter.take(), &[("Query", 1)], 1, 0);
    }
}

#[tokio::test]
async fn a_page_of_the_index_is_one_request_wherever_it_begins() {
    let counter = Counter::default();
    let client = Engine::start().await.intercepted_client(counter.clone()).await;
    let (store, index) =
        (DynamoDbEventStore::new(client.clone(), EVENTS), DynamoDbCommitIndex::new(client, EVENTS));
    let mut head = store.start(account("long"));
    for second in 0..10 {
        let at = Timestamp::from_millis(second * 1_000).unwrap();
        head =
            store.append(&head, Draft { at, ..draft(&second.to_string(), 1) }).await.unwrap().head;
    }
    let mut slice = 0;
    let end = Timestamp::from_millis(60_000).unwrap();
    while index.read(slice, &SlicePosition::START, end, 1).await.unwrap().entries.is_empty() {
        slice += 1;
    }
    let (mut after, mut read) = (SlicePosition::START, 0);
    while read < 10 {
        counter.take();
        let page = index.read(slice, &after, end, 3).await.unwrap();
        assert_eq!(
            counter.take().requests,
            BTreeMap::from([("Query".to_owned(), 1)]),
            "after {after}"
        );
        read += page.entries.len();
        after = SlicePosition::After(page.entries.last().unwrap().key.clone());
    }
}

#[tokio::test]
async fn a_command_on_a_short_stream_is_two_requests_one_read_unit_and_one_write_unit() {
    let (store, counter) = store().await;
    for number in 0..10 {
        let (stream, request) = (account("short"), request(&number.to_string()));
        let command = AccountCommand::Deposit(number + 1);
        Handler::new(&store, NoPause).handle::<Account>(&stream, &command, &request).await.unwrap();
        // One read unit; one write unit of the table, and one of the index.
        assert_bill(&counter.take(), &[("PutItem", 1), ("Query", 1)], 2, 1);
    }
}

#[tokio::test]
async fn a_repeat_or_a_conflict_is_one_request() {
    let (store, counter) = store().await;
    let head = store.start(account("repeat"));
    store.append(&head, draft("mine", 1)).await.unwrap();
    counter.take();
    assert!(store.append(&head, draft("mine", 1)).await.unwrap().repeated);
    assert_eq!(counter.take().requests, BTreeMap::from([("PutItem".to_owned(), 1)]));
    store.append(&head, draft("yours", 1)).await.unwrap_err();
    assert_eq!(counter.take().requests, BTreeMap::from([("PutItem".to_owned(), 1)]));
}

#[tokio::test]
async fn several_streams_at_once_are_one_request_at_twice_the_price() {
    let (store, counter) = store().await;
    let parts =
        || ["a", "b", "c"].map(|name| (store.start(account(name)), draft("all", 1))).to_vec();
    store.append_all(parts()).await.unwrap();
    // Twice the price of the table; the index follows later, at its usual price.
    assert_bill(&counter.take(), &[("TransactWriteItems", 1)], 6, 3);
    // Every position has the command's id, so nothing needs to be read.
    assert!(store.append_all(parts()).await.unwrap().iter().all(|part| part.repeated));
    assert_eq!(counter.take().requests, BTreeMap::from([("TransactWriteItems".to_owned(), 1)]));
}

#[tokio::test]
async fn append_all_with_one_stream_costs_no_transaction() {
    let (store, counter) = store().await;
    store.append_all(vec![(store.start(account("a")), draft("one", 1))]).await.unwrap();
    assert_bill(&counter.take(), &[("PutItem", 1)], 1, 1);
}

#[tokio::test]
async fn a_guard_costs_two_write_units_and_makes_a_put_a_transaction() {
    let (store, counter) = store().await;
    for guards in 1..=3 {
        let part = (store.start(account(&format!("p-{guards}"))), draft("one", 1));
        let guarded = (0..guards).map(|number| store.start(account(&format!("g-{number}"))));
        store.append_guarded(vec![part], guarded.collect()).await.unwrap();
        assert_bill(&counter.take(), &[("TransactWriteItems", 1)], 2 + 2 * guards, 1);
    }
}

/// The answer contains the winner's commit, so it is not read.
#[tokio::test]
async fn a_command_that_conflicts_once_costs_one_more_request() {
    let (store, counter) = store().await;
    let faulty = Faulty::new(&store, Plan::script([Some(Fault::Overtaken)]));
    let (stream, command) = (account("lost"), AccountCommand::Deposit(5));
    let handler = Handler::new(&faulty, NoPause);
    handler.handle::<Account>(&stream, &command, &request("mine")).await.unwrap();
    // The rival reads and puts once; the command reads once and puts twice.
    let expected = [("PutItem", 1 + 2), ("Query", 1 + 1)];
    let expected = expected.map(|(operation, count)| (operation.to_owned(), count));
    assert_eq!(counter.take().requests, BTreeMap::from(expected));
}

#[tokio::test]
async fn a_row_costs_one_write_and_after_the_first_event_one_read() {
    let engine = Engine::start().await;
    let counter = Counter::default();
    let events = DynamoDbEventStore::new(engine.client(), EVENTS);
    let views = DynamoDbViewStore::new(engine.intercepted_client(counter.clone()).await, VIEW);
    for number in 0..3 {
        let command = AccountCommand::Deposit(number + 1);
        let request = request(&number.to_string());
        Handler::new(&events, NoPause)
            .handle::<Account>(&account("a"), &command, &request)
            .await
            .unwrap();
        let commit = events.load(&account("a"), None).await.unwrap().commits.pop().unwrap();
        catch_up::<Statements, _, _>(&events, &views, &CommitMessage::of(commit)).await.unwrap();
        match number {
            // One unit for the row, one for its place in the list.
            0 => assert_bill(&counter.take(), &[("PutItem", 1)], 1, 1),
            // One unit to read the row, one to write it; its place does not change.
            _ => assert_bill(&counter.take(), &[("GetItem", 1), ("PutItem", 1)], 2, 0),
        }
    }
}

#[tokio::test]
async fn a_page_of_a_list_is_one_request_however_long_the_list() {
    let engine = Engine::start().await;
    let counter = Counter::default();
    let views = DynamoDbViewStore::new(engine.intercepted_client(counter.clone()).await, VIEW);
    for number in 0..9 {
        let stream = account(&number.to_string());
        let listing = Some(Listing { group: "list".to_owned(), sort: number.to_string() });
        let row = ViewRow {
            version: Version::new(1),
            at: draft("any", 1).at,
            body: None,
            listing,
            worklist: None,
            parked: None,
        };
        views.put(&stream, Version::START, &row).await.unwrap();
    }
    counter.take();
    let page = views.list("list", None, 5).await.unwrap().entries;
    assert_eq!(page.len(), 5);
    assert_eq!(counter.take().requests, BTreeMap::from([("Query".to_owned(), 1)]));
    assert_eq!(views.list("list", page.last(), 5).await.unwrap().entries.len(), 4);
    assert_eq!(counter.take().requests, BTreeMap::from([("Query".to_owned(), 1)]));
    assert!(views.list("list", None, 0).await.unwrap().entries.is_empty());
    assert_eq!(counter.take(), Bill::default());
}

/// Entering or leaving a worklist costs one unit of its index, moving costs two, and staying none.
#[tokio::test]
async fn a_row_pays_for_a_worklist_only_when_it_enters_moves_or_leaves() {
    let engine = Engine::start().await;
    let counter = Counter::default();
    let views = DynamoDbViewStore::new(engine.intercepted_client(counter.clone()).await, VIEW);
    let stages = [(None, 0), (Some("open"), 1), (Some("open"), 0), (Some("done"), 2), (None, 1)];
    for (version, (group, units)) in (0..).zip(stages) {
        let place = |group: &str| Listing { group: group.to_owned(), sort: "1".to_owned() };
        let row = ViewRow {
            version: Version::new(version + 1),
            at: draft("any", 1).at,
            body: None,
            listing: None,
            worklist: group.map(place),
            parked: None,
        };
        views.put(&account("a"), Version::new(version), &row).await.unwrap();
        assert_bill(&counter.take(), &[("PutItem", 1)], 1, units);
    }
}

#[tokio::test]
async fn a_key_costs_one_read_unit_and_one_write_unit_when_it_is_made_or_erased() {
    let (counter, wrap) = (Counter::default(), LocalWrap::default());
    let client = Engine::start().await.intercepted_client(counter.clone()).await;
    let keys = DynamoDbPersonKeys::new(client, KEYS, wrap.clone(), || Timestamp::EPOCH);
    keys.to_open(&person("c-1")).await.unwrap();
    assert_bill(&counter.take(), &[("GetItem", 1)], 1, 0);
    keys.to_seal(&person("c-1")).await.unwrap();
    assert_bill(&counter.take(), &[("GetItem", 1), ("PutItem", 1)], 2, 0);
    for _ in 0..2 {
        keys.to_seal(&person("c-1")).await.unwrap();
        assert_bill(&counter.take(), &[("GetItem", 1)], 1, 0);
        keys.to_open(&person("c-1")).await.unwrap();
        assert_bill(&counter.take(), &[("GetItem", 1)], 1, 0);
    }
    keys.erase(&person("c-1"), draft("any", 1).at).await.unwrap();
    assert_bill(&counter.take(), &[("PutItem", 1)], 1, 0);
    keys.to_open(&person("c-1")).await.unwrap();
    assert_bill(&counter.take(), &[("GetItem", 1)], 1, 0);
    assert_eq!(wrap.calls(), (1, 0));
}
