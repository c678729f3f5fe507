//! The saga of an order as callers see it: which steps were done, refused and undone, and when. It
//! is folded from the order's four streams for each query and has no row.

use std::collections::{BTreeMap, BTreeSet};

use events::{OrderEvent, OrderId, OrderParked, PaymentEvent, ReservationEvent, ShipmentEvent};
use serde::{Deserialize, Serialize};
use skald::commit::Commit;
use skald::decider::fold;
use skald::event::{DecodeError, DomainEvent};
use skald::time::Timestamp;

use super::OrderStatus;
use crate::order::Order;
use crate::payment::Payment;
use crate::reservation::Reservation;
use crate::saga::{Next, ORDER_SAGA, Progress, SagaState, Step, next};
use crate::shipment::Shipment;

/// The commits of an order and its saga: four complete streams, each oldest first.
#[derive(Debug, Clone, Copy)]
pub struct SagaCommits<'a> {
    /// The commits of `order-…`.
    pub order: &'a [Commit],
    /// The commits of `reservation-…`.
    pub reservation: &'a [Commit],
    /// The commits of `payment-…`.
    pub payment: &'a [Commit],
    /// The commits of `shipment-…`.
    pub shipment: &'a [Commit],
}

/// The saga of an order as callers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSaga {
    /// The order.
    pub order_id: OrderId,
    /// The order's status.
    pub status: OrderStatus,
    /// The number of the current attempt to complete or undo the order, from 1.
    pub attempt: u32,
    /// Every step that was begun, in the order of the saga, and the step that is next. A step and
    /// its compensation are one entry.
    pub steps: Vec<SagaStep>,
}

/// A step as callers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SagaStep {
    /// The step. A step that is undone keeps its name.
    pub step: Step,
    /// The step's state.
    pub state: StepState,
    /// The number of attempts that worked on the step.
    pub attempts: u32,
    /// When its first event was recorded; `None` if nothing is recorded of it except that it
    /// failed.
    pub started_at: Option<Timestamp>,
    /// When it was done; `None` if it never was. A step that is undone without having been done can
    /// no longer be done.
    pub done_at: Option<Timestamp>,
    /// When it was undone.
    pub undone_at: Option<Timestamp>,
    /// When its last event was recorded.
    pub updated_at: Option<Timestamp>,
}

/// The state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// The step is done.
    Done,
    /// The step could not be done.
    Refused,
    /// The step is undone, or can no longer be done.
    Undone,
    /// The step is being done or undone, or is next.
    Running,
    /// The step waits until an operator resumes the order.
    Parked,
}

/// What the streams record about a step.
#[derive(Debug, Default)]
struct Traces {
    started_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    done_at: Option<Timestamp>,
    undone_at: Option<Timestamp>,
    attempts: BTreeSet<String>,
}

/// The meaning of an event for its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Anything else, such as that the step was begun or refused.
    Other,
    /// The step failed, and the order was parked.
    Parked,
    /// The step is done.
    Done,
    /// The step is undone, or can no longer be done.
    Undone,
}

/// The saga of the order in these streams; `None` if the order does not exist.
///
/// # Errors
/// [`DecodeError`] at the first event that this build cannot read.
pub fn saga_of(
    order_id: OrderId,
    commits: &SagaCommits<'_>,
) -> Result<Option<OrderSaga>, DecodeError> {
    let state = SagaState {
        order: fold::<Order>(commits.order)?.state,
        reservation: fold::<Reservation>(commits.reservation)?.state,
        payment: fold::<Payment>(commits.payment)?.state,
        shipment: fold::<Shipment>(commits.shipment)?.state,
    };
    let Some(order) = state.order.placed() else { return Ok(None) };

    let mut traces = BTreeMap::new();
    let parked = order.parked.as_ref().and_then(parked_at);
    trace(commits.order, &mut traces, of_order)?;
    trace(commits.reservation, &mut traces, of_reservation)?;
    trace(commits.payment, &mut traces, of_payment)?;
    trace(commits.shipment, &mut traces, of_shipment)?;

    let coming = match next(&state) {
        Next::Do(step) | Next::Undo(step) => Some(undone_by(step)),
        Next::Done | Next::Parked => None,
    };
    let abort = [ORDER_SAGA.abort.turn.step, ORDER_SAGA.abort.end.step];
    let listed = ORDER_SAGA.forward().map(|task| task.step).chain(abort);
    let steps = listed.filter_map(|step| {
        let seen = traces.remove(&step);
        if seen.is_none() && parked != Some(step) && coming != Some(step) {
            return None;
        }
        let Traces { started_at, updated_at, done_at, undone_at, attempts } =
            seen.unwrap_or_default();
        Some(SagaStep {
            step,
            state: if parked == Some(step) {
                StepState::Parked
            } else {
                step_state(state.progress(step))
            },
            attempts: u32::try_from(attempts.len()).unwrap_or(u32::MAX).max(1),
            started_at,
            done_at,
            undone_at,
            updated_at,
        })
    });
    Ok(Some(OrderSaga {
        order_id,
        status: OrderStatus::of(order.phase),
        attempt: order.attempt,
        steps: steps.collect(),
    }))
}

/// The state of a step with this progress.
const fn step_state(progress: Progress) -> StepState {
    match progress {
        Progress::Done => StepState::Done,
        Progress::Refused => StepState::Refused,
        Progress::Undone => StepState::Undone,
        Progress::Ahead | Progress::UnderWay | Progress::Undoing => StepState::Running,
    }
}

/// The step that an order was parked at.
fn parked_at(parked: &OrderParked) -> Option<Step> {
    Step::ALL.into_iter().find(|step| step.name() == parked.step).map(undone_by)
}

/// The step that this one undoes, or the step itself if it undoes none.
fn undone_by(step: Step) -> Step {
    let undone = ORDER_SAGA.before.iter().find(|pair| pair.compensation.step == step);
    undone.map_or(step, |pair| pair.action.step)
}

/// Records for every event its step, its meaning, its time and its attempt.
fn trace<E: DomainEvent>(
    commits: &[Commit],
    traces: &mut BTreeMap<Step, Traces>,
    marks: impl Fn(&E) -> Vec<(Step, Mark)>,
) -> Result<(), DecodeError> {
    for commit in commits {
        for envelope in commit.envelopes::<E>() {
            let envelope = envelope?;
            for (step, mark) in marks(&envelope.data) {
                let seen = traces.entry(step).or_default();
                let at = envelope.recorded_at;
                seen.attempts.extend(envelope.context.metadata.get("attempt").cloned());
                seen.updated_at = seen.updated_at.max(Some(at));
                if mark != Mark::Parked {
                    seen.started_at = Some(seen.started_at.map_or(at, |earlier| earlier.min(at)));
                }
                match mark {
                    Mark::Other | Mark::Parked => {}
                    Mark::Done => seen.done_at = Some(at),
                    Mark::Undone => seen.undone_at = Some(at),
                }
            }
        }
    }
    Ok(())
}

fn of_order(event: &OrderEvent) -> Vec<(Step, Mark)> {
    match event {
        OrderEvent::Committed(_) => vec![(Step::CommitOrder, Mark::Done)],
        OrderEvent::Confirmed(_) => vec![(Step::ConfirmOrder, Mark::Done)],
        OrderEvent::UndoStarted(_) => vec![(Step::StartUndo, Mark::Done)],
        OrderEvent::Cancelled(_) => vec![(Step::CancelOrder, Mark::Done)],
        OrderEvent::Parked(parked) => {
            parked_at(parked).map(|step| (step, Mark::Parked)).into_iter().collect()
        }
        OrderEvent::Placed(_)
        | OrderEvent::Resumed(_)
        | OrderEvent::Dispatched(_)
        | OrderEvent::Delivered(_) => Vec::new(),
    }
}

fn of_reservation(event: &ReservationEvent) -> Vec<(Step, Mark)> {
    match event {
        ReservationEvent::Made(_) => vec![(Step::ReserveStock, Mark::Done)],
        ReservationEvent::Refused(_) => vec![(Step::ReserveStock, Mark::Other)],
        ReservationEvent::Released(_) | ReservationEvent::Abandoned(_) => {
            vec![(Step::ReserveStock, Mark::Undone)]
        }
        ReservationEvent::Shipped(_) => vec![(Step::ShipStock, Mark::Done)],
        ReservationEvent::Returned(_) => {
            vec![(Step::ReserveStock, Mark::Undone), (Step::ShipStock, Mark::Undone)]
        }
    }
}

fn of_payment(event: &PaymentEvent) -> Vec<(Step, Mark)> {
    match event {
        PaymentEvent::Authorized(_) => vec![(Step::AuthorizePayment, Mark::Done)],
        PaymentEvent::AuthorizationRequested(_)
        | PaymentEvent::Declined(_)
        | PaymentEvent::VoidRequested(_) => vec![(Step::AuthorizePayment, Mark::Other)],
        PaymentEvent::Voided(_) => vec![(Step::AuthorizePayment, Mark::Undone)],
        PaymentEvent::CaptureRequested(_) | PaymentEvent::CaptureRefused(_) => {
            vec![(Step::CapturePayment, Mark::Other)]
        }
        PaymentEvent::Captured(_) => vec![(Step::CapturePayment, Mark::Done)],
        PaymentEvent::RefundRequested(_) => {
            vec![(Step::AuthorizePayment, Mark::Other), (Step::CapturePayment, Mark::Other)]
        }
        PaymentEvent::Refunded(_) => {
            vec![(Step::AuthorizePayment, Mark::Undone), (Step::CapturePayment, Mark::Undone)]
        }
    }
}

fn of_shipment(event: &ShipmentEvent) -> Vec<(Step, Mark)> {
    match event {
        ShipmentEvent::Created(_) => vec![(Step::CreateShipment, Mark::Done)],
        ShipmentEvent::Requested(_)
        | ShipmentEvent::Refused(_)
        | ShipmentEvent::CancelRequested(_) => vec![(Step::CreateShipment, Mark::Other)],
        ShipmentEvent::Cancelled(_) => vec![(Step::CreateShipment, Mark::Undone)],
        ShipmentEvent::Dispatched(_) | ShipmentEvent::Delivered(_) => Vec::new(),
    }
}
