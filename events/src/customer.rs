//! What happens to a customer: everything here is about a person.

use serde::{Deserialize, Serialize};
use skald::personal::Personal;
use skald::stream::Category;

use crate::CategoryEvent;

/// Somebody has become a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomerRegistered {
    /// What they are called.
    pub name: Personal<String>,
    /// Where e-mail reaches them.
    pub email: Personal<String>,
}

/// The customer is called something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomerRenamed {
    /// What they are called now.
    pub name: Personal<String>,
}

/// E-mail reaches the customer elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomerEmailChanged {
    /// Where e-mail reaches them now.
    pub email: Personal<String>,
}

/// The person was erased on their wish: their key was destroyed before this was written, and what
/// was stored about them, here and elsewhere, can be read by nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CustomerErased {}

skald::domain_event! {
    /// What happens to a customer.
    pub enum CustomerEvent {
        /// They have become one.
        Registered(CustomerRegistered) = "customer.registered" @ 1,
        /// They have another name.
        Renamed(CustomerRenamed) = "customer.renamed" @ 1,
        /// They have another e-mail address.
        EmailChanged(CustomerEmailChanged) = "customer.email_changed" @ 1,
        /// They were erased.
        Erased(CustomerErased) = "customer.erased" @ 1,
    }
}

impl CategoryEvent for CustomerEvent {
    const CATEGORY: &'static Category = "customer";
}
