//! Time passes while a step runs: later decisions and commits have the later time.

use std::sync::atomic::{AtomicI64, Ordering};

use events::{OrderEvent, OrderLine, ProductEvent, ProductListed, StockShards};
use ordering::order::{Order, Phase};
use ordering::ports::{Gateway, GatewayCall, PaymentAtGateway, PortError};
use ordering::saga::OrderSaga;
use ordering::steps::payment::PaymentWorker;
use ordering::streams;
use skald::decider::fold;
use skald::handle::Pause;
use skald::memory::InMemoryEventStore;
use skald::store::EventStore;
use skald::stream::{Tenant, Version};
use skald::time::Timestamp;
use skald_saga::{StepError, StepInput, perform};
use skald_testkit::NoPause;
use skald_testkit::counting::Counting;
use skald_testkit::faulty::{Fault, Faulty, Plan};

use super::bounded::{execution, put, reserve};
use super::world::{finish, step};
use crate::samples::{order_id, placed, sku};

/// A clock that advances only in pauses, by an hour each.
struct Hours(AtomicI64);

impl Pause for Hours {
    fn now(&self, earlier: Timestamp) -> Timestamp {
        earlier.max(Timestamp::from_millis(self.0.load(Ordering::SeqCst)).unwrap())
    }

    async fn pause(&self, _: u32) {
        self.0.fetch_add(3_600_000, Ordering::SeqCst);
    }
}

/// A gateway that must not be called, because the deadline has passed.
struct Closed;

impl Gateway for Closed {
    async fn ask(&self, call: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
        panic!("the gateway was called with {call:?} after the deadline");
    }
}

#[test]
fn a_step_whose_order_expires_while_it_waits_starts_undoing() {
    let (store, tenant, order) = (InMemoryEventStore::default(), Tenant::default(), placed());
    let begun = order.deadline.plus_millis(-60_000);
    let stream = streams::order(&tenant, order_id());
    put(&store, stream.clone(), OrderEvent::from(order));

    let input = StepInput::new(execution(), step("authorize_payment"));
    let faulty = Faulty::new(&store, Plan::script([Some(Fault::Contended)]));
    let hours = Hours(AtomicI64::new(begun.as_millis()));
    let result = finish(perform::<OrderSaga, _, _, _>(
        &PaymentWorker::new(&Closed),
        &faulty,
        &hours,
        &input,
        begun,
    ));
    assert!(matches!(result, Err(StepError::Undone)), "{result:?}");

    let commits = finish(store.read(&stream, Version::START)).unwrap();
    assert_eq!(
        commits[1].at,
        begun.plus_millis(3_600_000),
        "undoing starts at the time after the pause"
    );
    let order = fold::<Order>(&commits).unwrap().state;
    assert!(matches!(order.placed().unwrap().phase, Phase::Undoing(_)), "{order:?}");
}

/// An order of products whose 112 shards are empty, and the step that reserves them.
fn wide_order(store: &InMemoryEventStore) -> Timestamp {
    let (tenant, mut order) = (Tenant::default(), placed());
    let line = order.lines.remove(0);
    order.lines = (0..7)
        .map(|number| OrderLine { sku: sku(&format!("SKU-{number}")), ..line.clone() })
        .collect();
    for line in &order.lines {
        let (name, unit_price) = (line.name.clone(), line.unit_price);
        let listed = ProductListed { name, unit_price, stock_shards: StockShards::MAX };
        put(store, streams::product(&tenant, &line.sku), ProductEvent::from(listed));
    }
    let begun = order.deadline.plus_millis(-60_000);
    put(store, streams::order(&tenant, order_id()), OrderEvent::from(order));
    begun
}

/// If products sell fast, reads of all their shards must not follow each other without a pause.
#[test]
fn a_step_that_cannot_guard_short_stock_pauses_before_it_reads_again() {
    let store = InMemoryEventStore::default();
    let begun = wide_order(&store);
    let hours = Hours(AtomicI64::new(begun.as_millis()));
    let result = finish(reserve(&store, &hours, begun));
    assert!(matches!(result, Err(StepError::Undone)), "the step did not pause: {result:?}");
}

#[test]
fn a_step_that_can_guard_short_stock_refuses_at_once() {
    let (store, tenant, order) = (InMemoryEventStore::default(), Tenant::default(), placed());
    let begun = order.deadline.plus_millis(-60_000);
    put(&store, streams::order(&tenant, order_id()), OrderEvent::from(order));
    let (store, hours) = (Counting::new(store), Hours(AtomicI64::new(begun.as_millis())));
    let result = finish(reserve(&store, &hours, begun));
    assert!(matches!(result, Err(StepError::Undone)), "{result:?}");
    // The order and the reservation, and once more after the refusal; both products; both shards;
    // the refusal, and the start of undoing.
    assert_eq!(store.take_calls(), 2 * 2 + 2 + 2 + 2);
}

/// The guards of many concurrent refusals conflict with each other. The orders are refused
/// nevertheless, and then no longer block other orders from the shards.
#[test]
fn a_refusal_whose_guards_keep_conflicting_is_decided_by_a_second_read() {
    let (store, tenant, order) = (InMemoryEventStore::default(), Tenant::default(), placed());
    put(&store, streams::order(&tenant, order_id()), OrderEvent::from(order));
    let script = vec![Some(Fault::Contended); 10];
    let faulty = Faulty::new(&store, Plan::script(script));
    let result = finish(reserve(&faulty, &NoPause, Timestamp::EPOCH));
    assert!(matches!(result, Err(StepError::Undone)), "{result:?}");
    assert_eq!(faulty.happened().len(), 10);

    // The step gives up if the second refusal fails, too.
    let (store, order) = (InMemoryEventStore::default(), placed());
    put(&store, streams::order(&tenant, order_id()), OrderEvent::from(order));
    let faulty = Faulty::new(&store, Plan::script(vec![Some(Fault::Contended); 20]));
    let result = finish(reserve(&faulty, &NoPause, Timestamp::EPOCH));
    assert!(matches!(result, Err(StepError::Busy)), "{result:?}");
}
