//! The saga's steps on rooms.

use std::convert::Infallible;

use skald::handle::Pause;
use skald::prelude::*;
use skald::store::EventStore;
use skald::stream::InvalidName;
use skald_saga::{
    Action, Instance, Participant, Progress, Seen, StepContext, StepError, View, Worker, Written,
};

use crate::booking::{Booking, BookingState, Reason};
use crate::room::{Booked, Item, Room, RoomCommand, RoomEvent, RoomState};
use crate::room_saga::RoomStep;

impl RoomStep {
    const fn item(self) -> Item {
        match self {
            Self::Hold | Self::Release => Item::Room,
            Self::AddProjector | Self::RemoveProjector => Item::Projector,
            Self::GiveKey | Self::TakeKey => Item::Key,
        }
    }
}

impl Participant for RoomStep {
    type Arbiter = Booking;
    type Decider = Room;

    /// The booking names the room and the day.
    fn stream(
        instance: &Instance,
        booking: &BookingState,
    ) -> Result<Option<StreamId>, InvalidName> {
        let Some(booked) = booking else { return Ok(None) };
        let id = format!("{}.{}", booked.requested.room, booked.requested.day);
        Room::stream(&instance.tenant, &id).map(Some)
    }

    fn is_needed(self, booking: &BookingState) -> bool {
        self.item() != Item::Projector
            || booking.as_ref().is_some_and(|booked| booked.requested.projector)
    }

    /// All bookings of the day are in this stream: only what it says of this one counts.
    fn progress(self, instance: &Instance, room: &RoomState) -> Progress {
        match room.get(&(instance.id.clone(), self.item())) {
            None => Progress::Ahead,
            Some(RoomEvent::Given(_)) => Progress::Done,
            Some(RoomEvent::Refused(_)) => Progress::Refused,
            Some(RoomEvent::TakenBack(_)) => Progress::Undone,
        }
    }
}

/// Performs the steps on rooms.
#[derive(Debug, Clone, Copy)]
pub struct RoomWorker;

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
        let Some(booking) = view.arbiter else { return Action::Stuck("no booking".to_owned()) };
        let booked = Booked {
            booking: view.instance.id.clone(),
            hour: booking.requested.hour,
            item: step.item(),
        };
        let item = view.own.get(&(booked.booking.clone(), booked.item));
        match step {
            RoomStep::Hold | RoomStep::AddProjector | RoomStep::GiveKey => match item {
                None => Action::Write(RoomCommand::Give(booked)),
                Some(RoomEvent::Given(_)) => Action::Done,
                Some(RoomEvent::Refused(_)) => Action::Refuse(Reason::RoomTaken),
                Some(RoomEvent::TakenBack(_)) => Action::Undone,
            },
            RoomStep::Release | RoomStep::RemoveProjector | RoomStep::TakeKey => match item {
                None | Some(RoomEvent::Given(_)) => Action::Write(RoomCommand::TakeBack(booked)),
                Some(RoomEvent::Refused(_) | RoomEvent::TakenBack(_)) => Action::Done,
            },
        }
    }

    async fn call(&self, never: Infallible) -> Result<Infallible, StepError> {
        match never {}
    }

    async fn write<S: EventStore, P: Pause>(
        &self,
        context: &StepContext<'_, S, P>,
        booking: &Seen<Booking, S::Head>,
        room: Seen<Room, S::Head>,
        command: &RoomCommand,
    ) -> Result<Written<Room, S::Head>, StepError> {
        context.append(room, command, booking.last()).await
    }
}
