//! The room: a stream of the booking's own.

use serde::{Deserialize, Serialize};
use skald::decider::Decider;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Released {}

skald::domain_event! {
    /// What happens to a room.
    pub(crate) enum RoomEvent {
        /// It is held.
        Held(Held) = "room.held" @ 1,
        /// There is none.
        Refused(Refused) = "room.refused" @ 1,
        /// It was given back, or will never be held.
        Released(Released) = "room.released" @ 1,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoomCommand {
    Hold,
    Refuse,
    Release,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the room was given back")]
pub(crate) struct RoomRejection;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum RoomState {
    #[default]
    Free,
    Held,
    Refused,
    Released,
}

pub(crate) struct Room;

impl Decider for Room {
    const CATEGORY: &'static str = "room";
    type State = RoomState;
    type Command = RoomCommand;
    type Event = RoomEvent;
    type Rejection = RoomRejection;

    fn decide(state: &RoomState, command: &RoomCommand) -> Result<Vec<RoomEvent>, RoomRejection> {
        match (state, command) {
            (RoomState::Free, RoomCommand::Hold) => Ok(vec![Held {}.into()]),
            (RoomState::Free, RoomCommand::Refuse) => Ok(vec![Refused {}.into()]),
            (RoomState::Free | RoomState::Held, RoomCommand::Release) => {
                Ok(vec![Released {}.into()])
            }
            (RoomState::Released, RoomCommand::Hold) => Err(RoomRejection),
            (_, _) => Ok(vec![]),
        }
    }

    fn evolve(_: RoomState, event: &RoomEvent) -> RoomState {
        match event {
            RoomEvent::Held(_) => RoomState::Held,
            RoomEvent::Refused(_) => RoomState::Refused,
            RoomEvent::Released(_) => RoomState::Released,
        }
    }
}
