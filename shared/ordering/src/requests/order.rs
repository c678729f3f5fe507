//! `POST /orders`:
//! `{customer_id, items: [{sku, quantity}], payment_token, shipping_address, expected_total?}`.

use events::{Address, AddressFields, CustomerId, Money, OrderPlaced, Quantity, RequestHash, Sku};
use serde_json::Value;
use sha2::{Digest, Sha256};
use skald::personal::{Personal, SealedError};

use super::Fault;
use super::reading::{Faults, Object, validated};
use crate::values::{OrderedQuantity, PaymentToken, Price};

/// Most items of one order.
const MOST_ITEMS: usize = 50;

/// Only what is stored is ever sealed or erased.
const PLAIN: &str = "a request is plain";

/// An order as it is asked for. Only [`validate`](Self::validate) makes one: 1 to 50 items, no
/// product twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRequest {
    customer_id: CustomerId,
    items: Vec<RequestedItem>,
    payment_token: Personal<PaymentToken>,
    shipping_address: Personal<Address>,
    expected_total: Option<Price>,
}

/// One product that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedItem {
    /// The product.
    pub sku: Sku,
    /// How many of it: 1 to 1,000.
    pub quantity: Quantity,
}

/// Neither a repeat nor another request: it cannot be told from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untold {
    /// The request was hashed in this form, which a newer release knows. *Transient.*
    #[error("the order's request was hashed in form {0}, which is not known here")]
    Form(u32),
    /// The order was read without opening it.
    #[error("what the order says of its customer is sealed")]
    Sealed,
}

impl OrderRequest {
    /// Reads the body.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn validate(body: &Value) -> Result<Self, Vec<Fault>> {
        const FIELDS: [&str; 5] =
            ["customer_id", "items", "payment_token", "shipping_address", "expected_total"];
        validated(|faults| {
            let body = Object::read(body, String::new(), &FIELDS, faults)?;
            let customer_id: Option<CustomerId> = body.text("customer_id", faults);
            let items = items(&body, faults);
            let payment_token = body.text("payment_token", faults);
            let shipping_address = address(&body, "shipping_address", faults);
            let expected_total = match body.get("expected_total") {
                Some(_) => body.price("expected_total", faults),
                None => None,
            };
            let customer_id = customer_id?;
            let person = customer_id.person();
            Some(Self {
                items: items?,
                payment_token: Personal::of(person.clone(), payment_token?),
                shipping_address: Personal::of(person, shipping_address?),
                customer_id,
                expected_total,
            })
        })
    }

    /// Whose order it is to be.
    #[must_use]
    pub fn customer_id(&self) -> &CustomerId {
        &self.customer_id
    }

    /// What is asked for, in the order of the request.
    #[must_use]
    pub fn items(&self) -> &[RequestedItem] {
        &self.items
    }

    /// What the payment gateway charges.
    #[must_use]
    pub fn payment_token(&self) -> &Personal<PaymentToken> {
        &self.payment_token
    }

    /// Where the parcel goes.
    #[must_use]
    pub fn shipping_address(&self) -> &Personal<Address> {
        &self.shipping_address
    }

    /// What the customer thinks it costs, if the request says so.
    #[must_use]
    pub fn expected_total(&self) -> Option<Money> {
        self.expected_total.map(Price::money)
    }

    /// What this request is known by when it comes again, in the canonical form of today.
    #[must_use]
    pub fn hash(&self) -> RequestHash {
        RequestHash { form: 2, sha256: sha256(&self.form_2()) }
    }

    /// Whether the order was placed for this request, and not for another one with the same key. An
    /// older order is compared in the form that it was placed in, so a release can change the form,
    /// and a request repeated across it is still a repeat. Of a customer who was erased, token and
    /// address are taken to be the same: nobody knows them any more.
    ///
    /// # Errors
    /// [`Untold`] if the order was placed by a newer release, in a form that this one cannot make,
    /// or is sealed.
    pub fn is_that_of(&self, placed: &OrderPlaced) -> Result<bool, Untold> {
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
            newer => Err(Untold::Form(*newer)),
        }
    }

    /// The canonical form 2, made as form 1 is, of what says nothing about a person: a line
    /// `skald order 2`, then customer id, number of items, SKU and quantity of each, and amount and
    /// currency of the expected total (both empty if absent). A hash of anything else could be
    /// tried out on addresses, also when they are erased; so token and address are compared as they
    /// are.
    fn form_2(&self) -> String {
        self.canonical(2, &[])
    }

    /// The canonical form 1, made from the values, so that spaces, escapes and the order of fields
    /// in the JSON do not matter. It is a line `skald order 1` and then each value as its length in
    /// bytes, a colon and its text: customer id, number of items, SKU and quantity of each, payment
    /// token, name, both lines (the second empty if absent), city, postal code and country of the
    /// address, and amount and currency of the expected total (both empty if absent). The order of
    /// the items counts: it is the order of the lines in the answer, and whoever repeats a request
    /// repeats it as it was.
    ///
    /// Hashes of it are stored, so it can never change; another form gets another number, and this
    /// one stays.
    fn form_1(&self) -> String {
        let token = self.payment_token.reveal().expect(PLAIN).as_str();
        let address = self.shipping_address.reveal().expect(PLAIN);
        let AddressFields { name, line1, line2, city, postal_code, country } = address.fields();
        let line2 = line2.as_deref().unwrap_or_default();
        self.canonical(1, &[token, name, line1, line2, city, postal_code, country])
    }

    /// What forms 1 and 2 have in common, around the values that only one of them has. Hashes of
    /// both are stored, so this can never change either: another form is made elsewhere.
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

/// Whether a stored value is such, as far as anybody can know.
fn is_or_was<T>(stored: &Personal<T>, is_such: impl FnOnce(&T) -> bool) -> Result<bool, Untold> {
    match stored.reveal() {
        Ok(value) => Ok(is_such(value)),
        Err(SealedError::Erased) => Ok(true),
        Err(SealedError::Sealed) => Err(Untold::Sealed),
    }
}

/// In lower-case hexadecimal.
fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn items(body: &Object<'_>, faults: &mut Faults) -> Option<Vec<RequestedItem>> {
    let pointer = body.pointer_to("items");
    let list = body
        .get("items")
        .and_then(Value::as_array)
        .filter(|list| (1..=MOST_ITEMS).contains(&list.len()));
    let Some(list) = list else {
        faults.add(&pointer, "must be a list of 1 to 50 items");
        return None;
    };
    let mut items: Vec<Option<RequestedItem>> = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let item = item(value, format!("{pointer}/{index}"), faults);
        let same = |other: &Option<RequestedItem>| {
            item.as_ref().zip(other.as_ref()).is_some_and(|(item, other)| item.sku == other.sku)
        };
        if let Some(first) = items.iter().position(same) {
            let detail = format!(
                "must not be the product of {pointer}/{first} again: ask for more of it there"
            );
            faults.add(&format!("{pointer}/{index}/sku"), detail);
        }
        items.push(item);
    }
    items.into_iter().collect()
}

fn item(value: &Value, pointer: String, faults: &mut Faults) -> Option<RequestedItem> {
    let item = Object::read(value, pointer, &["sku", "quantity"], faults)?;
    let sku = item.text("sku", faults);
    let quantity: Option<OrderedQuantity> = item.number("quantity", faults);
    Some(RequestedItem { sku: sku?, quantity: quantity?.into() })
}

fn address(body: &Object<'_>, name: &str, faults: &mut Faults) -> Option<Address> {
    const FIELDS: [&str; 6] = ["name", "line1", "line2", "city", "postal_code", "country"];
    let value = body.get(name).unwrap_or(&Value::Null);
    let object = Object::read(value, body.pointer_to(name), &FIELDS, faults)?;

    // What is no text is read as the empty text, which every field of an address refuses, saying
    // what it expects.
    let text = |name| object.get(name).map(|value| value.as_str().unwrap_or_default().to_owned());
    let fields = AddressFields {
        name: text("name").unwrap_or_default(),
        line1: text("line1").unwrap_or_default(),
        line2: text("line2"),
        city: text("city").unwrap_or_default(),
        postal_code: text("postal_code").unwrap_or_default(),
        country: text("country").unwrap_or_default(),
    };
    match Address::new(fields) {
        Ok(address) => Some(address),
        Err(invalid) => {
            for (field, fault) in invalid.0 {
                faults.add(&object.pointer_to(field), fault);
            }
            None
        }
    }
}
