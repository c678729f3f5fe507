//! A small domain for tests of stores: accounts, and a view of their balances.
//!
//! # Examples
//!
//! ```
//! use skald_testkit::given;
//! use skald_testkit::sample::{Account, AccountCommand, AccountRejection, Deposited, Withdrawn};
//!
//! let deposited = Deposited { amount: 5 }.into();
//! given::<Account>([deposited])
//!     .when(AccountCommand::Withdraw(4))
//!     .then([Withdrawn { amount: 4 }.into()]);
//! given::<Account>([])
//!     .when(AccountCommand::Withdraw(4))
//!     .then_rejected(AccountRejection::Overdrawn { balance: 0, requested: 4 });
//! ```

use serde::{Deserialize, Serialize};
use skald::commit::Envelope;
use skald::decider::Decider;
use skald::stream::{StreamId, Tenant};
use skald::time::Timestamp;
use skald::view::{Inapplicable, Listing, Projection};

/// Money was deposited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposited {
    /// The amount.
    pub amount: u64,
}

/// Money was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// The amount.
    pub amount: u64,
}

/// A note was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// Any text, of any length.
    pub text: String,
}

skald::domain_event! {
    /// What happens to an account.
    pub enum AccountEvent {
        /// Money was deposited.
        Deposited(Deposited) = "account.deposited" @ 1,
        /// Money was withdrawn.
        Withdrawn(Withdrawn) = "account.withdrawn" @ 1,
        /// A note was written.
        Noted(Noted) = "account.noted" @ 1,
    }
}

/// The commands of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountCommand {
    /// Deposits this amount. Nothing happens for 0.
    Deposit(u64),
    /// Withdraws this amount. Nothing happens for 0.
    Withdraw(u64),
    /// Writes this note.
    Note(String),
}

/// Why an account rejects a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountRejection {
    /// The withdrawal exceeds the balance.
    #[error("cannot withdraw {requested} from a balance of {balance}")]
    Overdrawn {
        /// The balance.
        balance: u64,
        /// The amount of the withdrawal.
        requested: u64,
    },
}

/// An account: deposits, withdrawals up to the balance, and notes.
#[derive(Debug)]
pub struct Account;

/// The state of an account.
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
            AccountCommand::Withdraw(requested) if requested > balance => {
                Err(AccountRejection::Overdrawn { balance, requested })
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

/// A view with a row for each account. An event that is applied twice or omitted shows in the row.
#[derive(Debug)]
pub struct Statements;

/// The row of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Deposits less withdrawals.
    pub balance: u64,
    /// The number of events.
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
                    .ok_or_else(|| inapplicable("the balance overflows"))?;
                Ok(Statement { balance, entries, ..row })
            }
            AccountEvent::Withdrawn(Withdrawn { amount }) => {
                let balance = row
                    .balance
                    .checked_sub(*amount)
                    .ok_or_else(|| inapplicable("the withdrawal exceeds the balance"))?;
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
