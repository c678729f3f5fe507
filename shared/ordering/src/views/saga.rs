//! The saga of an order, as it is read: what was done, refused and undone, and when. Folded from
//! the order's four streams when somebody asks: it has no row of its own.

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

/// What is stored of an order and its saga: four streams, whole, each oldest first.
#[derive(Debug, Clone, Copy)]
pub struct SagaCommits<'a> {
    /// Of `order-…`.
    pub order: &'a [Commit],
    /// Of `reservation-…`.
    pub reservation: &'a [Commit],
    /// Of `payment-…`.
    pub payment: &'a [Commit],
    /// Of `shipment-…`.
    pub shipment: &'a [Commit],
}

/// The saga of an order, as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSaga {
    /// The order.
    pub order_id: OrderId,
    /// What has become of it.
    pub status: OrderStatus,
    /// The number of the attempt to complete or undo it, from 1.
    pub attempt: u32,
    /// Every step that was begun, in the order of the saga, and the one that is next. A step and
    /// its compensation are one.
    pub steps: Vec<SagaStep>,
}

/// A step, as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SagaStep {
    /// The step; one that is undone keeps its name.
    pub step: Step,
    /// What has become of it.
    pub state: StepState,
    /// In how many attempts something was done about it.
    pub attempts: u32,
    /// When its first event was recorded; none if nothing is written of it yet, but that it failed.
    pub started_at: Option<Timestamp>,
    /// When it was done; none if it never was. What is undone without it can no longer be done.
    pub done_at: Option<Timestamp>,
    /// When it was undone.
    pub undone_at: Option<Timestamp>,
    /// When its last event was recorded.
    pub updated_at: Option<Timestamp>,
}

/// What has become of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It is done.
    Done,
    /// It could not be done.
    Refused,
    /// It is undone, or can no longer be done.
    Undone,
    /// It is being done or undone, or about to be.
    Running,
    /// It stands still until an operator has the order resumed.
    Parked,
}

/// What is written of a step.
#[derive(Debug, Default)]
struct Traces {
    started_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    done_at: Option<Timestamp>,
    undone_at: Option<Timestamp>,
    attempts: BTreeSet<String>,
}

/// What an event says of its step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Something else: that it was begun, say, or refused.
    Other,
    /// It failed, and the order was parked.
    Parked,
    /// It is done.
    Done,
    /// It is undone, or can no longer be done.
    Undone,
}

/// The saga of the order in these streams; none if there is no order.
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
                told(state.progress(step))
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

const fn told(progress: Progress) -> StepState {
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

/// The step that this one undoes; itself, if it undoes none.
fn undone_by(step: Step) -> Step {
    let undone = ORDER_SAGA.before.iter().find(|pair| pair.compensation.step == step);
    undone.map_or(step, |pair| pair.action.step)
}

/// Notes of every event which step it is of, what it says of it, when it was recorded, and in which
/// attempt.
fn trace<E: DomainEvent>(
    commits: &[Commit],
    traces: &mut BTreeMap<Step, Traces>,
    mark: impl Fn(&E) -> Option<(Step, Mark)>,
) -> Result<(), DecodeError> {
    for commit in commits {
        for envelope in commit.envelopes::<E>() {
            let envelope = envelope?;
            let Some((step, mark)) = mark(&envelope.data) else { continue };
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
    Ok(())
}

fn of_order(event: &OrderEvent) -> Option<(Step, Mark)> {
    match event {
        OrderEvent::Committed(_) => Some((Step::CommitOrder, Mark::Done)),
        OrderEvent::Confirmed(_) => Some((Step::ConfirmOrder, Mark::Done)),
        OrderEvent::UndoStarted(_) => Some((Step::StartUndo, Mark::Done)),
        OrderEvent::Cancelled(_) => Some((Step::CancelOrder, Mark::Done)),
        OrderEvent::Parked(parked) => Some((parked_at(parked)?, Mark::Parked)),
        OrderEvent::Placed(_) | OrderEvent::Resumed(_) => None,
    }
}

const fn of_reservation(event: &ReservationEvent) -> Option<(Step, Mark)> {
    match event {
        ReservationEvent::Made(_) => Some((Step::ReserveStock, Mark::Done)),
        ReservationEvent::Refused(_) => Some((Step::ReserveStock, Mark::Other)),
        ReservationEvent::Released(_) | ReservationEvent::Abandoned(_) => {
            Some((Step::ReserveStock, Mark::Undone))
        }
        ReservationEvent::Shipped(_) => Some((Step::ShipStock, Mark::Done)),
    }
}

const fn of_payment(event: &PaymentEvent) -> Option<(Step, Mark)> {
    match event {
        PaymentEvent::Authorized(_) => Some((Step::AuthorizePayment, Mark::Done)),
        PaymentEvent::AuthorizationRequested(_)
        | PaymentEvent::Declined(_)
        | PaymentEvent::VoidRequested(_) => Some((Step::AuthorizePayment, Mark::Other)),
        PaymentEvent::Voided(_) => Some((Step::AuthorizePayment, Mark::Undone)),
        PaymentEvent::CaptureRequested(_) => Some((Step::CapturePayment, Mark::Other)),
        PaymentEvent::Captured(_) => Some((Step::CapturePayment, Mark::Done)),
        PaymentEvent::RefundRequested(_) | PaymentEvent::Refunded(_) => None,
    }
}

const fn of_shipment(event: &ShipmentEvent) -> Option<(Step, Mark)> {
    match event {
        ShipmentEvent::Created(_) => Some((Step::CreateShipment, Mark::Done)),
        ShipmentEvent::Requested(_)
        | ShipmentEvent::Refused(_)
        | ShipmentEvent::CancelRequested(_) => Some((Step::CreateShipment, Mark::Other)),
        ShipmentEvent::Cancelled(_) => Some((Step::CreateShipment, Mark::Undone)),
        ShipmentEvent::Dispatched(_) | ShipmentEvent::Delivered(_) => None,
    }
}
