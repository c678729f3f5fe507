//! `POST /shipments/{order_id}/dispatch` and `…/deliver`.

use std::str::FromStr;

use events::OrderId;
use ordering::dispatching::{Parcel, ParcelRejection, deliver, parcel_streams};
use ordering::order::{Order, OrderCommand, OrderRejection, OrderState};
use ordering::requests::{DeliverRequest, DispatchRequest};
use ordering::reservation::{HeldGoods, Reservation, ReservingRejection};
use ordering::streams;
use serde_json::json;
use skald::commit::{Actor, CommitId};
use skald::decider::{Decider, Folded};
use skald::handle::{HandleError, Handler, One, Request, states};
use skald::personal::PersonKeys;
use skald::store::EventStore;
use skald_lambda::clock::{RandomPause, new_id};
use skald_lambda::http::{Call, Problem, Reply};

use crate::change::{accepted, invalid, no_such_order};
use crate::{OrderCommands, SOURCE};

/// How often the reservation is read again because it changed meanwhile.
const ROUNDS: u32 = 5;

impl<S: EventStore, K: PersonKeys> OrderCommands<S, K> {
    /// `POST /shipments/{order_id}/dispatch`: the parcel leaves with its goods.
    pub(crate) async fn dispatch(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let order_id = OrderId::from_str(id).or(Err(no_such_order()))?;
        let body = call.json_if_any()?.unwrap_or_else(|| json!({}));
        let DispatchRequest { tracking_code } =
            DispatchRequest::validate(&body).map_err(invalid)?;
        let handler = Handler::new(&self.events, RandomPause);
        for _ in 0..ROUNDS {
            let stream = streams::reservation(&self.tenant, order_id);
            let reservation = states(&self.events, &One::<Reservation>::new(stream)).await?;
            let goods = HeldGoods { order_id, lines: reservation.state.held().to_vec() };
            let parcel = Parcel { goods, tracking_code: tracking_code.clone() };
            if !parcel.fits() {
                self.ship_first(call, &parcel.goods).await?;
                continue;
            }
            let decide = |states: &_| parcel.dispatch(states);
            let streams = parcel.streams(&self.tenant);
            match handler.handle_all(&streams, &by_operator(call)?, decide).await {
                Ok(handled) => {
                    let ((order, _), _) = handled.states;
                    return Ok(accepted(order_id, &order));
                }
                Err(HandleError::Rejected(ParcelRejection::Goods(ReservingRejection::Changed))) => {
                }
                Err(error) => return Err(Problem::from_handle(error, parcel_problem)),
            }
        }
        Err(Problem::unavailable())
    }

    /// The goods leave the stock in a transaction of their own, if the order may be dispatched.
    async fn ship_first(&self, call: &Call, goods: &HeldGoods) -> Result<(), Problem> {
        let stream = streams::order(&self.tenant, goods.order_id);
        let order: Folded<OrderState> = states(&self.events, &One::<Order>::new(stream)).await?;
        Order::decide(&order.state, &OrderCommand::Dispatch)
            .map_err(|rejection| parcel_problem(rejection.into()))?;
        let streams = goods.streams(&self.tenant);
        let handler = Handler::new(&self.events, RandomPause);
        match handler.handle_all(&streams, &by_operator(call)?, |states| goods.ship(states)).await {
            Ok(_) | Err(HandleError::Rejected(ReservingRejection::Changed)) => Ok(()),
            Err(error) => {
                Err(Problem::from_handle(error, |rejection| parcel_problem(rejection.into())))
            }
        }
    }

    /// `POST /shipments/{order_id}/deliver`: the parcel arrives.
    pub(crate) async fn deliver(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let order_id = OrderId::from_str(id).or(Err(no_such_order()))?;
        let body = call.json_if_any()?.unwrap_or_else(|| json!({}));
        let DeliverRequest = DeliverRequest::validate(&body).map_err(invalid)?;
        let streams = parcel_streams(&self.tenant, order_id);
        let handled = Handler::new(&self.events, RandomPause)
            .handle_all(&streams, &by_operator(call)?, deliver)
            .await;
        let (order, _) =
            handled.map_err(|error| Problem::from_handle(error, parcel_problem))?.states;
        Ok(accepted(order_id, &order))
    }
}

/// A request with an id of its own.
fn by_operator(call: &Call) -> Result<Request, Problem> {
    let actor = Actor::new("operator").map_err(|error| Problem::internal(&error))?;
    Ok(call.request(CommitId::new(new_id()), SOURCE, actor))
}

fn parcel_problem(rejection: ParcelRejection) -> Problem {
    match rejection {
        ParcelRejection::Order(OrderRejection::NotPlaced) => no_such_order(),
        ParcelRejection::Order(_) | ParcelRejection::Shipment(_) => {
            Problem::conflict(format!("The parcel cannot leave or arrive: {rejection}."))
        }
        ParcelRejection::Goods(ReservingRejection::Reservation(rejection)) => {
            Problem::conflict(format!("The parcel cannot leave: {rejection}."))
        }
        ParcelRejection::Goods(
            ReservingRejection::Stock(_)
            | ReservingRejection::Changed
            | ReservingRejection::OtherShards(_)
            | ReservingRejection::NotAtOneMoment(_)
            | ReservingRejection::TooManyShards { .. },
        ) => Problem::internal(&rejection),
    }
}
