//! Money as whole minor units of a currency. No floating point is used.

/// A currency of ISO 4217, written as its three letters.
pub use iso_currency::Currency;
use serde::{Deserialize, Serialize};

use super::{InvalidValue, Validated};

/// 2⁵³ − 1, the largest number up to which a double represents every whole number exactly, so that
/// every JSON client reads amounts exactly (RFC 8259, section 6).
pub const LARGEST_EXACT: i64 = (1 << 53) - 1;

/// The bolívar. `iso_currency` lists it as withdrawn since VED was added, but ISO 4217 has both,
/// and Venezuela pays with this one.
const IN_USE_ALL_THE_SAME: [Currency; 1] = [Currency::VES];

/// An amount of money, written `{"amount_minor": 4999, "currency": "EUR"}`.
///
/// The amount is always within ±(2⁵³ − 1) minor units, whether computed or read. Its currency is
/// one that people pay or have paid with: no metals, units of account, funds or test codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "Fields", into = "Fields")]
#[cfg_attr(feature = "schema", schemars(with = "Fields", rename = "Money"))]
pub struct Money {
    amount_minor: i64,
    currency: Currency,
}

/// An amount of money, written `{"amount_minor": 4999, "currency": "EUR"}`.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Money"))]
#[serde(deny_unknown_fields)]
struct Fields {
    /// The amount in minor units of the currency: cents for euros, but whole yen.
    #[cfg_attr(feature = "schema", schemars(range(min = -LARGEST_EXACT, max = LARGEST_EXACT)))]
    amount_minor: i64,
    /// The currency.
    #[cfg_attr(feature = "schema", schemars(schema_with = "currency_schema"))]
    currency: Currency,
}

/// The codes are listed one by one. If a release of the list drops a code that is stored, or adds
/// one that older readers reject, a test fails.
#[cfg(feature = "schema")]
fn currency_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    use iso_currency::IntoEnumIterator as _;

    let codes: Vec<_> =
        Currency::iter().filter(|&each| was_ever_money(each)).map(|each| each.code()).collect();
    schemars::json_schema!({ "type": "string", "enum": codes })
}

/// Whether this currency is in use today: it is money, and was not withdrawn.
#[must_use]
pub fn is_payable(currency: Currency) -> bool {
    let is_in_use = currency.is_superseded().is_none() || IN_USE_ALL_THE_SAME.contains(&currency);
    was_ever_money(currency) && is_in_use
}

/// Whether people pay or have paid with this currency. Amounts in a currency that is withdrawn
/// later stay readable.
fn was_ever_money(currency: Currency) -> bool {
    !currency.is_special() && !currency.is_fund()
}

impl Money {
    /// An amount of this many minor units.
    ///
    /// # Errors
    /// [`InvalidValue`] if the amount is beyond ±(2⁵³ − 1), or the currency is not one that people
    /// pay or have paid with.
    pub fn new(amount_minor: i64, currency: Currency) -> Result<Self, InvalidValue> {
        let is_exact = (-LARGEST_EXACT..=LARGEST_EXACT).contains(&amount_minor);
        if is_exact && was_ever_money(currency) {
            Ok(Self { amount_minor, currency })
        } else {
            Err(InvalidValue(Self::EXPECTED))
        }
    }

    /// The amount in minor units of the currency: cents for euros, but whole yen.
    #[must_use]
    pub const fn amount_minor(&self) -> i64 {
        self.amount_minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// The sum, or `None` if it is beyond the bound or the currencies differ.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        let amount_minor = self.amount_minor.checked_add(other.amount_minor)?;
        Self::new(amount_minor, self.currency).ok().filter(|_| self.currency == other.currency)
    }

    /// The amount multiplied by `times`, or `None` if the product is beyond the bound.
    #[must_use]
    pub fn checked_mul(&self, times: u32) -> Option<Self> {
        Self::new(self.amount_minor.checked_mul(times.into())?, self.currency).ok()
    }
}

impl Validated for Money {
    const EXPECTED: &'static str =
        "an amount within 9007199254740991 minor units, in a currency that people can pay with";
}

impl TryFrom<Fields> for Money {
    type Error = InvalidValue;
    fn try_from(Fields { amount_minor, currency }: Fields) -> Result<Self, InvalidValue> {
        Self::new(amount_minor, currency)
    }
}

impl From<Money> for Fields {
    fn from(Money { amount_minor, currency }: Money) -> Self {
        Self { amount_minor, currency }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount_minor: i64, currency: Currency) -> Money {
        Money::new(amount_minor, currency).unwrap()
    }

    /// A client in JavaScript reads 9007199254740993 as 9007199254740992.
    #[test]
    fn an_amount_is_within_what_every_client_reads_exactly() {
        assert_eq!(LARGEST_EXACT, 9_007_199_254_740_991);
        for (amount, valid) in [
            (i64::MIN, false),
            (-LARGEST_EXACT - 1, false),
            (-LARGEST_EXACT, true),
            (0, true),
            (LARGEST_EXACT, true),
            (LARGEST_EXACT + 1, false),
            (i64::MAX, false),
        ] {
            assert_eq!(Money::new(amount, Currency::EUR).is_ok(), valid, "{amount}");
            let text = format!(r#"{{"amount_minor":{amount},"currency":"EUR"}}"#);
            assert_eq!(serde_json::from_str::<Money>(&text).is_ok(), valid, "{text}");
        }
    }

    #[test]
    fn a_sum_or_a_product_beyond_the_bound_is_none() {
        let most = money(LARGEST_EXACT, Currency::EUR);
        assert_eq!(most.checked_add(&money(0, Currency::EUR)), Some(most));
        assert_eq!(most.checked_add(&money(1, Currency::EUR)), None);
        assert_eq!(most.checked_mul(1), Some(most));
        assert_eq!(most.checked_mul(2), None);
        assert_eq!(most.checked_mul(u32::MAX), None);
        assert_eq!(money(-LARGEST_EXACT, Currency::EUR).checked_mul(2), None);
    }

    #[test]
    fn amounts_in_different_currencies_have_no_sum() {
        assert_eq!(money(1, Currency::EUR).checked_add(&money(1, Currency::JPY)), None);
        assert_eq!(
            money(1, Currency::EUR).checked_add(&money(2, Currency::EUR)),
            Some(money(3, Currency::EUR))
        );
    }

    #[test]
    fn money_is_written_in_minor_units_with_its_currency() {
        let text = r#"{"amount_minor":4999,"currency":"EUR"}"#;
        assert_eq!(serde_json::to_string(&money(4999, Currency::EUR)).unwrap(), text);
        assert_eq!(serde_json::from_str::<Money>(text).unwrap(), money(4999, Currency::EUR));
    }

    #[test]
    fn fractions_texts_and_unknown_currencies_are_not_money() {
        for text in [
            r#"{"amount_minor":49.99,"currency":"EUR"}"#,
            r#"{"amount_minor":49.0,"currency":"EUR"}"#,
            r#"{"amount_minor":"4999","currency":"EUR"}"#,
            r#"{"amount_minor":9223372036854775808,"currency":"EUR"}"#,
            r#"{"amount_minor":4999,"currency":"eur"}"#,
            r#"{"amount_minor":4999,"currency":"ABC"}"#,
            r#"{"amount_minor":4999,"currency":"XXX"}"#,
            r#"{"amount_minor":4999}"#,
            r#"{"amount_minor":4999,"currency":"EUR","scale":2}"#,
        ] {
            assert!(serde_json::from_str::<Money>(text).is_err(), "{text}");
        }
    }

    /// All codes of the list that people cannot pay with, grouped by the reason.
    #[test]
    fn a_currency_is_one_that_people_can_pay_with() {
        use iso_currency::IntoEnumIterator as _;

        // Test codes and the absence of a currency; metals; bonds and other units of account.
        let never = "XTS XXX \
                     XAG XAU XPD XPT \
                     XAD XBA XBB XBC XBD XDR XSU XUA \
                     BOV CHE CHW CLF COU MXV USN UYI UYW";
        // Replaced by another currency. Amounts stored in these are read, but no new price uses
        // them.
        let withdrawn = "BGN CUC HRK SLL ZWL";
        let sorted = |wanted: &dyn Fn(Currency) -> bool| {
            let mut codes: Vec<_> =
                Currency::iter().filter(|&each| wanted(each)).map(|each| each.code()).collect();
            codes.sort_unstable();
            codes
        };
        let listed = |codes: &'static str| {
            let mut codes: Vec<_> = codes.split_whitespace().collect();
            codes.sort_unstable();
            codes
        };
        assert_eq!(sorted(&|each| !was_ever_money(each)), listed(never));
        assert_eq!(sorted(&|each| was_ever_money(each) && !is_payable(each)), listed(withdrawn));
        for currency in [
            Currency::EUR,
            Currency::JPY,
            Currency::BHD,
            Currency::XOF,
            Currency::NAD,
            Currency::VES,
        ] {
            assert!(is_payable(currency), "{currency:?}");
        }
    }
}
