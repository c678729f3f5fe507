//! A customer: a registered person with a name and an e-mail address.

use events::{
    CategoryEvent, CustomerEmailChanged, CustomerErased, CustomerEvent, CustomerRegistered,
    CustomerRenamed,
};
use skald::decider::Decider;
use skald::personal::Personal;

use crate::values::{EmailAddress, Name};

/// The decider of category `customer`.
#[derive(Debug, Clone, Copy)]
pub struct Customer;

/// The state of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CustomerState {
    /// No customer is registered under this id.
    #[default]
    Unknown,
    /// The customer is registered.
    Registered(RegisteredCustomer),
    /// The customer was erased. Only this fact is known, and the id cannot be registered again.
    Erased,
}

/// A registered customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredCustomer {
    /// The customer's name.
    pub name: Personal<String>,
    /// The customer's e-mail address.
    pub email: Personal<String>,
}

impl CustomerState {
    /// The customer, if registered and not erased.
    #[must_use]
    pub const fn registered(&self) -> Option<&RegisteredCustomer> {
        match self {
            Self::Unknown | Self::Erased => None,
            Self::Registered(customer) => Some(customer),
        }
    }
}

/// The commands on a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerCommand {
    /// Register the customer. Has no effect if the customer is registered: name and address are
    /// changed by the commands below.
    Register {
        /// The customer's name.
        name: Personal<Name>,
        /// The customer's e-mail address.
        email: Personal<EmailAddress>,
    },
    /// Change the customer's name.
    Rename {
        /// The new name.
        name: Personal<Name>,
    },
    /// Change the customer's e-mail address.
    ChangeEmail {
        /// The new e-mail address.
        email: Personal<EmailAddress>,
    },
    /// Record that the customer was erased. The caller has destroyed the person's key before.
    Erase,
}

/// Why a command on a customer is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CustomerRejection {
    /// No customer is registered under this id.
    #[error("the customer does not exist")]
    NotRegistered,
    /// The customer was erased.
    #[error("the customer was erased")]
    Erased,
}

impl Decider for Customer {
    const CATEGORY: &'static str = CustomerEvent::CATEGORY;
    type State = CustomerState;
    type Command = CustomerCommand;
    type Event = CustomerEvent;
    type Rejection = CustomerRejection;

    fn decide(
        state: &CustomerState,
        command: &CustomerCommand,
    ) -> Result<Vec<CustomerEvent>, CustomerRejection> {
        let event: Option<CustomerEvent> = match (state, command) {
            (CustomerState::Unknown, CustomerCommand::Register { name, email }) => {
                Some(CustomerRegistered { name: text(name), email: text(email) }.into())
            }
            (CustomerState::Unknown, _) => return Err(CustomerRejection::NotRegistered),
            (CustomerState::Erased, CustomerCommand::Erase) => None,
            (CustomerState::Erased, _) => return Err(CustomerRejection::Erased),
            (CustomerState::Registered(_), CustomerCommand::Register { .. }) => None,
            (CustomerState::Registered(customer), CustomerCommand::Rename { name }) => {
                let name = text(name);
                (customer.name != name).then(|| CustomerRenamed { name }.into())
            }
            (CustomerState::Registered(customer), CustomerCommand::ChangeEmail { email }) => {
                let email = text(email);
                (customer.email != email).then(|| CustomerEmailChanged { email }.into())
            }
            (CustomerState::Registered(_), CustomerCommand::Erase) => {
                Some(CustomerErased {}.into())
            }
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(state: CustomerState, event: &CustomerEvent) -> CustomerState {
        match (state, event) {
            (
                CustomerState::Unknown | CustomerState::Registered(_),
                CustomerEvent::Registered(CustomerRegistered { name, email }),
            ) => CustomerState::Registered(RegisteredCustomer {
                name: name.clone(),
                email: email.clone(),
            }),
            (CustomerState::Registered(customer), CustomerEvent::Renamed(renamed)) => {
                CustomerState::Registered(RegisteredCustomer {
                    name: renamed.name.clone(),
                    ..customer
                })
            }
            (CustomerState::Registered(customer), CustomerEvent::EmailChanged(changed)) => {
                CustomerState::Registered(RegisteredCustomer {
                    email: changed.email.clone(),
                    ..customer
                })
            }
            (_, CustomerEvent::Erased(CustomerErased {})) => CustomerState::Erased,
            (
                CustomerState::Unknown,
                CustomerEvent::Renamed(_) | CustomerEvent::EmailChanged(_),
            ) => CustomerState::Unknown,
            (CustomerState::Erased, _) => CustomerState::Erased,
        }
    }
}

/// The bare text as it is stored, still marked as personal.
fn text<T: ToString + Clone>(value: &Personal<T>) -> Personal<String> {
    value.clone().map(|value| value.to_string())
}
