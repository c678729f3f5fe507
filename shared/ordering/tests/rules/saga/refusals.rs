//! Goods or shards that appear after the stock was read and before a refusal is written.

use std::cell::Cell;
use std::sync::Mutex;

use events::{
    ProductEvent, ProductListed, ReceiptReference, ReservationEvent, StockEvent, StockReceived,
};
use ordering::reservation::{ReservingRejection, make};
use ordering::streams;
use skald::commit::{Actor, CommitId};
use skald::handle::{HandleError, Handled, Handler, Outcome, Request};
use skald::memory::InMemoryEventStore;
use skald::stream::Tenant;
use skald::time::Timestamp;
use skald_testkit::NoPause;

use super::bounded::put;
use super::world::finish;
use crate::reservation::{order, wanted};
use crate::samples::{eur, order_id, quantity, shards, sku};

fn listed(stock_shards: u64) -> ProductEvent {
    let stock_shards = shards(stock_shards);
    ProductListed { name: "A mug".to_owned(), unit_price: eur(1), stock_shards }.into()
}

/// Makes a reservation of nine mugs from two shards that are empty when they are read. `meanwhile`
/// changes the store between the first read and the append.
fn reserve_while(
    before: impl Fn(&InMemoryEventStore, &Tenant),
    meanwhile: impl Fn(&InMemoryEventStore, &Tenant) + Send + Sync,
) -> Result<Vec<ReservationEvent>, ReservingRejection> {
    let (store, tenant) = (InMemoryEventStore::default(), Tenant::default());
    before(&store, &tenant);
    let order = order([wanted("MUG-01", 9, 2)]);
    let id = CommitId::of(order_id().uuid(), "reserve");
    let request = Request::new(id, Timestamp::EPOCH, "test", Actor::new("test").unwrap());
    let is_first = Mutex::new(Cell::new(true));
    let handled = finish(Handler::new(&store, NoPause).handle_all(
        &order.streams(&tenant),
        &request,
        |states| {
            if is_first.lock().unwrap().replace(false) {
                meanwhile(&store, &tenant);
            }
            make(states, &order, None)
        },
    ));
    match handled {
        Ok(Handled { outcome: Outcome::Appended(commits), .. }) => Ok(commits[0]
            .events
            .iter()
            .map(|event| skald::event::DomainEvent::decode(event).unwrap())
            .collect()),
        Err(HandleError::Rejected(rejection)) => Err(rejection),
        _ => panic!("the reservation was neither made nor rejected"),
    }
}

fn list(store: &InMemoryEventStore, tenant: &Tenant) {
    put(store, streams::product(tenant, &sku("MUG-01")), listed(2));
}

#[test]
fn an_order_is_refused_if_no_goods_arrive() {
    let made = reserve_while(list, |_, _| {}).unwrap();
    assert!(matches!(made.as_slice(), [ReservationEvent::Refused(_)]), "{made:?}");
}

#[test]
fn an_order_is_not_refused_if_goods_arrive_in_any_shard_before_the_refusal_is_written() {
    for shard in 0..2 {
        let made = reserve_while(list, |store, tenant| {
            let reference = ReceiptReference::new("DN-1").unwrap();
            let received = StockReceived { reference, quantity: quantity(9) };
            let stream = streams::stock(tenant, &sku("MUG-01"), shard);
            put(store, stream, StockEvent::from(received));
        });
        let made = made.unwrap();
        assert!(matches!(made.as_slice(), [ReservationEvent::Made(_)]), "{shard}: {made:?}");
    }
}

/// The product is put on sale after its stock was read, with more shards than were read.
#[test]
fn an_order_is_not_refused_if_the_product_changes_before_the_refusal_is_written() {
    let unlisted = order([wanted("MUG-01", 9, 1)]);
    let (store, tenant) = (InMemoryEventStore::default(), Tenant::default());
    let id = CommitId::of(order_id().uuid(), "reserve");
    let request = Request::new(id, Timestamp::EPOCH, "test", Actor::new("test").unwrap());
    let is_first = Mutex::new(Cell::new(true));
    let handled = finish(Handler::new(&store, NoPause).handle_all(
        &unlisted.streams(&tenant),
        &request,
        |states| {
            if is_first.lock().unwrap().replace(false) {
                put(&store, streams::product(&tenant, &sku("MUG-01")), listed(3));
            }
            make(states, &unlisted, None)
        },
    ));
    assert!(matches!(handled, Err(HandleError::Rejected(ReservingRejection::Changed))));
}
