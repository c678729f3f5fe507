//! A customer: somebody with a name, reached by e-mail.

use events::{CustomerEmailChanged, CustomerEvent, CustomerRegistered, CustomerRenamed};
use skald::{Decider, Personal};

use crate::values::{EmailAddress, Name};

/// The decider of category `customer`.
#[derive(Debug, Clone, Copy)]
pub struct Customer;

/// What is known of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CustomerState {
    /// Nothing: nobody registered.
    #[default]
    Unknown,
    /// Who registered.
    Registered(RegisteredCustomer),
}

/// Somebody who registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredCustomer {
    /// What they are called.
    pub name: Personal<String>,
    /// Where e-mail reaches them.
    pub email: Personal<String>,
}

impl CustomerState {
    /// The customer, if somebody registered.
    #[must_use]
    pub const fn registered(&self) -> Option<&RegisteredCustomer> {
        match self {
            Self::Unknown => None,
            Self::Registered(customer) => Some(customer),
        }
    }
}

/// What can be asked of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerCommand {
    /// Become one. Of somebody registered it asks nothing; name and address are changed by the commands below.
    Register {
        /// What they are called.
        name: Personal<Name>,
        /// Where e-mail reaches them.
        email: Personal<EmailAddress>,
    },
    /// Be called something else.
    Rename {
        /// What they are called from now on.
        name: Personal<Name>,
    },
    /// Be reached elsewhere.
    ChangeEmail {
        /// Where e-mail reaches them from now on.
        email: Personal<EmailAddress>,
    },
}

/// Why a customer does not do what is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CustomerRejection {
    /// Nobody registered.
    #[error("there is no such customer")]
    NotRegistered,
}

impl Decider for Customer {
    const CATEGORY: &'static str = "customer";
    type State = CustomerState;
    type Command = CustomerCommand;
    type Event = CustomerEvent;
    type Rejection = CustomerRejection;

    fn decide(state: &CustomerState, command: &CustomerCommand) -> Result<Vec<CustomerEvent>, CustomerRejection> {
        let registered = state.registered().ok_or(CustomerRejection::NotRegistered);
        let event: Option<CustomerEvent> = match command {
            CustomerCommand::Register { name, email } => {
                registered.is_err().then(|| CustomerRegistered { name: text(name), email: text(email) }.into())
            }
            CustomerCommand::Rename { name } => {
                let name = text(name);
                (registered?.name != name).then(|| CustomerRenamed { name }.into())
            }
            CustomerCommand::ChangeEmail { email } => {
                let email = text(email);
                (registered?.email != email).then(|| CustomerEmailChanged { email }.into())
            }
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(state: CustomerState, event: &CustomerEvent) -> CustomerState {
        match (state, event) {
            (_, CustomerEvent::Registered(CustomerRegistered { name, email })) => {
                CustomerState::Registered(RegisteredCustomer { name: name.clone(), email: email.clone() })
            }
            (CustomerState::Registered(customer), CustomerEvent::Renamed(renamed)) => {
                CustomerState::Registered(RegisteredCustomer { name: renamed.name.clone(), ..customer })
            }
            (CustomerState::Registered(customer), CustomerEvent::EmailChanged(changed)) => {
                CustomerState::Registered(RegisteredCustomer { email: changed.email.clone(), ..customer })
            }
            (CustomerState::Unknown, CustomerEvent::Renamed(_) | CustomerEvent::EmailChanged(_)) => {
                CustomerState::Unknown
            }
        }
    }
}

/// The bare text, as it is stored, still marked as personal.
fn text<T: ToString>(value: &Personal<T>) -> Personal<String> {
    Personal::new(value.reveal().to_string())
}
