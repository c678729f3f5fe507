//! The values that commands are made of, beside those of the [events](events::values). Their rules are today's: what
//! was stored under others stays readable, because events keep the bare text.

use events::values::{is_readable, is_visible_ascii};
use events::{InvalidValue, Money, Quantity, Validated};

/// Longest e-mail address, in characters: RFC 5321 (4.5.3.1.3) leaves 254 between the brackets of a path.
const LONGEST_EMAIL: usize = 254;

events::text_value! {
    /// What a product or a customer is called.
    pub struct Name: |text| is_readable(text, 200),
        "text of 1 to 200 characters, not blank and without control characters";

    /// Where e-mail reaches somebody. Plausible, no more: only a message that arrives proves an address.
    pub struct EmailAddress: |text| is_plausible_email(text),
        "an e-mail address of at most 254 characters, such as jane@example.com";

    /// What the payment gateway charges.
    pub struct PaymentToken: |text| is_visible_ascii(text, 255), "text of 1 to 255 visible ASCII characters";
}

events::number_value! {
    /// How many of one product an order can ask for.
    pub struct OrderedQuantity(u32): 1..=1000, "a whole number from 1 to 1000";
}

impl From<OrderedQuantity> for Quantity {
    fn from(ordered: OrderedQuantity) -> Self {
        Self::new(ordered.into()).expect("what can be ordered is less than what can be stored")
    }
}

/// What something costs: at least one minor unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price(Money);

impl Price {
    /// # Errors
    /// [`InvalidValue`] about the amount, unless it is at least 1.
    pub const fn new(money: Money) -> Result<Self, InvalidValue> {
        if money.amount_minor >= 1 { Ok(Self(money)) } else { Err(InvalidValue(Self::EXPECTED)) }
    }

    /// The amount, as it is stored.
    #[must_use]
    pub const fn money(self) -> Money {
        self.0
    }
}

impl Validated for Price {
    const EXPECTED: &'static str = "a whole number from 1 to 9223372036854775807";
}

fn is_plausible_email(text: &str) -> bool {
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let sides = text.split_once('@');
    let both = sides.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    plain && both && text.chars().count() <= LONGEST_EMAIL
}

#[cfg(test)]
mod tests {
    use events::Currency;

    use super::*;

    #[test]
    fn a_name_is_readable_and_not_too_long() {
        for (text, valid) in
            [("Mug", true), ("マグ", true), ("", false), (" ", false), ("a\u{7}b", false), ("a\nb", false)]
        {
            assert_eq!(Name::new(text).is_ok(), valid, "{text:?}");
        }
        assert!(Name::new("ö".repeat(200)).is_ok());
        assert!(Name::new("ö".repeat(201)).is_err());
    }

    #[test]
    fn an_email_address_has_one_at_and_something_on_both_sides() {
        for text in ["jane@example.com", "a@b", "jörg+shop@bücher.example"] {
            assert!(EmailAddress::new(text).is_ok(), "{text}");
        }
        for text in ["", "jane", "@b", "a@", "a@b@c", "a b@c", "a@b\n", "a@b\u{a0}", "a\u{0}@b"] {
            assert!(EmailAddress::new(text).is_err(), "{text:?}");
        }
        assert!(EmailAddress::new(format!("{}@b", "a".repeat(252))).is_ok());
        assert!(EmailAddress::new(format!("{}@b", "a".repeat(253))).is_err());
    }

    #[test]
    fn a_price_is_at_least_one_minor_unit() {
        for (amount, valid) in [(i64::MIN, false), (-1, false), (0, false), (1, true), (i64::MAX, true)] {
            assert_eq!(Price::new(Money::new(amount, Currency::JPY)).is_ok(), valid, "{amount}");
        }
    }

    #[test]
    fn whatever_can_be_ordered_can_be_stored() {
        assert_eq!(Quantity::from(OrderedQuantity::MOST).get(), 1000);
    }
}
