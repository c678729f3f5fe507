//! The deposit at the bank.

use skald::handle::Pause;
use skald::store::EventStore;
use skald_saga::{Action, LastAnswer, Seen, StepContext, StepError, View, Worker, Written};
use skald_testkit::saga::Hooks;

use crate::booking::arbiter::{Booking, Reason};
use crate::booking::bank::{AtBank, Bank, BankCall};
use crate::booking::bug::Bug;
use crate::booking::definition::DepositStep;
use crate::booking::deposit::{Deposit, DepositState};

pub(crate) struct DepositWorker<'a> {
    pub(crate) hooks: &'a Hooks,
    pub(crate) bank: &'a Bank,
}

type Decision = Action<DepositState, BankCall, Reason>;

impl DepositWorker<'_> {
    fn take(view: &View<'_, DepositStep, AtBank>) -> Decision {
        let key = view.instance.id.clone();
        let is_unsafe = Bug::CallsWithoutWriteAhead.is_in(&key);
        match (view.own, view.last) {
            (DepositState::Unrequested, LastAnswer::Answer(AtBank::Held)) => {
                Action::Write(DepositState::Taken)
            }
            (DepositState::Unrequested, _) if is_unsafe => Action::Call(BankCall::Take(key)),
            (DepositState::Unrequested, _) => Action::Write(DepositState::TakeRequested),
            (DepositState::TakeRequested, last) => match last {
                LastAnswer::Unknown => Action::Call(BankCall::Find(key)),
                LastAnswer::Recorded | LastAnswer::Answer(AtBank::Absent) => {
                    Action::Call(BankCall::Take(key))
                }
                // If it is collected, another execution is ahead, and the write is a conflict.
                LastAnswer::Answer(AtBank::Held | AtBank::Collected) => {
                    Action::Write(DepositState::Taken)
                }
                LastAnswer::Answer(AtBank::Declined) => Action::Write(DepositState::Declined),
                // The deposit was returned after the arbiter was read.
                LastAnswer::Answer(AtBank::Returned) => Action::Undone,
            },
            (DepositState::Declined, _) => Action::Refuse(Reason::Declined),
            (DepositState::ReturnRequested | DepositState::Returned, _) => Action::Undone,
            (_, _) => Action::Done,
        }
    }

    fn collect(view: &View<'_, DepositStep, AtBank>) -> Decision {
        let key = view.instance.id.clone();
        let is_early = Bug::AcknowledgesBeforeEffect.is_in(&key);
        match (view.own, view.last) {
            (DepositState::Taken, _) => Action::Write(DepositState::CollectRequested),
            (DepositState::CollectRequested, LastAnswer::Recorded) if is_early => {
                Action::Write(DepositState::Collected)
            }
            (DepositState::Collected, LastAnswer::Recorded) if is_early => {
                Action::Call(BankCall::Collect(key))
            }
            (DepositState::CollectRequested, LastAnswer::Answer(AtBank::Collected)) => {
                Action::Write(DepositState::Collected)
            }
            (DepositState::CollectRequested, LastAnswer::Unknown | LastAnswer::Recorded) => {
                Action::Call(BankCall::Collect(key))
            }
            (DepositState::CollectRequested, LastAnswer::Answer(AtBank::Returned)) => {
                Action::Undone
            }
            (DepositState::CollectRequested, LastAnswer::Answer(other)) => {
                Action::Stuck(format!("{other:?} at the bank"))
            }
            (DepositState::ReturnRequested | DepositState::Returned, _) => Action::Undone,
            (_, _) => Action::Done,
        }
    }

    fn give_back(view: &View<'_, DepositStep, AtBank>) -> Decision {
        let key = view.instance.id.clone();
        let leaves_open = Bug::LeavesKeyOpen.is_in(&key);
        match (view.own, view.last) {
            (DepositState::Unrequested, _) => Action::Write(DepositState::Returned),
            (
                DepositState::TakeRequested
                | DepositState::Taken
                | DepositState::CollectRequested
                | DepositState::Collected,
                _,
            ) => Action::Write(DepositState::ReturnRequested),
            (DepositState::ReturnRequested, LastAnswer::Unknown | LastAnswer::Recorded)
                if leaves_open =>
            {
                Action::Call(BankCall::Find(key))
            }
            (DepositState::ReturnRequested, LastAnswer::Answer(AtBank::Absent)) => {
                Action::Write(DepositState::Returned)
            }
            (
                DepositState::ReturnRequested,
                LastAnswer::Answer(AtBank::Returned | AtBank::Declined),
            ) => Action::Write(DepositState::Returned),
            (DepositState::ReturnRequested, _) => Action::Call(BankCall::Return(key)),
            (_, _) => Action::Done,
        }
    }
}

impl Worker for DepositWorker<'_> {
    type Steps = DepositStep;
    type Write = DepositState;
    type Call = BankCall;
    type Answer = AtBank;

    fn decide(&self, step: DepositStep, view: &View<'_, DepositStep, AtBank>) -> Decision {
        match step {
            DepositStep::Take => Self::take(view),
            DepositStep::Collect => Self::collect(view),
            DepositStep::Return => Self::give_back(view),
        }
    }

    async fn call(&self, call: BankCall) -> Result<AtBank, StepError> {
        self.hooks.call(self.bank.clone().ask(call)).await
    }

    async fn write<S: EventStore, P: Pause>(
        &self,
        context: &StepContext<'_, S, P>,
        arbiter: &Seen<Booking, S::Head>,
        own: Seen<Deposit, S::Head>,
        write: &DepositState,
    ) -> Result<Written<Deposit, S::Head>, StepError> {
        context.append(own, write, arbiter.last()).await
    }
}
