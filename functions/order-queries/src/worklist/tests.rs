//! The worklist over stores in memory.

use events::{
    CancelReason, OrderCancelled, OrderCommitted, OrderConfirmed, OrderEvent, OrderId, OrderParked,
    OrderPlaced, OrderUndoStarted,
};
use ordering::streams;
use ordering::views::OrderView;
use skald::commit::{Actor, CommitId, Context, CorrelationId, Draft};
use skald::event::{DomainEvent, EventData};
use skald::memory::{InMemoryEventStore, InMemoryPersonKeys, InMemoryViewStore};
use skald::message::CommitMessage;
use skald::view::{catch_up, park};
use skald_lambda::http::answer;

use super::*;
use crate::Views;

/// Minutes after the epoch.
fn minute(minutes: i64) -> Timestamp {
    Timestamp::EPOCH.plus_millis(60_000 * minutes)
}

fn order_id(number: u8) -> OrderId {
    format!("8c8bb6e7-14ad-5847-9d2c-0d1ecbd648{number:02x}").parse().unwrap()
}

fn parked() -> OrderEvent {
    let (step, error) = ("CapturePayment".to_owned(), "the gateway does not answer".to_owned());
    OrderParked { step, error }.into()
}

fn undone() -> [OrderEvent; 2] {
    let reason = CancelReason::PaymentDeclined;
    [OrderUndoStarted { reason, note: None }.into(), OrderCancelled { reason }.into()]
}

#[derive(Default)]
struct System {
    events: InMemoryEventStore,
    views: InMemoryViewStore,
}

impl System {
    /// Appends these events to the order, and brings its row up to date.
    async fn append(&self, number: u8, at: Timestamp, events: &[OrderEvent]) {
        let stream = streams::order(&Tenant::default(), order_id(number));
        let loaded = self.events.load(&stream, None).await.unwrap();
        let context = Context {
            source: "test".to_owned(),
            correlation_id: CorrelationId::new("call-1").unwrap(),
            causation_id: None,
            actor: Actor::new("test").unwrap(),
            metadata: Default::default(),
        };
        let name = loaded.commits.len().to_string();
        let commit_id = CommitId::of(order_id(number).uuid(), &name);
        let events = events.iter().map(|event| event.encode().unwrap()).collect();
        let draft = Draft { commit_id, at, context, events, snapshot: None };
        let message =
            CommitMessage::of(self.events.append(&loaded.head, draft).await.unwrap().commit);
        catch_up::<OrderView, _, _>(&self.events, &self.views, &message).await.unwrap();
    }

    /// Places an order in this minute, with a deadline ten minutes later.
    async fn place(&self, number: u8, placed: i64, then: &[OrderEvent]) {
        let data = include_bytes!("../../../../events/golden/order.placed.2.json").to_vec();
        let golden = EventData { event_type: "order.placed".to_owned(), schema: 2, data };
        let OrderEvent::Placed(golden) = OrderEvent::decode(&golden).unwrap() else { panic!() };
        let event = OrderPlaced { deadline: minute(placed + 10), ..golden };
        self.append(number, minute(placed), &[event.into()]).await;
        for event in then {
            self.append(number, minute(placed), std::slice::from_ref(event)).await;
        }
    }

    /// The status and body of a call in this minute.
    async fn get(&self, query: &str, now: i64) -> (u16, Value) {
        self.get_path("/orders", query, now).await
    }

    async fn get_path(&self, path: &str, query: &str, now: i64) -> (u16, Value) {
        let views = Views { orders: self.views.clone(), ..Views::default() };
        let (keys, build) = (InMemoryPersonKeys::default(), String::new());
        let queries = Queries::new(self.events.clone(), views, keys, build);
        let event = json!({
            "rawPath": path,
            "rawQueryString": query,
            "requestContext": { "http": { "method": "GET" } },
        });
        let respond = async |call| queries.respond(&call).await;
        let answer = answer(event.to_string().as_bytes(), minute(now), respond).await;
        (answer.status_code, serde_json::from_str(&answer.body.unwrap()).unwrap())
    }

    /// The numbers of the orders of all pages, in their order.
    async fn numbers(&self, query: &str, now: i64) -> Vec<u8> {
        let (mut numbers, mut cursor) = (Vec::new(), String::new());
        loop {
            let (status, page) = self.get(&format!("{query}{cursor}"), now).await;
            assert_eq!(status, 200, "{page}");
            let ids = page["orders"].as_array().unwrap().iter().map(|order| &order["order_id"]);
            numbers
                .extend(ids.map(|id| u8::from_str_radix(&id.as_str().unwrap()[34..], 16).unwrap()));
            let Some(next) = page["next_cursor"].as_str() else { return numbers };
            cursor = format!("&cursor={next}");
        }
    }

    /// One order in each state; the deadline of order n is in minute 10 + n.
    async fn with_one_of_each() -> Self {
        let system = Self::default();
        let (committed, confirmed) = (OrderCommitted {}.into(), OrderConfirmed {}.into());
        system.place(3, 3, &undone()).await;
        system.place(2, 2, &[committed, confirmed]).await;
        system.place(5, 5, &[parked()]).await;
        system.place(4, 4, &[]).await;
        system.place(1, 1, &[parked()]).await;
        system.place(0, 0, &[]).await;
        system
    }
}

#[tokio::test]
async fn orders_are_found_by_what_they_wait_for_the_earliest_deadline_first() {
    let system = System::with_one_of_each().await;
    for (query, now, expected) in [
        ("", 0, vec![0, 1, 2, 3, 4, 5]),
        ("status=pending", 0, vec![0, 1, 4, 5]),
        ("status=confirmed", 0, vec![2]),
        ("status=cancelled", 0, vec![3]),
        ("parked=true", 0, vec![1, 5]),
        ("parked=false", 0, vec![0, 2, 3, 4]),
        ("status=pending&parked=false", 0, vec![0, 4]),
        ("status=confirmed&parked=true", 0, vec![]),
        ("overdue=true", 10, vec![]),
        ("overdue=true", 14, vec![0, 1]),
        ("overdue=true", 60, vec![0, 1, 4, 5]),
        ("overdue=true&parked=true", 60, vec![1, 5]),
        ("overdue=false", 14, vec![2, 3, 4, 5]),
        ("overdue=true&status=confirmed", 60, vec![]),
        ("since=1970-01-01T00:03:00Z", 60, vec![3, 4, 5]),
        ("since=1970-01-01T00:03:00.001Z&status=pending", 60, vec![4, 5]),
    ] {
        assert_eq!(system.numbers(query, now).await, expected, "{query}, minute {now}");
        for limit in [1, 2, 3] {
            let query = format!("limit={limit}&{query}");
            let query = query.trim_end_matches('&');
            assert_eq!(system.numbers(query, now).await, expected, "{query}, minute {now}");
        }
    }
}

#[tokio::test]
async fn a_parked_order_shows_its_step_the_reason_and_since_when() {
    let system = System::default();
    system.place(7, 1, &[]).await;
    system.append(7, minute(2), &[parked()]).await;
    let (_, page) = system.get("parked=true", 30).await;
    let expected = json!({ "orders": [{
        "order_id": order_id(7),
        "status": "pending",
        "customer_id": "c-1001",
        "total": page["orders"][0]["total"],
        "placed_at": minute(1),
        "updated_at": minute(2),
        "deadline": minute(11),
        "overdue": true,
        "parked": {
            "step": "CapturePayment", "since": minute(2), "reason": "the gateway does not answer",
        },
    }] });
    assert_eq!(page, expected);
    assert!(page["orders"][0]["total"]["amount_minor"].is_i64());

    // Customers do not see the reason.
    let (_, order) = system.get_path(&format!("/orders/{}", order_id(7)), "", 30).await;
    assert_eq!(order["parked"], json!({ "step": "CapturePayment", "since": minute(2) }));
}

/// An order that the view parked waits for no operator of orders: resuming it would change nothing.
#[tokio::test]
async fn an_order_whose_row_is_parked_is_listed_as_before() {
    let system = System::default();
    system.place(1, 1, &[]).await;
    let stream = streams::order(&Tenant::default(), order_id(1));
    park(&system.views, &stream, None, "a fault", minute(2)).await.unwrap();
    assert_eq!(system.numbers("parked=false", 5).await, [1]);
    assert_eq!(system.numbers("parked=true", 5).await, [0; 0]);
}

/// A caller who reads page by page sees every order that stays, although others come and go.
#[tokio::test]
async fn a_cursor_stays_valid_while_orders_enter_and_leave() {
    let system = System::default();
    for number in [10, 20, 30, 40] {
        system.place(number, number.into(), &[]).await;
    }
    let (_, page) = system.get("status=pending&limit=2", 0).await;
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    system.append(20, minute(20), &undone()).await;
    system.append(40, minute(40), &[parked()]).await;
    system.place(15, 15, &[]).await;
    system.place(35, 35, &[]).await;
    let rest = system.numbers(&format!("status=pending&cursor={cursor}"), 0).await;
    assert_eq!(rest, [30, 35, 40]);
}

/// A call reads a bounded number of entries; an empty page may have a cursor.
#[tokio::test]
async fn every_order_is_on_some_page_even_if_most_are_filtered_out() {
    let system = System::default();
    for number in 0..=254_u8 {
        let parks: &[OrderEvent] = if number == 250 { &[parked()] } else { &[] };
        system.place(number, 0, parks).await;
    }
    assert_eq!(system.numbers("since=1970-01-01T00:00:00Z&limit=100", 0).await.len(), 255);
    assert_eq!(system.numbers("parked=true", 0).await, [250]);
}

#[tokio::test]
async fn a_bad_parameter_is_named() {
    let system = System::default();
    for (query, name) in [
        ("status=done", "status"),
        ("parked=yes", "parked"),
        ("overdue=1", "overdue"),
        ("since=yesterday", "since"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=x", "cursor"),
        ("customer=c-1", "customer"),
        ("parked=true&parked=true", "parked"),
    ] {
        let (status, problem) = system.get(query, 0).await;
        assert_eq!(status, 400, "{query}");
        assert!(problem["detail"].as_str().unwrap().contains(name), "{query}: {problem}");
    }
}
