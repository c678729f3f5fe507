//! A small domain for tests of stores: accounts, and a view of their balances.

use serde::{Deserialize, Serialize};
use skald::commit::Envelope;
use skald::decider::Decider;
use skald::stream::{StreamId, Tenant};
use skald::time::Timestamp;
use skald::view::{Inapplicable, Listing, Projection};

/// Money came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposited {
    /// How much.
    pub amount: u64,
}

/// Money went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// How much.
    pub amount: u64,
}

/// Somebody wrote something down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// Anything, of any length.
    pub text: String,
}

skald::domain_event! {
    /// What happens to an account.
    pub enum AccountEvent {
        /// Money came.
        Deposited(Deposited) = "account.deposited" @ 1,
        /// Money went.
        Withdrawn(Withdrawn) = "account.withdrawn" @ 1,
        /// Somebody wrote something down.
        Noted(Noted) = "account.noted" @ 1,
    }
}

/// What can be asked of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountCommand {
    /// Put this much in; nothing happens for 0.
    Deposit(u64),
    /// Take this much out; nothing happens for 0.
    Withdraw(u64),
    /// Write this down.
    Note(String),
}

/// Why an account refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountRejection {
    /// More was asked for than there is.
    #[error("{asked} asked for, {balance} there")]
    Overdrawn {
        /// What there is.
        balance: u64,
        /// What was asked for.
        asked: u64,
    },
}

/// An account: deposits, withdrawals up to the balance, and notes.
#[derive(Debug)]
pub struct Account;

/// What an account remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    /// Deposits less withdrawals.
    pub balance: u64,
}

impl Decider for Account {
    const CATEGORY: &'static str = "account";
    type State = AccountState;
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Rejection = AccountRejection;

    fn decide(
        state: &AccountState,
        command: &AccountCommand,
    ) -> Result<Vec<AccountEvent>, AccountRejection> {
        let &AccountState { balance } = state;
        match *command {
            AccountCommand::Deposit(0) | AccountCommand::Withdraw(0) => Ok(vec![]),
            AccountCommand::Deposit(amount) => Ok(vec![Deposited { amount }.into()]),
            AccountCommand::Withdraw(asked) if asked > balance => {
                Err(AccountRejection::Overdrawn { balance, asked })
            }
            AccountCommand::Withdraw(amount) => Ok(vec![Withdrawn { amount }.into()]),
            AccountCommand::Note(ref text) => Ok(vec![Noted { text: text.clone() }.into()]),
        }
    }

    fn evolve(state: AccountState, event: &AccountEvent) -> AccountState {
        let AccountState { balance } = state;
        match event {
            AccountEvent::Deposited(Deposited { amount }) => {
                AccountState { balance: balance.saturating_add(*amount) }
            }
            AccountEvent::Withdrawn(Withdrawn { amount }) => {
                AccountState { balance: balance.saturating_sub(*amount) }
            }
            AccountEvent::Noted(_) => state,
        }
    }
}

/// The stream of this account, of the default tenant.
///
/// # Panics
/// If `id` cannot be part of a stream's name.
#[must_use]
pub fn account(id: &str) -> StreamId {
    StreamId::new(&Tenant::default(), Account::CATEGORY, id)
        .expect("an id of letters, digits and dashes")
}

/// A view with a row for each account. Applying an event twice, or leaving one out, shows in the
/// row.
#[derive(Debug)]
pub struct Statements;

/// The row of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Deposits less withdrawals.
    pub balance: u64,
    /// How many events there were.
    pub entries: u64,
    /// The last note.
    pub note: Option<String>,
    /// When the first event was recorded.
    pub opened_at: Timestamp,
}

impl Projection for Statements {
    const CATEGORY: &'static str = Account::CATEGORY;
    type Event = AccountEvent;
    type Row = Statement;

    /// A withdrawal of more than the balance cannot be applied.
    fn apply(
        row: Option<Statement>,
        event: &Envelope<AccountEvent>,
    ) -> Result<Statement, Inapplicable> {
        let blank = Statement { balance: 0, entries: 0, note: None, opened_at: event.recorded_at };
        let row = row.unwrap_or(blank);
        let entries = row.entries + 1;
        let inapplicable = |reason| Inapplicable {
            event_type: event.event_type.clone(),
            version: event.version,
            reason,
        };
        match &event.data {
            AccountEvent::Deposited(Deposited { amount }) => {
                let balance = row
                    .balance
                    .checked_add(*amount)
                    .ok_or_else(|| inapplicable("more than can be counted"))?;
                Ok(Statement { balance, entries, ..row })
            }
            AccountEvent::Withdrawn(Withdrawn { amount }) => {
                let balance = row
                    .balance
                    .checked_sub(*amount)
                    .ok_or_else(|| inapplicable("more than there is"))?;
                Ok(Statement { balance, entries, ..row })
            }
            AccountEvent::Noted(Noted { text }) => {
                Ok(Statement { note: Some(text.clone()), entries, ..row })
            }
        }
    }

    /// Listed by the time of the first event.
    fn listing(row: &Statement, stream: &StreamId) -> Option<Listing> {
        Some(Listing {
            group: format!("{}/accounts", stream.tenant()),
            sort: row.opened_at.to_string(),
        })
    }
}
