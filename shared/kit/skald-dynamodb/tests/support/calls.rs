//! Calls of the stores, and their outcomes.

use skald::commit::{Actor, CommitId, CorrelationId, Draft};
use skald::event::EventData;
use skald::handle::Request;
use skald::store::{AppendError, EventStore, StoreError};
use skald::stream::StreamId;
use skald::time::Timestamp;
use skald_dynamodb::{DynamoDbEventStore, DynamoDbViewStore};
use skald_testkit::sample::account;
use uuid::Uuid;

use super::proxy::Interceptor;
use super::{EVENTS, Engine, VIEW};

/// Errors for requests that the service did not execute: the code, the status, and the kind of
/// error that the caller gets.
pub const ERRORS: &[(&str, u16, &str)] = &[
    ("ProvisionedThroughputExceededException", 400, "throttled"),
    ("ThrottlingException", 400, "throttled"),
    ("RequestLimitExceeded", 400, "throttled"),
    ("LimitExceededException", 400, "throttled"),
    ("TooManyRequests", 429, "throttled"),
    ("InternalServerError", 500, "unavailable"),
    ("ServiceUnavailable", 503, "unavailable"),
    ("AccessDeniedException", 400, "denied"),
    ("UnrecognizedClientException", 400, "denied"),
    ("ResourceNotFoundException", 400, "denied"),
    ("ValidationException", 400, "denied"),
];

/// The kind of the error, as a word.
pub fn kind<H>(error: &AppendError<H>) -> &'static str {
    match error {
        AppendError::Conflict { .. } => "conflict",
        AppendError::RepeatedInPart { .. } => "repeated in part",
        AppendError::Contended => "contended",
        AppendError::Invalid(_) => "invalid",
        AppendError::Store(error) => store_kind(error),
    }
}

pub fn store_kind(error: &StoreError) -> &'static str {
    assert!(error.is_transient(), "the error blames the stored data: {error}");
    match error {
        StoreError::Throttled { .. } => "throttled",
        StoreError::Unavailable { .. } => "unavailable",
        StoreError::Denied { .. } => "denied",
        StoreError::Corrupt { .. } | StoreError::InvalidRow { .. } => "corrupt",
        StoreError::OpenError { .. } | StoreError::PersonErased(_) => "about a person",
    }
}

/// A commit of one small event.
pub fn draft(name: &str) -> Draft {
    let event = EventData {
        event_type: "account.deposited".to_owned(),
        schema: 1,
        data: b"{\"amount\":1}".to_vec(),
    };
    let Request { commit_id, at, context } = request(name);
    Draft { commit_id, at, context, events: vec![event], snapshot: None }
}

/// The command called `name`.
pub fn request(name: &str) -> Request {
    let (id, at) = (CommitId::of(Uuid::NAMESPACE_OID, name), Timestamp::EPOCH);
    Request::new(id, at, "test", Actor::new("test").unwrap())
        .correlated_by(CorrelationId::new("test").unwrap())
}

/// Two streams.
pub fn streams() -> [StreamId; 2] {
    ["a", "b"].map(account)
}

/// The drafts of one command for two new streams.
pub fn parts<S: EventStore>(store: &S, name: &str) -> Vec<(S::Head, Draft)> {
    streams().map(|stream| (store.start(stream), draft(name))).into()
}

/// An event store through a client whose requests `interceptor` changes.
pub async fn events(engine: &Engine, interceptor: impl Interceptor) -> DynamoDbEventStore {
    DynamoDbEventStore::new(engine.intercepted_client(interceptor).await, EVENTS)
}

/// A view store through a client whose requests `interceptor` changes.
pub async fn views(engine: &Engine, interceptor: impl Interceptor) -> DynamoDbViewStore {
    DynamoDbViewStore::new(engine.intercepted_client(interceptor).await, VIEW)
}

/// The number of commits of a stream, read without an interceptor.
pub async fn commits(engine: &Engine, stream: &StreamId) -> usize {
    DynamoDbEventStore::new(engine.client(), EVENTS).load(stream, None).await.unwrap().commits.len()
}
