//! Postal addresses.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{InvalidValue, is_readable};

/// Longest line of an address, in characters.
const MAX_LINE_CHARACTERS: usize = 200;
/// Longest postal code, in characters.
const MAX_POSTAL_CODE_CHARACTERS: usize = 20;

/// The rule for a line.
const LINE: &str = "text of 1 to 200 characters, at least one of them visible, \
                    and none that controls or reorders text";
/// The rule for a postal code.
const POSTAL_CODE: &str = "text of 1 to 20 characters, at least one of them visible, \
                           and none that controls or reorders text";

/// A postal address. Its fields satisfy their rules; whether the address exists is for the carrier
/// to decide.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "AddressFields", into = "AddressFields")]
pub struct Address(AddressFields);

/// The fields of an address, unchecked. An [`Address`] is built from them and gives them back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AddressFields {
    /// The recipient's name.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_LINE_CHARACTERS)))]
    pub name: String,
    /// The street and the house number.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_LINE_CHARACTERS)))]
    pub line1: String,
    /// Further information for the carrier, such as the floor.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_LINE_CHARACTERS)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// The town.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_LINE_CHARACTERS)))]
    pub city: String,
    /// The postal code, in the country's own format.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_POSTAL_CODE_CHARACTERS)))]
    pub postal_code: String,
    /// The country: two upper-case letters, as in ISO 3166-1.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[A-Z]{2}$")))]
    pub country: String,
}

/// The names of the fields of an address that break their rules, each with its rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidAddress(pub Vec<(&'static str, InvalidValue)>);

impl fmt::Display for InvalidAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<_> =
            self.0.iter().map(|(field, fault)| format!("{field} {fault}")).collect();
        f.write_str(&faults.join("; "))
    }
}

impl std::error::Error for InvalidAddress {}

impl Address {
    /// The address with these fields.
    ///
    /// # Errors
    /// [`InvalidAddress`] with every field that breaks its rule: lines of 1 to 200 readable
    /// characters, a postal code of 1 to 20, a country of two upper-case letters.
    pub fn new(fields: AddressFields) -> Result<Self, InvalidAddress> {
        let line = |text: &str| is_readable(text, MAX_LINE_CHARACTERS);
        let postal_code = |text: &str| is_readable(text, MAX_POSTAL_CODE_CHARACTERS);
        Self::checked(fields, line, postal_code)
    }

    /// The address with these fields, if `line` and `postal_code` accept its texts and its country
    /// has two upper-case letters.
    fn checked(
        fields: AddressFields,
        line: impl Fn(&str) -> bool,
        postal_code: impl Fn(&str) -> bool,
    ) -> Result<Self, InvalidAddress> {
        let line = |text: &str| line(text).then_some(()).ok_or(InvalidValue(LINE));
        let checks = [
            ("name", line(&fields.name)),
            ("line1", line(&fields.line1)),
            ("line2", fields.line2.as_deref().map_or(Ok(()), line)),
            ("city", line(&fields.city)),
            (
                "postal_code",
                postal_code(&fields.postal_code).then_some(()).ok_or(InvalidValue(POSTAL_CODE)),
            ),
            ("country", Self::country(&fields.country)),
        ];
        let faults: Vec<_> = checks
            .into_iter()
            .filter_map(|(field, check)| check.err().map(|fault| (field, fault)))
            .collect();
        if faults.is_empty() { Ok(Self(fields)) } else { Err(InvalidAddress(faults)) }
    }

    /// The fields.
    #[must_use]
    pub fn fields(&self) -> &AddressFields {
        &self.0
    }

    fn country(text: &str) -> Result<(), InvalidValue> {
        let valid = text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
        valid.then_some(()).ok_or(InvalidValue("a country as two upper-case letters, such as DE"))
    }
}

/// Reads a stored address. Only the shape that its schema states is checked: the lengths, and the
/// form of the country. [`Address::new`] checked which characters are readable when the order was
/// placed. A release with a later table of Unicode must not reject what is stored.
impl TryFrom<AddressFields> for Address {
    type Error = InvalidAddress;
    fn try_from(fields: AddressFields) -> Result<Self, InvalidAddress> {
        let line = |text: &str| has_length(text, MAX_LINE_CHARACTERS);
        let postal_code = |text: &str| has_length(text, MAX_POSTAL_CODE_CHARACTERS);
        Self::checked(fields, line, postal_code)
    }
}

/// Whether a text has 1 to `max_characters` characters.
fn has_length(text: &str, max_characters: usize) -> bool {
    (1..=max_characters).contains(&text.chars().count())
}

impl From<Address> for AddressFields {
    fn from(address: Address) -> Self {
        address.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> AddressFields {
        AddressFields {
            name: "Jane Doe".to_owned(),
            line1: "Am Ufer 1".to_owned(),
            line2: None,
            city: "Berlin".to_owned(),
            postal_code: "10115".to_owned(),
            country: "DE".to_owned(),
        }
    }

    #[test]
    fn every_field_that_breaks_its_rule_is_named() {
        let wrong = AddressFields {
            name: "\u{200b}".to_owned(),
            line1: "x".repeat(201),
            line2: Some("a\nb".to_owned()),
            city: String::new(),
            postal_code: "1".repeat(21),
            country: "de".to_owned(),
        };
        let named: Vec<_> =
            Address::new(wrong).unwrap_err().0.into_iter().map(|(field, _)| field).collect();
        assert_eq!(named, ["name", "line1", "line2", "city", "postal_code", "country"]);
    }

    #[test]
    fn the_error_of_an_invalid_address_states_the_rules_but_not_the_values() {
        let wrong = AddressFields {
            city: "\u{7}Berlin".to_owned(),
            country: "Germany".to_owned(),
            ..fields()
        };
        assert_eq!(
            Address::new(wrong).unwrap_err().to_string(),
            "city must be text of 1 to 200 characters, at least one of them visible, \
             and none that controls or reorders text; \
             country must be a country as two upper-case letters, such as DE"
        );
    }

    #[test]
    fn lengths_count_characters_not_bytes() {
        let long =
            AddressFields { city: "Ö".repeat(200), postal_code: "〒".repeat(20), ..fields() };
        assert!(Address::new(long).is_ok());
    }

    #[test]
    fn a_country_is_two_upper_case_letters() {
        for (country, valid) in
            [("NO", true), ("no", false), ("NOR", false), ("N0", false), ("Ö", false), ("", false)]
        {
            let address = Address::new(AddressFields { country: country.to_owned(), ..fields() });
            assert_eq!(address.is_ok(), valid, "{country}");
        }
    }

    /// The rules may change, and so may Unicode's tables. An order that was placed must still be
    /// shown and shipped.
    #[test]
    fn a_stored_address_stays_readable_under_stricter_rules() {
        let stored = AddressFields {
            name: "Jane\u{202e}".to_owned(),
            city: "\u{200b}".to_owned(),
            ..fields()
        };
        let json = serde_json::to_value(&stored).unwrap();
        assert!(Address::new(stored.clone()).is_err());
        assert_eq!(serde_json::from_value::<Address>(json.clone()).unwrap().fields(), &stored);
        for (field, value) in
            [("city", serde_json::json!("")), ("country", serde_json::json!("de"))]
        {
            let mut other = json.clone();
            other[field] = value;
            assert!(serde_json::from_value::<Address>(other).is_err(), "{field}");
        }
    }

    #[test]
    fn an_absent_second_line_is_not_written() {
        let address = Address::new(fields()).unwrap();
        let written = serde_json::to_value(&address).unwrap();
        assert!(written.get("line2").is_none(), "{written}");
        assert_eq!(serde_json::from_value::<Address>(written).unwrap(), address);
    }
}
