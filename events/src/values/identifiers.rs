//! Identifiers that callers choose. Each can be part of a stream's name, see
//! [`skald::stream::is_identifier`].

use skald::personal::PersonId;

crate::text_value! {
    /// The id of a product: its stock keeping unit.
    pub struct Sku: |text| skald::stream::is_identifier(text),
        "text of 1 to 64 characters from A-Z a-z 0-9 . _ -",
        "^[A-Za-z0-9._-]{1,64}$";

    /// The id of a customer. It must not contain a person's name or address, because it is kept
    /// when the person is erased.
    pub struct CustomerId: |text| skald::stream::is_identifier(text),
        "text of 1 to 64 characters from A-Z a-z 0-9 . _ -",
        "^[A-Za-z0-9._-]{1,64}$";

    /// The id of a delivery of goods, such as the number of its delivery note.
    pub struct ReceiptReference: |text| skald::stream::is_identifier(text),
        "text of 1 to 64 characters from A-Z a-z 0-9 . _ -",
        "^[A-Za-z0-9._-]{1,64}$";
}

impl CustomerId {
    /// The customer as a person, whose key seals their personal data.
    #[must_use]
    pub fn person(&self) -> PersonId {
        PersonId::new(self.as_str()).expect("both ids follow the same rule")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_that_does_not_fit_a_stream_name_is_invalid() {
        assert_eq!(Sku::new("MUG-01").unwrap().as_str(), "MUG-01");
        for text in ["", "a b", "a/b", "a~0", "ä", &"x".repeat(65)] {
            let invalid = Sku::new(text).unwrap_err();
            assert_eq!(
                invalid.to_string(),
                "must be text of 1 to 64 characters from A-Z a-z 0-9 . _ -",
                "{text}"
            );
        }
    }

    #[test]
    fn stored_text_that_breaks_the_rule_does_not_decode() {
        assert!(serde_json::from_str::<CustomerId>("\"c/1\"").is_err());
        assert_eq!(serde_json::to_string(&CustomerId::new("c-1").unwrap()).unwrap(), "\"c-1\"");
    }
}
