//! The id of an order: computed from who asked and the key they asked with, so that asking again
//! gives the same order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use skald::stream::Tenant;
use uuid::Uuid;

use super::{CustomerId, InvalidValue, is_visible_ascii};

/// The name space of order ids, made up once for this purpose. Another one would give every
/// repeated request a new order.
const ORDERS: Uuid = Uuid::from_u128(0x6b2f_3c1a_90d4_4e57_8c6e_51a7_d20b_94f3);

crate::text_value! {
    /// The key that a caller repeats a request with, so that it has its effect only once. Scoped to
    /// the caller.
    pub struct IdempotencyKey: |text| is_visible_ascii(text, 255), "text of 1 to 255 visible ASCII characters";
}

/// Who places an order.
///
/// Idempotency keys are scoped to it. It is a type of its own because what stands behind it will
/// change: until tokens are checked it is made from the customer id in the request's body.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller(String);

impl Caller {
    /// A customer, for himself.
    #[must_use]
    pub fn customer(id: &CustomerId) -> Self {
        Self(format!("customer:{id}"))
    }

    /// The caller as text, such as `customer:c-1001`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Identifies an order over all tenants. Written as a UUID with hyphens in lower case, and read in
/// no other form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrderId(Uuid);

impl OrderId {
    /// The id of the order that this caller of this tenant places with this key: the same for the
    /// same three, always.
    ///
    /// A version 5 UUID over the three texts, each preceded by its length in bytes and a colon, so
    /// that no two triples run together to the same text.
    #[must_use]
    pub fn of(tenant: &Tenant, caller: &Caller, key: &IdempotencyKey) -> Self {
        let name: String = [tenant.as_str(), caller.as_str(), key.as_str()]
            .into_iter()
            .map(|part| format!("{}:{part}", part.len()))
            .collect();
        Self(Uuid::new_v5(&ORDERS, name.as_bytes()))
    }

    /// The id as a UUID, for what is computed from it in turn.
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

    /// Reads what [`Display`](fmt::Display) writes, and nothing else: one order has one address.
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

    fn order_id(tenant: &str, customer: &str, key: &str) -> OrderId {
        let caller = Caller::customer(&CustomerId::new(customer).unwrap());
        OrderId::of(&Tenant::new(tenant).unwrap(), &caller, &IdempotencyKey::new(key).unwrap())
    }

    /// If this fails, every request that is repeated across the release makes a second order.
    #[test]
    fn the_id_of_an_order_never_changes() {
        assert_eq!(
            order_id("default", "c-1001", "3f6c").to_string(),
            "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873"
        );
    }

    #[test]
    fn tenant_caller_and_key_each_make_another_order() {
        let order = order_id("default", "c-1", "k");
        assert_eq!(order_id("default", "c-1", "k"), order);
        for other in [
            order_id("other", "c-1", "k"),
            order_id("default", "c-2", "k"),
            order_id("default", "c-1", "l"),
        ] {
            assert_ne!(other, order);
        }
    }

    #[test]
    fn customer_and_key_that_run_together_to_the_same_text_stay_apart() {
        assert_ne!(order_id("default", "c-1", "23"), order_id("default", "c-12", "3"));
        assert_ne!(order_id("default", "c-1", "1:k"), order_id("default", "c-11", ":k"));
    }

    #[test]
    fn an_order_has_one_spelling() {
        let id = order_id("default", "c-1", "k");
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

    #[test]
    fn a_key_is_1_to_255_visible_ascii_characters() {
        assert!(IdempotencyKey::new("!~".repeat(127) + "k").is_ok());
        for text in ["", "a b", "a\u{7f}", "ä", "a\n", &"k".repeat(256)] {
            assert!(IdempotencyKey::new(text).is_err(), "{text:?}");
        }
    }
}
