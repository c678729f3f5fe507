//! A sale: buyers whose orders are placed reserve one product at once.
//!
//! Each round has a new product, new orders and new buyers. In the first rounds the meter is on and
//! the clock is off; in the others it is the other way round. Every round is checked: each order is
//! either reserved or refused, as many are reserved as there are pieces, and the stock holds what
//! the reservations hold.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use aws_sdk_dynamodb::Client;
use bench_store::meter::{Bill, Meter};
use bench_store::statistics::{median, percentile};
use events::values::{Address, AddressFields};
use events::{
    Currency, CustomerId, Money, OrderEvent, OrderId, OrderLine, OrderPlaced, ProductEvent,
    ProductListed, Quantity, ReceiptReference, RequestHash, Sku, StockEvent, StockReceived,
    StockShards,
};
use futures_util::future::try_join_all;
use ordering::requests::{Caller, IdempotencyKey, order_id};
use ordering::reservation::{Reservation, ReservationState};
use ordering::saga::{OrderSaga, ReservationStep, Step};
use ordering::steps::reservation::ReservationWorker;
use ordering::stock::Stock;
use ordering::streams;
use skald::commit::{Actor, CommitId, CorrelationId};
use skald::event::DomainEvent;
use skald::handle::{Many, Pause as _, Request, states};
use skald::personal::Personal;
use skald::store::EventStore as _;
use skald::stream::{StreamId, Tenant, Version};
use skald_dynamodb::{DynamoDbEventStore, tables};
use skald_lambda::clock::{RandomPause, new_id, now};
use skald_saga::{ExecutionInput, Instance, StepError, StepInput, perform};

use crate::report::Row;

/// The number of buyers who reserve at once. Each wants one piece.
pub(crate) const BUYERS: u32 = 64;
/// The number of rounds with the meter.
const METERED: usize = 3;
/// The number of rounds with the clock.
const TIMED: usize = 3;

/// A sale to measure.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// The number of shards of the product's stock.
    pub(crate) shards: u16,
    /// The number of pieces in all shards.
    pub(crate) pieces: u32,
}

/// What the buyers of a round did.
struct Round {
    /// Steps that failed because of contention, and were repeated.
    given_up: u64,
    /// The time of each buyer's step, in microseconds.
    times_us: Vec<u64>,
    /// All buyers together per second.
    per_second: f64,
}

impl Case {
    /// Measures the sale.
    pub(crate) async fn measure(&self, client: &Client, meter: &Meter) -> Result<Row> {
        let table = format!("sale-{}-{}", self.shards, self.pieces);
        tables::events(&table).send_with(client).await?;
        let store = DynamoDbEventStore::new(client.clone(), table);
        let (mut bill, mut given_up) = (Bill::default(), 0);
        let (mut times_us, mut speeds) = (Vec::new(), Vec::new());
        for number in 0..METERED + TIMED {
            let sale = Sale::prepare(&store, self, number).await?;
            let is_metered = number < METERED;
            if is_metered {
                meter.start();
            }
            let round = sale.run().await?;
            if is_metered {
                bill.add(&meter.stop());
                given_up += round.given_up;
            } else {
                times_us.extend(round.times_us);
                speeds.push(round.per_second);
            }
            sale.check(self).await.with_context(|| format!("{}, round {number}", self.name))?;
        }
        let buyers = f64::from(BUYERS) * METERED as f64;
        Ok(Row {
            case: self.name,
            shards: self.shards,
            per_second: median(&mut speeds).unwrap_or_default(),
            p50_us: percentile(&mut times_us, 50).unwrap_or_default(),
            p99_us: percentile(&mut times_us, 99).unwrap_or_default(),
            conflicts: bill.failed_conditions as f64 / buyers,
            given_up: given_up as f64 / buyers,
            requests: bill.requests as f64 / buyers,
            read_units: bill.read_units / buyers,
            write_units: bill.write_units / buyers,
            index_write_units: bill.index_units / buyers,
        })
    }
}

/// A product with its stock, and orders that are placed and not yet reserved.
struct Sale<'a> {
    store: &'a DynamoDbEventStore,
    tenant: Tenant,
    sku: Sku,
    orders: Vec<OrderId>,
}

impl<'a> Sale<'a> {
    async fn prepare(store: &'a DynamoDbEventStore, case: &Case, round: usize) -> Result<Self> {
        let (tenant, sku) = (Tenant::default(), Sku::new(format!("SALE-{round}"))?);
        let stock_shards = StockShards::new(u64::from(case.shards))?;
        let listed = ProductListed { name: "Mug".to_owned(), unit_price: price()?, stock_shards };
        begin(store, streams::product(&tenant, &sku), ProductEvent::from(listed)).await?;
        for shard in stock_shards.numbers() {
            let quantity = Quantity::new(u64::from(case.pieces / u32::from(case.shards)))?;
            let received = StockReceived { reference: ReceiptReference::new("DN-1")?, quantity };
            let stream = streams::stock(&tenant, &sku, shard);
            begin(store, stream, StockEvent::from(received)).await?;
        }
        let mut orders = Vec::new();
        for buyer in 0..BUYERS {
            let customer = CustomerId::new(format!("c-{buyer}"))?;
            let key = IdempotencyKey::new(round.to_string())?;
            let id = order_id(&tenant, &Caller::customer(&customer), &key);
            let placed = OrderEvent::from(placed(&sku, &customer)?);
            begin(store, streams::order(&tenant, id), placed).await?;
            orders.push(id);
        }
        Ok(Self { store, tenant, sku, orders })
    }

    /// All buyers reserve at once.
    #[expect(clippy::disallowed_methods, reason = "all buyers reserve at once, and are timed")]
    async fn run(&self) -> Result<Round> {
        let start = Instant::now();
        let buyers = self.orders.iter().map(async |order_id| {
            let start = Instant::now();
            let given_up = self.reserve(*order_id).await?;
            anyhow::Ok((given_up, start.elapsed().as_micros() as u64))
        });
        let done = try_join_all(buyers).await?;
        let per_second = done.len() as f64 / start.elapsed().as_secs_f64();
        let (given_up, times_us): (Vec<_>, Vec<_>) = done.into_iter().unzip();
        Ok(Round { given_up: given_up.iter().sum(), times_us, per_second })
    }

    /// Performs a buyer's step until it is done. Returns how often it failed because of contention.
    async fn reserve(&self, order_id: OrderId) -> Result<u64> {
        let execution = ExecutionInput {
            instance: Instance { tenant: self.tenant.clone(), id: order_id.to_string() },
            attempt: 1,
            correlation_id: CorrelationId::new("bench")?,
        };
        let input = StepInput::new(execution, Step::Reservation(ReservationStep::Reserve));
        let mut given_up = 0;
        loop {
            let worker = &ReservationWorker;
            let done =
                perform::<OrderSaga, _, _, _>(worker, self.store, &RandomPause, &input, now());
            match done.await {
                Ok(()) | Err(StepError::Undone) => return Ok(given_up),
                Err(StepError::Busy) => given_up += 1,
                Err(error) => return Err(error.into()),
            }
            RandomPause.pause(given_up.try_into()?).await;
        }
    }

    async fn check(&self, case: &Case) -> Result<()> {
        let reservations = self.orders.iter().map(|id| streams::reservation(&self.tenant, *id));
        let reservations = Many::<Reservation>::new(reservations.collect());
        let reservations = states(self.store, &reservations).await?;
        let held: u64 = reservations
            .iter()
            .flat_map(|reservation| reservation.state.held())
            .map(|line| u64::from(line.quantity))
            .sum();
        let is_decided = |state: &ReservationState| {
            matches!(state, ReservationState::Made(_) | ReservationState::Refused(_))
        };
        ensure!(reservations.iter().all(|reservation| is_decided(&reservation.state)));
        ensure!(held == u64::from(BUYERS.min(case.pieces)), "{held} pieces are held");
        let stock = (0..case.shards).map(|shard| streams::stock(&self.tenant, &self.sku, shard));
        let stock = states(self.store, &Many::<Stock>::new(stock.collect())).await?;
        let reserved: u64 = stock.iter().map(|shard| shard.state.reserved).sum();
        ensure!(reserved == held, "{reserved} pieces are reserved, and {held} are held");
        ensure!(stock.iter().all(|shard| shard.state.reserved <= shard.state.on_hand));
        Ok(())
    }
}

/// Starts a stream with this event.
async fn begin<E: DomainEvent>(
    store: &DynamoDbEventStore,
    stream: StreamId,
    event: E,
) -> Result<()> {
    let request = Request::new(CommitId::new(new_id()), now(), "bench", Actor::new("bench")?);
    store.append(&store.start(stream), request.draft(vec![event.encode()?], None)).await?;
    Ok(())
}

fn placed(sku: &Sku, customer_id: &CustomerId) -> Result<OrderPlaced> {
    let line = OrderLine {
        sku: sku.clone(),
        name: "Mug".to_owned(),
        product_version: Version::new(1),
        quantity: Quantity::new(1)?,
        unit_price: price()?,
    };
    let address = Address::new(AddressFields {
        name: "Jane Doe".to_owned(),
        line1: "Am Ufer 1".to_owned(),
        line2: None,
        city: "Berlin".to_owned(),
        postal_code: "10115".to_owned(),
        country: "DE".to_owned(),
    })?;
    Ok(OrderPlaced {
        customer_id: customer_id.clone(),
        customer_name: Personal::of(customer_id.person(), "Jane Doe".to_owned()),
        lines: vec![line],
        total: price()?,
        payment_token: Personal::of(customer_id.person(), "tok_approved".to_owned()),
        shipping_address: Personal::of(customer_id.person(), address),
        deadline: now().plus_millis(900_000),
        request_hash: RequestHash { form: 1, sha256: "0".repeat(64) },
    })
}

fn price() -> Result<Money> {
    Ok(Money::new(2499, Currency::EUR)?)
}
