//! Money: whole minor units of a currency. There is no floating point anywhere near it.

/// A currency of ISO 4217, written as its three letters.
pub use iso_currency::Currency;
use serde::{Deserialize, Serialize};

/// An amount of money, written `{"amount_minor": 4999, "currency": "EUR"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// In minor units of the currency: cents of a euro, but whole yen.
    pub amount_minor: i64,
    /// Which money.
    #[cfg_attr(feature = "schema", schemars(schema_with = "currency_schema"))]
    pub currency: Currency,
}

/// The codes one by one: if a release of the list drops one that is stored, a test says so.
#[cfg(feature = "schema")]
fn currency_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    use iso_currency::IntoEnumIterator as _;

    let codes: Vec<_> = Currency::iter().map(|currency| currency.code()).collect();
    schemars::json_schema!({ "type": "string", "enum": codes })
}

impl Money {
    /// This many minor units.
    #[must_use]
    pub const fn new(amount_minor: i64, currency: Currency) -> Self {
        Self { amount_minor, currency }
    }

    /// The sum; none if it is too large to write, or the currencies differ.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        let amount_minor = self.amount_minor.checked_add(other.amount_minor)?;
        (self.currency == other.currency).then_some(Self { amount_minor, ..*self })
    }

    /// The amount `times` over; none if it is too large to write.
    #[must_use]
    pub fn checked_mul(&self, times: u32) -> Option<Self> {
        let amount_minor = self.amount_minor.checked_mul(times.into())?;
        Some(Self { amount_minor, ..*self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_that_cannot_be_written_is_none() {
        let most = Money::new(i64::MAX, Currency::EUR);
        assert_eq!(most.checked_add(&Money::new(0, Currency::EUR)), Some(most));
        assert_eq!(most.checked_add(&Money::new(1, Currency::EUR)), None);
        assert_eq!(most.checked_mul(1), Some(most));
        assert_eq!(most.checked_mul(2), None);
    }

    #[test]
    fn euros_and_yen_do_not_add_up() {
        assert_eq!(Money::new(1, Currency::EUR).checked_add(&Money::new(1, Currency::JPY)), None);
        assert_eq!(
            Money::new(1, Currency::EUR).checked_add(&Money::new(2, Currency::EUR)),
            Some(Money::new(3, Currency::EUR))
        );
    }

    #[test]
    fn it_is_written_in_minor_units_with_its_currency() {
        let text = r#"{"amount_minor":4999,"currency":"EUR"}"#;
        assert_eq!(serde_json::to_string(&Money::new(4999, Currency::EUR)).unwrap(), text);
        assert_eq!(serde_json::from_str::<Money>(text).unwrap(), Money::new(4999, Currency::EUR));
    }

    #[test]
    fn fractions_texts_and_unknown_currencies_are_no_money() {
        for text in [
            r#"{"amount_minor":49.99,"currency":"EUR"}"#,
            r#"{"amount_minor":49.0,"currency":"EUR"}"#,
            r#"{"amount_minor":"4999","currency":"EUR"}"#,
            r#"{"amount_minor":9223372036854775808,"currency":"EUR"}"#,
            r#"{"amount_minor":4999,"currency":"eur"}"#,
            r#"{"amount_minor":4999,"currency":"ABC"}"#,
            r#"{"amount_minor":4999}"#,
            r#"{"amount_minor":4999,"currency":"EUR","scale":2}"#,
        ] {
            assert!(serde_json::from_str::<Money>(text).is_err(), "{text}");
        }
    }
}
