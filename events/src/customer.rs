//! The events of a customer. All of them describe a person.

use serde::{Deserialize, Serialize};
use skald::personal::Personal;
use skald::stream::Category;

use crate::CategoryEvent;

/// A customer was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomerRegistered {
    /// The customer's name.
    pub name: Personal<String>,
    /// The customer's e-mail address.
    pub email: Personal<String>,
}

/// The customer's name changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomerRenamed {
    /// The new name.
    pub name: Personal<String>,
}

/// The customer's e-mail address changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomerEmailChanged {
    /// The new e-mail address.
    pub email: Personal<String>,
}

/// The customer was erased at their own request. Their key was destroyed before this event was
/// written, so the personal data stored about them, in any stream, can no longer be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomerErased {}

skald::domain_event! {
    /// The events of a customer.
    pub enum CustomerEvent {
        /// The customer was registered.
        Registered(CustomerRegistered) = "customer.registered" @ 1,
        /// The name changed.
        Renamed(CustomerRenamed) = "customer.renamed" @ 1,
        /// The e-mail address changed.
        EmailChanged(CustomerEmailChanged) = "customer.email_changed" @ 1,
        /// The customer was erased.
        Erased(CustomerErased) = "customer.erased" @ 1,
    }
}

impl CategoryEvent for CustomerEvent {
    const CATEGORY: &'static Category = "customer";
}
