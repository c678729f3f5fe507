//! A room on one day.

use std::collections::BTreeMap;
use std::convert::Infallible;

use serde::{Deserialize, Serialize};
use skald::prelude::*;

/// What a booking gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// The room, for an hour.
    Room,
    /// A projector in it.
    Projector,
    /// The key to it.
    Key,
}

/// An item of a booking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booked {
    /// The booking's id.
    pub booking: String,
    /// The hour.
    pub hour: u8,
    /// The item.
    pub item: Item,
}

/// A booking has the item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given(pub Booked);

/// Another booking has the room at this hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused(pub Booked);

/// The booking does not have the item, and never gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBack(pub Booked);

skald::domain_event! {
    /// What happens to a room on one day.
    pub enum RoomEvent {
        /// A booking has the item.
        Given(Given) = "room.given" @ 1,
        /// Another booking has the room at this hour.
        Refused(Refused) = "room.refused" @ 1,
        /// The booking does not have the item, and never gets it.
        TakenBack(TakenBack) = "room.taken_back" @ 1,
    }
}

/// The decider of category `room`. A stream is a room on one day, so that it stays short.
#[derive(Debug)]
pub struct Room;

/// The last event of each item of each booking.
pub type RoomState = BTreeMap<(String, Item), RoomEvent>;

/// The commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomCommand {
    /// Give the item to the booking.
    Give(Booked),
    /// Take it back, or make sure that the booking never gets it.
    TakeBack(Booked),
}

impl Decider for Room {
    const CATEGORY: &'static str = "room";
    type State = RoomState;
    type Command = RoomCommand;
    type Event = RoomEvent;
    type Rejection = Infallible;

    fn decide(room: &RoomState, command: &RoomCommand) -> Result<Vec<RoomEvent>, Infallible> {
        let (RoomCommand::Give(booked) | RoomCommand::TakeBack(booked)) = command;
        let known = room.get(&(booked.booking.clone(), booked.item));
        let is_taken = room.values().any(|event| {
            matches!(event, RoomEvent::Given(Given(other))
                if (other.hour, other.item, Item::Room) == (booked.hour, Item::Room, booked.item))
        });
        Ok(match (command, known) {
            (RoomCommand::Give(_), Some(_)) => vec![],
            (RoomCommand::Give(_), None) if is_taken => vec![Refused(booked.clone()).into()],
            (RoomCommand::Give(_), None) => vec![Given(booked.clone()).into()],
            (RoomCommand::TakeBack(_), Some(RoomEvent::Refused(_) | RoomEvent::TakenBack(_))) => {
                vec![]
            }
            (RoomCommand::TakeBack(_), Some(RoomEvent::Given(_)) | None) => {
                vec![TakenBack(booked.clone()).into()]
            }
        })
    }

    fn evolve(mut room: RoomState, event: &RoomEvent) -> RoomState {
        let (RoomEvent::Given(Given(booked))
        | RoomEvent::Refused(Refused(booked))
        | RoomEvent::TakenBack(TakenBack(booked))) = event;
        room.insert((booked.booking.clone(), booked.item), event.clone());
        room
    }
}

#[cfg(test)]
mod tests {
    use skald_testkit::given;

    use super::*;

    fn booked(booking: &str, hour: u8) -> Booked {
        Booked { booking: booking.to_owned(), hour, item: Item::Room }
    }

    #[test]
    fn a_room_is_refused_at_an_hour_at_which_another_booking_has_it() {
        given::<Room>([Given(booked("1", 10)).into()])
            .when(RoomCommand::Give(booked("2", 10)))
            .then([Refused(booked("2", 10)).into()]);
        given::<Room>([Given(booked("1", 10)).into()])
            .when(RoomCommand::Give(booked("2", 11)))
            .then([Given(booked("2", 11)).into()]);
        given::<Room>([Given(booked("1", 10)).into(), TakenBack(booked("1", 10)).into()])
            .when(RoomCommand::Give(booked("2", 10)))
            .then([Given(booked("2", 10)).into()]);
    }

    #[test]
    fn a_room_that_was_taken_back_before_it_was_given_is_never_given() {
        given::<Room>([])
            .when(RoomCommand::TakeBack(booked("1", 10)))
            .then([TakenBack(booked("1", 10)).into()]);
        given::<Room>([TakenBack(booked("1", 10)).into()])
            .when(RoomCommand::Give(booked("1", 10)))
            .then_nothing();
    }
}
