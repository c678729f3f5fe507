//! The room: no external system is called.

use std::convert::Infallible;

use skald::handle::Pause;
use skald::store::EventStore;
use skald_saga::{Action, Seen, StepContext, StepError, View, Worker, Written};

use crate::booking::arbiter::{Booking, Reason};
use crate::booking::bug::Bug;
use crate::booking::definition::RoomStep;
use crate::booking::room::{Room, RoomCommand, RoomState};

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
