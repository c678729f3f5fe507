//! The steps on goods: reserve, release, ship.

use std::convert::Infallible;

use events::{OrderId, Sku};
use futures_util::future::try_join;
use skald::commit::CommitId;
use skald::concurrency::try_concurrently;
use skald::decider::{Decider, fold};
use skald::handle::{HandleError, Handler, Pause, Request, Streams, states};
use skald::store::{EventStore, Loaded};
use skald::stream::Version;
use skald::time::Timestamp;

use super::desk::{Desk, Seen};
use super::preloaded::Preloaded;
use super::way::{Move, way};
use crate::order::{Order, OrderState, PlacedOrder};
use crate::product::Product;
use crate::reservation::{
    Gathering, HeldGoods, MakeReservation, MakingStates, Reservation, ReservationState,
    ReservingRejection, ShardVersions, WantedLine, gather, make,
};
use crate::saga::{Step, StepError, StepInput};
use crate::streams;

/// What a step does with a reservation and its stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservationChange {
    /// Hold everything that was ordered, or nothing.
    Make,
    /// Release these goods, return them if they left the stock, or never hold any.
    Release(HeldGoods),
    /// Ship these goods.
    Ship(HeldGoods),
}

/// How many failed attempts with a pause a decision with guards may have.
const GUARDED_ATTEMPTS: u32 = 2;

/// What one of these steps does next.
pub type ReservationMove = Move<ReservationChange, Infallible>;

/// Performs one of these steps.
///
/// # Errors
/// See [`StepError`]. The step may be repeated after any error.
pub async fn perform<S: EventStore, P: Pause>(
    store: &S,
    pause: &P,
    input: &StepInput,
    at: Timestamp,
) -> Result<(), StepError> {
    let mut desk = Desk::new(store, pause, input, at);
    let mut before = None;
    let stream = streams::reservation(&input.tenant, input.order_id);
    loop {
        desk.begin()?;
        let (order, own) =
            try_join(desk.look_at_order(), desk.look::<Reservation>(&stream)).await?;
        match turn(input.step, input.order_id, &order.state, &own.state, desk.at) {
            Move::TurnRound(reason) => {
                desk.turn_round(&order, reason).await?;
            }
            Move::Append(change) => carry_out(&desk, &order, &change, &mut before).await?,
            Move::Ask(never) => match never {},
            Move::End(result) => return result,
        }
    }
}

/// What a step does next, given the states of the order and the reservation.
#[must_use]
pub fn turn(
    step: Step,
    order_id: OrderId,
    order: &OrderState,
    reservation: &ReservationState,
    at: Timestamp,
) -> ReservationMove {
    let way = way(order, at);
    let allowed = match step {
        Step::ReserveStock => way.before_pivot(),
        Step::ReleaseStock => way.back(),
        Step::ShipStock => way.after_pivot(),
        Step::AuthorizePayment
        | Step::CreateShipment
        | Step::CommitOrder
        | Step::CapturePayment
        | Step::ConfirmOrder
        | Step::StartUndo
        | Step::CancelShipment
        | Step::VoidPayment
        | Step::CancelOrder
        | Step::ParkOrder => Err(Move::stuck(format!("{step} is not a step on a reservation"))),
    };
    if let Err(end) = allowed {
        return end;
    }
    let goods = || HeldGoods { order_id, lines: reservation.drawn().to_vec() };
    match (step, reservation) {
        (Step::ReserveStock, ReservationState::Unmade) => Move::Append(ReservationChange::Make),
        (Step::ReserveStock, ReservationState::Refused(short)) => {
            let short: Vec<&str> = short.iter().map(|line| line.sku.as_str()).collect();
            Move::End(Err(StepError::Refused(format!("not enough stock of {}", short.join(", ")))))
        }
        (
            Step::ReserveStock,
            ReservationState::Released | ReservationState::Returned | ReservationState::Abandoned,
        ) => Move::End(Err(StepError::Undone)),
        (
            Step::ReleaseStock,
            ReservationState::Unmade | ReservationState::Made(_) | ReservationState::Shipped(_),
        ) => Move::Append(ReservationChange::Release(goods())),
        (Step::ShipStock, ReservationState::Made(_)) => {
            Move::Append(ReservationChange::Ship(goods()))
        }
        (
            Step::ShipStock,
            ReservationState::Unmade
            | ReservationState::Refused(_)
            | ReservationState::Released
            | ReservationState::Returned
            | ReservationState::Abandoned,
        ) => Move::stuck("the order is committed, but no goods are held for it"),
        (_, _) => Move::End(Ok(())),
    }
}

/// Decides over the reservation and its stock in one transaction. The next round reads the result.
/// `before` is the last read of shards that seemed short.
async fn carry_out<S: EventStore, P: Pause>(
    desk: &Desk<'_, S, P>,
    order: &Seen<Order, S::Head>,
    change: &ReservationChange,
    before: &mut Option<ShardVersions>,
) -> Result<(), StepError> {
    let tenant = &desk.input.tenant;
    let decided = match change {
        ReservationChange::Make => return reserve(desk, order, before).await,
        ReservationChange::Release(held) => {
            decide(desk, order, &held.streams(tenant), |states| held.release(states)).await
        }
        ReservationChange::Ship(held) => {
            decide(desk, order, &held.streams(tenant), |states| held.ship(states)).await
        }
    };
    match decided {
        Ok(())
        | Err(HandleError::Rejected(
            ReservingRejection::Reservation(_) | ReservingRejection::Changed,
        )) => Ok(()),
        Err(HandleError::Rejected(rejection)) => Err(StepError::permanent(rejection)),
        Err(error) => Err(error.into()),
    }
}

/// Makes or refuses the reservation.
///
/// The guards of a refusal conflict with everything that changes the same stock. So a decision
/// whose guards conflict with other transactions is given up early and made once more: a refusal
/// is then based on two reads, without guards.
async fn reserve<S: EventStore, P: Pause>(
    desk: &Desk<'_, S, P>,
    order: &Seen<Order, S::Head>,
    before: &mut Option<ShardVersions>,
) -> Result<(), StepError> {
    let Some(placed) = order.state.placed() else { return Ok(()) };
    // Read in every round: the number of a product's shards may grow between two reads that are
    // compared.
    let (wanted, products) = wanted(desk, placed).await?;
    let earlier = before.take();
    let store = Preloaded::new(desk.store, products);
    let streams = wanted.streams(&desk.input.tenant);
    let mut handler = Handler::new(&store, desk.pause());
    if earlier.is_none() {
        handler = handler.with_attempts(GUARDED_ATTEMPTS);
    }
    let make = |states: &MakingStates| make(states, &wanted, earlier.as_ref());
    match handler.handle_all(&streams, &desk.request(order), make).await.map(drop) {
        Ok(())
        | Err(HandleError::Rejected(
            ReservingRejection::Reservation(_) | ReservingRejection::Changed,
        )) => Ok(()),
        Err(HandleError::Busy { .. }) if earlier.is_none() => {
            let (_, (_, stock)) = streams;
            let stock = states(desk.store, &stock).await?;
            *before = Some(wanted.versions(&stock));
            Ok(())
        }
        Err(HandleError::Rejected(ReservingRejection::NotAtOneMoment(versions))) => {
            // If goods move fast, reading again at once costs a read of all shards and finds them
            // changed again.
            desk.rest().await;
            *before = Some(versions);
            Ok(())
        }
        Err(HandleError::Rejected(ReservingRejection::TooManyShards { versions, gatherings })) => {
            bring_together(desk, order, &versions, &gatherings).await
        }
        Err(HandleError::Rejected(rejection @ ReservingRejection::Stock(_))) => {
            Err(StepError::permanent(rejection))
        }
        Err(error) => Err(error.into()),
    }
}

/// A decision over a reservation, its stock, and what else it is based on.
async fn decide<S: EventStore, P: Pause, T: Streams>(
    desk: &Desk<'_, S, P>,
    order: &Seen<Order, S::Head>,
    streams: &T,
    decide: impl Fn(&T::States) -> Result<T::Events, ReservingRejection> + Sync,
) -> Result<(), HandleError<ReservingRejection>> {
    let handler = Handler::new(desk.store, desk.pause());
    handler.handle_all(streams, &desk.request(order), decide).await.map(drop)
}

/// Gathers goods that are spread over too many shards. Goods that were moved meanwhile stay where
/// they are.
async fn bring_together<S: EventStore, P: Pause>(
    desk: &Desk<'_, S, P>,
    order: &Seen<Order, S::Head>,
    versions: &ShardVersions,
    gatherings: &[Gathering],
) -> Result<(), StepError> {
    for (number, gatherings) in Gathering::by_transaction(gatherings).into_iter().enumerate() {
        let streams = Gathering::streams(gatherings, &desk.input.tenant);
        let commit_id = gathering_id(desk.input.order_id, versions, number);
        let request = Request { commit_id, ..desk.request(order) };
        match Handler::new(desk.store, desk.pause())
            .handle_all(&streams, &request, |stock| gather(stock, gatherings))
            .await
        {
            Ok(_) => {}
            Err(HandleError::Rejected(_)) => desk.rest().await,
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

/// The lines of the order, each with the number of shards that the product's stock was ever spread
/// over, and the products as they were read.
async fn wanted<S: EventStore, P: Pause>(
    desk: &Desk<'_, S, P>,
    order: &PlacedOrder,
) -> Result<(MakeReservation, Vec<Loaded<S::Head>>), StepError> {
    let lines = &order.placed.lines;
    let products = try_concurrently(lines.iter().map(|line| product(desk, &line.sku))).await?;
    let mut wanted = Vec::with_capacity(lines.len());
    for (line, product) in lines.iter().zip(&products) {
        let stock_shards = fold::<Product>(&product.commits)?.state.max_stock_shards();
        let (sku, quantity) = (line.sku.clone(), line.quantity);
        wanted.push(WantedLine { sku, quantity, stock_shards });
    }
    Ok((MakeReservation { order_id: desk.input.order_id, lines: wanted }, products))
}

async fn product<S: EventStore, P: Pause>(
    desk: &Desk<'_, S, P>,
    sku: &Sku,
) -> Result<Loaded<S::Head>, StepError> {
    let snapshots = Product::SNAPSHOTS.map(|kept| kept.kind());
    Ok(desk.store.load(&streams::product(&desk.input.tenant, sku), snapshots).await?)
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
