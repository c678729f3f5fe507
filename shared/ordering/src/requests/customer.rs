//! `PUT /customers/{id}`: `{name, email}`.

use events::CustomerId;
use serde_json::Value;
use skald::personal::Personal;

use super::Fault;
use super::reading::{Object, validated};
use crate::customer::CustomerCommand;
use crate::values::{EmailAddress, Name};

/// A customer's wanted state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerRequest {
    /// The name.
    pub name: Personal<Name>,
    /// The e-mail address.
    pub email: Personal<EmailAddress>,
}

impl CustomerRequest {
    /// Validates the body of a request about this customer.
    ///
    /// # Errors
    /// All faults of the body.
    pub fn validate(customer: &CustomerId, body: &Value) -> Result<Self, Vec<Fault>> {
        validated(|faults| {
            let body = Object::read(body, String::new(), &["name", "email"], faults)?;
            let name = body.text("name", faults);
            let email = body.text("email", faults);
            let person = customer.person();
            Some(Self {
                name: Personal::of(person.clone(), name?),
                email: Personal::of(person, email?),
            })
        })
    }

    /// The commands that bring a customer from any state to this one, for
    /// [`skald::decider::decide_in_turn`].
    #[must_use]
    pub fn commands(&self) -> Vec<CustomerCommand> {
        let Self { name, email } = self.clone();
        vec![
            CustomerCommand::Register { name: name.clone(), email: email.clone() },
            CustomerCommand::Rename { name },
            CustomerCommand::ChangeEmail { email },
        ]
    }
}
