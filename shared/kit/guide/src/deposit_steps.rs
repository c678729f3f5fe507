//! The saga's steps on deposits.

use skald::handle::Pause;
use skald::store::EventStore;
use skald_saga::{
    Action, Instance, LastAnswer, Participant, Progress, Seen, StepContext, StepError, View,
    Worker, Written,
};

use crate::booking::{Booking, Reason};
use crate::deposit::{
    Deposit, DepositEvent, DepositState, Refused, Requested, ReturnRequested, Returned, Taken,
};
use crate::room_saga::DepositStep;
use crate::till::{AtTill, Till, TillCall};

impl Participant for DepositStep {
    type Arbiter = Booking;
    type Decider = Deposit;

    fn progress(self, _: &Instance, deposit: &DepositState) -> Progress {
        match deposit {
            None => Progress::Ahead,
            Some(DepositEvent::Requested(_)) => Progress::UnderWay,
            Some(DepositEvent::Taken(_)) => Progress::Done,
            Some(DepositEvent::Refused(_)) => Progress::Refused,
            Some(DepositEvent::ReturnRequested(_)) => Progress::Undoing,
            Some(DepositEvent::Returned(_)) => Progress::Undone,
        }
    }
}

/// Performs the steps on deposits, at this till.
#[derive(Debug, Clone, Copy)]
pub struct DepositWorker<T>(pub T);

impl<T: Till> Worker for DepositWorker<T> {
    type Steps = DepositStep;
    type Write = DepositEvent;
    type Call = TillCall;
    type Answer = AtTill;

    fn decide(
        &self,
        step: DepositStep,
        view: &View<'_, DepositStep, AtTill>,
    ) -> Action<DepositEvent, TillCall, Reason> {
        use DepositEvent as E;

        let Some(booking) = view.arbiter else { return Action::Stuck("no booking".to_owned()) };
        let key = view.instance.id.clone();
        match (step, view.own) {
            (DepositStep::Take, None) => Action::Write(Requested {}.into()),
            (DepositStep::Take, Some(E::Requested(_))) => match view.last {
                // Another invocation may have called the till: it is asked first.
                LastAnswer::Unknown => Action::Call(TillCall::Find { key }),
                LastAnswer::Recorded | LastAnswer::Answer(AtTill::Nothing) => {
                    Action::Call(TillCall::Take { key, cents: booking.requested.deposit })
                }
                LastAnswer::Answer(AtTill::Taken) => Action::Write(Taken {}.into()),
                LastAnswer::Answer(AtTill::Refused) => Action::Write(Refused {}.into()),
                LastAnswer::Answer(AtTill::Returned) => Action::Undone,
            },
            (DepositStep::Take, Some(E::Refused(_))) => Action::Refuse(Reason::DepositRefused),
            (DepositStep::Take, Some(E::ReturnRequested(_) | E::Returned(_))) => Action::Undone,
            (DepositStep::Take, Some(E::Taken(_))) => Action::Done,
            (DepositStep::Return, None | Some(E::Requested(_) | E::Taken(_))) => {
                Action::Write(ReturnRequested {}.into())
            }
            (DepositStep::Return, Some(E::ReturnRequested(_))) => match view.last {
                LastAnswer::Answer(AtTill::Returned | AtTill::Refused) => {
                    Action::Write(Returned {}.into())
                }
                LastAnswer::Unknown
                | LastAnswer::Recorded
                | LastAnswer::Answer(AtTill::Nothing | AtTill::Taken) => {
                    Action::Call(TillCall::Return { key })
                }
            },
            (DepositStep::Return, Some(E::Refused(_) | E::Returned(_))) => Action::Done,
        }
    }

    async fn call(&self, call: TillCall) -> Result<AtTill, StepError> {
        self.0.ask(call).await
    }

    /// The answer that the deposit was taken came after the deposit was returned. The return may
    /// have reached the till first.
    fn undo_late_answer(
        &self,
        view: &View<'_, DepositStep, AtTill>,
        answer: &AtTill,
    ) -> Option<TillCall> {
        let key = view.instance.id.clone();
        let is_returned =
            matches!(view.own, Some(DepositEvent::ReturnRequested(_) | DepositEvent::Returned(_)));
        (is_returned && *answer == AtTill::Taken).then_some(TillCall::Return { key })
    }

    async fn write<S: EventStore, P: Pause>(
        &self,
        context: &StepContext<'_, S, P>,
        booking: &Seen<Booking, S::Head>,
        deposit: Seen<Deposit, S::Head>,
        event: &DepositEvent,
    ) -> Result<Written<Deposit, S::Head>, StepError> {
        context.append(deposit, event, booking.last()).await
    }
}
