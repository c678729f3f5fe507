//! What a step does next, and which way its order goes.

use events::CancelReason;
use skald::time::Timestamp;

use crate::order::{OrderState, Phase, PlacedOrder};
use crate::saga::StepError;

/// What a step does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move<Command, Call> {
    /// Turns the order round, for this reason; then looks again.
    TurnRound(CancelReason),
    /// Has this decided and appended to its stream; then looks again.
    Append(Command),
    /// Asks the outside; then looks again, with the answer.
    Ask(Call),
    /// Nothing more.
    End(Result<(), StepError>),
}

impl<Command, Call> Move<Command, Call> {
    /// It will not go well by itself.
    pub(super) fn stuck(why: impl ToString) -> Self {
        Self::End(Err(StepError::permanent(why)))
    }
}

/// Which way an order goes, for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way<'a> {
    /// Nobody has decided: steps forward are taken.
    Open(&'a PlacedOrder),
    /// Nobody has decided, and its time is up: it must be turned round.
    Expired,
    /// It will be, or is, completed.
    Completing(&'a PlacedOrder),
    /// It will be, or is, undone.
    Undoing(&'a PlacedOrder),
    /// There is no such order.
    Unplaced,
}

/// Which way this order goes at that time.
#[must_use]
pub fn way(order: &OrderState, at: Timestamp) -> Way<'_> {
    let Some(order) = order.placed() else { return Way::Unplaced };
    match order.phase {
        Phase::Open if at >= order.placed.deadline => Way::Expired,
        Phase::Open => Way::Open(order),
        Phase::Committed | Phase::Confirmed => Way::Completing(order),
        Phase::Undoing(_) | Phase::Cancelled(_) => Way::Undoing(order),
    }
}

impl<'a> Way<'a> {
    /// The order, for a step before the pivot; or how the step goes on at one that is not open.
    pub(super) fn before_pivot<C, A>(self) -> Result<&'a PlacedOrder, Move<C, A>> {
        match self {
            Self::Open(order) => Ok(order),
            Self::Expired => Err(Move::TurnRound(CancelReason::Expired)),
            // Another execution is further on, and this step was done for it.
            Self::Completing(_) => Err(Move::End(Ok(()))),
            Self::Undoing(_) => Err(Move::End(Err(StepError::Undone))),
            Self::Unplaced => Err(unplaced()),
        }
    }

    /// The order, for a step after the pivot; or how the step ends at one that is not committed.
    pub(super) fn after_pivot<C, A>(self) -> Result<&'a PlacedOrder, Move<C, A>> {
        match self {
            Self::Completing(order) => Ok(order),
            Self::Open(_) | Self::Expired => Err(Move::stuck("the order is not committed")),
            Self::Undoing(_) => Err(Move::End(Err(StepError::Undone))),
            Self::Unplaced => Err(unplaced()),
        }
    }

    /// The order, for a step back; or how the step ends at one that is not being undone.
    pub(super) fn back<C, A>(self) -> Result<&'a PlacedOrder, Move<C, A>> {
        match self {
            Self::Undoing(order) => Ok(order),
            Self::Open(_) | Self::Expired => Err(Move::stuck("undoing the order has not started")),
            Self::Completing(_) => Err(Move::stuck("the order is committed")),
            Self::Unplaced => Err(unplaced()),
        }
    }
}

fn unplaced<C, A>() -> Move<C, A> {
    Move::stuck("there is no such order")
}
