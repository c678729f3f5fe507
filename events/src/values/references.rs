//! References shared with the payment gateway and the carrier: our keys for the requests, and their
//! ids for the results.

use super::{OrderId, is_visible_ascii};

crate::text_value! {
    /// The idempotency key of a request to the gateway or the carrier: a request repeated with the
    /// same key has no further effect.
    pub struct AttemptKey: |text| is_visible_ascii(text, 255),
        "text of 1 to 255 visible ASCII characters",
        "^[!-~]{1,255}$";

    /// The gateway's id of an authorization.
    pub struct AuthorizationId: |text| is_visible_ascii(text, 255),
        "text of 1 to 255 visible ASCII characters",
        "^[!-~]{1,255}$";

    /// The carrier's id of a parcel.
    pub struct ParcelId: |text| is_visible_ascii(text, 255),
        "text of 1 to 255 visible ASCII characters",
        "^[!-~]{1,255}$";

    /// The carrier's code with which a customer follows a parcel.
    pub struct TrackingCode: |text| is_visible_ascii(text, 64),
        "text of 1 to 64 visible ASCII characters",
        "^[!-~]{1,64}$";
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

    /// If this fails, requests sent by an earlier release are sent again under a new key: the
    /// customer pays twice.
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
