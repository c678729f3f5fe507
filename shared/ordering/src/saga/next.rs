//! Determines the next step from an order's streams.

use events::CancelReason;

use super::definition::ORDER_SAGA;
use super::step::Step;
use crate::order::{OrderState, Phase};
use crate::payment::PaymentState;
use crate::reservation::ReservationState;
use crate::shipment::ShipmentState;

/// The states of an order's four streams.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SagaState {
    /// The order, with its direction.
    pub order: OrderState,
    /// The goods that are held for it.
    pub reservation: ReservationState,
    /// The payment.
    pub payment: PaymentState,
    /// The parcel.
    pub shipment: ShipmentState,
}

/// The progress of a step, independent of the order's direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The step was never begun.
    Ahead,
    /// The step was begun, and its result is not recorded yet.
    UnderWay,
    /// The step is done.
    Done,
    /// The step was refused: there is nothing to undo.
    Refused,
    /// Undoing the step was begun.
    Undoing,
    /// The step is undone, or can no longer be done.
    Undone,
}

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A forward step.
    Do(Step),
    /// A backward step.
    Undo(Step),
    /// Nothing: the order is final, waits for its parcel to leave, or does not exist.
    Done,
    /// Nothing until an operator resumes the order.
    Parked,
}

impl SagaState {
    /// The progress of this step. A compensation has the progress of the step that it undoes.
    #[must_use]
    pub fn progress(&self, step: Step) -> Progress {
        match step {
            Step::ReserveStock | Step::ReleaseStock => self.reserved(),
            Step::AuthorizePayment | Step::VoidPayment => self.authorized(),
            Step::CreateShipment | Step::CancelShipment => self.shipped(),
            Step::CapturePayment => match self.payment {
                PaymentState::CaptureRequested => Progress::UnderWay,
                PaymentState::CaptureRefused { .. } => Progress::Refused,
                PaymentState::Captured => Progress::Done,
                PaymentState::VoidRequested | PaymentState::RefundRequested => Progress::Undoing,
                PaymentState::Voided | PaymentState::Refunded => Progress::Undone,
                PaymentState::Unrequested
                | PaymentState::AuthorizationRequested
                | PaymentState::Authorized
                | PaymentState::Declined { .. } => Progress::Ahead,
            },
            Step::ShipStock => match self.reservation {
                ReservationState::Shipped(_) => Progress::Done,
                ReservationState::Released
                | ReservationState::Returned
                | ReservationState::Abandoned => Progress::Undone,
                ReservationState::Unmade
                | ReservationState::Made(_)
                | ReservationState::Refused(_) => Progress::Ahead,
            },
            Step::CommitOrder | Step::ConfirmOrder | Step::StartUndo | Step::CancelOrder => {
                self.phase().map_or(Progress::Ahead, |phase| of_order(step, phase))
            }
            Step::ParkOrder => Progress::Ahead,
        }
    }

    /// Why the order cannot be completed: the reason of the first step that was refused.
    #[must_use]
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        let reason = |step| match step {
            Step::ReserveStock => Some(CancelReason::StockUnavailable),
            Step::AuthorizePayment => Some(CancelReason::PaymentDeclined),
            Step::CreateShipment => Some(CancelReason::ShipmentRefused),
            Step::CommitOrder
            | Step::CapturePayment
            | Step::ShipStock
            | Step::ConfirmOrder
            | Step::StartUndo
            | Step::CancelShipment
            | Step::VoidPayment
            | Step::ReleaseStock
            | Step::CancelOrder
            | Step::ParkOrder => None,
        };
        let refused = ORDER_SAGA.before.iter().map(|compensable| compensable.action.step);
        refused.filter(|&step| self.progress(step) == Progress::Refused).find_map(reason)
    }

    /// The first step before the pivot that is not done.
    #[must_use]
    pub fn missing(&self) -> Option<Step> {
        ORDER_SAGA
            .before
            .iter()
            .map(|step| step.action.step)
            .find(|&step| self.progress(step) != Progress::Done)
    }

    /// The first step after the pivot that is not done.
    #[must_use]
    pub fn unfinished(&self) -> Option<Step> {
        ORDER_SAGA
            .after
            .iter()
            .map(|step| step.action.step)
            .find(|&step| self.progress(step) != Progress::Done)
    }

    /// The next compensation: that of the last step that had an effect or may still have one.
    #[must_use]
    pub fn next_compensation(&self) -> Option<Step> {
        let undo = ORDER_SAGA.before.iter().rev().map(|step| step.compensation.step);
        undo.into_iter()
            .find(|&step| !matches!(self.progress(step), Progress::Undone | Progress::Refused))
    }

    /// The phase of the order, if it exists.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.order.placed().map(|order| order.phase)
    }

    const fn reserved(&self) -> Progress {
        match self.reservation {
            ReservationState::Unmade => Progress::Ahead,
            ReservationState::Made(_) | ReservationState::Shipped(_) => Progress::Done,
            ReservationState::Refused(_) => Progress::Refused,
            ReservationState::Released
            | ReservationState::Returned
            | ReservationState::Abandoned => Progress::Undone,
        }
    }

    const fn authorized(&self) -> Progress {
        match self.payment {
            PaymentState::Unrequested => Progress::Ahead,
            PaymentState::AuthorizationRequested => Progress::UnderWay,
            PaymentState::Authorized
            | PaymentState::CaptureRequested
            | PaymentState::CaptureRefused { .. }
            | PaymentState::Captured => Progress::Done,
            PaymentState::Declined { .. } => Progress::Refused,
            PaymentState::VoidRequested | PaymentState::RefundRequested => Progress::Undoing,
            PaymentState::Voided | PaymentState::Refunded => Progress::Undone,
        }
    }

    const fn shipped(&self) -> Progress {
        match self.shipment {
            ShipmentState::Unrequested => Progress::Ahead,
            ShipmentState::Requested => Progress::UnderWay,
            ShipmentState::Created(_) | ShipmentState::Dispatched | ShipmentState::Delivered => {
                Progress::Done
            }
            ShipmentState::Refused { .. } => Progress::Refused,
            ShipmentState::CancelRequested => Progress::Undoing,
            ShipmentState::Cancelled => Progress::Undone,
        }
    }
}

/// The progress of a step on the order itself, in this phase.
const fn of_order(step: Step, phase: Phase) -> Progress {
    match (step, phase) {
        (
            Step::CommitOrder,
            Phase::Committed | Phase::Confirmed | Phase::Dispatched | Phase::Delivered,
        )
        | (Step::ConfirmOrder, Phase::Confirmed | Phase::Dispatched | Phase::Delivered)
        | (Step::StartUndo, Phase::Undoing(_) | Phase::Cancelled(_))
        | (Step::CancelOrder, Phase::Cancelled(_)) => Progress::Done,
        (Step::CommitOrder | Step::ConfirmOrder, Phase::Undoing(_) | Phase::Cancelled(_)) => {
            Progress::Undone
        }
        (_, _) => Progress::Ahead,
    }
}

/// The next step of this order.
///
/// It does not use time: the step that it returns checks the deadline, and starts undoing if it has
/// passed.
#[must_use]
pub fn next(state: &SagaState) -> Next {
    let Some(order) = state.order.placed() else { return Next::Done };
    match order.phase {
        Phase::Confirmed | Phase::Dispatched | Phase::Delivered | Phase::Cancelled(_) => Next::Done,
        Phase::Open | Phase::Committed | Phase::Undoing(_) if order.parked.is_some() => {
            Next::Parked
        }
        Phase::Open if state.cancel_reason().is_some() => Next::Undo(ORDER_SAGA.abort.turn.step),
        Phase::Open => Next::Do(state.missing().unwrap_or(ORDER_SAGA.pivot.step)),
        Phase::Committed => state.unfinished().map_or(Next::Done, Next::Do),
        Phase::Undoing(_) => {
            Next::Undo(state.next_compensation().unwrap_or(ORDER_SAGA.abort.end.step))
        }
    }
}
