//! An account whose state differs after any fault in its events: one omitted, doubled or swapped.

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

/// The state of an account: the order of its events, each of them once, in a form that differs for
/// each schema. So a snapshot of another schema can be read, and is wrong.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory<const SCHEMA: u32> {
    balance: u64,
    digest: u64,
    note: String,
}

fn evolve<const SCHEMA: u32>(mut memory: Memory<SCHEMA>, event: &AccountEvent) -> Memory<SCHEMA> {
    let seen = match event {
        AccountEvent::Deposited(Deposited { amount }) => {
            memory.balance += amount;
            *amount
        }
        AccountEvent::Withdrawn(Withdrawn { amount }) => {
            memory.balance -= amount;
            amount + 1000
        }
        AccountEvent::Noted(Noted { text }) => {
            memory.note.clone_from(text);
            text.len() as u64 + 2000
        }
    };
    memory.digest = memory.digest.wrapping_mul(31).wrapping_add(seen * u64::from(SCHEMA));
    memory
}

fn decide<const SCHEMA: u32>(
    memory: &Memory<SCHEMA>,
    ops: &[Op],
) -> Result<Vec<AccountEvent>, AccountRejection> {
    let (mut memory, mut events) = (memory.clone(), Vec::new());
    for op in ops {
        let balance = memory.balance;
        let event: AccountEvent = match *op {
            Op::Deposit(amount) => Deposited { amount }.into(),
            Op::Withdraw(asked) if asked > balance => {
                return Err(AccountRejection::Overdrawn { balance, requested: asked });
            }
            Op::Withdraw(amount) => Withdrawn { amount }.into(),
            Op::Double => Deposited { amount: balance.min(1000) }.into(),
            Op::Note(length) => Noted { text: "n".repeat(length) }.into(),
        };
        memory = evolve(memory, &event);
        events.push(event);
    }
    Ok(events)
}

/// An account without snapshots.
pub(crate) struct Plain<const SCHEMA: u32>;

/// The same account, with a snapshot in every `EVERY`-th commit.
pub(crate) struct Kept<const EVERY: u32, const SCHEMA: u32>;

impl<const SCHEMA: u32> Decider for Plain<SCHEMA> {
    const CATEGORY: &'static str = "account";
    type State = Memory<SCHEMA>;
    type Command = Vec<Op>;
    type Event = AccountEvent;
    type Rejection = AccountRejection;

    fn decide(
        memory: &Memory<SCHEMA>,
        ops: &Vec<Op>,
    ) -> Result<Vec<AccountEvent>, AccountRejection> {
        decide(memory, ops)
    }

    fn evolve(memory: Memory<SCHEMA>, event: &AccountEvent) -> Memory<SCHEMA> {
        evolve(memory, event)
    }
}

impl<const EVERY: u32, const SCHEMA: u32> Decider for Kept<EVERY, SCHEMA> {
    const CATEGORY: &'static str = "account";
    type State = Memory<SCHEMA>;
    type Command = Vec<Op>;
    type Event = AccountEvent;
    type Rejection = AccountRejection;
    const SNAPSHOTS: Option<Snapshots<Memory<SCHEMA>>> = Some(Snapshots::new(EVERY, SCHEMA));

    fn decide(
        memory: &Memory<SCHEMA>,
        ops: &Vec<Op>,
    ) -> Result<Vec<AccountEvent>, AccountRejection> {
        decide(memory, ops)
    }

    fn evolve(memory: Memory<SCHEMA>, event: &AccountEvent) -> Memory<SCHEMA> {
        evolve(memory, event)
    }
}
