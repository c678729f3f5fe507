//! Which executions are started, and what happens to an order whose execution has ended.

use std::sync::Mutex;

use events::{
    CancelReason, OrderCancelled, OrderCommitted, OrderConfirmed, OrderDispatched, OrderEvent,
    OrderId, OrderParked, OrderResumed, OrderUndoStarted,
};
use ordering::streams;
use skald::commit::{Actor, Commit, CommitId, Context, CorrelationId, Draft};
use skald::event::{DomainEvent, EventData};
use skald::memory::InMemoryEventStore;
use skald::message::CommitMessage;
use skald::store::EventStore;
use skald::stream::{StreamId, Tenant, Version};
use skald::time::Timestamp;
use skald_lambda::queue::MessageHandler;
use skald_saga::{Execution, ExecutionInput, Executions, Instance, NoAnswer};

use crate::{SagaStarter, StartError};

/// An event store with one order, and a state machine whose answers the test sets.
#[derive(Default)]
struct System {
    store: InMemoryEventStore,
    /// The answer of the state machine to the attempt that it is first asked for; `None` if it does
    /// not answer. Each later attempt is started.
    answer: Option<Execution>,
    /// The events that are appended to the order during the call to the state machine.
    while_starting: Vec<OrderEvent>,
    /// The inputs of all calls to start an execution.
    started: Mutex<Vec<ExecutionInput>>,
}

fn order_id() -> OrderId {
    "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873".parse().unwrap()
}

fn order() -> StreamId {
    streams::order(&Tenant::default(), order_id())
}

fn placed() -> OrderEvent {
    let data = include_bytes!("../../../events/golden/order.placed.1.json").to_vec();
    OrderEvent::decode(&EventData { event_type: "order.placed".to_owned(), schema: 1, data })
        .unwrap()
}

fn parked() -> OrderEvent {
    OrderParked { step: "ship_stock".to_owned(), error: "Transient: no answer".to_owned() }.into()
}

fn undo_started() -> OrderEvent {
    OrderUndoStarted { reason: CancelReason::CustomerRequest, note: None }.into()
}

fn cancelled() -> OrderEvent {
    OrderCancelled { reason: CancelReason::CustomerRequest }.into()
}

impl System {
    /// An order with this history. The call `call-1` placed it, and a later call wrote each other
    /// event.
    async fn with(answer: Execution, past: &[OrderEvent]) -> Self {
        let system = Self { answer: Some(answer), ..Self::default() };
        for (index, event) in past.iter().enumerate() {
            system.write(&order(), &format!("call-{}", index + 1), event.encode().unwrap()).await;
        }
        system
    }

    /// Appends an event as part of this call.
    async fn write(&self, stream: &StreamId, call: &str, event: EventData) {
        let head = self.store.load(stream, None).await.unwrap().head;
        let context = Context {
            source: "test".to_owned(),
            correlation_id: CorrelationId::new(call).unwrap(),
            causation_id: None,
            actor: Actor::new("test").unwrap(),
            metadata: Default::default(),
        };
        let commit_id = CommitId::of(order_id().uuid(), call);
        self.store
            .append(
                &head,
                Draft {
                    commit_id,
                    at: Timestamp::EPOCH,
                    context,
                    events: vec![event],
                    snapshot: None,
                },
            )
            .await
            .unwrap();
    }

    /// Appends an event of a newer release, which this one does not know.
    async fn write_unknown(&self, stream: &StreamId) {
        let event = EventData {
            event_type: "order.from_the_future".to_owned(),
            schema: 1,
            data: b"{}".to_vec(),
        };
        self.write(stream, "call-9", event).await;
    }

    /// Handles the message that the order was placed.
    async fn handle(&self) -> Result<(), StartError> {
        let message = CommitMessage { stream: order(), last: Version::new(1), commit: None };
        SagaStarter::new(&self.store, self).handle(&message).await
    }

    /// The names of the executions in all calls to start one.
    fn started(&self) -> Vec<String> {
        self.started.lock().unwrap().iter().map(ExecutionInput::name).collect()
    }

    /// The numbers of the attempts that were begun by `order.resumed`.
    async fn resumed(&self) -> Vec<u32> {
        let commits = self.store.read(&order(), Version::START).await.unwrap();
        let events = commits
            .iter()
            .flat_map(Commit::envelopes::<OrderEvent>)
            .map(|event| event.unwrap().data);
        let resumed = events.filter_map(|event| match event {
            OrderEvent::Resumed(resumed) => Some(resumed.attempt),
            OrderEvent::Placed(_)
            | OrderEvent::Committed(_)
            | OrderEvent::Confirmed(_)
            | OrderEvent::Dispatched(_)
            | OrderEvent::Delivered(_)
            | OrderEvent::UndoStarted(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Parked(_) => None,
        });
        resumed.collect()
    }
}

impl Executions for &System {
    async fn start(&self, input: &ExecutionInput) -> Result<Execution, NoAnswer> {
        let first = {
            let mut started = self.started.lock().unwrap();
            started.push(input.clone());
            started[0].attempt
        };
        for event in &self.while_starting {
            self.write(&order(), event.event_type(), event.encode().unwrap()).await;
        }
        let is_next = input.attempt > first;
        let answer = if is_next { Some(Execution::Started) } else { self.answer };
        answer.ok_or_else(|| NoAnswer::new("no answer"))
    }
}

fn is_transient(result: Result<(), StartError>) -> bool {
    <SagaStarter<&InMemoryEventStore, &System> as MessageHandler>::is_transient(
        &result.unwrap_err(),
    )
}

#[tokio::test]
async fn a_placed_order_gets_an_execution_with_the_correlation_id_of_its_call() {
    let system = System::with(Execution::Started, &[placed(), OrderCommitted {}.into()]).await;
    system.handle().await.unwrap();
    let expected = ExecutionInput {
        instance: Instance { tenant: Tenant::default(), id: order_id().to_string() },
        attempt: 1,
        correlation_id: CorrelationId::new("call-1").unwrap(),
    };
    assert_eq!(*system.started.lock().unwrap(), [expected]);
    assert_eq!(system.started(), ["8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873.1"]);
}

#[tokio::test]
async fn a_resumed_order_gets_a_new_execution_even_if_the_message_is_late() {
    let system = System::with(
        Execution::Started,
        &[placed(), parked(), OrderResumed { attempt: 2, deadline: None }.into()],
    )
    .await;
    system.handle().await.unwrap();
    assert_eq!(system.started(), ["8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873.2"]);
    assert_eq!(system.started.lock().unwrap()[0].correlation_id.as_str(), "call-3");
}

#[tokio::test]
async fn an_order_that_needs_no_step_or_is_parked_gets_no_execution() {
    for past in [
        vec![placed(), OrderCommitted {}.into(), OrderConfirmed {}.into()],
        vec![
            placed(),
            OrderCommitted {}.into(),
            OrderConfirmed {}.into(),
            OrderDispatched {}.into(),
        ],
        vec![placed(), undo_started(), cancelled()],
        vec![placed(), parked()],
    ] {
        let system = System::with(Execution::Started, &past).await;
        system.handle().await.unwrap();
        assert!(system.started().is_empty(), "{past:?}");
    }
}

#[tokio::test]
async fn a_running_execution_is_left_running() {
    let system = System::with(Execution::Running, &[placed()]).await;
    system.handle().await.unwrap();
    assert!(system.resumed().await.is_empty());
}

#[tokio::test]
async fn an_order_whose_execution_ended_early_gets_the_next_attempt() {
    for past in
        [vec![placed()], vec![placed(), OrderCommitted {}.into()], vec![placed(), undo_started()]]
    {
        let system = System::with(Execution::Ended, &past).await;
        system.handle().await.unwrap();
        assert_eq!(system.resumed().await, [2], "{past:?}");
        let name = "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873";
        assert_eq!(system.started(), [format!("{name}.1"), format!("{name}.2")], "{past:?}");
        assert_eq!(system.started.lock().unwrap()[1].correlation_id.as_str(), "call-1");
    }
}

/// Otherwise executions that always fail would follow each other without a pause.
#[tokio::test]
async fn an_attempt_that_would_begin_too_soon_is_left_to_the_sweeper() {
    let system = System::with(Execution::Ended, &[placed()]).await;
    system.handle().await.unwrap();
    assert_eq!(system.resumed().await, [2]);
    // The second attempt began just now, and its execution has ended, too.
    let system = System { started: Mutex::default(), ..system };
    system.handle().await.unwrap();
    assert_eq!(system.resumed().await, [2]);
    assert_eq!(system.started().len(), 1);
}

#[tokio::test]
async fn an_order_that_its_execution_finished_meanwhile_is_not_resumed() {
    for meanwhile in [
        vec![OrderCommitted {}.into(), OrderConfirmed {}.into()],
        vec![undo_started(), cancelled()],
        vec![parked()],
    ] {
        let system = System {
            while_starting: meanwhile.clone(),
            ..System::with(Execution::Ended, &[placed()]).await
        };
        system.handle().await.unwrap();
        assert!(system.resumed().await.is_empty(), "{meanwhile:?}");
    }
}

#[tokio::test]
async fn a_message_is_retried_if_the_state_machine_does_not_answer() {
    let system = System { answer: None, ..System::with(Execution::Started, &[placed()]).await };
    assert!(is_transient(system.handle().await));
}

#[tokio::test]
async fn a_message_is_retried_if_a_newer_release_wrote_an_event_of_the_order() {
    let system = System::with(Execution::Ended, &[placed()]).await;
    system.write_unknown(&order()).await;
    assert!(is_transient(system.handle().await));
    assert!(system.started().is_empty());
}

#[tokio::test]
async fn a_message_about_an_order_that_does_not_exist_is_a_permanent_failure() {
    let system = System::with(Execution::Started, &[]).await;
    assert!(!is_transient(system.handle().await));
    assert!(system.started().is_empty());
}
