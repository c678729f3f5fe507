//! The points of a guest: one stream for all bookings of the guest.

use std::collections::BTreeMap;
use std::convert::Infallible;

use serde::{Deserialize, Serialize};
use skald::decider::Decider;
use skald::handle::{HandleError, Handler, Pause};
use skald::store::{EventStore, Head};
use skald_saga::{Action, Instance, Seen, StepContext, StepError, View, Worker, Written};

use super::{Booking, Bug, PointsStep, Reason};

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
pub(crate) struct PointsCommand {
    pub(crate) step: PointsStep,
    pub(crate) booking: String,
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
        PointsCommand { step, booking }: &PointsCommand,
    ) -> Result<Vec<PointsEvent>, PointsRejection> {
        let before = state.of_bookings.get(booking);
        let earned = || vec![PointsEarned { booking: booking.clone(), points: POINTS }.into()];
        let returned = |points| vec![PointsReturned { booking: booking.clone(), points }.into()];
        match (step, before) {
            (PointsStep::Earn, None) => Ok(earned()),
            (PointsStep::Earn, Some(Earned::Earned)) if Bug::CountsTwice.is_in(booking) => {
                Ok(earned())
            }
            (PointsStep::Earn, Some(Earned::Returned))
                if Bug::StepsForwardAfterUndo.is_in(booking) =>
            {
                Ok(earned())
            }
            (PointsStep::Earn, Some(Earned::Returned)) => Err(PointsRejection),
            (PointsStep::Return, Some(Earned::Earned)) if Bug::KeepsPoints.is_in(booking) => {
                Ok(returned(0))
            }
            (PointsStep::Return, Some(Earned::Earned)) => Ok(returned(POINTS)),
            (PointsStep::Return, None) => Ok(returned(0)),
            (PointsStep::Earn, Some(Earned::Earned))
            | (PointsStep::Return, Some(Earned::Returned)) => Ok(vec![]),
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

pub(crate) struct PointsWorker;

impl Worker for PointsWorker {
    type Steps = PointsStep;
    type Write = PointsCommand;
    type Call = Infallible;
    type Answer = Infallible;

    fn decide(
        &self,
        step: PointsStep,
        view: &View<'_, PointsStep, Infallible>,
    ) -> Action<PointsCommand, Infallible, Reason> {
        let Instance { id, .. } = view.instance;
        let write = || Action::Write(PointsCommand { step, booking: id.clone() });
        match (step, view.own.of_bookings.get(id)) {
            (PointsStep::Earn, None) => write(),
            (PointsStep::Earn, Some(_)) if Bug::CountsTwice.is_in(id) => write(),
            (PointsStep::Return, None | Some(Earned::Earned)) => write(),
            (PointsStep::Earn, Some(Earned::Returned)) => Action::Undone,
            (_, _) => Action::Done,
        }
    }

    async fn call(&self, call: Infallible) -> Result<Infallible, StepError> {
        match call {}
    }

    /// Through a handler, because other bookings of the guest write to the same stream.
    async fn write<S: EventStore, P: Pause>(
        &self,
        context: &StepContext<'_, S, P>,
        arbiter: &Seen<Booking, S::Head>,
        own: Seen<Points, S::Head>,
        write: &PointsCommand,
    ) -> Result<Written<Points, S::Head>, StepError> {
        if Bug::CountsTwice.is_in(&write.booking) {
            context.append(own, write, arbiter.last()).await?;
            return Ok(Written::Finished);
        }
        let request = context.request(arbiter.last());
        let handler = Handler::new(context.store, context.pause);
        match handler.handle::<Points>(own.head().stream(), write, &request).await {
            // The booking was undone meanwhile: look again.
            Ok(_) | Err(HandleError::Rejected(PointsRejection)) => Ok(Written::Again),
            Err(error) => Err(error.into()),
        }
    }
}
