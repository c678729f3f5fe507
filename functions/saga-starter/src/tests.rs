//! Which executions are started, and what happens to an order whose execution has ended.

use std::sync::Mutex;

use events::{
    CancelReason, OrderCancelled, OrderCommitted, OrderConfirmed, OrderDispatched, OrderEvent,
    OrderId, OrderParked, OrderResumed, OrderUndoStarted,
};
use ordering::streams;
use skald::commit::{Actor, Commit, CommitId, Context, CorrelationId, Draft};
use skald::event::{DomainEvent, EventData};
use skald::implementing::Page;
use skald::memory::{InMemoryEventStore, InMemoryHead};
use skald::message::CommitMessage;
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{AppendError, Appended, EventStore, Loaded, StoreError};
use skald::stream::{StreamId, Tenant, Version};
use skald::time::Timestamp;
use skald_lambda::Error;
use skald_lambda::queue::MessageHandler;
use skald_saga::Instance;

use crate::{Execution, ExecutionInput, SagaStarter, StartError, StateMachine};

/// An event store with one order, and a state machine whose answers the test sets.
#[derive(Default)]
struct System {
    store: InMemoryEventStore,
    /// The answer of the state machine; `None` if it does not answer.
    answer: Option<Execution>,
    /// The events that are appended to the order during the call to the state machine.
    while_starting: Vec<OrderEvent>,
    /// The events that are appended to the order after its shipment was read.
    while_reading: Mutex<Vec<OrderEvent>>,
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
        SagaStarter::new(self, self).handle(&message).await
    }

    /// The names of the executions in all calls to start one.
    fn started(&self) -> Vec<String> {
        self.started.lock().unwrap().iter().map(ExecutionInput::name).collect()
    }

    /// The step and the error of each time that the order was parked.
    async fn parked(&self) -> Vec<(String, String)> {
        let commits = self.store.read(&order(), Version::START).await.unwrap();
        let events = commits
            .iter()
            .flat_map(Commit::envelopes::<OrderEvent>)
            .map(|event| event.unwrap().data);
        let parked = events.filter_map(|event| match event {
            OrderEvent::Parked(parked) => Some((parked.step, parked.error)),
            OrderEvent::Placed(_)
            | OrderEvent::Committed(_)
            | OrderEvent::Confirmed(_)
            | OrderEvent::Dispatched(_)
            | OrderEvent::Delivered(_)
            | OrderEvent::UndoStarted(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Resumed(_) => None,
        });
        parked.collect()
    }
}

impl StateMachine for &System {
    async fn start(&self, input: &ExecutionInput) -> Result<Execution, Error> {
        self.started.lock().unwrap().push(input.clone());
        for event in &self.while_starting {
            self.write(&order(), event.event_type(), event.encode()?).await;
        }
        self.answer.ok_or_else(|| "no answer".into())
    }
}

impl EventStore for System {
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
        self.store.page(stream, from, limit).await
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<InMemoryHead>, StoreError> {
        let loaded = self.store.load(stream, snapshots).await;
        if *stream == streams::shipment(stream.tenant(), order_id()) {
            let meanwhile = std::mem::take(&mut *self.while_reading.lock().unwrap());
            for event in meanwhile {
                self.write(&order(), event.event_type(), event.encode().unwrap()).await;
            }
        }
        loaded
    }

    async fn load_after(&self, head: &InMemoryHead) -> Result<Loaded<InMemoryHead>, StoreError> {
        self.store.load_after(head).await
    }

    async fn append(
        &self,
        head: &InMemoryHead,
        draft: Draft,
    ) -> Result<Appended<InMemoryHead>, AppendError<InMemoryHead>> {
        self.store.append(head, draft).await
    }

    async fn append_guarded(
        &self,
        parts: Vec<(InMemoryHead, Draft)>,
        guards: Vec<InMemoryHead>,
    ) -> Result<Vec<Appended<InMemoryHead>>, AppendError<InMemoryHead>> {
        self.store.append_guarded(parts, guards).await
    }
}

fn is_transient(result: Result<(), StartError>) -> bool {
    <SagaStarter<&System, &System> as MessageHandler>::is_transient(&result.unwrap_err())
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
    assert!(system.parked().await.is_empty());
}

#[tokio::test]
async fn an_order_whose_execution_ended_early_is_parked_once_at_its_current_step() {
    for (past, step) in [
        (vec![placed()], "reserve_stock"),
        (vec![placed(), OrderCommitted {}.into()], "capture_payment"),
        (vec![placed(), undo_started()], "cancel_shipment"),
    ] {
        let system = System::with(Execution::Ended, &past).await;
        system.handle().await.unwrap();
        system.handle().await.unwrap();
        let why = "Ended: the execution 8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873.1 \
                   ended before the order was final";
        assert_eq!(system.parked().await, [(step.to_owned(), why.to_owned())], "{past:?}");
    }
}

#[tokio::test]
async fn an_order_that_its_execution_finished_meanwhile_is_not_parked() {
    for meanwhile in [
        vec![OrderCommitted {}.into(), OrderConfirmed {}.into()],
        vec![undo_started(), cancelled()],
        // Another message starts the next attempt.
        vec![OrderResumed { attempt: 2, deadline: None }.into()],
    ] {
        let system = System {
            while_starting: meanwhile.clone(),
            ..System::with(Execution::Ended, &[placed()]).await
        };
        system.handle().await.unwrap();
        assert!(system.parked().await.is_empty(), "{meanwhile:?}");
    }
    let system = System {
        while_starting: vec![parked()],
        ..System::with(Execution::Ended, &[placed()]).await
    };
    system.handle().await.unwrap();
    assert_eq!(system.parked().await.len(), 1, "the execution itself parked it");
}

#[tokio::test]
async fn an_order_whose_undoing_started_meanwhile_is_parked_at_a_backward_step() {
    let system = System {
        while_reading: vec![undo_started()].into(),
        ..System::with(Execution::Ended, &[placed()]).await
    };
    system.handle().await.unwrap();
    let steps: Vec<String> = system.parked().await.into_iter().map(|(step, _)| step).collect();
    assert_eq!(steps, ["cancel_shipment"], "the order must be parked at a backward step");
}

#[tokio::test]
async fn an_order_that_is_settled_meanwhile_is_not_parked() {
    for meanwhile in [
        vec![undo_started(), cancelled()],
        vec![OrderResumed { attempt: 2, deadline: None }.into()],
    ] {
        let system = System {
            while_reading: meanwhile.clone().into(),
            ..System::with(Execution::Ended, &[placed()]).await
        };
        system.handle().await.unwrap();
        assert!(system.parked().await.is_empty(), "{meanwhile:?}");
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

    // Determining the order's current step also reads the other streams.
    let system = System::with(Execution::Ended, &[placed()]).await;
    system.write_unknown(&streams::payment(&Tenant::default(), order_id())).await;
    assert!(is_transient(system.handle().await));
    assert!(system.parked().await.is_empty());
}

#[tokio::test]
async fn a_message_about_an_order_that_does_not_exist_is_a_permanent_failure() {
    let system = System::with(Execution::Started, &[]).await;
    assert!(!is_transient(system.handle().await));
    assert!(system.started().is_empty());
}
