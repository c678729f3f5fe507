//! What is asked of the payment gateway and the carrier is called by us, what they make of it by
//! them.

use super::{OrderId, is_visible_ascii};

crate::text_value! {
    /// Names one thing that is asked of the gateway or the carrier: asked again with the same key,
    /// it is the same thing.
    pub struct AttemptKey: |text| is_visible_ascii(text, 255), "text of 1 to 255 visible ASCII characters",
        "^[!-~]{1,255}$";

    /// What the gateway calls an authorization.
    pub struct AuthorizationId: |text| is_visible_ascii(text, 255), "text of 1 to 255 visible ASCII characters",
        "^[!-~]{1,255}$";

    /// What the carrier calls a parcel.
    pub struct ParcelId: |text| is_visible_ascii(text, 255), "text of 1 to 255 visible ASCII characters",
        "^[!-~]{1,255}$";
}

impl AttemptKey {
    /// The key of this order's payment: `<order>.authorize`.
    #[must_use]
    pub fn payment(order_id: OrderId) -> Self {
        Self::of(order_id, "authorize")
    }

    /// The key of this order's parcel: `<order>.ship`.
    #[must_use]
    pub fn parcel(order_id: OrderId) -> Self {
        Self::of(order_id, "ship")
    }

    fn of(order_id: OrderId, what: &str) -> Self {
        Self::new(format!("{order_id}.{what}")).expect("an order's id and a word are visible ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If this fails, what was asked before a release is asked again after it: the customer pays
    /// twice.
    #[test]
    fn the_keys_of_an_order_never_change() {
        let order_id: OrderId = "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873".parse().unwrap();
        assert_eq!(
            AttemptKey::payment(order_id).as_str(),
            "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873.authorize"
        );
        assert_eq!(
            AttemptKey::parcel(order_id).as_str(),
            "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873.ship"
        );
    }
}
