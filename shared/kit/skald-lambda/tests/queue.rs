//! A queue's messages are applied, returned to the queue, or dead-lettered.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic, as tests may")]

use std::sync::Mutex;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use serde_json::{Value, json};
use skald::commit::{Actor, CommitId, Context, CorrelationId, Draft};
use skald::event::{DomainEvent, EventData};
use skald::memory::{InMemoryEventStore, InMemoryViewStore};
use skald::message::CommitMessage;
use skald::store::{Corruption, EventStore, StoreError};
use skald::stream::{Category, StreamId, Version};
use skald::time::Timestamp;
use skald::view::{ListEntry, ListPage, Put, Rows, ViewRow, ViewStore};
use skald_lambda::Error;
use skald_lambda::queue::{DeadLetters, MessageHandler, Queue};
use skald_lambda::views::ViewKeeper;
use skald_testkit::reports::{Report, Reports};
use skald_testkit::sample::{AccountEvent, Deposited, Statement, Statements, Withdrawn, account};
use tracing::Level;
use uuid::Uuid;

/// Keeps dead letters in memory; accepts none while `full`.
#[derive(Default)]
struct Letters {
    full: bool,
    kept: Mutex<Vec<(String, String)>>,
}

impl DeadLetters for &Letters {
    async fn keep(&self, message: &SqsMessage, reason: &str) -> Result<(), Error> {
        if self.full {
            return Err("the queue is full".into());
        }
        let body = message.body.clone().unwrap_or_default();
        self.kept.lock().unwrap().push((body, reason.to_owned()));
        Ok(())
    }
}

#[derive(Default)]
struct System {
    events: InMemoryEventStore,
    views: InMemoryViewStore,
    letters: Letters,
}

impl System {
    /// Delivers messages, given as id, group and body. Returns the ids of the returned messages.
    async fn deliver(&self, messages: &[(&str, &str, String)]) -> Vec<String> {
        let keeper = Queue::new(
            ViewKeeper::<Statements, _, _>::new(self.events.clone(), self.views.clone()),
            &self.letters,
        );
        let response = keeper.handle_batch(batch(messages)).await.unwrap();
        response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
    }

    /// Appends an event to the account's stream, and returns its message.
    async fn append(&self, name: &str, event: EventData) -> String {
        let loaded = self.events.load(&account(name), None).await.unwrap();
        let context = Context {
            source: "test".to_owned(),
            correlation_id: CorrelationId::new("test").unwrap(),
            causation_id: None,
            actor: Actor::new("test").unwrap(),
            metadata: Default::default(),
        };
        let number = loaded.commits.len().to_string();
        let commit_id = CommitId::of(Uuid::NAMESPACE_OID, &format!("{name}{number}"));
        let draft =
            Draft { commit_id, at: Timestamp::EPOCH, context, events: vec![event], snapshot: None };
        CommitMessage::of(self.events.append(&loaded.head, draft).await.unwrap().commit).to_json()
    }

    async fn deposit(&self, name: &str) -> String {
        self.append(name, AccountEvent::from(Deposited { amount: 5 }).encode().unwrap()).await
    }

    async fn entries(&self, name: &str) -> Option<u64> {
        let row = self.views.get(&account(name)).await.unwrap()?;
        row.decode::<Statement>(&account(name)).unwrap().map(|row| row.entries)
    }

    fn dead_letters(&self) -> Vec<(String, String)> {
        self.letters.kept.lock().unwrap().clone()
    }
}

/// Messages as they arrive, given as id, group and body.
fn batch(messages: &[(&str, &str, String)]) -> SqsEvent {
    let records: Vec<_> = messages
        .iter()
        .map(|(id, group, body)| {
            json!({
                "messageId": id, "body": body, "attributes": { "MessageGroupId": group },
            })
        })
        .collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

fn unknown_event() -> EventData {
    EventData { event_type: "account.closed".to_owned(), schema: 1, data: b"{}".to_vec() }
}

#[tokio::test]
async fn repeated_and_reordered_messages_are_acknowledged_and_applied_once() {
    let system = System::default();
    let (first, second) = (system.deposit("a").await, system.deposit("a").await);
    let returned = system
        .deliver(&[("m2", "a", second.clone()), ("m1", "a", first.clone()), ("m3", "a", second)])
        .await;
    assert!(returned.is_empty(), "{returned:?}");
    assert_eq!(system.entries("a").await, Some(2));
}

#[tokio::test]
async fn an_unknown_event_returns_to_the_queue_with_only_the_later_messages_of_its_group() {
    let system = System::default();
    let known = system.deposit("a").await;
    let unknown = system.append("a", unknown_event()).await;
    let after = system.deposit("a").await;
    let other = system.deposit("b").await;
    let batch = [("m1", "a", known), ("m2", "a", unknown), ("m3", "a", after), ("m4", "b", other)];
    assert_eq!(system.deliver(&batch).await, ["m2", "m3"]);
    assert_eq!((system.entries("a").await, system.entries("b").await), (Some(1), Some(1)));
    assert!(system.dead_letters().is_empty(), "the event waits for a newer release");
}

#[tokio::test]
async fn a_malformed_message_is_dead_lettered_with_the_reason() {
    let system = System::default();
    let other = system.deposit("b").await;
    let returned =
        system.deliver(&[("m1", "a", "no message".to_owned()), ("m2", "a", other)]).await;
    assert!(returned.is_empty(), "{returned:?}");
    assert_eq!(system.entries("b").await, Some(1));
    let [(body, reason)] = system.dead_letters().try_into().unwrap();
    assert_eq!(body, "no message");
    assert!(reason.contains("not a commit message"), "{reason}");
}

/// Such messages arrive for a while after a subscription's filter has changed.
#[tokio::test]
async fn a_message_of_another_category_is_acknowledged_with_a_counted_warning() {
    let system = System::default();
    let message =
        json!({ "tenant": "default", "stream": "order-1", "version": 1, "count": 1 }).to_string();
    let reports = Reports::receive();
    assert!(system.deliver(&[("m1", "a", message)]).await.is_empty());
    let fields = [("category", "order"), ("followed", "account")];
    assert_eq!(reports.take(), [Report::new("foreign_message", Level::WARN, fields)]);
    assert!(system.dead_letters().is_empty(), "{:?}", system.dead_letters());
    let stream = "default/order-1".parse().unwrap();
    assert_eq!(system.views.get(&stream).await.unwrap(), None);
}

/// A message may announce events that do not exist, or carry something other than the stored
/// commit. Neither is the stream's fault: when the stream continues, so does its row.
#[tokio::test]
async fn a_message_that_disagrees_with_its_stream_is_dead_lettered_and_parks_no_row() {
    let announcing = |version: u64, commit: Value| {
        let mut message = json!({
            "tenant": "default", "stream": "account-a", "version": version, "count": 1,
            "commit": commit,
        });
        message.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        message.to_string()
    };
    let forged = json!({
        "id": Uuid::NAMESPACE_OID, "at": "2026-11-21T08:15:30.250Z", "encoding": "json",
        "source": "tests",
        "correlation_id": "call-1", "actor": "test",
        "events": [{ "type": "account.withdrawn", "schema": 1, "data": "eyJhbW91bnQiOjl9" }],
    });
    let system = System::default();
    for (id, message) in [
        ("m1", announcing(1, Value::Null)),
        ("m2", announcing(7, Value::Null)),
        ("m3", announcing(1, forged)),
    ] {
        assert!(system.deliver(&[(id, "a", message)]).await.is_empty(), "{id}");
        assert_eq!(system.views.get(&account("a")).await.unwrap(), None, "{id}");
    }
    assert_eq!(system.dead_letters().len(), 3);
    assert!(
        system.dead_letters().iter().all(|(_, reason)| reason.contains("ends at version 0")),
        "{:?}",
        system.dead_letters()
    );

    let first = system.deposit("a").await;
    assert!(system.deliver(&[("m4", "a", first)]).await.is_empty());
    assert_eq!(system.entries("a").await, Some(1));
}

#[tokio::test]
async fn an_event_that_does_not_fit_the_row_parks_its_stream_once() {
    let system = System::default();
    let good = system.deposit("a").await;
    let overdrawn =
        system.append("a", AccountEvent::from(Withdrawn { amount: 9 }).encode().unwrap()).await;
    let after = system.deposit("a").await;
    let returned =
        system.deliver(&[("m1", "a", good), ("m2", "a", overdrawn), ("m3", "a", after)]).await;
    assert!(returned.is_empty(), "{returned:?}");
    assert_eq!(system.entries("a").await, Some(1), "the row stays where it was");
    let row = system.views.get(&account("a")).await.unwrap().unwrap();
    assert_eq!(row.version, Version::new(1));
    assert!(row.parked.unwrap().reason.contains("exceeds the balance"));
    assert_eq!(
        system.dead_letters().len(),
        1,
        "the next message needs no dead letter: a redrive reads its event from the event store"
    );
}

#[tokio::test]
async fn a_message_that_cannot_be_dead_lettered_is_not_acknowledged() {
    let system =
        System { letters: Letters { full: true, ..Letters::default() }, ..System::default() };
    let returned = system
        .deliver(&[("m1", "a", "no message".to_owned()), ("m2", "b", "none either".to_owned())])
        .await;
    assert_eq!(returned, ["m1", "m2"]);
}

#[tokio::test]
async fn a_message_without_an_id_fails_the_whole_batch() {
    let system = System::default();
    let event: SqsEvent = serde_json::from_value(json!({ "Records": [{ "body": "x" }] })).unwrap();
    let keeper = Queue::new(
        ViewKeeper::<Statements, _, _>::new(system.events.clone(), system.views.clone()),
        &system.letters,
    );
    assert!(keeper.handle_batch(event).await.is_err());
}

/// A view in which every row is malformed.
struct MalformedViews;

impl MalformedViews {
    fn corrupt<T>(stream: &StreamId) -> Result<T, StoreError> {
        let corruption =
            Corruption::Malformed { at: Version::START, fault: "`at` is missing".to_owned() };
        Err(StoreError::Corrupt { key: stream.key(), corruption })
    }
}

impl ViewStore for MalformedViews {
    async fn get(&self, stream: &StreamId) -> Result<Option<ViewRow>, StoreError> {
        Self::corrupt(stream)
    }

    async fn get_many(&self, streams: &[StreamId]) -> Result<Rows, StoreError> {
        Self::corrupt(&streams[0])
    }

    async fn put(&self, _: &StreamId, _: Version, _: &ViewRow) -> Result<Put, StoreError> {
        Ok(Put::Stale)
    }

    async fn put_over_parked(
        &self,
        _: &StreamId,
        _: &ViewRow,
        _: &ViewRow,
    ) -> Result<Put, StoreError> {
        Ok(Put::Stale)
    }

    async fn list(&self, _: &str, _: Option<&ListEntry>, _: u32) -> Result<ListPage, StoreError> {
        Ok(ListPage::default())
    }

    async fn worklist(
        &self,
        _: &str,
        _: Option<&ListEntry>,
        _: u32,
    ) -> Result<ListPage, StoreError> {
        Ok(ListPage::default())
    }
}

#[tokio::test]
async fn a_message_for_a_row_that_cannot_be_parked_gets_one_dead_letter() {
    let system = System::default();
    let message = system.deposit("a").await;
    let keeper = Queue::new(
        ViewKeeper::<Statements, _, _>::new(system.events.clone(), MalformedViews),
        &system.letters,
    );
    let response = keeper.handle_batch(batch(&[("m1", "a", message)])).await.unwrap();
    assert!(
        response.batch_item_failures.is_empty(),
        "the message would return for hours, each time with another dead letter"
    );
    assert_eq!(system.dead_letters().len(), 1);
}

/// A handler that fails for every message.
struct AlwaysFails;

impl MessageHandler for AlwaysFails {
    const CATEGORY: &'static Category = "account";
    type Failure = std::fmt::Error;

    async fn handle(&self, _: &CommitMessage) -> Result<(), std::fmt::Error> {
        Err(std::fmt::Error)
    }

    fn is_transient(_: &std::fmt::Error) -> bool {
        false
    }
}

#[tokio::test]
async fn a_failure_of_a_handler_that_does_not_park_is_only_dead_lettered() {
    let system = System::default();
    let message = system.deposit("a").await;
    let response = Queue::new(AlwaysFails, &system.letters)
        .handle_batch(batch(&[("m1", "a", message)]))
        .await
        .unwrap();
    assert!(response.batch_item_failures.is_empty(), "the message was dead-lettered");
    assert_eq!(system.dead_letters().len(), 1);
}
