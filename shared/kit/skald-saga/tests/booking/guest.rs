//! The kinds of bookings, and how each begins.

use skald::decider::Decider;
use skald::stream::Tenant;
use skald::time::Timestamp;
use skald_saga::Instance;

use super::arbiter::{Begun, Booking, BookingCommand, BookingState};
use super::bug::Bug;

/// What kind of booking it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guest {
    Ordinary,
    /// The room has no code.
    WithoutCode,
    /// No room is left.
    Refused,
    /// The bank declines.
    Declined,
    /// The maker of the locks forgets to close the key of a code that it never issued.
    ForgetfulLock,
}

/// The saga of the booking with this bug.
pub(crate) fn instance(bug: Bug) -> Instance {
    Instance { tenant: Tenant::default(), id: format!("{bug:?}") }
}

/// How such a booking begins.
pub(crate) fn begin(guest: Guest, bug: Bug, deadline: Timestamp) -> Begun {
    Begun {
        id: instance(bug).id,
        guest: "ann".to_owned(),
        has_code: guest != Guest::WithoutCode,
        is_full: guest == Guest::Refused,
        deadline,
    }
}

/// The state of a booking that has just begun.
pub(crate) fn begun(bug: Bug) -> BookingState {
    let begun = begin(Guest::Ordinary, bug, Timestamp::LAST);
    after(BookingState::default(), &BookingCommand::Begin(begun))
}

/// The state after a command.
pub(crate) fn after(state: BookingState, command: &BookingCommand) -> BookingState {
    let events = Booking::decide(&state, command).unwrap();
    events.iter().fold(state, Booking::evolve)
}
