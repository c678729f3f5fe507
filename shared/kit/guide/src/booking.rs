//! A booking of a room: the arbiter of its saga.

use serde::{Deserialize, Serialize};
use skald::prelude::*;
use skald_saga::{Arbiter, Change, Phase, Standing};

/// A reader asks for a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// The room's id.
    pub room: String,
    /// The day, such as `2025-12-05`.
    pub day: String,
    /// The hour of the day.
    pub hour: u8,
    /// Whether the reader needs a projector.
    pub projector: bool,
    /// The deposit, in cents.
    pub deposit: u32,
    /// When the booking is undone if it is not secured yet.
    pub deadline: Timestamp,
}

/// The room is held, and the deposit is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secured {}

/// Everything is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {}

/// The reader is in the room. From now on the booking cannot be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedIn {}

/// Undoing started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoStarted {
    /// Why.
    pub reason: Reason,
}

/// Everything is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {}

/// The booking waits for an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The step that failed.
    pub step: String,
    /// The error.
    pub error: String,
}

/// Another attempt to complete or undo the booking began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {
    /// The number of the attempt.
    pub attempt: u32,
}

skald::domain_event! {
    /// What happens to a booking.
    pub enum BookingEvent {
        /// A reader asks for a room.
        Requested(Requested) = "booking.requested" @ 1,
        /// The room is held, and the deposit is taken.
        Secured(Secured) = "booking.secured" @ 1,
        /// Everything is done.
        Confirmed(Confirmed) = "booking.confirmed" @ 1,
        /// The reader is in the room.
        CheckedIn(CheckedIn) = "booking.checked_in" @ 1,
        /// Undoing started.
        UndoStarted(UndoStarted) = "booking.undo_started" @ 1,
        /// Everything is undone.
        Cancelled(Cancelled) = "booking.cancelled" @ 1,
        /// The booking waits for an operator.
        Parked(Parked) = "booking.parked" @ 1,
        /// Another attempt began.
        Resumed(Resumed) = "booking.resumed" @ 1,
    }
}

/// Why a booking is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Another reader has the room.
    RoomTaken,
    /// The till does not take the deposit.
    DepositRefused,
    /// The deadline passed.
    Expired,
    /// The reader does not come.
    Reader,
}

/// The decider of category `booking`.
#[derive(Debug)]
pub struct Booking;

/// What a decision needs to know about a booking. `None` before the first event.
pub type BookingState = Option<Booked>;

/// A booking that was requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// What was requested.
    pub requested: Requested,
    /// Where the saga stands.
    pub standing: Standing,
    /// Whether the reader is in the room.
    pub checked_in: bool,
    /// The step at which the saga is parked.
    pub parked_at: Option<String>,
    /// Why it is undone.
    pub reason: Option<Reason>,
}

/// The commands.
#[derive(Debug)]
pub enum BookingCommand {
    /// A reader asks for a room.
    Request(Requested),
    /// The reader does not come.
    Cancel,
    /// The reader is in the room.
    CheckIn,
    /// A step of the saga, or an operator, changes the booking.
    Change(Change<Reason>),
}

/// Why a command is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BookingRejection {
    /// There is no such booking.
    #[error("there is no such booking")]
    Unknown,
    /// The booking is undone, or being undone.
    #[error("the booking is cancelled")]
    Cancelled,
    /// The reader has come.
    #[error("the reader is in the room")]
    CheckedIn,
    /// A step that comes before is missing.
    #[error("the booking is not ready for this")]
    NotReady,
}

impl Booked {
    fn resumed(&self) -> BookingEvent {
        Resumed { attempt: self.standing.attempt + 1 }.into()
    }

    /// Undoing is excluded by the pivot, and excludes it. It does not stop.
    fn undo(&self, reason: Reason, by: Option<u32>) -> Result<Vec<BookingEvent>, BookingRejection> {
        match self.standing.phase {
            _ if self.checked_in => Err(BookingRejection::CheckedIn),
            Phase::Undoing | Phase::Undone => Ok(vec![]),
            Phase::Open | Phase::PastGate | Phase::Completed => {
                let started = UndoStarted { reason }.into();
                // The attempt of the step that starts undoing continues. Any other command needs
                // an attempt that undoes.
                if by == Some(self.standing.attempt) && !self.standing.is_parked {
                    Ok(vec![started])
                } else {
                    Ok(vec![started, self.resumed()])
                }
            }
        }
    }

    fn change(&self, change: &Change<Reason>) -> Result<Vec<BookingEvent>, BookingRejection> {
        match (change, self.standing.phase) {
            (Change::StartUndo { reason, attempt }, _) => self.undo(*reason, Some(*attempt)),
            (Change::EndUndo, Phase::Undoing) => Ok(vec![Cancelled {}.into()]),
            (Change::EndUndo, Phase::Undone) => Ok(vec![]),
            (Change::EndUndo, _) => Err(BookingRejection::NotReady),
            (_, Phase::Undone) => Err(BookingRejection::Cancelled),
            (Change::Park { .. } | Change::Resume, Phase::Completed) => {
                Err(BookingRejection::NotReady)
            }
            (Change::Park { .. }, _) if self.standing.is_parked => Ok(vec![]),
            (Change::Park { step, error }, _) => {
                Ok(vec![Parked { step: step.clone(), error: error.clone() }.into()])
            }
            (Change::Resume, _) => Ok(vec![self.resumed()]),
            (Change::PassGate | Change::Complete, Phase::Undoing) => {
                Err(BookingRejection::Cancelled)
            }
            (Change::PassGate, Phase::Open) => Ok(vec![Secured {}.into()]),
            (Change::Complete, Phase::Open) => Err(BookingRejection::NotReady),
            (Change::Complete, Phase::PastGate) => Ok(vec![Confirmed {}.into()]),
            (Change::PassGate, _) | (Change::Complete, Phase::Completed) => Ok(vec![]),
        }
    }
}

impl Decider for Booking {
    const CATEGORY: &'static str = "booking";
    type State = BookingState;
    type Command = BookingCommand;
    type Event = BookingEvent;
    type Rejection = BookingRejection;

    fn decide(
        booking: &BookingState,
        command: &BookingCommand,
    ) -> Result<Vec<BookingEvent>, BookingRejection> {
        let Some(booked) = booking else {
            return match command {
                BookingCommand::Request(requested) => Ok(vec![requested.clone().into()]),
                BookingCommand::Cancel | BookingCommand::CheckIn | BookingCommand::Change(_) => {
                    Err(BookingRejection::Unknown)
                }
            };
        };
        match (command, booked.standing.phase) {
            (BookingCommand::Request(_), _) => Ok(vec![]),
            (BookingCommand::Cancel, _) => booked.undo(Reason::Reader, None),
            (BookingCommand::CheckIn, _) if booked.checked_in => Ok(vec![]),
            (BookingCommand::CheckIn, Phase::Completed) => Ok(vec![CheckedIn {}.into()]),
            (BookingCommand::CheckIn, Phase::Undoing | Phase::Undone) => {
                Err(BookingRejection::Cancelled)
            }
            (BookingCommand::CheckIn, Phase::Open | Phase::PastGate) => {
                Err(BookingRejection::NotReady)
            }
            (BookingCommand::Change(change), _) => booked.change(change),
        }
    }

    fn evolve(booking: BookingState, event: &BookingEvent) -> BookingState {
        let Some(mut booked) = booking else {
            let BookingEvent::Requested(requested) = event else { return None };
            let deadline = Some(requested.deadline);
            return Some(Booked {
                requested: requested.clone(),
                standing: Standing { phase: Phase::Open, attempt: 1, is_parked: false, deadline },
                checked_in: false,
                parked_at: None,
                reason: None,
            });
        };
        match event {
            BookingEvent::Requested(_) => {}
            BookingEvent::Secured(_) => booked.standing.phase = Phase::PastGate,
            BookingEvent::Confirmed(_) => booked.standing.phase = Phase::Completed,
            BookingEvent::CheckedIn(_) => booked.checked_in = true,
            BookingEvent::UndoStarted(undo) => {
                booked.standing.phase = Phase::Undoing;
                booked.reason = Some(undo.reason);
            }
            BookingEvent::Cancelled(_) => booked.standing.phase = Phase::Undone,
            BookingEvent::Parked(parked) => booked.parked_at = Some(parked.step.clone()),
            BookingEvent::Resumed(resumed) => {
                booked.parked_at = None;
                booked.standing.attempt = resumed.attempt;
            }
        }
        booked.standing.is_parked = booked.parked_at.is_some();
        Some(booked)
    }
}

impl Arbiter for Booking {
    type Reason = Reason;

    fn standing(booking: &BookingState) -> Option<Standing> {
        booking.as_ref().map(|booked| booked.standing)
    }

    fn parked_at(booking: &BookingState) -> Option<&str> {
        booking.as_ref()?.parked_at.as_deref()
    }

    fn command(change: Change<Reason>) -> BookingCommand {
        BookingCommand::Change(change)
    }

    fn expired() -> Reason {
        Reason::Expired
    }

    fn begins_attempt(event: &BookingEvent) -> bool {
        matches!(event, BookingEvent::Requested(_) | BookingEvent::Resumed(_))
    }
}

#[cfg(test)]
mod tests {
    use skald_testkit::given;

    use super::*;

    fn requested() -> BookingEvent {
        Requested {
            room: "reading-room".to_owned(),
            day: "2025-12-05".to_owned(),
            hour: 10,
            projector: false,
            deposit: 500,
            deadline: Timestamp::EPOCH,
        }
        .into()
    }

    fn undo_started() -> BookingEvent {
        UndoStarted { reason: Reason::Reader }.into()
    }

    /// A confirmed booking to which this happened.
    fn confirmed_and(last: &[BookingEvent]) -> Vec<BookingEvent> {
        [&[requested(), Secured {}.into(), Confirmed {}.into()], last].concat()
    }

    #[test]
    fn a_confirmed_booking_can_be_cancelled_and_an_attempt_begins_that_undoes_it() {
        given::<Booking>(confirmed_and(&[]))
            .when(BookingCommand::Cancel)
            .then([undo_started(), Resumed { attempt: 2 }.into()]);
    }

    #[test]
    fn a_reader_who_is_in_the_room_cannot_cancel() {
        given::<Booking>(confirmed_and(&[CheckedIn {}.into()]))
            .when(BookingCommand::Cancel)
            .then_rejected(BookingRejection::CheckedIn);
    }

    #[test]
    fn a_reader_whose_booking_is_being_undone_cannot_check_in() {
        given::<Booking>(confirmed_and(&[undo_started()]))
            .when(BookingCommand::CheckIn)
            .then_rejected(BookingRejection::Cancelled);
    }

    #[test]
    fn a_step_that_starts_undoing_begins_no_attempt_unless_its_own_is_over() {
        let undo = |attempt| {
            let reason = Reason::RoomTaken;
            BookingCommand::Change(Change::StartUndo { reason, attempt })
        };
        let started: BookingEvent = UndoStarted { reason: Reason::RoomTaken }.into();
        given::<Booking>([requested()]).when(undo(1)).then([started.clone()]);
        given::<Booking>([requested(), Resumed { attempt: 2 }.into()])
            .when(undo(1))
            .then([started, Resumed { attempt: 3 }.into()]);
    }
}
