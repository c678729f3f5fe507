//! A deposit at the till.

use serde::{Deserialize, Serialize};
use skald::prelude::*;

/// The till is about to be asked for the deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {}

/// The till has the deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {}

/// The till does not take the deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {}

/// The till is about to be told to return the deposit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnRequested {}

/// The till has returned the deposit, or never takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {}

skald::domain_event! {
    /// What happens to a deposit.
    pub enum DepositEvent {
        /// The till is about to be asked for it.
        Requested(Requested) = "deposit.requested" @ 1,
        /// The till has it.
        Taken(Taken) = "deposit.taken" @ 1,
        /// The till does not take it.
        Refused(Refused) = "deposit.refused" @ 1,
        /// The till is about to be told to return it.
        ReturnRequested(ReturnRequested) = "deposit.return_requested" @ 1,
        /// The till has returned it, or never takes it.
        Returned(Returned) = "deposit.returned" @ 1,
    }
}

/// The decider of category `deposit`.
#[derive(Debug)]
pub struct Deposit;

/// The last event; `None` before the first one.
pub type DepositState = Option<DepositEvent>;

/// The event may not follow the last one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{next:?} cannot follow {last:?}")]
pub struct DepositRejection {
    /// The last event.
    pub last: DepositState,
    /// The event that was to be recorded.
    pub next: DepositEvent,
}

impl Decider for Deposit {
    const CATEGORY: &'static str = "deposit";
    type State = DepositState;
    /// What is to be recorded.
    type Command = DepositEvent;
    type Event = DepositEvent;
    type Rejection = DepositRejection;

    fn decide(
        last: &DepositState,
        next: &DepositEvent,
    ) -> Result<Vec<DepositEvent>, DepositRejection> {
        use DepositEvent as E;

        match (last, next) {
            (Some(last), next) if last == next => Ok(vec![]),
            (None, E::Requested(_) | E::ReturnRequested(_))
            | (Some(E::Requested(_)), E::Taken(_) | E::Refused(_) | E::ReturnRequested(_))
            | (Some(E::Taken(_)), E::ReturnRequested(_))
            | (Some(E::ReturnRequested(_)), E::Returned(_)) => Ok(vec![next.clone()]),
            _ => Err(DepositRejection { last: last.clone(), next: next.clone() }),
        }
    }

    fn evolve(_: DepositState, event: &DepositEvent) -> DepositState {
        Some(event.clone())
    }
}
