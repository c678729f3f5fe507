//! The room: a stream of the booking's own, no external system.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};
use skald::decider::Decider;
use skald::handle::Pause;
use skald::store::EventStore;
use skald_saga::{Action, Seen, StepContext, StepError, View, Worker, Written};

use super::{Booking, Bug, Reason, RoomStep};

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

pub(crate) struct RoomWorker;

impl Worker for RoomWorker {
    type Steps = RoomStep;
    type Write = RoomCommand;
    type Call = Infallible;
    type Answer = Infallible;

    fn decide(
        &self,
        step: RoomStep,
        view: &View<'_, RoomStep, Infallible>,
    ) -> Action<RoomCommand, Infallible, Reason> {
        let is_full = view.arbiter.begun().is_some_and(|begun| begun.is_full);
        match (step, view.own) {
            (RoomStep::Hold, RoomState::Free) if is_full => Action::Write(RoomCommand::Refuse),
            (RoomStep::Hold, RoomState::Free) => Action::Write(RoomCommand::Hold),
            (RoomStep::Hold, RoomState::Refused) if !Bug::LosesRefusal.is_in(&view.instance.id) => {
                Action::Refuse(Reason::Full)
            }
            (RoomStep::Release, RoomState::Free | RoomState::Held) => {
                Action::Write(RoomCommand::Release)
            }
            (RoomStep::Hold, RoomState::Released) => Action::Undone,
            (_, _) => Action::Done,
        }
    }

    async fn call(&self, call: Infallible) -> Result<Infallible, StepError> {
        match call {}
    }

    async fn write<S: EventStore, P: Pause>(
        &self,
        context: &StepContext<'_, S, P>,
        arbiter: &Seen<Booking, S::Head>,
        own: Seen<Room, S::Head>,
        write: &RoomCommand,
    ) -> Result<Written<Room, S::Head>, StepError> {
        context.append(own, write, arbiter.last()).await
    }
}
