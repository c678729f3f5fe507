//! An order: placed, and then either completed or undone. The order's stream alone decides which.
//!
//! The first of `order.committed` and `order.undo_started` decides the direction
//! permanently. Every step of the saga, a cancelling customer and the deadline depend on this
//! decision.

mod requested;

use events::{
    CancelReason, CategoryEvent, OrderCancelled, OrderCommitted, OrderConfirmed, OrderEvent,
    OrderParked, OrderPlaced, OrderResumed, OrderUndoStarted,
};
use skald::decider::Decider;

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
    /// The order can still be completed or undone.
    Open,
    /// The order is going to be completed.
    Committed,
    /// The order is completed. Final.
    Confirmed,
    /// The order is being undone.
    Undoing(CancelReason),
    /// The order is undone. Final.
    Cancelled(CancelReason),
}

impl Phase {
    /// Whether the order can no longer change.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Confirmed | Self::Cancelled(_) => true,
            Self::Open | Self::Committed | Self::Undoing(_) => false,
        }
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
    /// Pass the pivot: from now on the order can only be completed.
    Commit,
    /// Complete the order.
    Confirm,
    /// Start undoing. If a step of the running attempt starts it, that attempt continues. In every
    /// other case the next attempt begins in the same commit, because the order may be parked or
    /// the execution of its attempt may have ended.
    StartUndo {
        /// The reason.
        reason: CancelReason,
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
    Resume,
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
    /// The direction is decided: the order is going to be completed, or is completed.
    #[error("the order is committed and cannot be undone")]
    Committed,
    /// The direction is decided: the order is being undone, or is undone.
    #[error("the order is being undone")]
    UndoStarted(CancelReason),
    /// The order cannot be completed before it is committed.
    #[error("the order is not committed")]
    NotCommitted,
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
                | OrderCommand::StartUndo { .. }
                | OrderCommand::Cancel
                | OrderCommand::Park { .. }
                | OrderCommand::Resume => Err(OrderRejection::NotPlaced),
            },
            OrderState::Placed(order) => order.decide(command),
        }
    }

    fn evolve(state: OrderState, event: &OrderEvent) -> OrderState {
        match (state, event) {
            (OrderState::Unplaced, OrderEvent::Placed(placed)) => {
                OrderState::Placed(Box::new(PlacedOrder {
                    placed: placed.clone(),
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
            OrderCommand::Commit => match self.phase {
                Phase::Open => Ok(vec![OrderCommitted {}.into()]),
                Phase::Committed | Phase::Confirmed => quiet,
                Phase::Undoing(reason) | Phase::Cancelled(reason) => {
                    Err(OrderRejection::UndoStarted(reason))
                }
            },
            OrderCommand::Confirm => match self.phase {
                Phase::Committed => Ok(vec![OrderConfirmed {}.into()]),
                Phase::Confirmed => quiet,
                Phase::Open => Err(OrderRejection::NotCommitted),
                Phase::Undoing(reason) | Phase::Cancelled(reason) => {
                    Err(OrderRejection::UndoStarted(reason))
                }
            },
            OrderCommand::StartUndo { reason, attempt } => match self.phase {
                Phase::Open => {
                    let undo_started = OrderUndoStarted { reason: *reason }.into();
                    let continues = self.parked.is_none() && *attempt == Some(self.attempt);
                    let resumed = (!continues).then(|| self.resumed().into());
                    Ok([undo_started].into_iter().chain(resumed).collect())
                }
                Phase::Undoing(_) if attempt.is_none() && self.is_undone_by_itself() => {
                    Ok(vec![self.resumed().into()])
                }
                Phase::Undoing(_) | Phase::Cancelled(_) => quiet,
                Phase::Committed | Phase::Confirmed => Err(OrderRejection::Committed),
            },
            OrderCommand::Cancel => match self.phase {
                Phase::Undoing(reason) => Ok(vec![OrderCancelled { reason }.into()]),
                Phase::Cancelled(_) => quiet,
                Phase::Open => Err(OrderRejection::UndoNotStarted),
                Phase::Committed | Phase::Confirmed => Err(OrderRejection::Committed),
            },
            OrderCommand::Park { .. } | OrderCommand::Resume if self.phase.is_final() => {
                Err(OrderRejection::Final)
            }
            OrderCommand::Park { step, error } => match self.parked {
                None => Ok(vec![OrderParked { step: step.clone(), error: error.clone() }.into()]),
                Some(_) => quiet,
            },
            OrderCommand::Resume => Ok(vec![self.resumed().into()]),
        }
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
        OrderResumed { attempt: self.attempt.saturating_add(1) }
    }

    fn evolve(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::Placed(_) => {}
            OrderEvent::Committed(_) => self.phase = Phase::Committed,
            OrderEvent::Confirmed(_) => self.end(Phase::Confirmed),
            OrderEvent::UndoStarted(undo) => {
                self.phase = Phase::Undoing(undo.reason);
                self.undo_attempt = Some(self.attempt);
            }
            OrderEvent::Cancelled(cancelled) => self.end(Phase::Cancelled(cancelled.reason)),
            OrderEvent::Parked(parked) => self.parked = Some(parked.clone()),
            OrderEvent::Resumed(resumed) => {
                self.parked = None;
                self.attempt = resumed.attempt;
            }
        }
    }

    /// A parked order may still be finished by an execution that was running.
    fn end(&mut self, phase: Phase) {
        self.phase = phase;
        self.parked = None;
    }
}
