//! Even the largest order makes only a few requests at a time, because its function has little
//! memory.

use events::{
    OrderEvent, OrderLine, ProductEvent, ProductListed, ReceiptReference, Sku, StockEvent,
    StockReceived,
};
use ordering::saga::{Step, StepInput};
use ordering::steps::reservation;
use ordering::streams;
use skald::commit::{Actor, CommitId, CorrelationId};
use skald::concurrency::MAX_CONCURRENT;
use skald::event::DomainEvent;
use skald::handle::Request;
use skald::memory::InMemoryEventStore;
use skald::store::EventStore;
use skald::stream::{StreamId, Tenant, Version};
use skald::time::Timestamp;
use skald_testkit::NoPause;
use skald_testkit::counting::Counting;

use super::world::finish;
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

    let (store, correlation_id) = (Counting::new(store), CorrelationId::new("call-1").unwrap());
    let step = Step::ReserveStock;
    let input =
        StepInput { step, order_id: order_id(), tenant, attempt: 1, correlation_id, failure: None };
    finish(reservation::perform(&store, &NoPause, &input, Timestamp::EPOCH)).unwrap();
    assert!(store.take_pages() > PRODUCTS * usize::from(SHARDS), "not all shards were read");
    assert!(store.take_max_concurrent() <= MAX_CONCURRENT, "too many concurrent requests");
}
