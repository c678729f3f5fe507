//! Even the largest order makes only a few requests at a time, because its function has little
//! memory.

use events::{
    OrderEvent, OrderLine, ProductEvent, ProductListed, ReceiptReference, Sku, StockEvent,
    StockReceived,
};
use ordering::saga::OrderSaga;
use ordering::steps::reservation::ReservationWorker;
use ordering::streams;
use skald::commit::{Actor, CommitId, CorrelationId};
use skald::concurrency::MAX_CONCURRENT;
use skald::event::DomainEvent;
use skald::handle::{Pause, Request};
use skald::memory::InMemoryEventStore;
use skald::store::EventStore;
use skald::stream::{StreamId, Tenant, Version};
use skald::time::Timestamp;
use skald_saga::{ExecutionInput, StepError, StepInput, perform};
use skald_testkit::NoPause;
use skald_testkit::counting::Counting;

use super::world::{finish, instance, step};
use crate::samples::{eur, order_id, placed, quantity, shards, sku};

/// The largest number of products in an order, and of shards of a product's stock.
const PRODUCTS: usize = 50;
const SHARDS: u16 = 16;

pub(super) fn put<E: DomainEvent>(store: &InMemoryEventStore, stream: StreamId, event: E) {
    let (id, actor) = (CommitId::of(order_id().uuid(), stream.name()), Actor::new("test").unwrap());
    let request = Request::new(id, Timestamp::EPOCH, "test", actor);
    let draft = request.draft(vec![event.encode().unwrap()], None);
    finish(store.append(&store.start(stream), draft)).unwrap();
}

/// The step that reserves the goods of the order.
pub(super) async fn reserve<S: EventStore>(
    store: &S,
    pause: &impl Pause,
    at: Timestamp,
) -> Result<(), StepError> {
    let input = StepInput::new(execution(), step("reserve_stock"));
    perform::<OrderSaga, _, _, _>(&ReservationWorker, store, pause, &input, at).await
}

pub(super) fn execution() -> ExecutionInput {
    let correlation_id = CorrelationId::new("call-1").unwrap();
    ExecutionInput { instance: instance(), attempt: 1, correlation_id }
}

#[test]
fn the_largest_order_is_reserved_with_a_few_requests_at_a_time() {
    let (store, tenant) = (InMemoryEventStore::default(), Tenant::default());
    let skus: Vec<Sku> = (0..PRODUCTS).map(|number| sku(&format!("SKU-{number}"))).collect();
    for sku in &skus {
        let listed = ProductListed {
            name: "A mug".to_owned(),
            unit_price: eur(1),
            stock_shards: shards(SHARDS.into()),
        };
        put(&store, streams::product(&tenant, sku), ProductEvent::from(listed));
        let received = StockReceived {
            reference: ReceiptReference::new("DN-1").unwrap(),
            quantity: quantity(1),
        };
        put(&store, streams::stock(&tenant, sku, SHARDS - 1), StockEvent::from(received));
    }
    let line = |sku: &Sku| OrderLine {
        sku: sku.clone(),
        name: "A mug".to_owned(),
        product_version: Version::new(1),
        quantity: quantity(1),
        unit_price: eur(1),
    };
    let mut order = placed();
    order.lines = skus.iter().map(line).collect();
    put(&store, streams::order(&tenant, order_id()), OrderEvent::from(order));

    let store = Counting::new(store);
    finish(reserve(&store, &NoPause, Timestamp::EPOCH)).unwrap();
    assert!(store.take_pages() > PRODUCTS * usize::from(SHARDS), "not all shards were read");
    assert!(store.take_max_concurrent() <= MAX_CONCURRENT, "too many concurrent requests");
}
