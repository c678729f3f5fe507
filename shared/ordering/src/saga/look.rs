//! Reads an order's saga from the store: the states of its streams, and the execution that the
//! order needs now.

use events::{OrderEvent, OrderId};
use futures_util::future::{try_join, try_join3};
use skald::commit::Commit;
use skald::decider::{Decider, fold};
use skald::event::DecodeError;
use skald::store::EventStore;
use skald::stream::{StreamId, Tenant};

use super::error::StepError;
use super::next::SagaState;
use super::step::ExecutionInput;
use crate::order::{Order, OrderState};
use crate::payment::Payment;
use crate::reservation::Reservation;
use crate::shipment::Shipment;
use crate::streams;

/// The current state of an order's saga.
///
/// # Errors
/// [`StepError`] if the store does not answer or a stream cannot be read.
pub async fn look<S: EventStore>(
    store: &S,
    tenant: &Tenant,
    order_id: OrderId,
) -> Result<SagaState, StepError> {
    let order = streams::order(tenant, order_id);
    let (order, rest) =
        try_join(folded::<Order, _>(store, &order), look_beside(store, tenant, order_id)).await?;
    Ok(SagaState { order, ..rest })
}

/// The three streams besides the order's own.
pub(crate) async fn look_beside<S: EventStore>(
    store: &S,
    tenant: &Tenant,
    order_id: OrderId,
) -> Result<SagaState, StepError> {
    let (reservation, payment, shipment) = (
        streams::reservation(tenant, order_id),
        streams::payment(tenant, order_id),
        streams::shipment(tenant, order_id),
    );
    let (reservation, payment, shipment) = try_join3(
        folded::<Reservation, _>(store, &reservation),
        folded::<Payment, _>(store, &payment),
        folded::<Shipment, _>(store, &shipment),
    )
    .await?;
    Ok(SagaState { order: OrderState::default(), reservation, payment, shipment })
}

async fn folded<D: Decider, S: EventStore>(
    store: &S,
    stream: &StreamId,
) -> Result<D::State, StepError> {
    Ok(fold::<D>(&store.load(stream, None).await?.commits)?.state)
}

/// Whether an attempt begins with this event. The starter's subscription selects exactly these
/// events.
#[must_use]
pub const fn begins_attempt(event: &OrderEvent) -> bool {
    match event {
        OrderEvent::Placed(_) | OrderEvent::Resumed(_) => true,
        // Outside the saga's steps, `order.resumed` is in the same commit.
        OrderEvent::UndoStarted(_)
        | OrderEvent::Committed(_)
        | OrderEvent::Confirmed(_)
        | OrderEvent::Dispatched(_)
        | OrderEvent::Delivered(_)
        | OrderEvent::Cancelled(_)
        | OrderEvent::Parked(_) => false,
    }
}

/// The execution that an order needs now, given all its commits; `None` if it is settled, parked,
/// or was never placed. The result stays the same until another attempt begins.
///
/// # Errors
/// [`DecodeError`] at the first event that this build cannot read.
pub fn execution_of(
    stream: &StreamId,
    commits: &[Commit],
) -> Result<Option<ExecutionInput>, DecodeError> {
    let state = fold::<Order>(commits)?.state;
    let (Some(order), Some(order_id)) = (state.placed(), streams::order_of(stream)) else {
        return Ok(None);
    };
    if order.phase.is_settled() || order.parked.is_some() {
        return Ok(None);
    }
    for commit in commits.iter().rev() {
        for event in commit.envelopes::<OrderEvent>() {
            if begins_attempt(&event?.data) {
                let (tenant, correlation_id) =
                    (stream.tenant().clone(), commit.context.correlation_id.clone());
                return Ok(Some(ExecutionInput {
                    order_id,
                    tenant,
                    attempt: order.attempt,
                    correlation_id,
                }));
            }
        }
    }
    Ok(None)
}
