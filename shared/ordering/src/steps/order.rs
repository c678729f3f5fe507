//! The steps that change the order itself: commit, confirm, start undoing, cancel, park.
//!
//! Each reads all four streams and relies on them alone: an order is committed only if every step
//! is done, and cancelled only if every step is undone. Parking reads only the order, because it
//! must work even if another stream cannot be read.

use std::convert::Infallible;

use events::CancelReason;
use futures_util::future::try_join;
use skald::handle::Pause;
use skald::store::EventStore;
use skald::time::Timestamp;

use super::desk::Desk;
use super::way::{Move, Way, way};
use crate::order::{OrderCommand, OrderState, Phase};
use crate::saga::{ORDER_SAGA, SagaState, Step, StepError, StepInput, look_beside};

/// What one of these steps does next.
pub type OrderMove = Move<OrderCommand, Infallible>;

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
    loop {
        desk.begin()?;
        let (order, turned) = if input.step == Step::ParkOrder {
            let order = desk.look_at_order().await?;
            let turned = park(&order.state, input);
            (order, turned)
        } else {
            let beside = look_beside(store, &input.tenant, input.order_id);
            let (order, beside) = try_join(desk.look_at_order(), beside).await?;
            let turned =
                turn(input.step, &SagaState { order: order.state.clone(), ..beside }, desk.at);
            (order, turned)
        };
        match turned {
            Move::TurnRound(reason) => {
                desk.turn_round(&order, reason).await?;
            }
            Move::Append(command) => {
                desk.append(&order, &command, desk.context(&order)).await?;
            }
            Move::Ask(never) => match never {},
            Move::End(result) => return result,
        }
    }
}

/// What a step other than parking does next, given the states of all streams.
#[must_use]
pub fn turn(step: Step, state: &SagaState, at: Timestamp) -> OrderMove {
    let way = way(&state.order, at);
    match step {
        Step::CommitOrder => commit(way, state),
        Step::ConfirmOrder => confirm(way, state),
        Step::StartUndo => start_undo(way, state),
        Step::CancelOrder => cancel(way, state),
        Step::ParkOrder
        | Step::ReserveStock
        | Step::AuthorizePayment
        | Step::CreateShipment
        | Step::CapturePayment
        | Step::ShipStock
        | Step::CancelShipment
        | Step::VoidPayment
        | Step::ReleaseStock => Move::stuck(format!("{step} is not a step on the order")),
    }
}

fn commit(way: Way<'_>, state: &SagaState) -> OrderMove {
    if let Err(end) = way.before_pivot() {
        return end;
    }
    match state.missing() {
        None => Move::Append(OrderCommand::Commit),
        Some(step) if state.cancel_reason().is_some() => {
            Move::End(Err(StepError::Refused(format!("{step} was refused"))))
        }
        Some(step) => Move::stuck(format!("{step} is not done")),
    }
}

fn confirm(way: Way<'_>, state: &SagaState) -> OrderMove {
    if let Err(end) = way.after_pivot() {
        return end;
    }
    match state.unfinished() {
        None => Move::End(Ok(())),
        Some(Step::ConfirmOrder) => Move::Append(OrderCommand::Confirm),
        Some(step) => Move::stuck(format!("{step} is not done")),
    }
}

/// The reason is in the streams: a refusal, or else the deadline. If undoing has already started,
/// the reason for it stays.
fn start_undo(way: Way<'_>, state: &SagaState) -> OrderMove {
    match (way, state.cancel_reason()) {
        (Way::Undoing(_), _) => Move::End(Ok(())),
        (Way::Open(_) | Way::Expired, Some(reason)) => Move::TurnRound(reason),
        (Way::Expired, None) => Move::TurnRound(CancelReason::Expired),
        (Way::Open(_), None) => Move::stuck(
            "there is no reason to undo the order: no step was refused, \
             and the deadline has not passed",
        ),
        (Way::Completing(_) | Way::Unplaced, _) => way.back().err().unwrap_or(Move::End(Ok(()))),
    }
}

fn cancel(way: Way<'_>, state: &SagaState) -> OrderMove {
    match (way.back(), state.next_compensation()) {
        (Err(end), _) => end,
        (Ok(order), _) if matches!(order.phase, Phase::Cancelled(_)) => Move::End(Ok(())),
        (Ok(_), None) => Move::Append(OrderCommand::Cancel),
        (Ok(_), Some(step)) => Move::stuck(format!("{step} is not done")),
    }
}

/// What parking does next, given the order and the failure.
///
/// Only the current attempt parks an order: an earlier attempt, or one whose order is final, has no
/// effect. If undoing started while a forward step failed, the order is undone instead of parked.
#[must_use]
pub fn park(order: &OrderState, input: &StepInput) -> OrderMove {
    let Some(order) = order.placed() else { return Move::stuck("the order does not exist") };
    let Some(failure) = &input.failure else {
        return Move::stuck("the input of park_order has no failure");
    };
    let forward = ORDER_SAGA.forward().any(|task| task.step == failure.step);
    match order.phase {
        Phase::Confirmed | Phase::Dispatched | Phase::Delivered | Phase::Cancelled(_) => {
            Move::End(Err(StepError::Settled))
        }
        Phase::Open | Phase::Committed | Phase::Undoing(_) if order.attempt > input.attempt => {
            Move::End(Err(StepError::Settled))
        }
        Phase::Open | Phase::Committed | Phase::Undoing(_) if order.parked.is_some() => {
            Move::End(Ok(()))
        }
        Phase::Undoing(_) if forward => Move::End(Err(StepError::Undone)),
        Phase::Open | Phase::Committed | Phase::Undoing(_) => Move::Append(OrderCommand::Park {
            step: failure.step.to_string(),
            error: failure.message(),
        }),
    }
}
