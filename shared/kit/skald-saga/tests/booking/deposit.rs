//! The deposit: taken, and then collected or returned.

use serde::{Deserialize, Serialize};
use skald::decider::Decider;

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
