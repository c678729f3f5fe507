//! The points of a guest: one stream for all bookings of the guest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skald::decider::Decider;

use super::bug::Bug;

/// What a booking earns.
pub(crate) const POINTS: u32 = 100;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PointsEarned {
    booking: String,
    points: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PointsReturned {
    booking: String,
    points: u32,
}

skald::domain_event! {
    /// What happens to the points of a guest.
    pub(crate) enum PointsEvent {
        /// A booking earned points.
        Earned(PointsEarned) = "points.earned" @ 1,
        /// A booking returned its points, and will earn none.
        Returned(PointsReturned) = "points.returned" @ 1,
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PointsCommand {
    /// Earns the points of this booking.
    Earn(String),
    /// Returns them.
    Return(String),
}

impl PointsCommand {
    /// The id of the booking.
    pub(crate) fn booking(&self) -> &str {
        let (Self::Earn(booking) | Self::Return(booking)) = self;
        booking
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the booking is undone")]
pub(crate) struct PointsRejection;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Earned {
    Earned,
    Returned,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PointsState {
    pub(crate) balance: u32,
    pub(crate) of_bookings: BTreeMap<String, Earned>,
}

pub(crate) struct Points;

impl Decider for Points {
    const CATEGORY: &'static str = "points";
    type State = PointsState;
    type Command = PointsCommand;
    type Event = PointsEvent;
    type Rejection = PointsRejection;

    fn decide(
        state: &PointsState,
        command: &PointsCommand,
    ) -> Result<Vec<PointsEvent>, PointsRejection> {
        use PointsCommand::{Earn, Return};
        let booking = command.booking();
        let before = state.of_bookings.get(booking);
        let earned = || vec![PointsEarned { booking: booking.to_owned(), points: POINTS }.into()];
        let returned = |points| vec![PointsReturned { booking: booking.to_owned(), points }.into()];
        match (command, before) {
            (Earn(_), None) => Ok(earned()),
            (Earn(_), Some(Earned::Earned)) if Bug::CountsTwice.is_in(booking) => Ok(earned()),
            (Earn(_), Some(Earned::Returned)) if Bug::StepsForwardAfterUndo.is_in(booking) => {
                Ok(earned())
            }
            (Earn(_), Some(Earned::Returned)) => Err(PointsRejection),
            (Return(_), Some(Earned::Earned)) if Bug::KeepsPoints.is_in(booking) => Ok(returned(0)),
            (Return(_), Some(Earned::Earned)) => Ok(returned(POINTS)),
            (Return(_), None) => Ok(returned(0)),
            (Earn(_), Some(Earned::Earned)) | (Return(_), Some(Earned::Returned)) => Ok(vec![]),
        }
    }

    fn evolve(mut state: PointsState, event: &PointsEvent) -> PointsState {
        let (booking, earned) = match event {
            PointsEvent::Earned(PointsEarned { booking, points }) => {
                state.balance += points;
                (booking, Earned::Earned)
            }
            PointsEvent::Returned(PointsReturned { booking, points }) => {
                state.balance = state.balance.saturating_sub(*points);
                (booking, Earned::Returned)
            }
        };
        state.of_bookings.insert(booking.clone(), earned);
        state
    }
}
