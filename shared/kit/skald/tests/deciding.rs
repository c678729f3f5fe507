//! Several commands decided for one commit, and the requests to the store when a command is
//! handled.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize, Serializer};

use skald::commit::{CommitId, Draft};
use skald::decider::{Decider, Folded, decide_in_turn};
use skald::event::{DecodeError, DomainEvent};
use skald::handle::{HandleError, Handler, Many, One, Outcome, Pause, Request, states};
use skald::implementing::Page;
use skald::json::MAX_STATE_LEVELS;
use skald::memory::{InMemoryEventStore, InMemoryHead};
use skald::observe::SNAPSHOT_OMITTED;
use skald::reading::{ReadFrom, StatesError};
use skald::snapshot::{MAX_WITH_SNAPSHOT_BYTES, SnapshotError, SnapshotKind, Snapshots};
use skald::store::{AppendError, Appended, EventStore, Loaded, Moved, StoreError};
use skald::stream::StreamId;
use skald::time::Timestamp;
use skald_testkit::NoPause;
use skald_testkit::reports::{Report, Reports};
use skald_testkit::sample::{
    Account, AccountCommand, AccountEvent, AccountRejection, AccountState, Deposited, Noted,
    Withdrawn, account,
};
use tracing::Level;
use uuid::Uuid;

use support::context;

/// A store in memory that records its requests.
#[derive(Default)]
struct Recording {
    store: InMemoryEventStore,
    calls: Mutex<Vec<&'static str>>,
    /// The error that every append returns instead of appending.
    fails_with: Option<fn() -> AppendError<InMemoryHead>>,
    /// How often appends return the error. `None` means always.
    failures: Option<AtomicU32>,
    /// Whether the store loses the first commit of a stream without an error.
    omits_first_commit: bool,
}

/// Records the number of the attempt before each pause instead of waiting. Each pause takes a
/// minute on its clock.
#[derive(Default)]
struct Pauses(Mutex<Vec<u32>>);

impl Pause for Pauses {
    fn now(&self, earlier: Timestamp) -> Timestamp {
        earlier.max(Timestamp::EPOCH.plus_millis(60_000 * self.0.lock().unwrap().len() as i64))
    }

    async fn pause(&self, attempt: u32) {
        self.0.lock().unwrap().push(attempt);
    }
}

impl Recording {
    fn record(&self, call: &'static str) {
        self.calls.lock().unwrap().push(call);
    }

    fn fail_if_planned(&self) -> Result<(), AppendError<InMemoryHead>> {
        let is_used_up = |left: &AtomicU32| {
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                .is_err()
        };
        match self.fails_with {
            Some(failure) if !self.failures.as_ref().is_some_and(is_used_up) => Err(failure()),
            _ => Ok(()),
        }
    }

    /// The requests since the last call.
    fn calls_made(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

impl EventStore for Recording {
    type Head = InMemoryHead;

    fn start(&self, stream: StreamId) -> InMemoryHead {
        self.store.start(stream)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        self.record("page");
        self.store.page(stream, from, limit).await
    }

    async fn load(
        &self,
        stream: &StreamId,
        kind: Option<SnapshotKind>,
    ) -> Result<Loaded<InMemoryHead>, StoreError> {
        self.record("load");
        let Loaded { head, mut commits } = self.store.load(stream, kind).await?;
        commits.drain(..usize::from(self.omits_first_commit).min(commits.len()));
        Ok(Loaded { head, commits })
    }

    async fn load_after(&self, head: &InMemoryHead) -> Result<Loaded<InMemoryHead>, StoreError> {
        self.record("load_after");
        self.store.load_after(head).await
    }

    async fn append(
        &self,
        head: &InMemoryHead,
        draft: Draft,
    ) -> Result<Appended<InMemoryHead>, AppendError<InMemoryHead>> {
        self.record("append");
        self.fail_if_planned()?;
        self.store.append(head, draft).await
    }

    async fn append_guarded(
        &self,
        parts: Vec<(InMemoryHead, Draft)>,
        guards: Vec<InMemoryHead>,
    ) -> Result<Vec<Appended<InMemoryHead>>, AppendError<InMemoryHead>> {
        self.record("append_guarded");
        self.fail_if_planned()?;
        self.store.append_guarded(parts, guards).await
    }
}

/// A stream that moved, without the commit that was found.
fn moved(stream: StreamId) -> Moved<InMemoryHead> {
    Moved { stream, found: None }
}

fn request() -> Request {
    Request {
        commit_id: CommitId::new(Uuid::NAMESPACE_OID),
        at: Timestamp::EPOCH,
        context: context(),
    }
}

/// The cost of a command: a transaction costs twice as much as a put, and a repeated command costs
/// one read.
#[tokio::test]
async fn a_command_on_one_stream_takes_one_load_and_one_plain_append() {
    let store = Recording::default();
    let command = AccountCommand::Deposit(5);
    let first = Handler::new(&store, NoPause)
        .handle::<Account>(&account("a"), &command, &request())
        .await
        .unwrap();
    assert!(matches!(first.outcome, Outcome::Appended(_)));
    assert_eq!(store.calls_made(), ["load", "append"]);
    let again = Handler::new(&store, NoPause)
        .handle::<Account>(&account("a"), &command, &request())
        .await
        .unwrap();
    assert!(matches!(again.outcome, Outcome::Repeated(_)));
    assert_eq!(store.calls_made(), ["load"]);
}

/// A command does not wait forever: after repeated conflicts or contention, the caller gets an
/// error.
#[tokio::test]
async fn a_command_is_given_up_after_ten_attempts_against_other_writers() {
    let conflict: fn() -> AppendError<InMemoryHead> =
        || AppendError::Conflict { moved: [account("a"), account("b")].map(moved).into() };
    let contended: fn() -> AppendError<InMemoryHead> = || AppendError::Contended;
    for failure in [conflict, contended] {
        let (store, pauses) =
            (Recording { fails_with: Some(failure), ..Recording::default() }, Pauses::default());
        let command = AccountCommand::Deposit(5);
        let handled = Handler::new(&store, &pauses)
            .handle::<Account>(&account("a"), &command, &request())
            .await;
        assert!(matches!(handled, Err(HandleError::Busy { attempts: 10 })), "{handled:?}");
        assert_eq!(store.calls_made().iter().filter(|call| **call == "append").count(), 10);
        assert_eq!(
            *pauses.0.lock().unwrap(),
            (1..=9).collect::<Vec<u32>>(),
            "a pause follows each attempt but the last"
        );
    }
    assert_eq!(conflict().to_string(), "other commits came first on account-a, account-b");
}

/// The store's client does not retry a throttled transaction, and the handler's retries are
/// limited.
#[tokio::test]
async fn the_error_of_the_store_is_returned_after_ten_throttled_transactions() {
    let throttled = || {
        StoreError::Throttled { operation: "TransactWriteItems", source: "too much".into() }.into()
    };
    let (store, pauses) =
        (Recording { fails_with: Some(throttled), ..Recording::default() }, Pauses::default());
    let both = Many::<Account>::new(vec![account("a"), account("b")]);
    let decide = |_: &Vec<Folded<AccountState>>| {
        Ok::<_, AccountRejection>(vec![
            vec![Deposited { amount: 1 }.into()],
            vec![Deposited { amount: 2 }.into()],
        ])
    };
    let handled = Handler::new(&store, &pauses).handle_all(&both, &request(), decide).await;
    assert!(
        matches!(handled, Err(HandleError::Store(StoreError::Throttled { .. }))),
        "{handled:?}"
    );
    assert_eq!(pauses.0.lock().unwrap().len(), 9);
    assert_eq!(store.calls_made()[2..], ["append_guarded"; 10]);
}

/// The state of a stream without its beginning is unknown, and reading the stream again does not
/// restore it.
#[tokio::test]
async fn a_stream_without_its_beginning_is_an_error() {
    let mut store = Recording::default();
    for id in [1, 2] {
        let request = Request { commit_id: CommitId::new(Uuid::from_u128(id)), ..request() };
        let command = AccountCommand::Deposit(5);
        Handler::new(&store, NoPause)
            .handle::<Account>(&account("a"), &command, &request)
            .await
            .unwrap();
    }
    store.omits_first_commit = true;
    let states = states(&store, &One::<Account>::new(account("a"))).await;
    let Err(StatesError::Decode(DecodeError::Headless { first })) = states else {
        panic!("{states:?}")
    };
    assert_eq!(first.get(), 2);
}

/// An API answers 201 to this command and 200 to the others.
#[tokio::test]
async fn the_command_that_created_a_stream_is_always_recognised() {
    let store = InMemoryEventStore::default();
    for (id, command, created) in [
        (1, AccountCommand::Deposit(0), false),
        (2, AccountCommand::Deposit(5), true),
        (3, AccountCommand::Deposit(5), false),
        (2, AccountCommand::Deposit(5), true),
        (3, AccountCommand::Deposit(5), false),
    ] {
        let request = Request { commit_id: CommitId::new(Uuid::from_u128(id)), ..request() };
        let handled = Handler::new(&store, NoPause)
            .handle::<Account>(&account("a"), &command, &request)
            .await
            .unwrap();
        assert_eq!(handled.created(), created, "{id}: {:?}", handled.outcome);
    }
}

/// An account whose state is its last note. Two particular notes have no encoding.
struct Notes;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct LastNote(#[serde(serialize_with = "serialize_unless_marked")] String);

fn serialize_unless_marked<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    if text == "deep" {
        let deep = (0..=MAX_STATE_LEVELS)
            .fold(serde_json::Value::Null, |inner, _| serde_json::Value::Array(vec![inner]));
        return deep.serialize(serializer);
    }
    if text == "unwritable" {
        Err(serde::ser::Error::custom("this text cannot be written"))
    } else {
        text.serialize(serializer)
    }
}

impl Decider for Notes {
    const CATEGORY: &'static str = Account::CATEGORY;
    type State = LastNote;
    type Command = String;
    type Event = AccountEvent;
    type Rejection = AccountRejection;
    const SNAPSHOTS: Option<Snapshots<LastNote>> = Some(Snapshots::new(1, 1));

    fn decide(_: &LastNote, text: &String) -> Result<Vec<AccountEvent>, AccountRejection> {
        Ok(vec![Noted { text: text.clone() }.into()])
    }

    fn evolve(last: LastNote, event: &AccountEvent) -> LastNote {
        match event {
            AccountEvent::Noted(Noted { text }) => LastNote(text.clone()),
            AccountEvent::Deposited(_) | AccountEvent::Withdrawn(_) => last,
        }
    }
}

/// Each load of a stream without a recent snapshot reads more commits than the one before, so an
/// operator must be informed.
#[tokio::test]
async fn a_snapshot_over_the_limit_is_omitted_and_reported() {
    let empty = request()
        .draft(vec![AccountEvent::from(Noted { text: String::new() }).encode().unwrap()], None);
    let kept = Notes::SNAPSHOTS.unwrap().take(&LastNote::default()).unwrap();
    let room = MAX_WITH_SNAPSHOT_BYTES - Draft { snapshot: Some(kept), ..empty }.size_bytes();
    let too_large = SnapshotError::TooLarge { size_bytes: MAX_WITH_SNAPSHOT_BYTES + 2 - room % 2 };
    for (text, expected) in [
        ("x".repeat(room / 2), None),
        ("x".repeat(room / 2 + 1), Some(too_large)),
        ("unwritable".to_owned(), Some(SnapshotError::Unwritable)),
        ("deep".to_owned(), Some(SnapshotError::Unwritable)),
    ] {
        let (store, reports) = (InMemoryEventStore::default(), Reports::receive());
        let handled = Handler::new(&store, &NoPause)
            .handle::<Notes>(&account("a"), &text, &request())
            .await
            .unwrap();
        let Outcome::Appended(commits) = handled.outcome else { panic!("{:?}", handled.outcome) };
        assert_eq!(commits[0].snapshot.is_some(), expected.is_none(), "{expected:?}");
        let reported: Vec<_> = expected
            .map(|why| {
                let why = why.to_string();
                let stream = ("stream", "default/account-a");
                let fields = [stream, ("category", "account"), ("why", why.as_str())];
                Report::new(SNAPSHOT_OMITTED, Level::WARN, fields)
            })
            .into_iter()
            .collect();
        let expected: Vec<_> = expected.into_iter().map(|why| (account("a"), why)).collect();
        assert_eq!(handled.omitted, expected);
        assert_eq!(reports.take_named(SNAPSHOT_OMITTED), reported);
    }
}

/// Followers may already have passed a position in the index that is old when it is written.
#[tokio::test]
async fn each_attempt_has_its_own_time() {
    let contended: fn() -> AppendError<InMemoryHead> = || AppendError::Contended;
    let conflict: fn() -> AppendError<InMemoryHead> =
        || AppendError::Conflict { moved: vec![moved(account("a"))] };
    for failure in [contended, conflict] {
        let store = Recording {
            fails_with: Some(failure),
            failures: Some(5.into()),
            ..Recording::default()
        };
        let (pauses, command) = (Pauses::default(), AccountCommand::Deposit(5));
        let handled = Handler::new(&store, &pauses)
            .handle::<Account>(&account("a"), &command, &request())
            .await
            .unwrap();
        let Outcome::Appended(commits) = handled.outcome else { panic!("{:?}", handled.outcome) };
        assert_eq!(commits[0].at, Timestamp::EPOCH.plus_millis(5 * 60_000));
    }
}

#[test]
fn each_command_sees_the_effects_of_the_earlier_ones() {
    let state = AccountState { balance: 1 };
    let decide = |commands: &[AccountCommand]| decide_in_turn::<Account>(&state, commands);
    let both = decide(&[AccountCommand::Deposit(5), AccountCommand::Withdraw(6)]).unwrap();
    assert_eq!(both, [Deposited { amount: 5 }.into(), AccountEvent::from(Withdrawn { amount: 6 })]);
    let rejected = decide(&[
        AccountCommand::Deposit(5),
        AccountCommand::Withdraw(6),
        AccountCommand::Withdraw(1),
    ]);
    assert_eq!(rejected, Err(AccountRejection::Overdrawn { balance: 0, requested: 1 }));
    assert_eq!(decide(&[]), Ok(vec![]));
}
