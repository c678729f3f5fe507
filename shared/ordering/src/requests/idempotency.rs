//! Who sends a request and the key they repeat it with, and the order that both identify.

use events::values::is_visible_ascii;
use events::{CustomerId, OrderId};
use skald::stream::Tenant;
use uuid::Uuid;

/// The namespace of order ids, generated once for this purpose. With another namespace, every
/// repeated request would place a second order.
const ORDERS: Uuid = Uuid::from_u128(0x6b2f_3c1a_90d4_4e57_8c6e_51a7_d20b_94f3);

events::text_value! {
    /// The key under which a caller repeats a request, so that it takes effect only once. Scoped to
    /// the caller.
pub struct IdempotencyKey: |text| is_visible_ascii(text, 255),
        "text of 1 to 255 visible ASCII characters";
}

/// Who places an order. Idempotency keys are scoped to the caller.
///
/// Calls are not authenticated yet, so the caller is the customer that the request's body names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller(String);

impl Caller {
    /// A customer who calls on their own behalf.
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

/// The id of the order that this caller of this tenant places with this key. The same three always
/// give the same id, so a repeated request finds its order.
///
/// It is a version 5 UUID of the three texts, each preceded by its length in bytes and a colon, so
/// that no two different triples concatenate to the same text.
#[must_use]
pub fn order_id(tenant: &Tenant, caller: &Caller, key: &IdempotencyKey) -> OrderId {
    let name: String = [tenant.as_str(), caller.as_str(), key.as_str()]
        .into_iter()
        .map(|part| format!("{}:{part}", part.len()))
        .collect();
    OrderId::new(Uuid::new_v5(&ORDERS, name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(tenant: &str, customer: &str, key: &str) -> OrderId {
        let caller = Caller::customer(&CustomerId::new(customer).unwrap());
        order_id(&Tenant::new(tenant).unwrap(), &caller, &IdempotencyKey::new(key).unwrap())
    }

    /// If this fails, every request that is repeated across the release places a second order.
    #[test]
    fn the_id_of_an_order_never_changes() {
        assert_eq!(
            id("default", "c-1001", "3f6c").to_string(),
            "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873"
        );
    }

    #[test]
    fn tenant_caller_and_key_each_make_another_order() {
        let order = id("default", "c-1", "k");
        assert_eq!(id("default", "c-1", "k"), order);
        for other in [id("other", "c-1", "k"), id("default", "c-2", "k"), id("default", "c-1", "l")]
        {
            assert_ne!(other, order);
        }
    }

    #[test]
    fn customer_and_key_that_concatenate_to_the_same_text_stay_apart() {
        assert_ne!(id("default", "c-1", "23"), id("default", "c-12", "3"));
        assert_ne!(id("default", "c-1", "1:k"), id("default", "c-11", ":k"));
    }

    #[test]
    fn a_key_is_1_to_255_visible_ascii_characters() {
        assert!(IdempotencyKey::new("!~".repeat(127) + "k").is_ok());
        for text in ["", "a b", "a\u{7f}", "ä", "a\n", &"k".repeat(256)] {
            assert!(IdempotencyKey::new(text).is_err(), "{text:?}");
        }
    }
}
