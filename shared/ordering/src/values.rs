//! The values that commands are made of, in addition to those of the [events](events::values).
//! Their rules may change: events store the bare text, so values stored under earlier rules stay
//! readable.

use events::values::{is_payable, is_readable, is_visible_ascii, is_visible_throughout};
use events::{InvalidValue, Money, Quantity, Validated};

/// The longest e-mail address, in characters: RFC 5321 (4.5.3.1.3) leaves 254 between the brackets
/// of a path.
const MAX_EMAIL_CHARACTERS: usize = 254;

events::text_value! {
    /// The name of a product or a customer.
    pub struct Name: |text| is_readable(text, 200),
        "text of 1 to 200 characters, at least one of them visible, \
         and none that controls or reorders text";

    /// Words that a person gives as a reason.
    pub struct Note: |text| is_readable(text, 500),
        "text of 1 to 500 characters, at least one of them visible, \
         and none that controls or reorders text";

    /// An e-mail address. Only its form is checked: whether it works is known only after a message
    /// arrived.
    pub struct EmailAddress: |text| is_plausible_email(text),
        "an e-mail address of at most 254 characters, such as jane@example.com";

    /// The token that the payment gateway charges.
    pub struct PaymentToken: |text| is_visible_ascii(text, 255),
        "text of 1 to 255 visible ASCII characters";
}

events::number_value! {
    /// The quantity of one product in an order.
    pub struct OrderedQuantity(u32): 1..=1000, "a whole number from 1 to 1000";
}

events::number_value! {
    /// The time by which an operator extends an order's deadline, in seconds: up to 30 days.
    pub struct ExtensionS(u32): 1..=2_592_000, "a whole number of seconds from 1 to 2592000";
}

impl From<OrderedQuantity> for Quantity {
    fn from(ordered: OrderedQuantity) -> Self {
        Self::new(ordered.into()).expect("every quantity that can be ordered can be stored")
    }
}

/// The rule for a currency, in words that follow "must be".
pub const PAYABLE: &str =
    "the code of a currency in ISO 4217 that people pay with today, such as EUR";

/// A price: at least one minor unit, in a currency that people pay with today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price(Money);

impl Price {
    /// # Errors
    /// [`InvalidValue`] for the amount if it is less than 1, or for the currency if people do not
    /// pay with it today.
    pub fn new(money: Money) -> Result<Self, InvalidValue> {
        match money {
            money if money.amount_minor() < 1 => Err(InvalidValue(Self::EXPECTED)),
            money if !is_payable(money.currency()) => Err(InvalidValue(PAYABLE)),
            money => Ok(Self(money)),
        }
    }

    /// The amount as it is stored.
    #[must_use]
    pub const fn money(self) -> Money {
        self.0
    }
}

impl Validated for Price {
    const EXPECTED: &'static str = "a whole number from 1 to 9007199254740991";
}

fn is_plausible_email(text: &str) -> bool {
    let sides = text.split_once('@').filter(|(_, domain)| !domain.contains('@'));
    let both = sides.is_some_and(|(local, domain)| {
        is_visible_throughout(local) && is_visible_throughout(domain)
    });
    both && text.chars().count() <= MAX_EMAIL_CHARACTERS
}

#[cfg(test)]
mod tests {
    use events::Currency;
    use events::values::LARGEST_EXACT;

    use super::*;

    #[test]
    fn a_name_is_readable_and_not_too_long() {
        for (text, valid) in [
            ("Mug", true),
            ("マグ", true),
            ("", false),
            (" ", false),
            ("a\u{7}b", false),
            ("a\nb", false),
            ("\u{200b}", false),
            ("Mug\u{202e}guM", false),
        ] {
            assert_eq!(Name::new(text).is_ok(), valid, "{text:?}");
        }
        assert!(Name::new("ö".repeat(200)).is_ok());
        assert!(Name::new("ö".repeat(201)).is_err());
    }

    #[test]
    fn an_email_address_has_one_at_sign_and_text_on_both_sides() {
        for text in ["jane@example.com", "a@b", "jörg+shop@bücher.example"] {
            assert!(EmailAddress::new(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "jane",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            "\u{200b}@b",
            "a@\u{200b}",
            "a\u{ad}@b",
            "a@b\n",
            "a@b\u{a0}",
            "a\u{0}@b",
        ] {
            assert!(EmailAddress::new(text).is_err(), "{text:?}");
        }
        assert!(EmailAddress::new(format!("{}@b", "a".repeat(252))).is_ok());
        assert!(EmailAddress::new(format!("{}@b", "a".repeat(253))).is_err());
    }

    #[test]
    fn a_price_is_at_least_one_minor_unit() {
        for (amount, valid) in
            [(-LARGEST_EXACT, false), (-1, false), (0, false), (1, true), (LARGEST_EXACT, true)]
        {
            assert_eq!(
                Price::new(Money::new(amount, Currency::JPY).unwrap()).is_ok(),
                valid,
                "{amount}"
            );
        }
    }

    #[test]
    fn a_price_is_in_a_currency_that_people_pay_with_today() {
        let kuna = Price::new(Money::new(1, Currency::HRK).unwrap());
        assert_eq!(kuna, Err(InvalidValue(PAYABLE)));
    }

    #[test]
    fn every_quantity_that_can_be_ordered_can_be_stored() {
        assert_eq!(Quantity::from(OrderedQuantity::MAX).get(), 1000);
    }
}
