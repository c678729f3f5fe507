//! The points: no external system is called, but other bookings write to the same stream.

use std::convert::Infallible;

use skald::handle::{HandleError, Handler, Pause};
use skald::store::{EventStore, Head};
use skald_saga::{Action, Instance, Seen, StepContext, StepError, View, Worker, Written};

use crate::booking::arbiter::{Booking, Reason};
use crate::booking::bug::Bug;
use crate::booking::definition::PointsStep;
use crate::booking::points::{Earned, Points, PointsCommand, PointsRejection};

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
        let write = || {
            Action::Write(match step {
                PointsStep::Earn => PointsCommand::Earn(id.clone()),
                PointsStep::Return => PointsCommand::Return(id.clone()),
            })
        };
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
        if Bug::CountsTwice.is_in(write.booking()) {
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
