//! The deposit: taken, and then collected or returned, at a bank.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use skald::decider::Decider;
use skald::handle::Pause;
use skald::store::EventStore;
use skald_saga::{Action, LastAnswer, Seen, StepContext, StepError, View, Worker, Written};
use skald_testkit::saga::Hooks;

use super::{Booking, Bug, DepositStep, Reason};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changed {
    to: DepositState,
}

skald::domain_event! {
    /// What happens to a deposit.
    pub(crate) enum DepositEvent {
        /// Its state changed.
        Changed(Changed) = "deposit.changed" @ 1,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum DepositState {
    #[default]
    Unrequested,
    TakeRequested,
    Taken,
    Declined,
    CollectRequested,
    Collected,
    ReturnRequested,
    Returned,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a deposit that is {0:?} cannot become {1:?}")]
pub(crate) struct DepositRejection(DepositState, DepositState);

pub(crate) struct Deposit;

impl Decider for Deposit {
    const CATEGORY: &'static str = "deposit";
    type State = DepositState;
    type Command = DepositState;
    type Event = DepositEvent;
    type Rejection = DepositRejection;

    fn decide(
        from: &DepositState,
        to: &DepositState,
    ) -> Result<Vec<DepositEvent>, DepositRejection> {
        use DepositState::*;
        match (from, to) {
            _ if from == to => Ok(vec![]),
            (Unrequested, TakeRequested | Taken | Declined | Returned)
            | (TakeRequested, Taken | Declined | ReturnRequested)
            | (Taken, CollectRequested | Collected | ReturnRequested)
            | (CollectRequested, Collected | ReturnRequested)
            | (Collected, ReturnRequested)
            | (ReturnRequested, Returned) => Ok(vec![Changed { to: *to }.into()]),
            (_, _) => Err(DepositRejection(*from, *to)),
        }
    }

    fn evolve(_: DepositState, DepositEvent::Changed(changed): &DepositEvent) -> DepositState {
        changed.to
    }
}

/// What the bank knows under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtBank {
    Absent,
    Declined,
    Held,
    Collected,
    /// The money was returned, and the key is closed.
    Returned,
}

#[derive(Debug, Clone)]
pub(crate) enum BankCall {
    Find(String),
    Take(String),
    Collect(String),
    Return(String),
}

/// The bank.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bank {
    pub(crate) declines: bool,
    pub(crate) keys: Arc<Mutex<BTreeMap<String, AtBank>>>,
}

impl Bank {
    async fn ask(self, call: BankCall) -> AtBank {
        let mut keys = self.keys.lock().unwrap();
        let (BankCall::Find(key)
        | BankCall::Take(key)
        | BankCall::Collect(key)
        | BankCall::Return(key)) = &call;
        let known = keys.get(key).copied().unwrap_or(AtBank::Absent);
        let next = match (&call, known) {
            (BankCall::Take(_), AtBank::Absent) if self.declines => AtBank::Declined,
            (BankCall::Take(_), AtBank::Absent) => AtBank::Held,
            (BankCall::Collect(_), AtBank::Held) => AtBank::Collected,
            (BankCall::Return(_), AtBank::Absent | AtBank::Held | AtBank::Collected) => {
                AtBank::Returned
            }
            (_, known) => known,
        };
        if next != AtBank::Absent {
            keys.insert(key.clone(), next);
        }
        next
    }
}

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
