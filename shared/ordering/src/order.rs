//! An order: placed, and then either dispatched or undone. The order's stream alone decides which.
//!
//! `order.undo_started` and `order.dispatched` exclude each other: whichever is appended first
//! decides the direction permanently. `order.committed` is the gate before money moves: after it,
//! the deadline can no longer undo the order, but the customer or an operator can, until the parcel
//! leaves.

mod requested;

use events::{
    CancelReason, CategoryEvent, OrderCancelled, OrderCommitted, OrderConfirmed, OrderDelivered,
    OrderDispatched, OrderEvent, OrderParked, OrderPlaced, OrderResumed, OrderUndoStarted,
};
use skald::decider::Decider;
use skald::personal::Personal;
use skald::time::Timestamp;

pub use requested::{ComparisonError, RequestedItem, RequestedOrder};

/// The decider of category `order`.
#[derive(Debug, Clone, Copy)]
pub struct Order;

/// The state of an order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OrderState {
    /// The order was not placed (yet).
    #[default]
    Unplaced,
    /// The order was placed.
    Placed(Box<PlacedOrder>),
}

/// An order that was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedOrder {
    /// The data of the order at the time it was placed.
    pub placed: OrderPlaced,
    /// The current deadline: that of the order as it was placed, or the one that an operator
    /// extended it to. An order that is not committed by then is undone.
    pub deadline: Timestamp,
    /// The order's progress.
    pub phase: Phase,
    /// The step at which the order is parked, if it is.
    pub parked: Option<OrderParked>,
    /// The number of the current attempt to complete or undo the order, from 1.
    pub attempt: u32,
    /// The number of the attempt during which undoing started; `None` before that.
    pub undo_attempt: Option<u32>,
}

/// The progress of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No money has moved. The deadline can still undo the order.
    Open,
    /// The money may be captured. The deadline can no longer undo the order.
    Committed,
    /// The money is captured and the parcel is ready. The order waits for the parcel to leave.
    Confirmed,
    /// The order is being undone.
    Undoing(CancelReason),
    /// The order is undone. Final.
    Cancelled(CancelReason),
    /// The parcel left. The order can no longer be undone.
    Dispatched,
    /// The parcel arrived. Final.
    Delivered,
}

impl Phase {
    /// Whether the direction can no longer change and nothing is left to complete or undo: the
    /// parcel left, or the order is undone.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Cancelled(_) | Self::Dispatched | Self::Delivered => true,
            Self::Open | Self::Committed | Self::Confirmed | Self::Undoing(_) => false,
        }
    }

    /// Whether the order needs no execution of the saga: it is [final](Self::is_final), or waits
    /// for its parcel to leave.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        self.is_final() || matches!(self, Self::Confirmed)
    }
}

impl OrderState {
    /// The order, if it was placed.
    #[must_use]
    pub fn placed(&self) -> Option<&PlacedOrder> {
        match self {
            Self::Unplaced => None,
            Self::Placed(order) => Some(order),
        }
    }
}

/// The commands on an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderCommand {
    /// Accept the order as it was [priced](crate::placing::price).
    Place(Box<PlaceOrder>),
    /// Pass the gate before money moves: from now on, the deadline can no longer undo the order.
    Commit,
    /// Record that the money is captured and the parcel is ready.
    Confirm,
    /// Record that the parcel left: from now on, the order can no longer be undone.
    Dispatch,
    /// Record that the parcel arrived.
    Deliver,
    /// Start undoing. If a step of the running attempt starts it, that attempt continues. In every
    /// other case the next attempt begins in the same commit, because the order may be parked, the
    /// execution of its attempt may have ended, or no execution runs.
    StartUndo {
        /// The reason. After the order is committed, only a request, the customer's erasure or a
        /// refused capture is a reason.
        reason: CancelReason,
        /// The words of the customer or the operator who asked for it.
        note: Option<Personal<String>>,
        /// The attempt whose step starts undoing; `None` for a customer or an operator.
        attempt: Option<u32>,
    },
    /// Record that the order is undone.
    Cancel,
    /// Park the order for an operator.
    Park {
        /// The step of the saga that failed.
        step: String,
        /// The error. It contains no personal data.
        error: String,
    },
    /// Begin the next attempt, whether the order is parked or an execution ended early. If an
    /// execution is still running, both work on the order, which is harmless.
    Resume {
        /// The new deadline, if the operator extends it. A deadline that is not later than the
        /// present one changes nothing.
        extend_to: Option<Timestamp>,
    },
}

/// An order to accept. Only [`placing::price`](crate::placing::price) creates one, so its total is
/// the sum of its lines at the catalogue's prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceOrder {
    request: RequestedOrder,
    placed: OrderPlaced,
}

impl PlaceOrder {
    pub(crate) const fn priced(request: RequestedOrder, placed: OrderPlaced) -> Self {
        Self { request, placed }
    }

    /// The event that records the order if it is accepted.
    #[must_use]
    pub const fn placed(&self) -> &OrderPlaced {
        &self.placed
    }
}

/// Why a command on an order is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderRejection {
    /// The order does not exist.
    #[error("the order does not exist")]
    NotPlaced,
    /// The same caller placed a different order with the same idempotency key.
    #[error("the idempotency key was already used for a different order")]
    KeyReused,
    /// Whether the same request placed the order cannot be determined.
    #[error(transparent)]
    Incomparable(#[from] ComparisonError),
    /// The order is committed: only a request, the customer's erasure or a refused capture can
    /// undo it.
    #[error("the order is committed, and this is no reason to undo it any more")]
    Committed,
    /// The order is confirmed: no step runs that could be resumed or parked.
    #[error("the order is confirmed and waits only for its parcel to leave: no step is left")]
    Confirmed,
    /// The direction is decided: the parcel left, and nothing can be undone.
    #[error("the parcel has left")]
    Dispatched,
    /// The direction is decided: the order is being undone, or is undone.
    #[error("the order is being undone")]
    UndoStarted(CancelReason),
    /// The order cannot be confirmed before it is committed.
    #[error("the order is not committed")]
    NotCommitted,
    /// The parcel cannot leave before the order is confirmed.
    #[error("the order is not confirmed")]
    NotConfirmed,
    /// The parcel cannot arrive before it left.
    #[error("the parcel has not left")]
    NotDispatched,
    /// The order cannot be cancelled before undoing has started.
    #[error("undoing the order has not started")]
    UndoNotStarted,
    /// The order can no longer change.
    #[error("the order is final and cannot change")]
    Final,
}

impl Decider for Order {
    const CATEGORY: &'static str = OrderEvent::CATEGORY;
    type State = OrderState;
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Rejection = OrderRejection;

    fn decide(
        state: &OrderState,
        command: &OrderCommand,
    ) -> Result<Vec<OrderEvent>, OrderRejection> {
        match state {
            OrderState::Unplaced => match command {
                OrderCommand::Place(order) => Ok(vec![order.placed().clone().into()]),
                OrderCommand::Commit
                | OrderCommand::Confirm
                | OrderCommand::Dispatch
                | OrderCommand::Deliver
                | OrderCommand::StartUndo { .. }
                | OrderCommand::Cancel
                | OrderCommand::Park { .. }
                | OrderCommand::Resume { .. } => Err(OrderRejection::NotPlaced),
            },
            OrderState::Placed(order) => order.decide(command),
        }
    }

    fn evolve(state: OrderState, event: &OrderEvent) -> OrderState {
        match (state, event) {
            (OrderState::Unplaced, OrderEvent::Placed(placed)) => {
                OrderState::Placed(Box::new(PlacedOrder {
                    placed: placed.clone(),
                    deadline: placed.deadline,
                    phase: Phase::Open,
                    parked: None,
                    attempt: 1,
                    undo_attempt: None,
                }))
            }
            (OrderState::Placed(mut order), event) => {
                order.evolve(event);
                OrderState::Placed(order)
            }
            (OrderState::Unplaced, _) => OrderState::Unplaced,
        }
    }
}

impl PlacedOrder {
    fn decide(&self, command: &OrderCommand) -> Result<Vec<OrderEvent>, OrderRejection> {
        let quiet = Ok(Vec::new());
        match command {
            OrderCommand::Place(again) if again.request.is_that_of(&self.placed)? => quiet,
            OrderCommand::Place(_) => Err(OrderRejection::KeyReused),
            OrderCommand::Commit
            | OrderCommand::Confirm
            | OrderCommand::Dispatch
            | OrderCommand::Deliver => self.advance(command),
            OrderCommand::StartUndo { reason, note, attempt } => {
                self.start_undo(*reason, note.as_ref(), *attempt)
            }
            OrderCommand::Cancel => match self.phase {
                Phase::Undoing(reason) => Ok(vec![OrderCancelled { reason }.into()]),
                Phase::Cancelled(_) => quiet,
                Phase::Open | Phase::Committed | Phase::Confirmed => {
                    Err(OrderRejection::UndoNotStarted)
                }
                Phase::Dispatched | Phase::Delivered => Err(OrderRejection::Dispatched),
            },
            OrderCommand::Park { .. } | OrderCommand::Resume { .. } if self.phase.is_final() => {
                Err(OrderRejection::Final)
            }
            OrderCommand::Park { .. } | OrderCommand::Resume { .. } if self.phase.is_settled() => {
                Err(OrderRejection::Confirmed)
            }
            OrderCommand::Park { step, error } => match self.parked {
                None => Ok(vec![OrderParked { step: step.clone(), error: error.clone() }.into()]),
                Some(_) => quiet,
            },
            OrderCommand::Resume { extend_to } => {
                let deadline = extend_to.filter(|extended| *extended > self.deadline);
                Ok(vec![OrderResumed { deadline, ..self.resumed() }.into()])
            }
        }
    }

    /// The next phase of an order that is not undone. A phase that was passed is not repeated.
    fn advance(&self, command: &OrderCommand) -> Result<Vec<OrderEvent>, OrderRejection> {
        if let Phase::Undoing(reason) | Phase::Cancelled(reason) = self.phase {
            return Err(OrderRejection::UndoStarted(reason));
        }
        match (command, self.phase) {
            (OrderCommand::Commit, Phase::Open) => Ok(vec![OrderCommitted {}.into()]),
            (OrderCommand::Confirm, Phase::Open) => Err(OrderRejection::NotCommitted),
            (OrderCommand::Confirm, Phase::Committed) => Ok(vec![OrderConfirmed {}.into()]),
            (OrderCommand::Dispatch, Phase::Open | Phase::Committed) => {
                Err(OrderRejection::NotConfirmed)
            }
            (OrderCommand::Dispatch, Phase::Confirmed) => Ok(vec![OrderDispatched {}.into()]),
            (OrderCommand::Deliver, Phase::Open | Phase::Committed | Phase::Confirmed) => {
                Err(OrderRejection::NotDispatched)
            }
            (OrderCommand::Deliver, Phase::Dispatched) => Ok(vec![OrderDelivered {}.into()]),
            (_, _) => Ok(Vec::new()),
        }
    }

    fn start_undo(
        &self,
        reason: CancelReason,
        note: Option<&Personal<String>>,
        attempt: Option<u32>,
    ) -> Result<Vec<OrderEvent>, OrderRejection> {
        let is_running = match self.phase {
            Phase::Open => self.parked.is_none(),
            Phase::Committed | Phase::Confirmed if !outlasts_the_gate(reason) => {
                return Err(OrderRejection::Committed);
            }
            Phase::Committed => self.parked.is_none(),
            Phase::Confirmed => false,
            Phase::Undoing(_) if attempt.is_none() && self.is_undone_by_itself() => {
                return Ok(vec![self.resumed().into()]);
            }
            Phase::Undoing(_) | Phase::Cancelled(_) => return Ok(Vec::new()),
            Phase::Dispatched | Phase::Delivered => return Err(OrderRejection::Dispatched),
        };
        let undo_started = OrderUndoStarted { reason, note: note.cloned() }.into();
        let continues = is_running && attempt == Some(self.attempt);
        let resumed = (!continues).then(|| self.resumed().into());
        Ok([undo_started].into_iter().chain(resumed).collect())
    }

    /// Whether only the attempt that started undoing may finish it. Its execution may have been
    /// stopped, so the first request from a customer or an operator to undo the order begins
    /// another attempt.
    const fn is_undone_by_itself(&self) -> bool {
        match self.undo_attempt {
            Some(attempt) => self.parked.is_none() && self.attempt == attempt,
            None => false,
        }
    }

    /// The event that begins the next attempt.
    const fn resumed(&self) -> OrderResumed {
        OrderResumed { attempt: self.attempt.saturating_add(1), deadline: None }
    }

    fn evolve(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::Placed(_) => {}
            OrderEvent::Committed(_) => self.phase = Phase::Committed,
            OrderEvent::Confirmed(_) => self.settle(Phase::Confirmed),
            OrderEvent::Dispatched(_) => self.phase = Phase::Dispatched,
            OrderEvent::Delivered(_) => self.phase = Phase::Delivered,
            OrderEvent::UndoStarted(undo) => {
                self.phase = Phase::Undoing(undo.reason);
                self.undo_attempt = Some(self.attempt);
            }
            OrderEvent::Cancelled(cancelled) => self.settle(Phase::Cancelled(cancelled.reason)),
            OrderEvent::Parked(parked) => self.parked = Some(parked.clone()),
            OrderEvent::Resumed(resumed) => {
                self.parked = None;
                self.attempt = resumed.attempt;
                self.deadline = resumed.deadline.unwrap_or(self.deadline);
            }
        }
    }

    /// A parked order may still be finished by an execution that was running.
    fn settle(&mut self, phase: Phase) {
        self.phase = phase;
        self.parked = None;
    }
}

/// Whether this is a reason to undo an order that is committed. The deadline no longer is, and no
/// step before the gate is refused after it.
const fn outlasts_the_gate(reason: CancelReason) -> bool {
    match reason {
        CancelReason::CustomerRequest
        | CancelReason::OperatorRequest
        | CancelReason::CustomerErased
        | CancelReason::CaptureFailed => true,
        CancelReason::StockUnavailable
        | CancelReason::PaymentDeclined
        | CancelReason::ShipmentRefused
        | CancelReason::Expired => false,
    }
}
