//! An order: placed, and then either completed or undone. Its stream is the only arbiter of which.
//!
//! Whichever comes first, `order.committed` or `order.undo_started`, decides the direction for
//! good; every step of the saga, the customer and the deadline ask here.

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

/// What is known of an order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum OrderState {
    /// There is none (yet).
    #[default]
    Unplaced,
    /// It was placed.
    Placed(Box<PlacedOrder>),
}

/// An order that was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedOrder {
    /// What was true when it was placed.
    pub placed: OrderPlaced,
    /// How far it has come.
    pub phase: Phase,
    /// Where it stands still, if it does.
    pub parked: Option<OrderParked>,
    /// The number of the attempt to complete or undo it that is under way, from 1.
    pub attempt: u32,
    /// The attempt that was under way when undoing started; `None` before that.
    pub turned_in: Option<u32>,
}

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It can still be completed or undone.
    Open,
    /// It will be completed.
    Committed,
    /// It is completed. Final.
    Confirmed,
    /// It will be undone.
    Undoing(CancelReason),
    /// It is undone. Final.
    Cancelled(CancelReason),
}

impl Phase {
    /// Whether nothing more will happen to the order.
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

/// What can be asked of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderCommand {
    /// Accept it, as it was [priced](crate::placing::price).
    Place(Box<PlaceOrder>),
    /// Pass the point of no return, towards completion.
    Commit,
    /// Complete it.
    Confirm,
    /// Start undoing. If a step of the running attempt asks for it, that attempt goes on. In every
    /// other case the next attempt begins in the same commit, because the order may be parked or
    /// the execution of its attempt may have ended.
    StartUndo {
        /// Why.
        reason: CancelReason,
        /// The attempt whose step turns the order round; `None` for a customer or an operator.
        attempt: Option<u32>,
    },
    /// It is undone.
    Cancel,
    /// Leave it to an operator.
    Park {
        /// The step of the saga that failed.
        step: String,
        /// How it failed. No personal data.
        error: String,
    },
    /// Begin the next attempt, whether the order is parked or an execution ended without a word. If
    /// one is still under way, both are at it, which does no harm.
    Resume,
}

/// An order to accept. Only [`placing::price`](crate::placing::price) makes one, so its total is
/// the sum of its lines, at the prices of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceOrder {
    request: RequestedOrder,
    placed: OrderPlaced,
}

impl PlaceOrder {
    pub(crate) const fn priced(request: RequestedOrder, placed: OrderPlaced) -> Self {
        Self { request, placed }
    }

    /// What will have happened if it is accepted.
    #[must_use]
    pub const fn placed(&self) -> &OrderPlaced {
        &self.placed
    }
}

/// Why an order does not do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderRejection {
    /// There is no such order.
    #[error("there is no such order")]
    NotPlaced,
    /// The same caller placed another order with the same idempotency key.
    #[error("the idempotency key was used for another order")]
    KeyReused,
    /// Whether the same request placed the order cannot be determined.
    #[error(transparent)]
    Incomparable(#[from] ComparisonError),
    /// Its direction is decided: it will be, or is, completed.
    #[error("the order is committed")]
    Committed,
    /// Its direction is decided: it will be, or is, undone.
    #[error("the order is being undone")]
    UndoStarted(CancelReason),
    /// It cannot be completed before it is committed.
    #[error("the order is not committed")]
    NotCommitted,
    /// It cannot be cancelled before undoing has started.
    #[error("undoing the order has not started")]
    UndoNotStarted,
    /// Nothing more happens to it.
    #[error("the order is final")]
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
                    turned_in: None,
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
                    let goes_on = self.parked.is_none() && *attempt == Some(self.attempt);
                    let resumed = (!goes_on).then(|| self.resumed().into());
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

    /// Whether only the attempt that started undoing is to finish it. Its execution may have been
    /// stopped since, so the first customer or operator who asks for undoing begins another
    /// attempt.
    const fn is_undone_by_itself(&self) -> bool {
        match self.turned_in {
            Some(attempt) => self.parked.is_none() && self.attempt == attempt,
            None => false,
        }
    }

    /// The beginning of the next attempt.
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
                self.turned_in = Some(self.attempt);
            }
            OrderEvent::Cancelled(cancelled) => self.end(Phase::Cancelled(cancelled.reason)),
            OrderEvent::Parked(parked) => self.parked = Some(parked.clone()),
            OrderEvent::Resumed(resumed) => {
                self.parked = None;
                self.attempt = resumed.attempt;
            }
        }
    }

    /// An order that was parked may still be brought to its end, by an execution that was under
    /// way.
    fn end(&mut self, phase: Phase) {
        self.phase = phase;
        self.parked = None;
    }
}
