//! The id of an order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::InvalidValue;

/// Identifies an order over all tenants. Written as a UUID with hyphens in lower case, and read in
/// no other form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderId(Uuid);

impl OrderId {
    /// The id with this UUID.
    #[must_use]
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The id as a UUID, from which other ids are computed.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.as_hyphenated(), f)
    }
}

impl FromStr for OrderId {
    type Err = InvalidValue;

    /// Reads only the form that [`Display`](fmt::Display) writes, so that each order has one
    /// address.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let id = Uuid::try_parse(text).ok().map(Self).filter(|id| id.to_string() == text);
        id.ok_or(InvalidValue("a UUID in lower case with hyphens"))
    }
}

impl TryFrom<String> for OrderId {
    type Error = InvalidValue;
    fn try_from(text: String) -> Result<Self, InvalidValue> {
        text.parse()
    }
}

impl From<OrderId> for String {
    fn from(id: OrderId) -> Self {
        id.to_string()
    }
}

crate::__text_schema!(
    OrderId,
    "a UUID in lower case with hyphens",
    "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_one_spelling() {
        let id: OrderId = "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873".parse().unwrap();
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in [
            id.to_string().to_uppercase(),
            id.uuid().as_simple().to_string(),
            id.uuid().as_braced().to_string(),
            id.uuid().as_urn().to_string(),
            format!(" {id}"),
            String::new(),
        ] {
            assert!(text.parse::<OrderId>().is_err(), "{text}");
        }
    }
}
