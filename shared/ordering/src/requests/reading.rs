//! Reads fields of JSON and collects every fault on the way, so that a caller gets all of them at
//! once.

use events::values::is_payable;
use events::{Currency, InvalidValue, Money, Validated};
use serde_json::{Map, Value};

use super::Fault;
use crate::values::{PAYABLE, Price};

/// The largest number of faults in an answer: more than an order of 50 items needs, and few enough
/// that a small invalid body does not get a large answer.
const MAX_FAULTS: usize = 200;

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, pointer: &str, detail: impl ToString) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(Fault { pointer: pointer.to_owned(), detail: detail.to_string() });
        }
    }
}

/// Runs a reader. Returns its result, or the faults that it collected.
pub(super) fn validated<T>(read: impl FnOnce(&mut Faults) -> Option<T>) -> Result<T, Vec<Fault>> {
    let mut faults = Faults::default();
    match read(&mut faults) {
        Some(value) if faults.0.is_empty() => Ok(value),
        Some(_) | None => Err(faults.0),
    }
}

/// An object in the body, and its JSON pointer.
pub(super) struct Object<'a> {
    fields: &'a Map<String, Value>,
    pointer: String,
}

impl<'a> Object<'a> {
    /// The object at this place. A value of another type is a fault, and so is a field not in
    /// `known`.
    pub(super) fn read(
        value: &'a Value,
        pointer: String,
        known: &[&str],
        faults: &mut Faults,
    ) -> Option<Self> {
        let Some(fields) = value.as_object() else {
            faults.add(&pointer, "must be a JSON object");
            return None;
        };
        let object = Self { fields, pointer };
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            let detail = match known {
                [] => "is not a known field: there are none".to_owned(),
                known => format!("is not a known field: use only {}", known.join(", ")),
            };
            faults.add(&object.pointer_to(name), detail);
        }
        Some(object)
    }

    /// The JSON pointer of a field.
    pub(super) fn pointer_to(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"))
    }

    /// The value of a field, unless it is absent or null.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    /// Text that satisfies the rule of its type.
    pub(super) fn text<T>(&self, name: &str, faults: &mut Faults) -> Option<T>
    where
        T: Validated + TryFrom<String, Error = InvalidValue>,
    {
        let text = self.get(name).and_then(Value::as_str);
        self.checked(name, text.map(|text| T::try_from(text.to_owned())), faults)
    }

    /// A whole number that satisfies the rule of its type.
    pub(super) fn number<T>(&self, name: &str, faults: &mut Faults) -> Option<T>
    where
        T: Validated + TryFrom<u64, Error = InvalidValue>,
    {
        let number = self.get(name).and_then(Value::as_u64);
        self.checked(name, number.map(T::try_from), faults)
    }

    /// An amount of money above zero.
    pub(super) fn price(&self, name: &str, faults: &mut Faults) -> Option<Price> {
        let value = self.get(name).unwrap_or(&Value::Null);
        let money =
            Object::read(value, self.pointer_to(name), &["amount_minor", "currency"], faults)?;

        let currency: Option<CurrencyCode> = money.text("currency", faults);
        let amount_minor = money.get("amount_minor").and_then(Value::as_i64);
        // This rule is about the amount. An invalid currency has its own fault already.
        let code = currency.as_ref().map_or(Currency::EUR, |code| code.0);
        let price = amount_minor.map(|amount_minor| {
            Money::new(amount_minor, code)
                .or(Err(InvalidValue(Price::EXPECTED)))
                .and_then(Price::new)
        });
        let price = money.checked("amount_minor", price, faults);
        currency.and(price)
    }

    /// The value, or a fault because it has the wrong JSON type or breaks its rule.
    fn checked<T: Validated>(
        &self,
        name: &str,
        value: Option<Result<T, InvalidValue>>,
        faults: &mut Faults,
    ) -> Option<T> {
        match value.unwrap_or(Err(InvalidValue(T::EXPECTED))) {
            Ok(value) => Some(value),
            Err(fault) if self.get(name).is_none() => {
                faults.add(&self.pointer_to(name), format!("is missing: {fault}"));
                None
            }
            Err(fault) => {
                faults.add(&self.pointer_to(name), fault);
                None
            }
        }
    }
}

/// The code of a currency that people pay with today.
struct CurrencyCode(Currency);

impl Validated for CurrencyCode {
    const EXPECTED: &'static str = PAYABLE;
}

impl TryFrom<String> for CurrencyCode {
    type Error = InvalidValue;
    fn try_from(code: String) -> Result<Self, InvalidValue> {
        let payable = Currency::from_code(&code).filter(|&currency| is_payable(currency));
        payable.map(Self).ok_or(InvalidValue(Self::EXPECTED))
    }
}
