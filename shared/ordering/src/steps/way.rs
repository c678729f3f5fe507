//! What a step does next, and the direction of its order.

use events::CancelReason;
use skald::time::Timestamp;

use crate::order::{OrderState, Phase, PlacedOrder};
use crate::saga::StepError;

/// What a step does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move<Command, Call> {
    /// Start undoing for this reason, then begin another round.
    TurnRound(CancelReason),
    /// Decide this command and append its event to the step's stream, then begin another round.
    Append(Command),
    /// Call the external system, then begin another round with its answer.
    Ask(Call),
    /// End the step.
    End(Result<(), StepError>),
}

impl<Command, Call> Move<Command, Call> {
    /// Ends the step with an error that an operator must resolve.
    pub(super) fn stuck(why: impl ToString) -> Self {
        Self::End(Err(StepError::permanent(why)))
    }
}

/// The direction of an order, for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way<'a> {
    /// The direction is undecided: forward steps are performed.
    Open(&'a PlacedOrder),
    /// The direction is undecided and the deadline has passed: undoing must start.
    Expired,
    /// The order is going to be completed, or is completed.
    Completing(&'a PlacedOrder),
    /// The order is being undone, or is undone.
    Undoing(&'a PlacedOrder),
    /// The order does not exist.
    Unplaced,
}

/// The direction of this order at that time.
#[must_use]
pub fn way(order: &OrderState, at: Timestamp) -> Way<'_> {
    let Some(order) = order.placed() else { return Way::Unplaced };
    match order.phase {
        Phase::Open if at >= order.deadline => Way::Expired,
        Phase::Open => Way::Open(order),
        Phase::Committed | Phase::Confirmed | Phase::Dispatched | Phase::Delivered => {
            Way::Completing(order)
        }
        Phase::Undoing(_) | Phase::Cancelled(_) => Way::Undoing(order),
    }
}

impl<'a> Way<'a> {
    /// The order, for a step before the pivot; or what the step does if the direction is decided.
    pub(super) fn before_pivot<C, A>(self) -> Result<&'a PlacedOrder, Move<C, A>> {
        match self {
            Self::Open(order) => Ok(order),
            Self::Expired => Err(Move::TurnRound(CancelReason::Expired)),
            // Another execution is further ahead, and has done this step.
            Self::Completing(_) => Err(Move::End(Ok(()))),
            Self::Undoing(_) => Err(Move::End(Err(StepError::Undone))),
            Self::Unplaced => Err(unplaced()),
        }
    }

    /// The order, for a step after the pivot; or how the step ends if the order is not committed.
    pub(super) fn after_pivot<C, A>(self) -> Result<&'a PlacedOrder, Move<C, A>> {
        match self {
            Self::Completing(order) => Ok(order),
            Self::Open(_) | Self::Expired => Err(Move::stuck("the order is not committed")),
            Self::Undoing(_) => Err(Move::End(Err(StepError::Undone))),
            Self::Unplaced => Err(unplaced()),
        }
    }

    /// The order, for a backward step; or how the step ends if the order is not being undone.
    pub(super) fn back<C, A>(self) -> Result<&'a PlacedOrder, Move<C, A>> {
        match self {
            Self::Undoing(order) => Ok(order),
            Self::Open(_) | Self::Expired => Err(Move::stuck("undoing the order has not started")),
            Self::Completing(_) => Err(Move::stuck("the order is being completed")),
            Self::Unplaced => Err(unplaced()),
        }
    }
}

fn unplaced<C, A>() -> Move<C, A> {
    Move::stuck("the order does not exist")
}
