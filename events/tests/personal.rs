//! Personal data is marked where it is stored, and appears in no debug output.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use events::for_each_category;
use serde_json::Value;
use skald::event::{DomainEvent, EventData};

/// The personal data in the golden samples.
const PERSONAL: [&str; 11] = [
    "Jane Doe",
    "she ordered twice",
    "Jane Roe",
    "jane@example.com",
    "roe@example.com",
    "tok_approved",
    "Am Ufer 1",
    "3. OG",
    "Köln",
    "50667",
    "\"DE\"",
];

/// The stored data of every golden sample, and the debug output of its event.
fn samples() -> Vec<(String, String)> {
    fn events<E: DomainEvent + std::fmt::Debug>(found: &mut Vec<(String, String)>) {
        for &(event_type, schema) in E::SHAPES {
            let file = format!("{}/golden/{event_type}.{schema}.json", env!("CARGO_MANIFEST_DIR"));
            let data = fs::read_to_string(file).unwrap();
            let stored = EventData {
                event_type: event_type.to_owned(),
                schema,
                data: data.clone().into_bytes(),
            };
            found.push((data, format!("{:?}", E::decode(&stored).unwrap())));
        }
    }
    let mut found = Vec::new();
    for_each_category!(|E| events::<E>(&mut found));
    found
}

/// Removes every object of the form `{"$person": …, "plain": …}`.
fn without_personal(value: Value) -> Value {
    match value {
        Value::Object(fields)
            if fields.len() == 2
                && fields.contains_key("plain")
                && fields.contains_key("$person") =>
        {
            Value::Null
        }
        Value::Object(fields) => {
            fields.into_iter().map(|(name, field)| (name, without_personal(field))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_personal).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[test]
fn personal_data_is_stored_only_in_marked_form() {
    let mut seen = 0;
    for (stored, _) in samples() {
        let rest = without_personal(serde_json::from_str(&stored).unwrap()).to_string();
        for text in PERSONAL {
            seen += usize::from(stored.contains(text));
            assert!(!rest.contains(text), "{text} is not marked as personal in {stored}");
        }
    }
    assert!(seen >= PERSONAL.len(), "a text of PERSONAL is in no sample");
}

#[test]
fn personal_data_is_never_in_debug_output() {
    for (_, debug) in samples() {
        for text in PERSONAL {
            assert!(!debug.contains(text), "{text} is shown in {debug}");
        }
    }
}
