//! The ids of persons: whom personal data is about.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::stream::{InvalidName, Tenant, is_identifier};

/// The id of a person, such as a customer. It must not contain a name or an address, because it is
/// kept when the person is erased.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(extend("pattern" = "^[A-Za-z0-9._-]{1,64}$"))
)]
#[serde(try_from = "String", into = "String")]
pub struct PersonId(String);

impl PersonId {
    /// # Errors
    /// [`InvalidName`] unless the id is an [identifier](is_identifier).
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::personal::{Person, PersonId};
    /// use skald::stream::Tenant;
    ///
    /// let ann = Person { tenant: Tenant::default(), id: PersonId::new("r-17")? };
    /// assert_eq!(ann.key(), "default/r-17");
    /// assert!(PersonId::new("Ann Ahab").is_err());
    /// # Ok::<_, skald::stream::InvalidName>(())
    /// ```
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidName> {
        let id = id.into();
        if is_identifier(&id) { Ok(Self(id)) } else { Err(InvalidName::person(id)) }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PersonId {
    type Error = InvalidName;
    fn try_from(id: String) -> Result<Self, InvalidName> {
        Self::new(id)
    }
}

impl From<PersonId> for String {
    fn from(id: PersonId) -> Self {
        id.0
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A person of a tenant. Each has a key of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person {
    /// The tenant that the person belongs to.
    pub tenant: Tenant,
    /// The person's id, unique within the tenant.
    pub id: PersonId,
}

impl Person {
    /// `<tenant>/<id>`: unique across all tenants.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.tenant, self.id)
    }
}
