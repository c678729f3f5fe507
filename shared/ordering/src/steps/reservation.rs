//! The steps on goods: reserve, release.

use std::collections::BTreeSet;
use std::convert::Infallible;

use events::{CancelReason, OrderId, Sku};
use skald::commit::CommitId;
use skald::concurrency::try_concurrently;
use skald::decider::{Decider, fold};
use skald::handle::{HandleError, Handler, Pause, Request, states};
use skald::store::{EventStore, Loaded};
use skald::stream::Version;
use skald_saga::{
    Action, Instance, Participant, Progress, Seen, StepContext, StepError, View, Worker, Written,
};

use super::order_id;
use super::preloaded::Preloaded;
use crate::order::{Order, PlacedOrder};
use crate::product::{Product, ProductState};
use crate::reservation::{
    Gathering, HeldGoods, LookAt, MakeReservation, MakingStates, Reservation, ReservationState,
    ReservingRejection, ShardVersions, WantedLine, gather, make,
};
use crate::saga::ReservationStep;
use crate::streams;

/// How many conflicts a reservation may have in one shard of each product, each time another one.
const SHARD_ATTEMPTS: u32 = 5;
/// How many failed attempts with a pause a decision over all shards may have while it is guarded.
const GUARDED_ATTEMPTS: u32 = 2;
/// The same for a decision that guards nothing.
const UNGUARDED_ATTEMPTS: u32 = 10;

/// How often a step decides again about a reservation, because goods moved meanwhile.
const MAX_DECISIONS: u32 = 20;

impl Participant for ReservationStep {
    type Arbiter = Order;
    type Decider = Reservation;

    fn progress(self, _: &Instance, reservation: &ReservationState) -> Progress {
        match reservation {
            ReservationState::Unmade => Progress::Ahead,
            ReservationState::Made(_) | ReservationState::Shipped(_) => Progress::Done,
            ReservationState::Refused(_) => Progress::Refused,
            ReservationState::Released
            | ReservationState::Returned
            | ReservationState::Abandoned => Progress::Undone,
        }
    }
}

/// Performs the steps on reservations.
#[derive(Debug, Clone, Copy)]
pub struct ReservationWorker;

/// What a step does with a reservation and its stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservationChange {
    /// Hold everything that was ordered, or nothing.
    Make,
    /// Release these goods, or never hold any.
    Release(HeldGoods),
}

/// What a step decides on.
pub type ReservationView<'a> = View<'a, ReservationStep, Infallible>;
/// What a step does next.
pub type ReservationAction = Action<ReservationChange, Infallible, CancelReason>;

impl Worker for ReservationWorker {
    type Steps = ReservationStep;
    type Write = ReservationChange;
    type Call = Infallible;
    type Answer = Infallible;

    fn decide(&self, step: ReservationStep, view: &ReservationView<'_>) -> ReservationAction {
        match (step, view.own) {
            (ReservationStep::Reserve, ReservationState::Unmade) => {
                Action::Write(ReservationChange::Make)
            }
            (ReservationStep::Reserve, ReservationState::Refused(_)) => {
                Action::Refuse(CancelReason::StockUnavailable)
            }
            (
                ReservationStep::Reserve,
                ReservationState::Released
                | ReservationState::Returned
                | ReservationState::Abandoned,
            ) => Action::Undone,
            (
                ReservationStep::Release,
                own @ (ReservationState::Unmade
                | ReservationState::Made(_)
                | ReservationState::Shipped(_)),
            ) => match order_id(view.instance) {
                Ok(order_id) => {
                    let lines = own.drawn().to_vec();
                    Action::Write(ReservationChange::Release(HeldGoods { order_id, lines }))
                }
                Err(error) => Action::Stuck(error.to_string()),
            },
            (ReservationStep::Reserve | ReservationStep::Release, _) => Action::Done,
        }
    }

    async fn call(&self, never: Infallible) -> Result<Infallible, StepError> {
        match never {}
    }

    /// Decides over the reservation and its stock in one transaction.
    async fn write<S: EventStore, P: Pause>(
        &self,
        context: &StepContext<'_, S, P>,
        order: &Seen<Order, S::Head>,
        own: Seen<Reservation, S::Head>,
        change: &ReservationChange,
    ) -> Result<Written<Reservation, S::Head>, StepError> {
        match change {
            ReservationChange::Make => reserve(context, order, &own).await,
            ReservationChange::Release(held) => release(context, order, &own, held).await,
        }
    }
}

async fn release<S: EventStore, P: Pause>(
    context: &StepContext<'_, S, P>,
    order: &Seen<Order, S::Head>,
    own: &Seen<Reservation, S::Head>,
    held: &HeldGoods,
) -> Result<Written<Reservation, S::Head>, StepError> {
    let streams = held.streams(&context.instance().tenant);
    let store = Preloaded::new(context.store, vec![own.loaded().clone()]);
    let handler = Handler::new(&store, context.pause);
    let request = context.request(order.last());
    match handler.handle_all(&streams, &request, |states| held.release(states)).await {
        Ok(_) => Ok(Written::Finished),
        Err(HandleError::Rejected(
            ReservingRejection::Reservation(_) | ReservingRejection::Changed,
        )) => Ok(Written::Again),
        Err(HandleError::Rejected(rejection)) => Err(StepError::permanent(rejection)),
        Err(error) => Err(error.into()),
    }
}

/// What a reservation found out about the stock in its earlier attempts.
#[derive(Debug, Default)]
struct Search {
    /// The lines, by their index, for which one shard has too little: they look at all shards.
    wide: BTreeSet<usize>,
    /// The conflicts in one shard of each product.
    conflicts: u32,
    /// The last read of the shards, if stock seemed short or its guards met other transactions.
    last_read: Option<ShardVersions>,
}

/// Makes or refuses the reservation.
///
/// It looks for the goods
///
/// 1. in one shard of each product. After a conflict it tries another one, without reading
///    anything else.
/// 2. in all shards of the products for which one shard has too little. It may draw from several,
///    for which too many are first gathered into fewer. If all together have too little, it is
///    refused, and the refusal guards them.
/// 3. in the same shards once more, if decisions met other transactions, or the guards are too
///    many. It is then refused if two reads found the same, without guards, because these conflict
///    with everything that changes the same stock.
///
/// A decision that meets other transactions in the end, too, fails as [`StepError::Busy`].
async fn reserve<S: EventStore, P: Pause>(
    context: &StepContext<'_, S, P>,
    order: &Seen<Order, S::Head>,
    own: &Seen<Reservation, S::Head>,
) -> Result<Written<Reservation, S::Head>, StepError> {
    let mut search = Search::default();
    for attempt in 1..=MAX_DECISIONS {
        match decide_once(context, order, own, &mut search).await? {
            Decided::Made => return Ok(Written::Finished),
            Decided::Otherwise => return Ok(Written::Again),
            // If goods move fast, reading again at once costs a read of all shards and finds them
            // changed again.
            Decided::Not => context.rest(attempt).await,
        }
    }
    Err(StepError::Busy)
}

/// What came of one attempt to make a reservation.
enum Decided {
    /// The goods are held.
    Made,
    /// The reservation is refused or undone.
    Otherwise,
    /// Goods moved meanwhile: decide again.
    Not,
}

/// Reads the products, and looks for the goods until something is decided or everything must be
/// read again.
async fn decide_once<S: EventStore, P: Pause>(
    context: &StepContext<'_, S, P>,
    order: &Seen<Order, S::Head>,
    own: &Seen<Reservation, S::Head>,
    search: &mut Search,
) -> Result<Decided, StepError> {
    let Some(placed) = order.state.placed() else {
        return Err(StepError::permanent("the order does not exist"));
    };
    let order_id = order_id(context.instance())?;
    // Read each time: the number of a product's shards may grow between two reads that are
    // compared.
    let products = products(context, placed).await?;
    let counts = products.iter().map(|product| Ok(fold::<Product>(&product.commits)?.state));
    let counts = counts.collect::<Result<Vec<_>, StepError>>()?;
    let loaded = products.into_iter().chain([own.loaded().clone()]).collect();
    let store = Preloaded::new(context.store, loaded);
    loop {
        let wanted = search.wanted(order_id, placed, &counts);
        let earlier = search.last_read.take();
        let is_in_one_shard = search.wide.is_empty() && earlier.is_none();
        let attempts = match &earlier {
            // The handler decides a second time on what a conflict found, and reads nothing.
            None if is_in_one_shard => 1,
            None => GUARDED_ATTEMPTS,
            Some(_) => UNGUARDED_ATTEMPTS,
        };
        let streams = wanted.streams(&context.instance().tenant);
        let handler = Handler::new(&store, context.pause).with_attempts(attempts);
        let make = |states: &MakingStates| make(states, &wanted, earlier.as_ref());
        match handler.handle_all(&streams, &context.request(order.last()), make).await {
            Ok(handled) => {
                let (reservation, _) = handled.states;
                let is_made = matches!(reservation.state, ReservationState::Made(_));
                return Ok(if is_made { Decided::Made } else { Decided::Otherwise });
            }
            Err(HandleError::Rejected(ReservingRejection::Reservation(_))) => {
                return Ok(Decided::Otherwise);
            }
            Err(HandleError::Rejected(ReservingRejection::Changed)) => return Ok(Decided::Not),
            Err(HandleError::Rejected(ReservingRejection::OtherShards(lines))) => {
                search.wide.extend(lines);
            }
            Err(HandleError::Busy { .. })
                if is_in_one_shard && search.conflicts < SHARD_ATTEMPTS =>
            {
                search.conflicts += 1;
                context.rest(search.conflicts).await;
            }
            Err(HandleError::Busy { .. }) if earlier.is_none() => {
                let (_, (_, stock)) = streams;
                let stock = states(context.store, &stock).await?;
                search.last_read = Some(wanted.versions(&stock));
                return Ok(Decided::Not);
            }
            Err(HandleError::Rejected(ReservingRejection::NotAtOneMoment(versions))) => {
                search.last_read = Some(versions);
                return Ok(Decided::Not);
            }
            Err(HandleError::Rejected(ReservingRejection::TooManyShards {
                versions,
                gatherings,
            })) => {
                bring_together(context, order, &versions, &gatherings).await?;
                return Ok(Decided::Not);
            }
            Err(HandleError::Rejected(rejection @ ReservingRejection::Stock(_))) => {
                return Err(StepError::permanent(rejection));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

impl Search {
    /// The reservation to make, with the shards that it looks at now. `products` has the product
    /// of each line.
    fn wanted(
        &self,
        order_id: OrderId,
        order: &PlacedOrder,
        products: &[ProductState],
    ) -> MakeReservation {
        let lines = order.placed.lines.iter().zip(products).enumerate();
        let lines = lines.map(|(number, (line, product))| WantedLine {
            sku: line.sku.clone(),
            quantity: line.quantity,
            stock_shards: product.max_stock_shards(),
            look_at: if self.wide.contains(&number) {
                LookAt::All
            } else {
                LookAt::own(order_id, self.conflicts, product.stock_shards())
            },
        });
        MakeReservation { order_id, lines: lines.collect() }
    }
}

/// Gathers goods that are spread over too many shards. Goods that were moved meanwhile stay where
/// they are.
async fn bring_together<S: EventStore, P: Pause>(
    context: &StepContext<'_, S, P>,
    order: &Seen<Order, S::Head>,
    versions: &ShardVersions,
    gatherings: &[Gathering],
) -> Result<(), StepError> {
    for (number, gatherings) in Gathering::by_transaction(gatherings).into_iter().enumerate() {
        let streams = Gathering::streams(gatherings, &context.instance().tenant);
        let commit_id = gathering_id(order_id(context.instance())?, versions, number);
        let request = Request { commit_id, ..context.request(order.last()) };
        match Handler::new(context.store, context.pause)
            .handle_all(&streams, &request, |stock| gather(stock, gatherings))
            .await
        {
            Ok(_) => {}
            Err(HandleError::Rejected(_)) => context.rest(1).await,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The id of a gathering transaction, derived from all versions that were read. Executions that
/// read every shard at the same version move the same goods, once. Any other read gives another
/// transaction.
fn gathering_id(order_id: OrderId, versions: &ShardVersions, number: usize) -> CommitId {
    let line =
        |shards: &Vec<Version>| shards.iter().map(Version::to_string).collect::<Vec<_>>().join(",");
    let seen = versions.iter().map(line).collect::<Vec<_>>().join(";");
    CommitId::of(order_id.uuid(), &format!("gather_stock.{number}.{seen}"))
}

/// The product of each line of the order.
async fn products<S: EventStore, P: Pause>(
    context: &StepContext<'_, S, P>,
    order: &PlacedOrder,
) -> Result<Vec<Loaded<S::Head>>, StepError> {
    try_concurrently(order.placed.lines.iter().map(|line| product(context, &line.sku))).await
}

async fn product<S: EventStore, P: Pause>(
    context: &StepContext<'_, S, P>,
    sku: &Sku,
) -> Result<Loaded<S::Head>, StepError> {
    let snapshots = Product::SNAPSHOTS.map(|kept| kept.kind());
    Ok(context.store.load(&streams::product(&context.instance().tenant, sku), snapshots).await?)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// With the same id, the second of two gatherings would be taken for a repetition of the first.
    #[test]
    fn every_read_of_the_shards_has_its_own_gatherings() {
        let order_id: OrderId = "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873".parse().unwrap();
        // All with the same sum, and the same versions in other lines.
        let reads: [&[&[u64]]; 5] = [&[&[1, 3]], &[&[2, 2]], &[&[3, 1]], &[&[4]], &[&[1], &[3]]];
        let reads = reads.map(|versions| {
            versions
                .iter()
                .map(|line| line.iter().copied().map(Version::new).collect())
                .collect::<ShardVersions>()
        });
        let ids: HashSet<_> = reads
            .iter()
            .flat_map(|versions| (0..2).map(move |number| gathering_id(order_id, versions, number)))
            .collect();
        assert_eq!(ids.len(), 2 * reads.len());
        assert_eq!(
            gathering_id(order_id, &reads[0], 0),
            gathering_id(order_id, &reads[0].clone(), 0)
        );
    }
}
