//! Many orders for one product at once: each reads as little as it can, none is oversold or refused
//! without reason, and no goods are lost in a shard that is no longer in use.

use std::sync::Mutex;

use events::{
    OrderEvent, OrderId, OrderLine, ProductEvent, ProductListed, ReceiptReference, StockEvent,
    StockReceived,
};
use ordering::product::{Product, ProductCommand};
use ordering::receipt::{BookReceipt, receive};
use ordering::requests::{Caller, IdempotencyKey};
use ordering::reservation::{Reservation, ReservationState};
use ordering::saga::OrderSaga;
use ordering::steps::reservation::ReservationWorker;
use ordering::stock::{Stock, StockState};
use ordering::streams;
use skald::commit::{Actor, CommitId, CorrelationId, Draft};
use skald::handle::{HandleError, Handler, Many, One, Request, states};
use skald::implementing::Page;
use skald::memory::{InMemoryEventStore, InMemoryHead};
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{AppendError, Appended, EventStore, Head, Loaded, StoreError};
use skald::stream::{StreamId, Tenant, Version};
use skald::time::Timestamp;
use skald_saga::{ExecutionInput, Instance, StepError, StepInput, perform};
use skald_testkit::{NoPause, SeededRng, yield_now};
use uuid::Uuid;

use super::bounded::put;
use super::world::{Runner, finish, poll, step};
use crate::samples::{customer, eur, placed, quantity, shards, sku};

/// The largest number of shards.
const SHARDS: u16 = 16;

/// A store with one product. Every call yields before it returns its answer.
#[derive(Default)]
struct Shop {
    store: InMemoryEventStore,
    /// The streams that were read, in order.
    reads: Mutex<Vec<String>>,
    /// The streams of each append that was tried.
    appends: Mutex<Vec<Vec<String>>>,
    /// Whether every append meets another transaction.
    contended: bool,
}

impl Shop {
    /// A product with this stock in each shard.
    fn with(available: &[u64]) -> Self {
        let shop = Self::default();
        let listed = ProductListed {
            name: "A mug".to_owned(),
            unit_price: eur(1),
            stock_shards: shards(available.len() as u64),
        };
        put(&shop.store, product(), ProductEvent::from(listed));
        for (shard, &number) in (0..).zip(available).filter(|(_, number)| **number > 0) {
            let reference = ReceiptReference::new("DN-0").unwrap();
            let received = StockReceived { reference, quantity: quantity(number) };
            put(&shop.store, stock(shard), StockEvent::from(received));
        }
        shop
    }

    /// Places an order for this many pieces.
    fn order(&self, buyer: u64, number: u64) -> OrderId {
        let key = IdempotencyKey::new(buyer.to_string()).unwrap();
        let tenant = Tenant::default();
        let id = ordering::requests::order_id(&tenant, &Caller::customer(&customer()), &key);
        let line = OrderLine {
            sku: sku("MUG-01"),
            name: "A mug".to_owned(),
            product_version: Version::new(1),
            quantity: quantity(number),
            unit_price: eur(1),
        };
        let mut order = placed();
        order.lines = vec![line];
        put(&self.store, streams::order(&tenant, id), OrderEvent::from(order));
        id
    }

    /// Performs the step once.
    async fn try_to_reserve(&self, order_id: OrderId) -> Result<(), StepError> {
        let execution = ExecutionInput {
            instance: Instance { tenant: Tenant::default(), id: order_id.to_string() },
            attempt: 1,
            correlation_id: CorrelationId::new("call-1").unwrap(),
        };
        let (input, at) = (StepInput::new(execution, step("reserve_stock")), Timestamp::EPOCH);
        perform::<OrderSaga, _, _, _>(&ReservationWorker, self, &NoPause, &input, at).await
    }

    /// Performs the step as the state machine does, again after contention.
    async fn reserve(&self, order_id: OrderId) -> Result<(), StepError> {
        for _ in 0..100 {
            match self.try_to_reserve(order_id).await {
                Err(StepError::Busy) => {}
                Ok(()) | Err(StepError::Undone) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        panic!("the reservation of {order_id} is not decided")
    }

    /// Books a delivery, again if the product is resharded meanwhile.
    async fn receive(&self, number: u64, reference: u64) -> Result<(), StepError> {
        let request = request(&format!("receive {reference}"));
        let reference = ReceiptReference::new(format!("DN-{reference}")).unwrap();
        loop {
            let product = states(self, &One::<Product>::new(product())).await.unwrap().state;
            let book = BookReceipt {
                reference: reference.clone(),
                sku: sku("MUG-01"),
                quantity: quantity(number),
                stock_shards: product.stock_shards(),
            };
            let handled = Handler::new(self, NoPause)
                .handle_all(&book.streams(&Tenant::default()), &request, |states| {
                    receive(states, &book)
                })
                .await;
            match handled {
                Ok(_) => return Ok(()),
                Err(HandleError::Rejected(_) | HandleError::Busy { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Spreads the stock over another number of shards, as the operator does.
    async fn reshard(&self, number: u64, name: u64) -> Result<(), StepError> {
        let command = ProductCommand::Reshard { stock_shards: shards(number) };
        Handler::new(self, NoPause)
            .handle::<Product>(&product(), &command, &request(&format!("reshard {name}")))
            .await
            .unwrap();
        Ok(())
    }

    /// The stock of every shard that was ever in use, at this moment.
    fn shards(&self) -> Vec<StockState> {
        let all = Many::<Stock>::new((0..SHARDS).map(stock).collect());
        finish(states(&self.store, &all)).unwrap().into_iter().map(|shard| shard.state).collect()
    }

    /// The number of appends that were tried.
    fn appends(&self) -> usize {
        self.appends.lock().unwrap().len()
    }

    fn reservation(&self, order_id: OrderId) -> ReservationState {
        let stream = streams::reservation(&Tenant::default(), order_id);
        finish(states(&self.store, &One::<Reservation>::new(stream))).unwrap().state
    }

    /// How often a stream was read whose name starts like this.
    fn reads_of(&self, name: &str) -> usize {
        self.reads.lock().unwrap().iter().filter(|read| read.starts_with(name)).count()
    }
}

fn product() -> StreamId {
    streams::product(&Tenant::default(), &sku("MUG-01"))
}

fn stock(shard: u16) -> StreamId {
    streams::stock(&Tenant::default(), &sku("MUG-01"), shard)
}

fn request(name: &str) -> Request {
    let id = CommitId::of(Uuid::nil(), name);
    Request::new(id, Timestamp::EPOCH, "test", Actor::new("test").unwrap())
}

/// The quantity that a reservation holds.
fn held(state: &ReservationState) -> u64 {
    state.held().iter().map(|line| u64::from(line.quantity)).sum()
}

impl EventStore for Shop {
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
        let page = self.store.page(stream, from, limit).await;
        yield_now().await;
        page
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<InMemoryHead>, StoreError> {
        // The shards are read one after the other: anything can happen between two reads.
        for _ in 0..streams::stock_of(stream).map_or(0, |(_, shard)| shard) {
            yield_now().await;
        }
        self.reads.lock().unwrap().push(stream.name().to_owned());
        let loaded = self.store.load(stream, snapshots).await;
        yield_now().await;
        loaded
    }

    async fn load_after(&self, head: &InMemoryHead) -> Result<Loaded<InMemoryHead>, StoreError> {
        self.reads.lock().unwrap().push(head.stream().name().to_owned());
        let loaded = self.store.load_after(head).await;
        yield_now().await;
        loaded
    }

    async fn append(
        &self,
        head: &InMemoryHead,
        draft: Draft,
    ) -> Result<Appended<InMemoryHead>, AppendError<InMemoryHead>> {
        let mut appended = self.append_all(vec![(head.clone(), draft)]).await?;
        Ok(appended.remove(0))
    }

    async fn append_guarded(
        &self,
        parts: Vec<(InMemoryHead, Draft)>,
        guards: Vec<InMemoryHead>,
    ) -> Result<Vec<Appended<InMemoryHead>>, AppendError<InMemoryHead>> {
        let names = parts.iter().map(|(head, _)| head.stream().name().to_owned());
        self.appends.lock().unwrap().push(names.collect());
        let appended = if self.contended {
            Err(AppendError::Contended)
        } else {
            self.store.append_guarded(parts, guards).await
        };
        yield_now().await;
        appended
    }
}

/// A read of all shards would cost 16 requests, and the shards would conflict with each other.
#[test]
fn an_order_whose_shard_has_enough_reads_the_product_and_one_shard_and_appends_once() {
    let shop = Shop::with(&[9; 16]);
    let id = shop.order(1, 2);
    finish(shop.try_to_reserve(id)).unwrap();
    assert_eq!(held(&shop.reservation(id)), 2);
    assert_eq!((shop.reads_of("product-"), shop.reads_of("stock-")), (1, 1));
    let appends = shop.appends.lock().unwrap();
    let drawn = shop.reads.lock().unwrap().iter().find(|read| read.starts_with("stock-")).cloned();
    assert_eq!(*appends, [vec![format!("reservation-{id}"), drawn.unwrap()]]);
}

#[test]
fn an_order_whose_shard_has_too_little_reads_all_shards_once() {
    let shop = Shop::with(&[1; 16]);
    let id = shop.order(1, 16);
    finish(shop.try_to_reserve(id)).unwrap();
    assert_eq!(held(&shop.reservation(id)), 16);
    assert_eq!((shop.reads_of("product-"), shop.reads_of("stock-")), (1, 1 + 16));
    assert_eq!(shop.appends.lock().unwrap().len(), 1);
}

/// An order that is refused because of contention is a lost sale; a permanent error parks it.
#[test]
fn contention_neither_refuses_nor_parks_an_order_whether_its_goods_are_there_or_not() {
    for available in [&[9; 1][..], &[9; 4], &[1; 4], &[0; 1], &[0; 4]] {
        let shop = Shop { contended: true, ..Shop::with(available) };
        let id = shop.order(1, 3);
        let result = finish(shop.try_to_reserve(id));
        assert!(matches!(result, Err(StepError::Busy)), "{available:?}: {result:?}");
        assert_eq!(shop.reservation(id), ReservationState::Unmade);
    }
}

/// After a conflict in its shard, an order tries other shards, so that not all orders of a shard
/// wait for each other.
#[test]
fn an_order_that_meets_others_in_its_shard_tries_other_shards() {
    let shop = Shop { contended: true, ..Shop::with(&[9; 16]) };
    let id = shop.order(1, 2);
    let _busy: Result<(), StepError> = finish(shop.try_to_reserve(id));
    let appends = shop.appends.lock().unwrap();
    let mut shards: Vec<&String> = appends.iter().map(|streams| &streams[1]).collect();
    shards.sort_unstable();
    shards.dedup();
    assert!(shards.len() > 2, "{shards:?}");
}

/// Goods that were in a shard before the product got fewer shards are still sold.
#[test]
fn fewer_shards_strand_no_goods() {
    let shop = Shop::with(&[0, 0, 3, 4]);
    finish(shop.reshard(1, 0)).unwrap();
    let (first, second) = (shop.order(1, 5), shop.order(2, 3));
    finish(shop.reserve(first)).unwrap();
    finish(shop.reserve(second)).unwrap();
    assert_eq!(held(&shop.reservation(first)), 5);
    assert!(matches!(shop.reservation(second), ReservationState::Refused(_)));
}

/// Orders, deliveries and changes of the number of shards, interleaved at random.
fn race(seed: u64) {
    let mut rng = SeededRng::new(seed);
    let available: Vec<u64> = (0..=rng.below(5)).map(|_| rng.below(6)).collect();
    let shop = Shop::with(&available);
    let received_before: u64 = available.iter().sum();
    let mut received = received_before;
    let orders: Vec<(OrderId, u64)> = (0..10)
        .map(|buyer| {
            let number = 1 + rng.below(5);
            (shop.order(buyer, number), number)
        })
        .collect();
    let mut runners: Vec<Runner<'_>> = Vec::new();
    for (id, _) in &orders {
        runners.push(Box::pin(shop.reserve(*id)));
    }
    for number in 1..=3 {
        let quantity = 1 + rng.below(8);
        received += quantity;
        runners.push(Box::pin(shop.receive(quantity, number)));
        runners.push(Box::pin(shop.reshard(1 + rng.below(SHARDS.into()), number)));
    }

    // The least that was available in all shards together, while each order was being reserved.
    let mut least = vec![u64::MAX; orders.len()];
    let mut now = received_before;
    let mut running: Vec<usize> = (0..runners.len()).collect();
    while !running.is_empty() {
        running.iter().filter(|one| **one < orders.len()).for_each(|&order| {
            least[order] = least[order].min(now);
        });
        let place = rng.below(running.len() as u64) as usize;
        let appends = shop.appends();
        if poll(&mut runners[running[place]]) {
            running.swap_remove(place);
        }
        if shop.appends() > appends {
            let stock = shop.shards();
            assert!(stock.iter().all(|shard| shard.reserved <= shard.on_hand), "seed {seed}");
            now = stock.into_iter().map(StockState::available).sum();
        }
    }
    let mut sold = 0;
    for ((id, number), least) in orders.iter().zip(least) {
        match shop.reservation(*id) {
            ReservationState::Made(lines) => {
                let held = held(&ReservationState::Made(lines));
                assert_eq!(held, *number, "seed {seed}: the order holds another quantity");
                sold += number;
            }
            ReservationState::Refused(_) => assert!(
                least < *number,
                "seed {seed}: an order for {number} was refused; {least} were always available"
            ),
            state @ (ReservationState::Unmade
            | ReservationState::Released
            | ReservationState::Shipped(_)
            | ReservationState::Returned
            | ReservationState::Abandoned) => panic!("seed {seed}: {state:?}"),
        }
    }
    let stock = shop.shards();
    assert_eq!(stock.iter().map(|shard| shard.on_hand).sum::<u64>(), received, "seed {seed}");
    assert_eq!(stock.iter().map(|shard| shard.reserved).sum::<u64>(), sold, "seed {seed}");

    // Whatever is left can be sold, in whatever shard it is. Then the product is sold out.
    if let left @ 1.. = received - sold {
        let last = shop.order(100, left);
        finish(shop.reserve(last)).unwrap();
        assert_eq!(held(&shop.reservation(last)), left, "seed {seed}: goods are stranded");
    }
    let more = shop.order(101, 1);
    finish(shop.reserve(more)).unwrap();
    assert!(matches!(shop.reservation(more), ReservationState::Refused(_)), "seed {seed}");
}

#[test]
fn no_goods_are_oversold_or_stranded_while_orders_deliveries_and_resharding_race() {
    (1..=100).for_each(race);
}
