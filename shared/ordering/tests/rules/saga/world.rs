//! All that an order meets, in memory: streams, ledgers, a clock; and runners that can be stopped after any line.
//!
//! Every call to a store, the gateway or the carrier gives way before its answer is heard, and each poll of a runner goes
//! on to the next such place. So a runner that is dropped after some polls has died with an answer on its way; and runners
//! that are polled in turn are interleaved in any way one likes.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context as TaskContext, Poll, Waker};

use events::{
    CancelReason, Money, OrderCommitted, OrderEvent, OrderPlaced, ProductEvent, ProductListed, ReceiptReference, Sku,
    StockEvent, StockReceived,
};
use ordering::order::{Order, OrderCommand, Phase};
use ordering::ports::{
    Carrier, CarrierCall, Disclosing, Gateway, GatewayCall, ParcelAtCarrier, PaymentAtGateway, PortError,
};
use ordering::saga::{ExecutionInput, ORDER_SAGA, SagaState, StepInput, execution_of};
use ordering::sandbox::memory::{CarrierLedger, GatewayLedger};
use ordering::steps::drive::Ports;
use ordering::steps::{StepError, order};
use ordering::stock::{Stock, StockState};
use ordering::streams;
use serde_json::json;
use skald::memory::{InMemoryEventStore, InMemoryHead, InMemoryPersonKeys};
use skald::{
    Actor, AppendError, Appended, Commit, CommitId, Context, CorrelationId, DomainEvent, Draft, EventData, EventStore,
    KeyEntry, Loaded, Page, Person, PersonKeys, Request, Sealing, SnapshotKind, StoreError, StreamId, Tenant,
    Timestamp, Version, Way, fold, handle,
};
use skald_testkit::{NoPause, yield_now};

use crate::samples::{customer, eur, order_id, place, quantity, shards, sku, with};

/// How many of each product there are; of `TEE-07`, if the order's stock is short, none.
pub(crate) const ON_HAND: u64 = 10;

/// How many of each product are ordered.
pub(crate) const ORDERED: [(&str, u64); 2] = [("MUG-01", 2), ("TEE-07", 1)];

/// More polls than any runner takes.
const MOST_POLLS: usize = 10_000;

/// What kind of order it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) token: &'static str,
    pub(crate) postal_code: &'static str,
    pub(crate) enough: bool,
}

/// Where an order happens.
pub(crate) struct World {
    store: InMemoryEventStore,
    gateway: GatewayLedger,
    carrier: CarrierLedger,
    /// What the order says of its customer is sealed with one of these.
    keys: InMemoryPersonKeys,
    /// Whether the gateway forgets to close a key that is voided before it is known.
    forgetful: bool,
    millis: AtomicI64,
    /// Every event that was written, by name, in the order of writing.
    log: Mutex<Vec<String>>,
    total: Money,
}

/// Runs to the next place where it gives way, and tells whether it is at its end.
pub(crate) type Runner<'a> = Pin<Box<dyn Future<Output = Result<(), StepError>> + Send + 'a>>;

impl World {
    /// A world with this order in it, placed a moment ago.
    pub(crate) fn new(scenario: Scenario) -> Self {
        let mut body = with("/payment_token", json!(scenario.token));
        body["shipping_address"]["postal_code"] = json!(scenario.postal_code);
        let placed = place(&body).placed().clone();
        let world = Self {
            store: InMemoryEventStore::default(),
            gateway: GatewayLedger::default(),
            carrier: CarrierLedger::default(),
            keys: InMemoryPersonKeys::default(),
            forgetful: false,
            millis: AtomicI64::new(placed.deadline.as_millis() - 600_000),
            log: Mutex::default(),
            total: placed.total,
        };
        world.stock(scenario.enough);
        world.place(placed);
        world
    }

    /// The same with a gateway that breaks its promise to close a key.
    pub(crate) fn forgetful(scenario: Scenario) -> Self {
        Self { forgetful: true, ..Self::new(scenario) }
    }

    /// As the function does that takes orders.
    fn place(&self, placed: OrderPlaced) {
        let stream = streams::order(&tenant(), order_id());
        let request =
            Request { commit_id: CommitId::of(order_id().uuid(), "place"), at: self.now(), context: context() };
        let draft = request.draft(vec![OrderEvent::from(placed).encode().unwrap()], None);
        let sealing = Sealing::new(self.store.clone(), &self.keys);
        finish(sealing.append(&self.store.start(stream), draft)).unwrap();
    }

    /// The customer is erased.
    pub(crate) fn erase_customer(&self) {
        let person = Person { tenant: tenant(), id: customer().person() };
        finish(self.keys.erase(&person, self.now())).unwrap();
    }

    /// Two shards of each product.
    fn stock(&self, enough: bool) {
        for (name, _) in ORDERED {
            let listed = ProductListed { name: name.to_owned(), unit_price: eur(1), stock_shards: shards(2) };
            self.plant(streams::product(&tenant(), &sku(name)), &[ProductEvent::from(listed)]);
            let parts: &[(u16, u64)] = if enough || name == "MUG-01" { &[(0, 1), (1, ON_HAND - 1)] } else { &[] };
            for &(shard, number) in parts {
                let reference = ReceiptReference::new("DN-1").unwrap();
                let received = StockReceived { reference, quantity: quantity(number) };
                self.plant(streams::stock(&tenant(), &sku(name), shard), &[StockEvent::from(received)]);
            }
        }
    }

    fn plant<E: DomainEvent>(&self, stream: StreamId, events: &[E]) {
        self.plant_encoded(stream, events.iter().map(|event| event.encode().unwrap()).collect());
    }

    /// A newer release has begun this stream, with an event that this one does not know.
    pub(crate) fn plant_unreadable(&self, stream: StreamId) {
        let event = OrderEvent::from(OrderCommitted {}).encode().unwrap();
        self.plant_encoded(stream, vec![EventData { event_type: "order.from_the_future".to_owned(), ..event }]);
    }

    fn plant_encoded(&self, stream: StreamId, events: Vec<EventData>) {
        self.store.plant(Commit {
            id: CommitId::of(order_id().uuid(), stream.name()),
            first: Version::new(1),
            at: self.now(),
            context: context(),
            events,
            snapshot: None,
            stream,
        });
    }

    /// A moment later than ever before.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.fetch_add(1, Ordering::SeqCst)).unwrap()
    }

    /// Time passes, beyond every deadline.
    pub(crate) fn expire(&self) {
        self.millis.fetch_add(3_600_000, Ordering::SeqCst);
    }

    fn ports(&self) -> Ports<'_, Self, NoPause, Self, Self> {
        Ports { store: self, pause: &NoPause, gateway: self, carrier: self }
    }

    /// Somebody who takes the order all the way, step by step.
    pub(crate) fn driver(&self) -> Runner<'_> {
        Box::pin(async move { self.ports().drive(&tenant(), order_id(), &|| self.now()).await.map(|_| ()) })
    }

    /// Somebody who takes this step.
    pub(crate) async fn perform(&self, input: &StepInput) -> Result<(), StepError> {
        self.ports().perform(input, self.now()).await
    }

    /// The customer asks for the order to be cancelled. Whether it will be.
    pub(crate) fn cancel(&self) -> bool {
        let command = OrderCommand::StartUndo { reason: CancelReason::CustomerRequest };
        self.command(&command, "cancel").is_ok()
    }

    /// The operator has the order resumed.
    pub(crate) fn resume(&self) {
        let attempt = self.state().order.placed().unwrap().attempt;
        self.command(&OrderCommand::Resume, &format!("resume {attempt}")).unwrap();
    }

    fn command(&self, command: &OrderCommand, name: &str) -> Result<(), String> {
        let commit_id = CommitId::of(order_id().uuid(), name);
        let request = Request { commit_id, at: self.now(), context: context() };
        let stream = streams::order(&tenant(), order_id());
        let handled = finish(handle::<Order, _, _>(self, &NoPause, stream, command, &request));
        handled.map(|_| ()).map_err(|error| error.to_string())
    }

    /// The execution of the first attempt.
    pub(crate) fn execution(&self) -> ExecutionInput {
        let stream = streams::order(&tenant(), order_id());
        let placed = &self.commits(&stream)[..1];
        execution_of(&stream, placed).unwrap().unwrap()
    }

    /// The attempt after the first for which an execution is started, if there is one.
    pub(crate) fn resumed(&self) -> Option<u32> {
        let stream = streams::order(&tenant(), order_id());
        let execution = execution_of(&stream, &self.commits(&stream)).unwrap();
        execution.map(|execution| execution.attempt).filter(|attempt| *attempt > 1)
    }

    pub(crate) fn state(&self) -> SagaState {
        finish(order::look(&self.store, &tenant(), order_id())).unwrap()
    }

    pub(crate) fn commits(&self, stream: &StreamId) -> Vec<Commit> {
        finish(self.store.read(stream, Version::START)).unwrap()
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// On hand and reserved of a product, over all shards.
    fn stock_of(&self, sku: &Sku) -> (u64, u64) {
        let shard = |shard| fold::<Stock>(&self.commits(&streams::stock(&tenant(), sku, shard))).unwrap().state;
        let shards: [StockState; 2] = [shard(0), shard(1)];
        (shards.iter().map(|shard| shard.on_hand).sum(), shards.iter().map(|shard| shard.reserved).sum())
    }

    /// The promise: the order is confirmed and all of it happened, or cancelled and nothing of it is left, or parked. And
    /// it came about in order.
    ///
    /// # Panics
    /// With what is wrong.
    #[track_caller]
    pub(crate) fn assert_clean(&self, what: &str) {
        let state = self.state();
        let order = state.order.placed().unwrap_or_else(|| panic!("{what}: no order"));
        let log = self.log();
        let story =
            || format!("{what}\n{}\n{:?}\n{:?}", log.join("\n"), self.gateway.entries(), self.carrier.entries());
        self.assert_direction(&story);
        let confirmed = match order.phase {
            Phase::Confirmed => true,
            Phase::Cancelled(_) => false,
            Phase::Open | Phase::Committed | Phase::Undoing(_) => {
                let parked = order.parked.as_ref();
                let parked = parked.unwrap_or_else(|| panic!("the order is neither final nor parked: {}", story()));
                let forward = ORDER_SAGA.forward().any(|task| task.step.name() == parked.step);
                let undoing = matches!(order.phase, Phase::Undoing(_));
                // Who turned it round after it was parked had it resumed.
                assert!(!(undoing && forward), "parked on the way forward, while it is undone: {}", story());
                return;
            }
        };
        for (name, ordered) in ORDERED {
            let (on_hand, reserved) = self.stock_of(&sku(name));
            let received = if self.commits(&streams::stock(&tenant(), &sku(name), 0)).is_empty() { 0 } else { ON_HAND };
            let left = if confirmed { ordered } else { 0 };
            assert_eq!((on_hand, reserved), (received - left, 0), "on hand and reserved of {name}: {}", story());
        }
        let payments = self.gateway.entries();
        assert_eq!(payments.values().find_map(|entry| entry.open()), None, "money is still held: {}", story());
        let captured: Vec<_> = payments.values().filter_map(|entry| entry.captured()).collect();
        let due = if confirmed { vec![self.total] } else { Vec::new() };
        assert_eq!(captured, due, "money that is ours: {}", story());
        let parcels = self.carrier.entries().values().filter(|entry| entry.has_parcel()).count();
        assert_eq!(parcels, usize::from(confirmed), "parcels at the carrier: {}", story());
    }

    /// One direction, and undone in the order of undoing: nothing before it was said, the last step first.
    #[track_caller]
    fn assert_direction(&self, story: &dyn Fn() -> String) {
        let log = self.log();
        let at = |name: &str| log.iter().position(|written| written == name);
        let ever = |name: &str| at(name).is_some();
        assert!(!(ever("order.committed") && ever("order.undo_started")), "both ways: {}", story());
        assert!(!(ever("order.confirmed") && ever("order.cancelled")), "both ends: {}", story());
        let often =
            |name: &&String| name.starts_with("stock.") || ["order.parked", "order.resumed"].contains(&name.as_str());
        let once: Vec<&String> = log.iter().filter(|name| !often(name)).collect();
        assert_eq!(once.iter().collect::<BTreeSet<_>>().len(), once.len(), "something was done twice: {}", story());

        let released = at("reservation.released").or_else(|| at("reservation.abandoned"));
        let undoing = [at("order.undo_started"), at("shipment.cancelled"), at("payment.voided"), released];
        let undoing: Vec<usize> = undoing.into_iter().chain([at("order.cancelled")]).flatten().collect();
        assert!(undoing.is_sorted(), "undone in another order: {}", story());
        assert!(undoing.is_empty() || ever("order.undo_started"), "undone without a word: {}", story());
        let done = [at("reservation.made"), at("payment.authorized"), at("shipment.created"), at("order.committed")];
        let after = [at("payment.captured"), at("reservation.shipped"), at("order.confirmed")];
        let done: Vec<usize> = done.into_iter().chain(after).flatten().collect();
        assert!(done.is_sorted(), "done in another order: {}", story());
    }
}

pub(crate) fn tenant() -> Tenant {
    Tenant::default()
}

fn context() -> Context {
    Context {
        source: "test".to_owned(),
        correlation_id: CorrelationId::new("call-1").unwrap(),
        causation_id: None,
        actor: Actor::new("test").unwrap(),
        metadata: Default::default(),
    }
}

/// Polls once. Whether it is at its end.
pub(crate) fn poll(runner: &mut Runner<'_>) -> bool {
    let mut context = TaskContext::from_waker(Waker::noop());
    match runner.as_mut().poll(&mut context) {
        Poll::Ready(result) => {
            result.unwrap();
            true
        }
        Poll::Pending => false,
    }
}

/// Polls so many times, or until it is at its end. Whether it is.
pub(crate) fn poll_times(runner: &mut Runner<'_>, times: usize) -> bool {
    (0..times).any(|_| poll(runner))
}

/// Runs to the end.
pub(crate) fn run(mut runner: Runner<'_>) {
    assert!(poll_times(&mut runner, MOST_POLLS), "the runner does not come to its end");
}

/// Runs anything to its end.
pub(crate) fn finish<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = TaskContext::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

impl EventStore for World {
    type Head = InMemoryHead;

    fn start(&self, stream: StreamId) -> InMemoryHead {
        self.store.start(stream)
    }

    async fn page(&self, stream: &StreamId, way: Way, at_most: u32) -> Result<Page, StoreError> {
        let page = self.store.page(stream, way, at_most).await;
        yield_now().await;
        page
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<InMemoryHead>, StoreError> {
        let loaded = self.store.load(stream, snapshots).await;
        yield_now().await;
        loaded
    }

    async fn append(&self, head: &InMemoryHead, draft: Draft) -> Result<Appended<InMemoryHead>, AppendError> {
        let mut appended = self.append_all(vec![(head.clone(), draft)]).await?;
        Ok(appended.remove(0))
    }

    async fn append_all(&self, parts: Vec<(InMemoryHead, Draft)>) -> Result<Vec<Appended<InMemoryHead>>, AppendError> {
        let appended = self.store.append_all(parts.clone()).await;
        let written = appended.iter().flatten().zip(&parts).filter(|(appended, _)| !appended.repeated);
        let names = written.flat_map(|(_, (_, draft))| draft.events.iter().map(|event| event.event_type.clone()));
        self.log.lock().unwrap().extend(names);
        yield_now().await;
        appended
    }
}

impl Gateway for World {
    async fn ask(&self, call: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
        Gateway::ask(&Disclosing::new(Outside(self), Keys(self), tenant()), call).await
    }
}

impl Carrier for World {
    async fn ask(&self, call: &CarrierCall) -> Result<ParcelAtCarrier, PortError> {
        Carrier::ask(&Disclosing::new(Outside(self), Keys(self), tenant()), call).await
    }
}

/// The keys, which are elsewhere: between having one and using it, anything can happen.
struct Keys<'a>(&'a World);

impl PersonKeys for Keys<'_> {
    async fn to_seal(&self, person: &Person) -> Result<KeyEntry, StoreError> {
        let key = self.0.keys.to_seal(person).await;
        yield_now().await;
        key
    }

    async fn to_open(&self, person: &Person) -> Result<Option<KeyEntry>, StoreError> {
        let key = self.0.keys.to_open(person).await;
        yield_now().await;
        key
    }

    async fn erase(&self, person: &Person, at: Timestamp) -> Result<(), StoreError> {
        self.0.keys.erase(person, at).await
    }
}

/// The gateway and the carrier themselves: they are told what is sealed.
struct Outside<'a>(&'a World);

impl Gateway for Outside<'_> {
    async fn ask(&self, call: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
        let Self(world) = self;
        let unknown = !world.gateway.entries().contains_key(call.key());
        let forgets = world.forgetful && unknown && matches!(call, GatewayCall::Void { .. });
        let answer = if forgets { Ok(PaymentAtGateway::Voided) } else { Gateway::ask(&world.gateway, call).await };
        yield_now().await;
        answer
    }
}

impl Carrier for Outside<'_> {
    async fn ask(&self, call: &CarrierCall) -> Result<ParcelAtCarrier, PortError> {
        let Self(world) = self;
        let unknown = !world.carrier.entries().contains_key(call.key());
        let forgets = world.forgetful && unknown && matches!(call, CarrierCall::Cancel { .. });
        let answer = if forgets { Ok(ParcelAtCarrier::Cancelled) } else { Carrier::ask(&world.carrier, call).await };
        yield_now().await;
        answer
    }
}
