//! Which events lead to what, and that the index alone shows which orders are settled.

use std::sync::Mutex;

use events::{
    CancelReason, OrderCancelled, OrderCommitted, OrderConfirmed, OrderDelivered, OrderDispatched,
    OrderEvent, OrderId, OrderUndoStarted,
};
use serde_json::json;
use skald::commit::{Actor, CommitId};
use skald::event::{DomainEvent, EventData};
use skald::handle::Request;
use skald::memory::{InMemoryCommitIndex, InMemoryEventStore, InMemoryViewStore};
use skald::stream::{StreamId, Tenant};
use skald_saga::{Arbiter, Execution, ExecutionInput, NoAnswer, Outcome};

use super::*;

const ORDER: &str = "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873";

/// A state machine that has ended each execution as soon as it is started.
#[derive(Default)]
struct Ends(Mutex<Vec<String>>);

impl Executions for &Ends {
    async fn start(&self, input: &ExecutionInput) -> Result<Execution, NoAnswer> {
        let mut started = self.0.lock().unwrap();
        if started.contains(&input.name()) {
            return Ok(Execution::Ended);
        }
        started.push(input.name());
        Ok(Execution::Started)
    }
}

/// The orders, and what sweeps them.
#[derive(Default)]
struct System {
    events: InMemoryEventStore,
    rows: InMemoryViewStore,
    executions: Ends,
}

impl System {
    async fn with(past: &[OrderEvent]) -> Self {
        let (system, order_id): (Self, OrderId) = (Self::default(), ORDER.parse().unwrap());
        for (number, event) in past.iter().enumerate() {
            let head = system.events.load(&order(), None).await.unwrap().head;
            let id = CommitId::of(order_id.uuid(), &number.to_string());
            let request = Request::new(id, Timestamp::EPOCH, "test", Actor::new("test").unwrap());
            let draft = request.draft(vec![event.encode().unwrap()], None);
            system.events.append(&head, draft).await.unwrap();
        }
        system
    }

    async fn handle(&self, event: serde_json::Value) -> Result<(), Error> {
        let index = InMemoryCommitIndex::over(&self.events);
        let sweeper =
            SagaSweeper::new(&self.events, index, &self.rows, &self.executions, options(120));
        sweeper.handle(serde_json::from_value(event)?, clock::now()).await
    }

    fn started(&self) -> Vec<String> {
        self.executions.0.lock().unwrap().clone()
    }
}

fn order() -> StreamId {
    Order::stream(&Tenant::default(), ORDER).unwrap()
}

fn placed() -> OrderEvent {
    let data = include_bytes!("../../../events/golden/order.placed.1.json").to_vec();
    OrderEvent::decode(&EventData { event_type: "order.placed".to_owned(), schema: 1, data })
        .unwrap()
}

/// The event of a schedule, as `EventBridge` sends it.
fn tick() -> serde_json::Value {
    json!({
        "version": "0", "id": "e-1", "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "123456789012", "time": "2026-11-28T10:00:00Z", "region": "eu-central-1",
        "resources": ["arn:aws:events:eu-central-1:123456789012:rule/tick"], "detail": {},
    })
}

/// The event of an execution that was stopped.
fn aborted(attempt: u32) -> serde_json::Value {
    let input = json!({
        "order_id": ORDER, "tenant": "default", "attempt": attempt, "correlation_id": "call-1",
    });
    json!({
        "version": "0", "id": "e-2", "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {
            "name": format!("{ORDER}.{attempt}"), "status": "ABORTED", "input": input.to_string(),
            "inputDetails": { "included": true }, "output": null,
        },
    })
}

#[tokio::test]
async fn the_schedule_starts_an_order_whose_message_was_lost() {
    let system = System::with(&[placed()]).await;
    system.handle(tick()).await.unwrap();
    assert_eq!(system.started(), [format!("{ORDER}.1")]);
}

#[tokio::test]
async fn a_stopped_execution_is_followed_by_the_next_attempt_without_a_sweep() {
    let system = System::with(&[placed()]).await;
    system.handle(tick()).await.unwrap();
    system.handle(aborted(1)).await.unwrap();
    assert_eq!(system.started(), [format!("{ORDER}.1"), format!("{ORDER}.2")]);
    // The report is repeated, and the second attempt has ended, too: the third one waits.
    system.handle(aborted(1)).await.unwrap();
    assert_eq!(system.started().len(), 2);
}

#[tokio::test]
async fn an_event_that_is_neither_fails() {
    let system = System::with(&[placed()]).await;
    for event in [
        json!({ "id": "e", "source": "aws.s3", "detail": {} }),
        json!({ "id": "e", "source": "aws.states", "detail": {} }),
        json!({ "id": "e", "source": "aws.states",
                "detail": { "name": "n", "status": "FAILED", "input": "{}" } }),
    ] {
        assert!(system.handle(event.clone()).await.is_err(), "{event}");
    }
    assert!(system.started().is_empty());
}

/// An order that the index wrongly shows as settled would never be found.
#[tokio::test]
async fn the_types_that_settle_an_order_are_those_after_which_it_needs_no_execution() {
    let committed: OrderEvent = OrderCommitted {}.into();
    let confirmed: OrderEvent = OrderConfirmed {}.into();
    let undo_started: OrderEvent =
        OrderUndoStarted { reason: CancelReason::CustomerRequest, note: None }.into();
    let cancelled: OrderEvent = OrderCancelled { reason: CancelReason::CustomerRequest }.into();
    let mut settling = Vec::new();
    for past in [
        vec![placed()],
        vec![placed(), committed.clone()],
        vec![placed(), committed.clone(), confirmed.clone()],
        vec![placed(), committed.clone(), confirmed.clone(), OrderDispatched {}.into()],
        vec![placed(), committed, confirmed, OrderDispatched {}.into(), OrderDelivered {}.into()],
        vec![placed(), undo_started.clone()],
        vec![placed(), undo_started, cancelled],
    ] {
        let system = System::with(&past).await;
        let starter =
            ExecutionStarter::new(&system.events, &system.executions, RandomPause, SOURCE);
        let found = starter.start::<Order>(&order(), clock::now()).await.unwrap();
        if found.what == Outcome::NotNeeded {
            settling.push(past.last().unwrap().event_type());
        }
    }
    let settles: Vec<_> = OrderEvent::TYPES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| Order::settles(name))
        .collect();
    assert!(settling.iter().all(|settling| settles.contains(settling)), "{settles:?}");
    assert_eq!(settles.len(), settling.len(), "each has its history above: {settles:?}");
}
