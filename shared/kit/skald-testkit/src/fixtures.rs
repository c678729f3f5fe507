//! Drafts, times and expected answers, for the rules of all contracts.

use std::collections::BTreeMap;

use skald::commit::{Actor, Commit, CommitId, Context, CorrelationId, Draft};
use skald::event::{DomainEvent, EventData};
use skald::handle::Request;
use skald::store::{AppendError, Appended, EventStore, Head, InvalidAppend, Loaded};
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;
use uuid::Uuid;

use crate::sample::{AccountEvent, Deposited, Noted, Withdrawn};
use crate::{Events, SeededRng};

pub(crate) fn deposited(amount: u64) -> AccountEvent {
    Deposited { amount }.into()
}

pub(crate) fn withdrawn(amount: u64) -> AccountEvent {
    Withdrawn { amount }.into()
}

pub(crate) fn noted(text: impl Into<String>) -> AccountEvent {
    Noted { text: text.into() }.into()
}

/// The id of the command called `name`.
pub(crate) fn id(name: &str) -> CommitId {
    CommitId::of(Uuid::NAMESPACE_OID, name)
}

/// The time this many seconds after the time at which the contract starts.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000 + seconds * 1000).expect("a time in this century")
}

pub(crate) fn context() -> Context {
    Context {
        source: "contract".to_owned(),
        correlation_id: CorrelationId::new("contract").expect("a valid id"),
        causation_id: None,
        actor: Actor::new("test").expect("a valid actor"),
        metadata: BTreeMap::new(),
    }
}

pub(crate) fn request(name: &str) -> Request {
    Request { commit_id: id(name), at: at(0), context: context() }
}

/// These events as they are stored.
pub(crate) fn stored(events: impl Events<AccountEvent>) -> Vec<EventData> {
    events
        .into_events()
        .iter()
        .map(|event| event.encode().expect("an event that can be written"))
        .collect()
}

/// A draft of the command called `name` with these events.
pub(crate) fn draft(name: &str, events: impl Events<AccountEvent>) -> Draft {
    Draft {
        commit_id: id(name),
        at: at(0),
        context: context(),
        events: stored(events),
        snapshot: None,
    }
}

/// The seed of large events. Its value does not matter.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// Enlarges the draft to this size, in bytes as [`Draft::size_bytes`] counts, with data that hardly
/// compresses.
pub(crate) fn enlarge(draft: &mut Draft, size_bytes: usize) {
    let more = size_bytes - draft.size_bytes();
    let last = draft.events.last_mut().expect("a draft with an event");
    last.data = SeededRng::new(SEED).json(last.data.len() + more);
}

/// The commit that `draft` becomes in a stream, with its first event at `first`.
pub(crate) fn commit(stream: &StreamId, first: u64, draft: Draft) -> Commit {
    let Draft { commit_id, at, context, events, snapshot } = draft;
    Commit {
        id: commit_id,
        stream: stream.clone(),
        first: Version::new(first),
        at,
        context,
        events,
        snapshot,
    }
}

/// Appends `events` at the end of a stream.
pub(crate) async fn append<S: EventStore>(
    store: &S,
    stream: &StreamId,
    name: &str,
    events: impl Events<AccountEvent>,
) -> Appended<S::Head> {
    let head = load(store, stream).await.head;
    append_at(store, &head, draft(name, events)).await
}

pub(crate) async fn append_at<S: EventStore>(
    store: &S,
    head: &S::Head,
    draft: Draft,
) -> Appended<S::Head> {
    store
        .append(head, draft)
        .await
        .unwrap_or_else(|error| panic!("append to {}: {error}", head.stream()))
}

pub(crate) async fn load<S: EventStore>(store: &S, stream: &StreamId) -> Loaded<S::Head> {
    store.load(stream, None).await.unwrap_or_else(|error| panic!("load {stream}: {error}"))
}

/// The commits of a stream. Asserts that `load` and `read` return the same.
pub(crate) async fn commits<S: EventStore>(store: &S, stream: &StreamId) -> Vec<Commit> {
    let loaded = load(store, stream).await;
    let last = loaded.commits.last();
    assert_eq!(loaded.head.stream(), stream, "the head belongs to another stream");
    assert_eq!(
        loaded.head.version(),
        last.map_or(Version::START, Commit::last),
        "the head is not at the end"
    );
    assert_eq!(
        loaded.head.recorded_at(),
        last.map(|commit| commit.at),
        "the head has another time"
    );
    let read = store
        .read(stream, Version::START)
        .await
        .unwrap_or_else(|error| panic!("read {stream}: {error}"));
    assert!(read == loaded.commits, "load and read of {stream} differ");
    loaded.commits
}

/// Asserts that the append ended in a conflict over these streams.
#[track_caller]
pub(crate) fn assert_conflict<T, H, const N: usize>(
    result: Result<T, AppendError<H>>,
    expected: [&StreamId; N],
) {
    match result {
        Err(AppendError::Conflict { moved }) => {
            assert_eq!(moved.iter().map(|moved| &moved.stream).collect::<Vec<_>>(), expected)
        }
        Err(error) => panic!("expected a conflict, got: {error}"),
        Ok(_) => panic!("expected a conflict, but it was appended"),
    }
}

/// The reason why an append is invalid. Panics if it is not.
pub(crate) fn invalid<T, H>(result: Result<T, AppendError<H>>) -> InvalidAppend {
    match result {
        Err(AppendError::Invalid(error)) => error,
        Err(error) => panic!("expected an invalid append, got: {error}"),
        Ok(_) => panic!("expected an invalid append, but it was appended"),
    }
}
