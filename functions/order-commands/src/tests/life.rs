//! The life of an order after it was placed, over HTTP: its parcel leaves and arrives, or the order
//! is cancelled. The saga's steps run in process, with the sandboxes.

use events::{OrderEvent, OrderId, ReceiptReference, ShipmentEvent, StockEvent, StockReceived};
use ordering::order::{Order, Phase};
use ordering::saga::{ORDER_SAGA, OrderSaga};
use ordering::sandbox::memory::{CarrierLedger, GatewayLedger};
use ordering::steps::Ports;
use ordering::stock::{Stock, StockState};
use skald::commit::Commit;
use skald::decider::fold;
use skald::event::DomainEvent;
use skald::personal::Opening;
use skald_saga::{Instance, drive};
use skald_testkit::NoPause;

use super::*;

/// The system in memory: the stores, and the systems of others.
struct Shop {
    store: Store,
    keys: InMemoryPersonKeys,
    gateway: GatewayLedger,
    carrier: CarrierLedger,
}

impl Shop {
    /// A shop with ten mugs, and an order of two of them, just placed.
    async fn with_order() -> (Self, OrderId) {
        let keys = InMemoryPersonKeys::default();
        let store = Store { store: set_up(&keys).await, ..Store::default() };
        let (gateway, carrier) = (GatewayLedger::default(), CarrierLedger::default());
        let shop = Self { store, keys, gateway, carrier };
        let reference = ReceiptReference::new("DN-1").unwrap();
        let received = StockReceived { reference, quantity: events::Quantity::new(10).unwrap() };
        shop.plant(stock(), StockEvent::from(received)).await;
        let placed = place(shop.store.clone(), shop.keys.clone(), 2).await;
        let id = body(&placed)["order_id"].as_str().unwrap().parse().unwrap();
        (shop, id)
    }

    /// The same, after the saga confirmed the order.
    async fn with_confirmed_order() -> (Self, OrderId) {
        let (shop, id) = Self::with_order().await;
        assert_eq!(shop.drive(id).await, Phase::Confirmed);
        (shop, id)
    }

    async fn plant<E: DomainEvent>(&self, stream: StreamId, event: E) {
        let head = self.store.load(&stream, None).await.unwrap().head;
        let (id, actor) = (CommitId::new(new_id()), Actor::new("tests").unwrap());
        let request = Request::new(id, Timestamp::EPOCH, "tests", actor);
        self.store.append(&head, request.draft(vec![event.encode().unwrap()], None)).await.unwrap();
    }

    /// Runs the saga to its end.
    async fn drive(&self, id: OrderId) -> Phase {
        let store = Opening::new(self.store.clone(), &self.keys);
        let ports = Ports {
            store: &store,
            pause: &NoPause,
            gateway: &self.gateway,
            carrier: &self.carrier,
        };
        let instance = Instance { tenant: Tenant::default(), id: id.to_string() };
        let (patience, clock) = (&ORDER_SAGA.patience, || Timestamp::EPOCH);
        let driven =
            drive::<OrderSaga, _, _>(&store, &NoPause, &ports, &instance, patience, &clock).await;
        driven.unwrap().order.placed().unwrap().phase
    }

    async fn post(&self, path: &str, headers: Value, body: Option<Value>) -> Answer {
        let mut event = json!({
            "rawPath": path, "headers": headers,
            "requestContext": { "http": { "method": "POST" } },
        });
        if let Some(body) = body {
            event["headers"]["content-type"] = json!("application/json");
            event["body"] = json!(body.to_string());
        }
        let store = Sealing::new(self.store.clone(), self.keys.clone());
        let commands = OrderCommands::new(store, self.keys.clone(), 3_600_000);
        answer(event.to_string().as_bytes(), now(), async |call| commands.respond(&call).await)
            .await
    }

    async fn commits(&self, stream: StreamId) -> Vec<Commit> {
        Opening::new(self.store.clone(), &self.keys).read(&stream, Version::START).await.unwrap()
    }

    /// The last event of the order's stream, and who caused it.
    async fn last(&self, id: OrderId) -> (OrderEvent, String) {
        let commits = self.commits(streams::order(&Tenant::default(), id)).await;
        let last = commits.iter().flat_map(Commit::envelopes::<OrderEvent>).last().unwrap();
        let last = last.unwrap();
        (last.data, last.context.actor.as_str().to_owned())
    }

    async fn events(&self, id: OrderId) -> Vec<OrderEvent> {
        let commits = self.commits(streams::order(&Tenant::default(), id)).await;
        commits.iter().flat_map(Commit::envelopes::<OrderEvent>).map(|e| e.unwrap().data).collect()
    }

    async fn stock(&self) -> StockState {
        fold::<Stock>(&self.commits(stock()).await).unwrap().state
    }
}

fn stock() -> StreamId {
    streams::stock(&Tenant::default(), &Sku::new("MUG-01").unwrap(), 0)
}

fn status(answer: &Answer) -> (u16, Value) {
    (answer.status_code, body(answer)["status"].clone())
}

fn detail(answer: &Answer) -> String {
    body(answer)["detail"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn the_parcel_of_a_confirmed_order_leaves_and_arrives_once() {
    let _reports = Reports::receive();
    let (shop, id) = Shop::with_confirmed_order().await;
    let (dispatch, deliver) =
        (format!("/shipments/{id}/dispatch"), format!("/shipments/{id}/deliver"));
    let early = shop.post(&deliver, json!({}), None).await;
    assert_eq!((early.status_code, detail(&early).contains("not left")), (409, true), "{early:?}");

    let code = Some(json!({ "tracking_code": "JD-0146" }));
    let left = shop.post(&dispatch, json!({}), code).await;
    assert_eq!(status(&left), (202, json!("dispatched")), "{left:?}");
    let shipment = shop.commits(streams::shipment(&Tenant::default(), id)).await;
    let last = shipment.iter().flat_map(Commit::envelopes::<ShipmentEvent>).last().unwrap();
    let ShipmentEvent::Dispatched(dispatched) = last.unwrap().data else { panic!("{shipment:?}") };
    assert_eq!(dispatched.tracking_code.unwrap().as_str(), "JD-0146");
    let again = shop.post(&dispatch, json!({}), None).await;
    assert_eq!((status(&again), body(&again)), ((202, json!("dispatched")), body(&left)));
    assert_eq!(shop.stock().await, StockState { on_hand: 8, reserved: 0 });

    let reason = Some(json!({ "reason": "too late" }));
    let cancel = shop.post(&format!("/orders/{id}/cancel"), json!({}), reason).await;
    let told = detail(&cancel).contains("the parcel has left");
    assert_eq!((cancel.status_code, told), (409, true), "{cancel:?}");

    let arrived = shop.post(&deliver, json!({}), None).await;
    assert_eq!(status(&arrived), (202, json!("delivered")), "{arrived:?}");
    let again = shop.post(&deliver, json!({}), Some(json!({}))).await;
    assert_eq!((again.status_code, body(&again)), (202, body(&arrived)));
    assert_eq!(shop.last(id).await.1, "operator");
}

#[tokio::test]
async fn the_parcel_of_an_order_that_is_not_confirmed_does_not_leave() {
    let _reports = Reports::receive();
    let (shop, id) = Shop::with_order().await;
    let dispatch = format!("/shipments/{id}/dispatch");
    let early = shop.post(&dispatch, json!({}), None).await;
    let told = detail(&early).contains("the order is not confirmed");
    assert_eq!((early.status_code, told), (409, true), "{early:?}");
    let reason = Some(json!({ "reason": "I ordered twice" }));
    let cancel = shop.post(&format!("/orders/{id}/cancel"), json!({}), reason).await;
    assert_eq!(status(&cancel), (202, json!("cancelling")));
    let undone = shop.post(&dispatch, json!({}), None).await;
    let told = detail(&undone).contains("the order is being undone");
    assert_eq!((undone.status_code, told), (409, true), "{undone:?}");
    for unknown in ["00000000-0000-4000-8000-000000000000", "17"] {
        for what in ["dispatch", "deliver"] {
            let path = format!("/shipments/{unknown}/{what}");
            assert_eq!(shop.post(&path, json!({}), None).await.status_code, 404, "{path}");
        }
    }
}

/// The customer gets the money back, and the goods are on the shelf again.
#[tokio::test]
async fn a_confirmed_order_is_undone_for_the_operator_who_cancels_it() {
    let _reports = Reports::receive();
    let (shop, id) = Shop::with_confirmed_order().await;
    let reason = json!({ "reason": "Jane Doe called", "cancelled_by": "operator" });
    let cancel = shop.post(&format!("/orders/{id}/cancel"), json!({}), Some(reason)).await;
    assert_eq!(status(&cancel), (202, json!("cancelling")), "{cancel:?}");
    let events = shop.events(id).await;
    let undo = events.iter().find_map(|event| {
        if let OrderEvent::UndoStarted(undo) = event { Some(undo.clone()) } else { None }
    });
    let undo = undo.unwrap();
    assert_eq!(undo.reason, events::CancelReason::OperatorRequest);
    assert_eq!(undo.note.unwrap().reveal().unwrap(), "Jane Doe called");
    assert_eq!(shop.last(id).await.1, "operator");
    // The words are stored only in sealed form.
    let stored = shop.store.read(&streams::order(&Tenant::default(), id), Version::START).await;
    let stored = format!(
        "{:?}",
        stored
            .unwrap()
            .iter()
            .flat_map(|c| c.events.clone())
            .map(|event| String::from_utf8(event.data).unwrap())
            .collect::<Vec<_>>()
    );
    assert!(!stored.contains("called"), "{stored}");

    let reason = events::CancelReason::OperatorRequest;
    assert_eq!(shop.drive(id).await, Phase::Cancelled(reason));
    assert_eq!(shop.stock().await, StockState { on_hand: 10, reserved: 0 });
    let entries = shop.gateway.entries();
    let money: Vec<_> = entries.values().map(|entry| (entry.open(), entry.captured())).collect();
    assert_eq!(money, [(None, None)]);
    assert!(shop.carrier.entries().values().all(|entry| !entry.has_parcel()));
}

/// Nothing about an erased person may be kept, but the order must still be cancelled.
#[tokio::test]
async fn an_order_of_an_erased_customer_is_cancelled_without_a_note() {
    let _reports = Reports::receive();
    let (shop, id) = Shop::with_order().await;
    let person = skald::personal::Person {
        tenant: Tenant::default(),
        id: CustomerId::new("c-1").unwrap().person(),
    };
    skald::personal::PersonKeys::erase(&shop.keys, &person, now()).await.unwrap();
    let reason = Some(json!({ "reason": "Jane Doe called" }));
    let cancel = shop.post(&format!("/orders/{id}/cancel"), json!({}), reason).await;
    assert_eq!(status(&cancel), (202, json!("cancelling")), "{cancel:?}");
    let noted = shop
        .events(id)
        .await
        .into_iter()
        .any(|event| matches!(event, OrderEvent::UndoStarted(undo) if undo.note.is_some()));
    assert!(!noted);
}

/// A client that repeats the call because the answer was lost starts no second execution.
#[tokio::test]
async fn resuming_again_with_the_same_key_begins_no_other_attempt() {
    let _reports = Reports::receive();
    let (shop, id) = Shop::with_order().await;
    let resume = format!("/orders/{id}/resume");
    let key = |key: &str| json!({ "idempotency-key": key });
    let hour = || Some(json!({ "extend_by_s": 3600 }));
    let first = shop.post(&resume, key("r-1"), hour()).await;
    assert_eq!(first.status_code, 202, "{first:?}");
    let again = shop.post(&resume, key("r-1"), hour()).await;
    assert_eq!((again.status_code, body(&again)), (202, body(&first)));
    let order = |commits: &[Commit]| fold::<Order>(commits).unwrap().state;
    let stream = || streams::order(&Tenant::default(), id);
    let state = order(&shop.commits(stream()).await);
    let placed = state.placed().unwrap();
    assert_eq!(placed.attempt, 2);
    assert!(placed.deadline > placed.placed.deadline, "{:?}", placed.deadline);
    for headers in [key("r-2"), json!({})] {
        assert_eq!(shop.post(&resume, headers, None).await.status_code, 202);
    }
    assert_eq!(order(&shop.commits(stream()).await).placed().unwrap().attempt, 4);
    for invalid in [json!({ "extend_by_s": 0 }), json!({ "more": 1 })] {
        assert_eq!(shop.post(&resume, json!({}), Some(invalid)).await.status_code, 400);
    }
}

#[tokio::test]
async fn a_confirmed_order_has_no_step_to_resume() {
    let _reports = Reports::receive();
    let (shop, id) = Shop::with_confirmed_order().await;
    let answer = shop.post(&format!("/orders/{id}/resume"), json!({}), None).await;
    let told = detail(&answer).contains("waits only for its parcel to leave");
    assert_eq!((answer.status_code, told), (409, true), "{answer:?}");
}
