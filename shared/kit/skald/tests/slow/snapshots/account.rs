//! An account whose state shows if any event was omitted, applied twice or applied out of order.

use serde::{Deserialize, Serialize};
use skald::decider::Decider;
use skald::snapshot::Snapshots;
use skald_testkit::sample::{AccountEvent, AccountRejection, Deposited, Noted, Withdrawn};

/// One of the operations of a command.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Deposit(u64),
    /// Rejected, together with the whole command, if the balance is lower.
    Withdraw(u64),
    /// Adds the current balance again: the event depends on the state.
    Double,
    Note(usize),
}

/// The state of an account. It depends on each event, on their order and on the schema. So a
/// snapshot with another schema can be decoded, but its state is wrong.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct History<const SCHEMA: u32> {
    balance: u64,
    digest: u64,
    note: String,
}

fn evolve<const SCHEMA: u32>(
    mut history: History<SCHEMA>,
    event: &AccountEvent,
) -> History<SCHEMA> {
    let seen = match event {
        AccountEvent::Deposited(Deposited { amount }) => {
            history.balance += amount;
            *amount
        }
        AccountEvent::Withdrawn(Withdrawn { amount }) => {
            history.balance -= amount;
            amount + 1000
        }
        AccountEvent::Noted(Noted { text }) => {
            history.note.clone_from(text);
            text.len() as u64 + 2000
        }
    };
    history.digest = history.digest.wrapping_mul(31).wrapping_add(seen * u64::from(SCHEMA));
    history
}

fn decide<const SCHEMA: u32>(
    history: &History<SCHEMA>,
    ops: &[Op],
) -> Result<Vec<AccountEvent>, AccountRejection> {
    let (mut history, mut events) = (history.clone(), Vec::new());
    for op in ops {
        let balance = history.balance;
        let event: AccountEvent = match *op {
            Op::Deposit(amount) => Deposited { amount }.into(),
            Op::Withdraw(requested) if requested > balance => {
                return Err(AccountRejection::Overdrawn { balance, requested });
            }
            Op::Withdraw(amount) => Withdrawn { amount }.into(),
            Op::Double => Deposited { amount: balance.min(1000) }.into(),
            Op::Note(length) => Noted { text: "n".repeat(length) }.into(),
        };
        history = evolve(history, &event);
        events.push(event);
    }
    Ok(events)
}

/// An account without snapshots.
pub(crate) struct WithoutSnapshots<const SCHEMA: u32>;

/// The same account, with a snapshot in every `EVERY`-th commit.
pub(crate) struct WithSnapshots<const EVERY: u32, const SCHEMA: u32>;

impl<const SCHEMA: u32> Decider for WithoutSnapshots<SCHEMA> {
    const CATEGORY: &'static str = "account";
    type State = History<SCHEMA>;
    type Command = Vec<Op>;
    type Event = AccountEvent;
    type Rejection = AccountRejection;

    fn decide(
        history: &History<SCHEMA>,
        ops: &Vec<Op>,
    ) -> Result<Vec<AccountEvent>, AccountRejection> {
        decide(history, ops)
    }

    fn evolve(history: History<SCHEMA>, event: &AccountEvent) -> History<SCHEMA> {
        evolve(history, event)
    }
}

impl<const EVERY: u32, const SCHEMA: u32> Decider for WithSnapshots<EVERY, SCHEMA> {
    const CATEGORY: &'static str = "account";
    type State = History<SCHEMA>;
    type Command = Vec<Op>;
    type Event = AccountEvent;
    type Rejection = AccountRejection;
    const SNAPSHOTS: Option<Snapshots<History<SCHEMA>>> = Some(Snapshots::new(EVERY, SCHEMA));

    fn decide(
        history: &History<SCHEMA>,
        ops: &Vec<Op>,
    ) -> Result<Vec<AccountEvent>, AccountRejection> {
        decide(history, ops)
    }

    fn evolve(history: History<SCHEMA>, event: &AccountEvent) -> History<SCHEMA> {
        evolve(history, event)
    }
}
