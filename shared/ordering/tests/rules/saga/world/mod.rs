//! The environment of an order, in memory: streams, ledgers, a clock; and runners that can be
//! stopped after any line.
//!
//! Every call to a store, the gateway or the carrier yields before it returns its answer, and each
//! poll of a runner continues to the next such point. So a runner that is dropped after some polls
//! has died with an answer in flight, and polling runners in turn interleaves them in any order.

mod calls;
pub(crate) mod machine;
mod others;
mod promise;
mod runners;
pub(crate) mod scenarios;
pub(crate) mod stored;

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use events::{
    CancelReason, Money, OrderCommitted, OrderEvent, OrderLine, OrderPlaced, ProductEvent,
    ProductListed, ReceiptReference, Sku, StockEvent, StockReceived,
};
use ordering::dispatching::Parcel;
use ordering::order::{Order, OrderCommand, Phase};
use ordering::reservation::HeldGoods;
use ordering::saga::{ORDER_SAGA, OrderSaga, SagaState, Step};
use ordering::sandbox::memory::{CarrierLedger, GatewayLedger};
use ordering::steps::Ports;
use ordering::streams;
use serde_json::json;
use skald::commit::{Actor, Commit, CommitId, Context, CorrelationId};
use skald::event::{DomainEvent, EventData};
use skald::handle::{Handler, Pause, Request};
use skald::memory::{InMemoryEventStore, InMemoryPersonKeys};
use skald::personal::{Person, PersonKeys, Sealing};
use skald::store::EventStore;
use skald::stream::{StreamId, Tenant, Version};
use skald::time::Timestamp;
use skald_saga::{
    ExecutionInput, Instance, Patience, Performer, Retry, StepError, StepInput, StepName, drive,
    execution_of, look,
};
use skald_testkit::{NoPause, yield_now};

pub(crate) use runners::{Runner, finish, poll, poll_times, run};

use crate::samples::{body, customer, eur, order_id, place, quantity, shards, sku, with};

/// A product that is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Goods {
    pub(crate) sku: Sku,
    pub(crate) ordered: u64,
    /// The quantities that were delivered, by shard.
    pub(crate) received: Vec<u64>,
}

impl Goods {
    /// Two mugs and a shirt, each in two shards. No shirt is in stock if there must be too little.
    fn of(scenario: Scenario) -> Vec<Self> {
        let goods = |name, ordered, received: [u64; 2]| Self {
            sku: sku(name),
            ordered,
            received: received.to_vec(),
        };
        let tees = if scenario.enough { [1, 9] } else { [0, 0] };
        vec![goods("MUG-01", 2, [1, 9]), goods("TEE-07", 1, tees)]
    }

    /// The total quantity that was delivered.
    pub(crate) fn all(&self) -> u64 {
        self.received.iter().sum()
    }
}

/// The scenario of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) token: &'static str,
    pub(crate) postal_code: &'static str,
    pub(crate) enough: bool,
}

impl Scenario {
    /// The steps at which an order of this scenario may be parked: those that the gateway or the
    /// carrier never answers. Any other order reaches its end.
    pub(crate) fn may_park_at(self) -> &'static [&'static str] {
        match (self.token, self.postal_code) {
            ("tok_timeout_always", _) => &["authorize_payment", "void_payment"],
            (_, "99999") => &["create_shipment", "cancel_shipment"],
            (_, _) => &[],
        }
    }
}

/// The environment of one order.
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    store: InMemoryEventStore,
    gateway: GatewayLedger,
    carrier: CarrierLedger,
    /// The keys that seal the personal data of the order's customer.
    keys: InMemoryPersonKeys,
    /// Whether the gateway forgets to close a key that is voided before it is known.
    forgetful: bool,
    millis: AtomicI64,
    /// The types of all events that were written, in the order of writing: a list for each append.
    log: Mutex<Vec<Vec<String>>>,
    total: Money,
    goods: Vec<Goods>,
    /// Whether the shards of a product are read one after the other.
    staggered: bool,
    /// Whether every append with guards meets another transaction.
    contended: bool,
    /// How long a step is retried.
    patience: Patience,
    /// Whether an earlier release took the goods from the stock before the parcel leaves.
    shipped_early: bool,
}

/// Five attempts, so that tests which stop executions at every line have few lines. An order in
/// which a call is never answered is then parked at any step.
const IMPATIENT: Patience = {
    let retry = Retry { max_retries: 4, first_s: 1, backoff: 2, max_delay_s: 8 };
    Patience { transient: retry, busy: retry, endless: retry }
};

/// Waits as the state machine does, on the world's clock.
struct Waits<'a>(&'a World);

impl Pause for Waits<'_> {
    fn now(&self, earlier: Timestamp) -> Timestamp {
        earlier
    }

    async fn pause(&self, retry: u32) {
        self.0.wait(self.0.patience.transient, retry);
        yield_now().await;
    }
}

impl World {
    /// A world with this order in it, just placed.
    pub(crate) fn new(scenario: Scenario) -> Self {
        let mut body = with("/payment_token", json!(scenario.token));
        body["shipping_address"]["postal_code"] = json!(scenario.postal_code);
        Self::placed(scenario, place(&body).placed().clone(), Goods::of(scenario))
    }

    /// A world in which every call succeeds, with an order of these goods.
    pub(crate) fn with_goods(goods: Vec<Goods>) -> Self {
        let line = |goods: &Goods| OrderLine {
            sku: goods.sku.clone(),
            name: goods.sku.to_string(),
            product_version: Version::new(1),
            quantity: quantity(goods.ordered),
            unit_price: eur(1),
        };
        let total = goods.iter().map(|goods| i64::try_from(goods.ordered).unwrap()).sum();
        let lines = goods.iter().map(line).collect();
        let placed = OrderPlaced { lines, total: eur(total), ..place(&body()).placed().clone() };
        Self::placed(
            Scenario { token: "tok_approved", postal_code: "10115", enough: true },
            placed,
            goods,
        )
    }

    fn placed(scenario: Scenario, placed: OrderPlaced, goods: Vec<Goods>) -> Self {
        let world = Self::unplaced(scenario, &placed, goods);
        world.place(placed);
        world
    }

    /// A world with these goods, in which this order can be placed.
    fn unplaced(scenario: Scenario, placed: &OrderPlaced, goods: Vec<Goods>) -> Self {
        let world = Self {
            scenario,
            store: InMemoryEventStore::default(),
            gateway: GatewayLedger::default(),
            carrier: CarrierLedger::default(),
            keys: InMemoryPersonKeys::default(),
            forgetful: false,
            millis: AtomicI64::new(placed.deadline.as_millis() - 600_000),
            log: Mutex::default(),
            total: placed.total,
            goods,
            staggered: false,
            contended: false,
            patience: IMPATIENT,
            shipped_early: false,
        };
        world.stock();
        world
    }

    /// The same world, but the gateway breaks its promise to close a key.
    pub(crate) fn forgetful(scenario: Scenario) -> Self {
        Self { forgetful: true, ..Self::new(scenario) }
    }

    /// The same world, but the shards of a product are read one after the other: anything can
    /// happen between two reads.
    pub(crate) fn staggered(goods: Vec<Goods>) -> Self {
        Self { staggered: true, ..Self::with_goods(goods) }
    }

    /// The same world, in which steps are retried as long as the saga says.
    pub(crate) fn patient(scenario: Scenario) -> Self {
        Self { patience: ORDER_SAGA.patience, ..Self::new(scenario) }
    }

    /// The same staggered world in which every append with guards meets another transaction.
    pub(crate) fn staggered_and_contended(goods: Vec<Goods>) -> Self {
        Self { contended: true, ..Self::staggered(goods) }
    }

    /// Places the order as the function for commands does.
    fn place(&self, placed: OrderPlaced) {
        let stream = streams::order(&tenant(), order_id());
        let request = Request {
            commit_id: CommitId::of(order_id().uuid(), "place"),
            at: self.now(),
            context: context(),
        };
        let draft = request.draft(vec![OrderEvent::from(placed).encode().unwrap()], None);
        let sealing = Sealing::new(self.store.clone(), &self.keys);
        finish(sealing.append(&self.store.start(stream), draft)).unwrap();
        self.log.lock().unwrap().push(vec!["order.placed".to_owned()]);
    }

    /// Erases the customer.
    pub(crate) fn erase_customer(&self) {
        let person = Person { tenant: tenant(), id: customer().person() };
        finish(self.keys.erase(&person, self.now())).unwrap();
    }

    fn stock(&self) {
        for Goods { sku, received, .. } in &self.goods {
            let stock_shards = shards(received.len() as u64);
            let listed = ProductListed { name: sku.to_string(), unit_price: eur(1), stock_shards };
            self.plant(streams::product(&tenant(), sku), &[ProductEvent::from(listed)]);
            for (shard, &number) in (0..).zip(received).filter(|(_, number)| **number > 0) {
                let reference = ReceiptReference::new("DN-1").unwrap();
                let received = StockReceived { reference, quantity: quantity(number) };
                self.plant(streams::stock(&tenant(), sku, shard), &[StockEvent::from(received)]);
            }
        }
    }

    fn plant<E: DomainEvent>(&self, stream: StreamId, events: &[E]) {
        self.plant_encoded(stream, events.iter().map(|event| event.encode().unwrap()).collect());
    }

    /// Begins this stream with an event of a newer release, which this release does not know.
    pub(crate) fn plant_unreadable(&self, stream: StreamId) {
        let event = OrderEvent::from(OrderCommitted {}).encode().unwrap();
        self.plant_encoded(
            stream,
            vec![EventData { event_type: "order.from_the_future".to_owned(), ..event }],
        );
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

    /// Advances the clock by a moment.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.fetch_add(1, Ordering::SeqCst)).unwrap()
    }

    /// Advances the clock beyond every deadline.
    pub(crate) fn expire(&self) {
        self.millis.fetch_add(3_600_000, Ordering::SeqCst);
    }

    /// Advances the clock by the wait before this retry.
    fn wait(&self, retry: Retry, number: u32) {
        let longest = i64::from(retry.max_delay_s);
        let wait = i64::from(retry.first_s) << (number - 1).min(20);
        self.millis.fetch_add(1000 * wait.min(longest), Ordering::SeqCst);
    }

    fn ports(&self) -> Ports<'_, Self, NoPause, Self, Self> {
        Ports { store: self, pause: &NoPause, gateway: self, carrier: self }
    }

    /// A runner that takes the order to its end, step by step.
    pub(crate) fn driver(&self) -> Runner<'_> {
        Box::pin(async move {
            let (pause, ports, clock) = (Waits(self), self.ports(), || self.now());
            let (instance, patience) = (instance(), &self.patience);
            drive::<OrderSaga, _, _>(self, &pause, &ports, &instance, patience, &clock)
                .await
                .map(drop)
        })
    }

    /// A runner that performs this step.
    pub(crate) async fn perform(&self, input: &StepInput<Step>) -> Result<(), StepError> {
        self.ports().perform(input, self.now()).await
    }

    /// The customer cancels the order. Returns whether the order will be cancelled.
    pub(crate) fn cancel(&self) -> bool {
        let command = OrderCommand::StartUndo {
            reason: CancelReason::CustomerRequest,
            note: None,
            attempt: None,
        };
        // Each call is a separate command.
        self.command(&command, &format!("cancel {}", self.log.lock().unwrap().len())).is_ok()
    }

    /// The operator resumes the order.
    pub(crate) fn resume(&self) {
        assert!(self.try_resume(), "the order is final");
    }

    /// The operator tries to resume the order. Returns whether it was resumed.
    pub(crate) fn try_resume(&self) -> bool {
        self.command(
            &OrderCommand::Resume { extend_to: None },
            &format!("resume {}", self.attempt()),
        )
        .is_ok()
    }

    /// The parcel leaves. Returns whether it did.
    pub(crate) fn dispatch(&self) -> bool {
        let lines = self.state().reservation.held().to_vec();
        let goods = HeldGoods { order_id: order_id(), lines };
        let parcel = Parcel { goods, tracking_code: None };
        let streams = parcel.streams(&tenant());
        let handler = Handler::new(self, NoPause);
        let request = self.request("dispatch");
        let decide = |states: &_| parcel.dispatch(states);
        finish(handler.handle_all(&streams, &request, decide)).is_ok()
    }

    /// Takes the goods from the stock as an earlier release did, before the order was confirmed.
    pub(crate) fn ship_early(&self) {
        let lines = self.state().reservation.held().to_vec();
        let goods = HeldGoods { order_id: order_id(), lines };
        let handler = Handler::new(self, NoPause);
        let request = self.request("ship_stock");
        let streams = goods.streams(&tenant());
        finish(handler.handle_all(&streams, &request, |states| goods.ship(states))).unwrap();
    }

    fn request(&self, name: &str) -> Request {
        let commit_id = CommitId::of(order_id().uuid(), name);
        Request { commit_id, at: self.now(), context: context() }
    }

    fn command(&self, command: &OrderCommand, name: &str) -> Result<(), String> {
        let request = self.request(name);
        let stream = streams::order(&tenant(), order_id());
        let handled =
            finish(Handler::new(self, NoPause).handle::<Order>(&stream, command, &request));
        handled.map(|_| ()).map_err(|error| error.to_string())
    }

    /// The execution of the first attempt.
    pub(crate) fn execution(&self) -> ExecutionInput {
        let stream = streams::order(&tenant(), order_id());
        let placed = &self.commits(&stream)[..1];
        execution_of::<Order>(&stream, placed).unwrap().unwrap()
    }

    /// The current attempt.
    pub(crate) fn attempt(&self) -> u32 {
        self.state().order.placed().unwrap().attempt
    }

    /// The attempt after the first for which an execution is started, if there is one.
    pub(crate) fn resumed(&self) -> Option<u32> {
        let stream = streams::order(&tenant(), order_id());
        let execution = execution_of::<Order>(&stream, &self.commits(&stream)).unwrap();
        execution.map(|execution| execution.attempt).filter(|attempt| *attempt > 1)
    }

    pub(crate) fn state(&self) -> SagaState {
        finish(look::<OrderSaga, _>(&self.store, &instance())).unwrap()
    }

    pub(crate) fn commits(&self, stream: &StreamId) -> Vec<Commit> {
        finish(self.store.read(stream, Version::START)).unwrap()
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().concat()
    }

    /// The types of the events of the last append.
    pub(crate) fn last_written(&self) -> Vec<String> {
        self.log.lock().unwrap().last().unwrap().clone()
    }
}

pub(crate) fn instance() -> Instance {
    Instance { tenant: tenant(), id: order_id().to_string() }
}

/// The step with this name.
pub(crate) fn step(name: &str) -> Step {
    Step::named(name).unwrap_or_else(|| panic!("the saga has no step {name}"))
}

/// The progress of the order.
pub(crate) fn phase(state: &SagaState) -> Phase {
    state.order.placed().unwrap().phase
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
