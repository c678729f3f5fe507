//! `schemas/` describes the stored events for machines and other languages. These tests check that
//! the code still reads what the committed schemas describe, and that they describe exactly what
//! the code reads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod catalogue;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use events::{
    AttemptKey, AuthorizationId, Currency, CustomerId, OrderId, ParcelId, Quantity,
    ReceiptReference, Sku, StockShards, TrackingCode, for_each_category,
};
use jsonschema::{Validator, validator_for};
use proptest::prelude::*;
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use skald::event::{DomainEvent, EventData};
use skald_testkit::schema::{HELP, Schemas};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn listed(all: &[impl Display]) -> String {
    all.iter().map(|each| format!("\n  {each}")).collect()
}

/// If this fails, stored streams can no longer be read or change their meaning, or views of the
/// previous release send what this release writes to the dead letters.
#[test]
fn no_stored_shape_changes_under_its_schema_number() {
    let breaks = catalogue::schemas().breaks(&Schemas::read(&folder("schemas")).unwrap());
    let help = "see \"A new shape of an event\" in shared/ordering/README.md";
    assert!(
        breaks.is_empty(),
        "a stored shape changed but kept its schema number:{}\n{HELP}\n{help}",
        listed(&breaks)
    );
}

/// The incompatible changes that are found when the committed schema of this shape is edited.
fn breaks_if_committed(
    event_type: &str,
    schema: u32,
    change: impl FnOnce(&mut Value),
) -> Vec<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemas").join(event_type);
    // An earlier run may have written another schema.
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    let mut committed = catalogue::schemas().get(event_type, schema).unwrap().clone();
    change(&mut committed);
    fs::write(folder.join(format!("{event_type}.{schema}.json")), committed.to_string()).unwrap();
    let breaks = catalogue::schemas().breaks(&Schemas::read(&folder).unwrap());
    breaks.iter().map(ToString::to_string).collect()
}

/// The committed schema lacks one of the reasons, or one of the fields, as if the previous release
/// had not known it.
#[test]
fn a_value_that_older_readers_reject_is_reported_with_event_schema_and_field() {
    let variants = breaks_if_committed("order.undo_started", 2, |schema| {
        let reasons = schema["$defs"]["CancelReason"]["oneOf"].as_array_mut().unwrap();
        reasons.retain(|reason| reason["const"] != "capture_failed");
    });
    assert_eq!(
        variants,
        ["order.undo_started at schema 2, as this release writes it, read by an older one, \
             /reason: \"capture_failed\" is written, and not known to the reader"]
    );
    let fields = breaks_if_committed("order.parked", 1, |schema| {
        drop(schema["properties"].as_object_mut().unwrap().remove("error"));
        schema["required"] = json!(["step"]);
    });
    assert!(
        fields.contains(
            &"order.parked at schema 1, as this release writes it, read by an older one, \
              /error: the field is written, and not known to the reader"
                .to_owned()
        ),
        "{fields:?}"
    );
}

#[test]
fn the_committed_schemas_are_those_of_the_code() {
    let stale = catalogue::schemas().differing(&Schemas::read(&folder("schemas")).unwrap());
    let help = "run `cargo run --package events --example schemas`";
    assert!(stale.is_empty(), "events/schemas is stale:{}\n{help}", listed(&stale));
}

#[test]
fn every_golden_sample_has_its_schema() {
    let names = |name| -> BTreeSet<_> {
        fs::read_dir(folder(name))
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    assert_eq!(names("schemas"), names("golden"));
}

/// The pointers of every object and of every value that contains no others in `data`.
fn places(data: &Value, pointer: &str, found: &mut Vec<String>) {
    match data {
        Value::Object(fields) => {
            found.push(pointer.to_owned());
            fields
                .iter()
                .for_each(|(name, field)| places(field, &format!("{pointer}/{name}"), found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| places(item, &format!("{pointer}/{index}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            found.push(pointer.to_owned())
        }
    }
}

/// The golden sample `data` with one change each: another value in one place, an extra field, or a
/// missing field.
fn variations(data: &Value) -> Vec<Value> {
    let mut pointers = Vec::new();
    places(data, "", &mut pointers);
    let mut varied = vec![data.clone()];
    let mut vary = |change: &dyn Fn(&mut Value)| {
        let mut other = data.clone();
        change(&mut other);
        varied.push(other);
    };
    // Lists are left out: serde also reads a struct from a list of its fields, but no event is
    // stored like that.
    let others = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(""),
        json!("ä~"),
        json!({}),
    ];
    for pointer in &pointers {
        for other in &others {
            vary(&|data| *data.pointer_mut(pointer).unwrap() = other.clone());
        }
        if let Some(Value::Object(fields)) = data.pointer(pointer) {
            for name in fields.keys() {
                vary(&|data| {
                    drop(data.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name))
                });
            }
            vary(&|data| data.pointer_mut(pointer).unwrap()["another"] = json!(1));
        }
    }
    varied
}

/// A schema accepts exactly what decoding accepts, for variants of every golden sample.
fn check_events<E: DomainEvent>() {
    let schemas = Schemas::read(&folder("schemas")).unwrap();
    for &(event_type, schema) in E::SHAPES {
        let validator = validator_for(schemas.get(event_type, schema).unwrap()).unwrap();
        let sample =
            fs::read(folder("golden").join(format!("{event_type}.{schema}.json"))).unwrap();
        let sample: Value = serde_json::from_slice(&sample).unwrap();
        assert!(
            validator.is_valid(&sample),
            "the golden sample of {event_type} at schema {schema} does not match its schema"
        );
        for data in variations(&sample) {
            let stored = EventData {
                event_type: event_type.to_owned(),
                schema,
                data: data.to_string().into_bytes(),
            };
            let decodes = E::decode(&stored).is_ok();
            assert_eq!(
                validator.is_valid(&data),
                decodes,
                "{event_type} at schema {schema} decodes: {decodes}, of {data}"
            );
        }
    }
}

#[test]
fn a_schema_accepts_exactly_what_decoding_accepts() {
    for_each_category!(|E| check_events::<E>());
}

/// The schema of a value type, and whether a JSON value decodes as it.
struct ValueRule {
    name: String,
    schema: Validator,
    is_read: fn(&Value) -> bool,
}

fn rule<T: DeserializeOwned + JsonSchema>() -> ValueRule {
    ValueRule {
        name: T::schema_name().into_owned(),
        schema: validator_for(schema_for!(T).as_value()).unwrap(),
        is_read: |value| T::deserialize(value).is_ok(),
    }
}

fn text_rules() -> [ValueRule; 8] {
    [
        rule::<AttemptKey>(),
        rule::<AuthorizationId>(),
        rule::<CustomerId>(),
        rule::<OrderId>(),
        rule::<ParcelId>(),
        rule::<ReceiptReference>(),
        rule::<Sku>(),
        rule::<TrackingCode>(),
    ]
}

/// Text around the bounds of the rules: every ASCII character, some others, and lengths up to one
/// more than the longest allowed.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\\x00-\\x7f]{0,3}",
        "[A-Za-z0-9._-]{0,3}",
        "[A-Za-z0-9._-]{63,65}",
        "[!-~]{63,65}",
        "[!-~]{254,256}",
        "[A-Za-z0-9._-]{1,3}\n",
        "[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{11,13}",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    ]
}

proptest! {
    #[test]
    fn the_pattern_of_a_text_is_its_rule(text in text()) {
        for ValueRule { name, schema, is_read } in text_rules() {
            let value = json!(text);
            prop_assert_eq!(schema.is_valid(&value), is_read(&value), "{} of {:?}", name, text);
        }
    }
}

#[test]
fn the_bounds_of_a_number_are_its_rule() {
    for ValueRule { name, schema, is_read } in [rule::<Quantity>(), rule::<StockShards>()] {
        for number in
            [i64::MIN, -1, 0, 1, 2, 16, 17, 999_999_999, 1_000_000_000, 1_000_000_001, i64::MAX]
        {
            assert_eq!(
                schema.is_valid(&json!(number)),
                is_read(&json!(number)),
                "{name} of {number}"
            );
        }
    }
}

#[test]
fn the_schema_lists_exactly_the_currencies_that_are_read() {
    let money = rule::<events::Money>();
    let letters = || 'A'..='Z';
    let codes = letters()
        .flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
    let of = |code: &str| json!({ "amount_minor": 1, "currency": code });
    let (known, unknown): (Vec<_>, Vec<_>) =
        codes.partition(|code| money.schema.is_valid(&of(code)));
    assert!(
        known.iter().any(|code| code == Currency::EUR.code()) && known.len() > 150,
        "{known:?}"
    );
    assert!(known.iter().all(|code| (money.is_read)(&of(code))));
    assert!(!unknown.iter().any(|code| (money.is_read)(&of(code))));
}
