//! A customer: somebody with a name, reached by e-mail.

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

/// What is known of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CustomerState {
    /// Nothing: nobody registered.
    #[default]
    Unknown,
    /// Who registered.
    Registered(RegisteredCustomer),
    /// Somebody who was erased: that there was somebody is all that is known. Nobody takes their
    /// place.
    Erased,
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
    /// The customer, if somebody registered and was not erased.
    #[must_use]
    pub const fn registered(&self) -> Option<&RegisteredCustomer> {
        match self {
            Self::Unknown | Self::Erased => None,
            Self::Registered(customer) => Some(customer),
        }
    }
}

/// What can be asked of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerCommand {
    /// Become one. Of somebody registered it asks nothing; name and address are changed by the
    /// commands below.
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
    /// Be erased. Whoever asks for this has destroyed the person's key before: this only writes it
    /// down.
    Erase,
}

/// Why a customer does not do what is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CustomerRejection {
    /// Nobody registered.
    #[error("there is no such customer")]
    NotRegistered,
    /// They were erased.
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

/// The bare text, as it is stored, still marked as personal.
fn text<T: ToString + Clone>(value: &Personal<T>) -> Personal<String> {
    value.clone().map(|value| value.to_string())
}
