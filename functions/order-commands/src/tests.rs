//! Which answers to `POST /orders` are marked as replayed: those to calls that lost against another
//! call. And the life of an order until its parcel arrives, or until it is cancelled.

mod life;

mod rounds;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use events::{CustomerId, Sku};

use ordering::customer::Customer;
use ordering::product::Product;
use ordering::requests::{CustomerRequest, ProductRequest};
use ordering::streams;
use serde_json::{Value, json};
use skald::commit::{Actor, CommitId, Draft};
use skald::decider::Decider;
use skald::handle::{Handler, Request};
use skald::implementing::Page;
use skald::memory::{InMemoryEventStore, InMemoryPersonKeys};
use skald::observe::CONFLICT;
use skald::personal::{PersonKeys, Sealing};
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{AppendError, Appended, EventStore, Loaded, StoreError};
use skald::stream::{StreamId, Tenant, Version};
use skald::time::Timestamp;
use skald_lambda::clock::{RandomPause, new_id, now};
use skald_lambda::http::{Answer, answer};
use skald_testkit::reports::Reports;

use crate::OrderCommands;

type Head = <InMemoryEventStore as EventStore>::Head;
type Rival = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A store that interferes with the next append.
#[derive(Clone, Default)]
struct Store {
    store: InMemoryEventStore,
    /// The answer of the first append is lost, and the client sends the append again.
    sends_twice: bool,
    /// A call that is faster than the append, and then the answer it received.
    rival: Arc<Mutex<Option<Rival>>>,
    to_rival: Arc<Mutex<Option<Answer>>>,
}

impl EventStore for Store {
    type Head = Head;

    fn start(&self, stream: StreamId) -> Head {
        self.store.start(stream)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        self.store.page(stream, from, limit).await
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<Head>, StoreError> {
        self.store.load(stream, snapshots).await
    }

    async fn load_after(&self, head: &Head) -> Result<Loaded<Head>, StoreError> {
        self.store.load_after(head).await
    }

    async fn append(&self, head: &Head, draft: Draft) -> Result<Appended<Head>, AppendError<Head>> {
        let rival = self.rival.lock().unwrap().take();
        if let Some(rival) = rival {
            let answer = rival.await;
            self.to_rival.lock().unwrap().replace(answer);
        }
        if self.sends_twice {
            self.store.append(head, draft.clone()).await?;
        }
        self.store.append(head, draft).await
    }

    async fn append_guarded(
        &self,
        parts: Vec<(Head, Draft)>,
        guards: Vec<Head>,
    ) -> Result<Vec<Appended<Head>>, AppendError<Head>> {
        self.store.append_guarded(parts, guards).await
    }
}

/// Handles a command.
async fn take<D: Decider>(
    store: &Sealing<InMemoryEventStore, &InMemoryPersonKeys>,
    stream: StreamId,
    command: D::Command,
) where
    D::Command: Sync,
    D::Rejection: Send,
{
    let (id, actor) = (CommitId::new(new_id()), Actor::new("tests").unwrap());
    let request = Request::new(id, Timestamp::EPOCH, "tests", actor);
    Handler::new(store, RandomPause).handle::<D>(&stream, &command, &request).await.unwrap();
}

/// A store with one product and one customer.
async fn set_up(keys: &InMemoryPersonKeys) -> InMemoryEventStore {
    let events = InMemoryEventStore::default();
    let store = Sealing::new(events.clone(), keys);
    let (tenant, sku, customer) =
        (Tenant::default(), Sku::new("MUG-01").unwrap(), CustomerId::new("c-1").unwrap());
    let product =
        json!({ "name": "Mug", "unit_price": { "amount_minor": 1250, "currency": "EUR" } });
    let list = ProductRequest::validate(&product).unwrap().commands().remove(0);
    take::<Product>(&store, streams::product(&tenant, &sku), list).await;
    let person = json!({ "name": "Jane Doe", "email": "jane@example.com" });
    let register = CustomerRequest::validate(&customer, &person).unwrap().commands().remove(0);
    take::<Customer>(&store, streams::customer(&tenant, &customer), register).await;
    events
}

/// The answer to an order of this many mugs, always with the same key and correlation id.
async fn place<S: EventStore, K: PersonKeys + Clone>(store: S, keys: K, quantity: u32) -> Answer {
    let order = json!({
        "customer_id": "c-1", "items": [{ "sku": "MUG-01", "quantity": quantity }],
        "payment_token": "tok_approved",
        "shipping_address": {
            "name": "Jane Doe", "line1": "Am Ufer 1", "city": "Berlin", "postal_code": "10115",
            "country": "DE",
        },
    });
    let headers = json!({
        "content-type": "application/json", "idempotency-key": "key-1",
        "x-correlation-id": "call-1",
    });
    let event = json!({
        "rawPath": "/orders", "headers": headers,
        "requestContext": { "http": { "method": "POST" } },
        "body": order.to_string(),
    });
    let commands = OrderCommands::new(Sealing::new(store, keys.clone()), keys, 3_600_000);
    answer(event.to_string().as_bytes(), Timestamp::EPOCH, async |call| {
        commands.respond(&call).await
    })
    .await
}

/// The status, and whether the answer is marked as replayed.
fn summary(answer: &Answer) -> (u16, bool) {
    (answer.status_code, answer.headers.contains_key("idempotent-replayed"))
}

fn body(answer: &Answer) -> Value {
    serde_json::from_str(answer.body.as_deref().unwrap()).unwrap()
}

/// The metrics show an operator how often calls compete. Every test here receives reports, as
/// [`Reports`] requires.
#[tokio::test]
async fn a_call_that_loses_to_another_is_reported_as_a_conflict() {
    let reports = Reports::receive();
    let keys = InMemoryPersonKeys::default();
    let events = set_up(&keys).await;
    let rival = place(Store { store: events.clone(), ..Store::default() }, keys.clone(), 1);
    let rival: Arc<Mutex<Option<Rival>>> = Arc::new(Mutex::new(Some(Box::pin(rival))));
    let placed = place(Store { store: events, rival, ..Store::default() }, keys, 1).await;
    let order_id = body(&placed)["order_id"].as_str().unwrap().to_owned();
    let conflicts = reports.take_named(CONFLICT);
    let streams: Vec<&str> =
        conflicts.iter().map(|report| report.fields["stream"].as_str()).collect();
    assert_eq!(streams, [format!("default/order-{order_id}")]);
}

#[tokio::test]
async fn the_first_answer_is_not_marked_as_replayed_even_if_the_append_was_repeated() {
    let _reports = Reports::receive();
    let keys = InMemoryPersonKeys::default();
    let events = set_up(&keys).await;
    let store = Store { store: events, sends_twice: true, ..Store::default() };
    let first = place(store.clone(), keys.clone(), 1).await;
    assert_eq!(summary(&first), (202, false), "{first:?}");
    let again = place(store.clone(), keys.clone(), 1).await;
    assert_eq!((summary(&again), body(&again)), ((202, true), body(&first)));
    assert_eq!(summary(&place(store, keys, 2).await), (422, false));
}

/// Followers read each slice of the index once, so a late commit must not be indexed far in the
/// past.
#[tokio::test]
async fn an_order_is_recorded_at_the_time_of_writing_not_of_the_call() {
    let _reports = Reports::receive();
    let keys = InMemoryPersonKeys::default();
    let store = Store { store: set_up(&keys).await, ..Store::default() };
    let begun = now();
    // The call arrived at `Timestamp::EPOCH`.
    let first = place(store.clone(), keys, 1).await;
    let order_id = body(&first)["order_id"].as_str().unwrap().parse().unwrap();
    let commits =
        store.read(&streams::order(&Tenant::default(), order_id), Version::START).await.unwrap();
    assert!(commits[0].at >= begun, "{:?}", commits[0].at);
}

#[tokio::test]
async fn of_two_concurrent_calls_one_is_marked_as_replayed_even_with_one_correlation_id() {
    let _reports = Reports::receive();
    for (quantity, status) in [(1, (202, true)), (2, (422, false))] {
        let keys = InMemoryPersonKeys::default();
        let events = set_up(&keys).await;
        let rival = place(Store { store: events.clone(), ..Store::default() }, keys.clone(), 1);
        let store = Store {
            store: events,
            rival: Arc::new(Mutex::new(Some(Box::pin(rival)))),
            ..Store::default()
        };
        let slower = place(store.clone(), keys, quantity).await;
        let faster = store.to_rival.lock().unwrap().take().expect("the other call was faster");
        assert_eq!((summary(&faster), summary(&slower)), ((202, false), status), "{slower:?}");
        if quantity == 1 {
            assert_eq!(body(&slower), body(&faster));
        }
    }
}
