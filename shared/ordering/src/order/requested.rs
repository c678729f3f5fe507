//! An order as a caller requests it, and whether it repeats the request that placed an order.

use events::{Address, AddressFields, CustomerId, Money, OrderPlaced, Quantity, RequestHash, Sku};
use sha2::{Digest, Sha256};
use skald::personal::{Personal, SealedError};

use crate::values::{PaymentToken, Price};

/// Only stored values are ever sealed or erased.
const PLAIN: &str = "the values of a request are plain";

/// An order as a caller requests it: 1 to 50 items, and no product twice. Only
/// [`validate`](Self::validate) creates one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedOrder {
    pub(crate) customer_id: CustomerId,
    pub(crate) items: Vec<RequestedItem>,
    pub(crate) payment_token: Personal<PaymentToken>,
    pub(crate) shipping_address: Personal<Address>,
    pub(crate) expected_total: Option<Price>,
}

/// One product of a requested order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedItem {
    /// The product.
    pub sku: Sku,
    /// The quantity: 1 to 1,000.
    pub quantity: Quantity,
}

/// Why a request could not be compared with the one that placed the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ComparisonError {
    /// The stored request was hashed in a form that only a newer release knows. *Transient.*
    #[error("the order's request was hashed in form {0}, which this release does not know")]
    UnknownForm(u32),
    /// The order was read without unsealing its personal data.
    #[error("the order's personal data is sealed: read the order through `Opening`")]
    Sealed,
}

impl RequestedOrder {
    /// The customer who places the order.
    #[must_use]
    pub fn customer_id(&self) -> &CustomerId {
        &self.customer_id
    }

    /// The items, in the order of the request.
    #[must_use]
    pub fn items(&self) -> &[RequestedItem] {
        &self.items
    }

    /// The token that the payment gateway charges.
    #[must_use]
    pub fn payment_token(&self) -> &Personal<PaymentToken> {
        &self.payment_token
    }

    /// The address that the parcel goes to.
    #[must_use]
    pub fn shipping_address(&self) -> &Personal<Address> {
        &self.shipping_address
    }

    /// The total that the customer expects, if the request contains it.
    #[must_use]
    pub fn expected_total(&self) -> Option<Money> {
        self.expected_total.map(Price::money)
    }

    /// The hash of this request in the current canonical form, by which a repeat is recognized.
    #[must_use]
    pub fn hash(&self) -> RequestHash {
        RequestHash { form: 2, sha256: sha256(&self.form_2()) }
    }

    /// Whether the order was placed by this request, and not by another one with the same key. An
    /// older order is compared in the canonical form in which it was placed, so a repeat is still
    /// recognized after a release changes the form. If the customer was erased, token and address
    /// count as equal, because they can no longer be compared.
    ///
    /// # Errors
    /// [`ComparisonError`] if a newer release placed the order, in a form that this one does not
    /// know, or if the order is sealed.
    pub fn is_that_of(&self, placed: &OrderPlaced) -> Result<bool, ComparisonError> {
        let RequestHash { form, sha256: stored } = &placed.request_hash;
        match form {
            1 => Ok(sha256(&self.form_1()) == *stored),
            2 => Ok(sha256(&self.form_2()) == *stored
                && is_or_was(&placed.payment_token, |token| {
                    self.payment_token.reveal().expect(PLAIN).as_str() == token
                })?
                && is_or_was(&placed.shipping_address, |address| {
                    self.shipping_address.reveal() == Ok(address)
                })?),
            newer => Err(ComparisonError::UnknownForm(*newer)),
        }
    }

    /// The canonical form 2: like form 1, but only with the values that are not personal. It is a
    /// line `skald order 2`, then customer id, number of items, SKU and quantity of each, and
    /// amount and currency of the expected total (both empty if absent). Token and address are left
    /// out and compared directly, because a hash of them would let an erased address be guessed.
    fn form_2(&self) -> String {
        self.canonical(2, &[])
    }

    /// The canonical form 1. It is made from the values, so spaces, escapes and the order of fields
    /// in the JSON do not matter: a line `skald order 1` and then each value as its length in
    /// bytes, a colon and its text: customer id, number of items, SKU and quantity of each, payment
    /// token, name, both lines (the second empty if absent), city, postal code and country of the
    /// address, and amount and currency of the expected total (both empty if absent). The order of
    /// the items matters, because it is the order of the lines in the answer.
    ///
    /// Hashes of this form are stored, so it can never change. A new form gets a new number, and
    /// this one stays.
    fn form_1(&self) -> String {
        let token = self.payment_token.reveal().expect(PLAIN).as_str();
        let address = self.shipping_address.reveal().expect(PLAIN);
        let AddressFields { name, line1, line2, city, postal_code, country } = address.fields();
        let line2 = line2.as_deref().unwrap_or_default();
        self.canonical(1, &[token, name, line1, line2, city, postal_code, country])
    }

    /// The common part of forms 1 and 2, around the personal values that only form 1 contains.
    /// Hashes of both are stored, so this can never change: a new form gets its own function.
    fn canonical(&self, form: u32, personal: &[&str]) -> String {
        let mut canonical = format!("skald order {form}\n");
        let mut add = |value: &str| canonical.push_str(&format!("{}:{value}", value.len()));

        add(self.customer_id.as_str());
        add(&self.items.len().to_string());
        for item in &self.items {
            add(item.sku.as_str());
            add(&item.quantity.to_string());
        }
        for value in personal {
            add(value);
        }
        let total = self.expected_total();
        add(&total.map(|total| total.amount_minor().to_string()).unwrap_or_default());
        add(total.map(|total| total.currency().code()).unwrap_or_default());
        canonical
    }
}

/// Whether a stored value satisfies the predicate. An erased value always does.
fn is_or_was<T>(
    stored: &Personal<T>,
    is_such: impl FnOnce(&T) -> bool,
) -> Result<bool, ComparisonError> {
    match stored.reveal() {
        Ok(value) => Ok(is_such(value)),
        Err(SealedError::Erased) => Ok(true),
        Err(SealedError::Sealed) => Err(ComparisonError::Sealed),
    }
}

/// The SHA-256 hash, in lower-case hexadecimal.
fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
