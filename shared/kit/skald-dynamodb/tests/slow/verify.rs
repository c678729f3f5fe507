//! The verifier finds each kind of fault, and reports none in a correct table. A proxy causes the
//! faults that only the service could cause. [`table`] tests faults in streams, and [`index`] tests
//! faults in the index.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod index;
mod table;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use skald::check::FoldCheck;
use skald::decider::Decider;
use skald::snapshot::Snapshots;
use skald::store::{EventStore, Head};
use skald::stream::StreamId;
use skald::time::Timestamp;
use skald_dynamodb::{DynamoDbEventStore, Finding, SETTLED_MS, Verified, Verifier};
use skald_testkit::event_store::{EventStoreFixture, PlantCommits};
use skald_testkit::sample::{
    Account, AccountCommand, AccountEvent, AccountRejection, AccountState, account,
};

use crate::support::broken::PassThrough;
use crate::support::calls::draft;
use crate::support::proxy::{Fate, Interceptor};
use crate::support::{EVENTS, Events};

/// Changes the entries of the index in answers; other reads pass unchanged.
struct ChangedIndex(fn(&mut Vec<Value>));

impl Interceptor for ChangedIndex {
    fn answer(&self, _: &str, _: &mut u16, body: &mut Value) {
        let items = body["Items"]
            .as_array_mut()
            .filter(|items| items.iter().all(|item| item.get("body").is_none()));
        let Some(items) = items else { return };
        (self.0)(items);
        let count = items.len();
        body["Count"] = json!(count);
    }
}

/// Returns the items of each page of a scan in reverse order, which is allowed: a scan has no
/// order.
struct ReversedScan;

impl Interceptor for ReversedScan {
    fn answer(&self, operation: &str, _: &mut u16, body: &mut Value) {
        if let ("Scan", Some(items)) = (operation, body["Items"].as_array_mut()) {
            items.reverse();
        }
    }
}

/// Twelve streams of one to four commits.
async fn filled(interceptor: impl Interceptor) -> Events {
    let events = Events::intercepted(interceptor).await;
    for number in 0..12 {
        fill(events.store(), &account(&number.to_string()), 1 + number % 4).await;
    }
    events
}

async fn fill(store: &DynamoDbEventStore, stream: &StreamId, commits: u64) {
    let mut head = store.start(stream.clone());
    for number in 0..commits {
        head = store.append(&head, draft(&format!("{stream} {number}"))).await.unwrap().head;
    }
}

/// The account of the samples, with snapshots.
#[derive(Debug)]
struct AccountWithSnapshots;

impl Decider for AccountWithSnapshots {
    const CATEGORY: &'static str = Account::CATEGORY;
    type State = AccountState;
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Rejection = AccountRejection;
    const SNAPSHOTS: Option<Snapshots<AccountState>> = Some(Snapshots::new(2, 1));

    fn decide(
        state: &AccountState,
        command: &AccountCommand,
    ) -> Result<Vec<AccountEvent>, AccountRejection> {
        Account::decide(state, command)
    }

    fn evolve(state: AccountState, event: &AccountEvent) -> AccountState {
        Account::evolve(state, event)
    }
}

/// Only accounts are a known category.
fn check(stream: &StreamId) -> Option<FoldCheck<AccountWithSnapshots>> {
    (stream.category() == AccountWithSnapshots::CATEGORY).then(FoldCheck::default)
}

/// The faults that a scan in this many parts finds, or those of one stream, long after all commits
/// were written.
async fn verified(
    events: &Events,
    parallel: u16,
    stream: Option<&StreamId>,
) -> (Vec<String>, Verified) {
    verified_at(Timestamp::LAST, events, parallel, stream).await
}

/// The faults that are found at this time.
async fn verified_at(
    now: Timestamp,
    events: &Events,
    parallel: u16,
    stream: Option<&StreamId>,
) -> (Vec<String>, Verified) {
    let faults = Mutex::new(Vec::new());
    let report = |finding: Finding<'_>| match finding {
        Finding::Fault(fault) => faults.lock().unwrap().push(fault.to_string()),
        Finding::Progress(_) => {}
    };
    let verifier = Verifier::new(events.stores_client(), EVENTS, now, check, report);
    let verified = match stream {
        Some(stream) => verifier.stream(stream).await,
        None => verifier.all(parallel).await,
    };
    let verified = verified.unwrap();
    drop(verifier);
    let mut faults = faults.into_inner().unwrap();
    faults.sort();
    assert_eq!(verified.faults, faults.len() as u64);
    (faults, verified)
}

async fn assert_faults(events: &Events, expected: &[&str]) {
    for parallel in [1, 5] {
        let (faults, _) = verified(events, parallel, None).await;
        assert_eq!(faults, expected, "in {parallel} parts");
    }
}

#[tokio::test]
async fn a_sound_table_has_no_faults() {
    let events = filled(PassThrough).await;
    for parallel in [1, 3, 16] {
        let (faults, verified) = verified(&events, parallel, None).await;
        assert_eq!(faults, [""; 0]);
        assert_eq!(
            verified,
            Verified { items: 30, events: 30, entries: 30, recent: 0, faults: 0 },
            "in {parallel} parts"
        );
    }
    let (faults, verified) = verified(&events, 1, Some(&account("3"))).await;
    assert_eq!(faults, [""; 0]);
    assert_eq!(verified, Verified { items: 4, events: 4, entries: 4, recent: 0, faults: 0 });
}

/// The index may lack a commit for some seconds after it was written. That is not a fault, but such
/// commits are counted.
#[tokio::test]
async fn commits_that_are_too_recent_to_be_compared_are_counted() {
    // The last three entries are missing from the index.
    let events = filled(ChangedIndex(|items| {
        items.retain(|item| item["at"]["S"].as_str() < Some("1970-01-01T00:01"))
    }))
    .await;
    let mut head = events.store().start(account("new"));
    let now = Timestamp::EPOCH.plus_millis(120_000);
    for ago_ms in [SETTLED_MS, SETTLED_MS - 1, 0] {
        let draft = skald::commit::Draft {
            at: now.plus_millis(-ago_ms),
            ..draft(&head.version().to_string())
        };
        head = events.store().append(&head, draft).await.unwrap().head;
    }
    for (parallel, stream, items) in [(3, None, 33), (1, Some(account("new")), 3)] {
        let (faults, verified) = verified_at(now, &events, parallel, stream.as_ref()).await;
        assert_eq!(
            faults,
            ["default/account-new at version 1: in the index: no entry for this commit"]
        );
        assert_eq!((verified.items, verified.recent), (items, 2));
    }
}

/// Counts requests, and omits the first commits of the hidden streams from the index.
#[derive(Clone)]
struct CountingRequests {
    hidden: &'static [&'static str],
    requests: Arc<Mutex<BTreeMap<String, usize>>>,
    /// The current number of concurrent requests, and the highest number so far.
    concurrent: Arc<Mutex<(usize, usize)>>,
}

impl Interceptor for CountingRequests {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        let is_look = body["KeyConditionExpression"]
            .as_str()
            .is_some_and(|condition| condition.ends_with("= :at"));
        let name = if is_look { "look" } else { operation };
        *self.requests.lock().unwrap().entry(name.to_owned()).or_default() += 1;
        let mut concurrent = self.concurrent.lock().unwrap();
        concurrent.0 += 1;
        concurrent.1 = concurrent.1.max(concurrent.0);
        Fate::Pass
    }

    fn answer(&self, operation: &str, _: &mut u16, body: &mut Value) {
        self.concurrent.lock().unwrap().0 -= 1;
        if operation == "Query"
            && let Some(items) = body["Items"].as_array_mut()
        {
            let is_hidden = |item: &Value| {
                self.hidden.iter().any(|pk| item["pk"]["S"] == *pk) && item["sk"]["N"] == "1"
            };
            items.retain(|item| !is_hidden(item));
            body["Count"] = json!(items.len());
        }
    }
}

/// The cost of finding entries that the index lacks does not grow with the number of incomplete
/// slices, nor with the number of correct entries in such a slice.
#[tokio::test]
async fn a_difference_costs_one_more_scan_and_the_lookup_of_its_own_streams() {
    let hidden = &[
        "default/account-0",
        "default/account-1",
        "default/account-2",
        "default/account-3",
        "default/account-4",
    ];
    let (requests, concurrent) = (Arc::default(), Arc::default());
    let counting = CountingRequests {
        hidden,
        requests: Arc::clone(&requests),
        concurrent: Arc::clone(&concurrent),
    };
    let events = filled(counting).await;
    // Hundreds of correct streams, in every slice.
    for number in 0..300 {
        fill(events.store(), &account(&format!("sound-{number}")), 1).await;
    }
    for parallel in [1, 4] {
        requests.lock().unwrap().clear();
        *concurrent.lock().unwrap() = (0, 0);
        let (faults, _) = verified(&events, parallel, None).await;
        assert_eq!(faults.len(), hidden.len(), "{faults:#?}");
        let counted = requests.lock().unwrap().clone();
        assert_eq!(counted["Scan"], 2 * usize::from(parallel), "{counted:?}");
        // Six entries of the same streams are in the index, and some other streams share a part of
        // a slice with them.
        assert!(counted.get("GetItem").is_some_and(|gets| *gets < 20), "{counted:?}");
        // Five searches for each hidden entry.
        assert!(counted["look"] < 50, "{counted:?}");
        assert!((2..=16).contains(&concurrent.lock().unwrap().1), "{concurrent:?}");
    }
}

/// An item that no store wrote may contain text of any length: the fault shows its length, and the
/// output remains readable.
#[tokio::test]
async fn a_long_text_in_a_fault_is_shortened() {
    let events = filled(PassThrough).await;
    let long = "x".repeat(270_000);
    let mut commit = events.store().load(&account("0"), None).await.unwrap().commits.remove(0);
    commit.stream = account("long");
    commit.events[0].event_type = long.clone();
    events.plant(commit).await;
    let (faults, _) = verified(&events, 1, None).await;
    let fault = faults.iter().find(|fault| fault.contains("unknown event")).unwrap();
    assert!(
        fault.contains("xxx… (270000 characters)") && fault.len() < 600,
        "{} bytes: {fault:.600}",
        fault.len()
    );
}

#[tokio::test]
async fn a_scan_may_return_items_in_any_order() {
    let events = filled(ReversedScan).await;
    assert_faults(&events, &[]).await;
}
