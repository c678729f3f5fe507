//! The booking: the arbiter.

use serde::{Deserialize, Serialize};
use skald::decider::Decider;
use skald::time::Timestamp;
use skald_saga::{Arbiter, Change, Phase, Standing};

use super::bug::Bug;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) id: String,
    pub(crate) guest: String,
    pub(crate) has_code: bool,
    pub(crate) is_full: bool,
    pub(crate) deadline: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Guaranteed {}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Confirmed {}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UndoStarted {
    pub(crate) reason: Reason,
    /// Whether another attempt begins with it.
    pub(crate) begins_attempt: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cancelled {}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WasParked {
    pub(crate) step: String,
    pub(crate) error: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resumed {}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CheckedIn {}

skald::domain_event! {
    /// What happens to a booking.
    pub(crate) enum BookingEvent {
        /// It was begun.
        Begun(Begun) = "booking.begun" @ 1,
        /// The gate.
        Guaranteed(Guaranteed) = "booking.guaranteed" @ 1,
        /// Every step is done.
        Confirmed(Confirmed) = "booking.confirmed" @ 1,
        /// Undoing started.
        UndoStarted(UndoStarted) = "booking.undo_started" @ 1,
        /// Everything is undone.
        Cancelled(Cancelled) = "booking.cancelled" @ 1,
        /// It waits for an operator.
        Parked(WasParked) = "booking.parked" @ 1,
        /// The next attempt begins.
        Resumed(Resumed) = "booking.resumed" @ 1,
        /// The guest is there: the pivot.
        CheckedIn(CheckedIn) = "booking.checked_in" @ 1,
    }
}

/// Why a booking is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reason {
    Full,
    Declined,
    Expired,
    Guest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BookingCommand {
    Begin(Begun),
    Change(Change<Reason>),
    Cancel,
    CheckIn,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a booking that is {0} does not accept this")]
pub(crate) struct BookingRejection(&'static str);

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct BookingState(Option<Stands>);

#[derive(Debug, Clone, PartialEq)]
struct Stands {
    begun: Begun,
    phase: Phase,
    attempt: u32,
    is_parked: bool,
    is_checked_in: bool,
    reason: Option<Reason>,
}

impl BookingState {
    pub(crate) fn begun(&self) -> Option<&Begun> {
        self.0.as_ref().map(|stands| &stands.begun)
    }

    pub(crate) fn reason(&self) -> Option<Reason> {
        self.0.as_ref()?.reason
    }
}

pub(crate) struct Booking;

impl Decider for Booking {
    const CATEGORY: &'static str = "booking";
    type State = BookingState;
    type Command = BookingCommand;
    type Event = BookingEvent;
    type Rejection = BookingRejection;

    fn decide(
        BookingState(state): &BookingState,
        command: &BookingCommand,
    ) -> Result<Vec<BookingEvent>, BookingRejection> {
        let Some(stands) = state else {
            let BookingCommand::Begin(begun) = command else {
                return Err(BookingRejection("not begun"));
            };
            return Ok(vec![begun.clone().into()]);
        };
        let rejected = Err(BookingRejection("elsewhere"));
        match command {
            BookingCommand::Begin(_) => Ok(vec![]),
            BookingCommand::Cancel => stands.start_undo(Reason::Guest, None),
            BookingCommand::CheckIn => match stands.phase {
                Phase::Completed if stands.is_checked_in => Ok(vec![]),
                Phase::Completed => Ok(vec![CheckedIn {}.into()]),
                Phase::Open | Phase::PastGate | Phase::Undoing | Phase::Undone => rejected,
            },
            BookingCommand::Change(Change::StartUndo { reason, attempt }) => {
                stands.start_undo(*reason, Some(*attempt))
            }
            BookingCommand::Change(Change::PassGate) => match stands.phase {
                Phase::Open => Ok(vec![Guaranteed {}.into()]),
                Phase::PastGate | Phase::Completed => Ok(vec![]),
                Phase::Undoing | Phase::Undone => rejected,
            },
            BookingCommand::Change(Change::Complete) => match stands.phase {
                Phase::PastGate => Ok(vec![Confirmed {}.into()]),
                Phase::Completed => Ok(vec![]),
                Phase::Open | Phase::Undoing | Phase::Undone => rejected,
            },
            BookingCommand::Change(Change::EndUndo) => match stands.phase {
                Phase::Undoing => Ok(vec![Cancelled {}.into()]),
                Phase::Undone => Ok(vec![]),
                Phase::Open | Phase::PastGate | Phase::Completed => rejected,
            },
            BookingCommand::Change(Change::Park { step, error }) => {
                if stands.phase.is_settled() {
                    return rejected;
                }
                let parked = WasParked { step: step.clone(), error: error.clone() };
                Ok(if stands.is_parked { vec![] } else { vec![parked.into()] })
            }
            BookingCommand::Change(Change::Resume) => {
                if stands.phase.is_settled() {
                    rejected
                } else {
                    Ok(vec![Resumed {}.into()])
                }
            }
        }
    }

    fn evolve(BookingState(state): BookingState, event: &BookingEvent) -> BookingState {
        let Some(stands) = state else {
            let BookingEvent::Begun(begun) = event else { return BookingState(None) };
            return BookingState(Some(Stands {
                begun: begun.clone(),
                phase: Phase::Open,
                attempt: 1,
                is_parked: false,
                is_checked_in: false,
                reason: None,
            }));
        };
        BookingState(Some(match event {
            BookingEvent::Begun(_) => stands,
            BookingEvent::Guaranteed(_) => Stands { phase: Phase::PastGate, ..stands },
            BookingEvent::Confirmed(_) => Stands { phase: Phase::Completed, ..stands },
            BookingEvent::UndoStarted(UndoStarted { reason, begins_attempt }) => Stands {
                phase: Phase::Undoing,
                attempt: stands.attempt + u32::from(*begins_attempt),
                is_parked: stands.is_parked && !begins_attempt,
                reason: Some(*reason),
                ..stands
            },
            BookingEvent::Cancelled(_) => Stands { phase: Phase::Undone, ..stands },
            BookingEvent::Parked(_) => Stands { is_parked: true, ..stands },
            BookingEvent::Resumed(_) => {
                Stands { is_parked: false, attempt: stands.attempt + 1, ..stands }
            }
            BookingEvent::CheckedIn(_) => Stands { is_checked_in: true, ..stands },
        }))
    }
}

impl Stands {
    fn start_undo(
        &self,
        reason: Reason,
        attempt: Option<u32>,
    ) -> Result<Vec<BookingEvent>, BookingRejection> {
        if self.is_checked_in && !Bug::CancelsAfterPivot.is_in(&self.begun.id) {
            return Err(BookingRejection("checked in"));
        }
        match self.phase {
            Phase::Undoing | Phase::Undone => Ok(vec![]),
            Phase::Open | Phase::PastGate | Phase::Completed => {
                let begins_attempt = (attempt != Some(self.attempt) || self.is_parked)
                    && !Bug::StrandsCancelled.is_in(&self.begun.id);
                Ok(vec![UndoStarted { reason, begins_attempt }.into()])
            }
        }
    }
}

impl Arbiter for Booking {
    type Reason = Reason;

    fn standing(BookingState(state): &BookingState) -> Option<Standing> {
        state.as_ref().map(|stands| Standing {
            phase: stands.phase,
            attempt: stands.attempt,
            is_parked: stands.is_parked,
            deadline: Some(stands.begun.deadline),
        })
    }

    fn command(change: Change<Reason>) -> BookingCommand {
        BookingCommand::Change(change)
    }

    fn expired() -> Reason {
        Reason::Expired
    }

    fn begins_attempt(event: &BookingEvent) -> bool {
        match event {
            BookingEvent::Begun(_) | BookingEvent::Resumed(_) => true,
            BookingEvent::UndoStarted(started) => started.begins_attempt,
            BookingEvent::Guaranteed(_)
            | BookingEvent::Confirmed(_)
            | BookingEvent::Cancelled(_)
            | BookingEvent::Parked(_)
            | BookingEvent::CheckedIn(_) => false,
        }
    }
}

/// The rejection of a booking that was not begun.
pub(crate) const fn not_begun() -> BookingRejection {
    BookingRejection("not begun")
}
