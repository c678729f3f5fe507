//! If `breaks` finds no break, every valid value stays valid. A validator of JSON Schema decides
//! which values are valid.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;

use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use skald_testkit::schema::breaks;

fn owned((name, value): (&str, Value)) -> (String, Value) {
    (name.to_owned(), value)
}

fn bounded(
    name: &'static str,
    least: &'static str,
    most: &'static str,
) -> impl Strategy<Value = Value> {
    (option::of(0..3_u8), option::of(0..3_u8)).prop_map(move |(from, to)| {
        let bounds = [(least, from), (most, to)]
            .into_iter()
            .filter_map(|(name, bound)| Some((name, bound?.into())));
        let schema: Map<_, _> =
            [("type", name.into())].into_iter().chain(bounds).map(owned).collect();
        schema.into()
    })
}

fn object(inner: impl Strategy<Value = Value> + Clone) -> impl Strategy<Value = Value> {
    let names = subsequence(vec!["a", "b"], 0..=2);
    let parts = (names, any::<bool>(), inner.clone(), inner.clone(), option::of(inner));
    parts.prop_map(|(names, all, a, b, others)| {
        let fields = [("a", a), ("b", b)].into_iter().filter(|(name, _)| names.contains(name));
        let fields: Map<_, _> = fields.map(owned).collect();
        // Either a struct, which is closed, or a map. An open struct only ignores fields that were
        // never written.
        let others = others.filter(|_| names.is_empty()).unwrap_or(json!(false));
        let required = if all { names } else { Vec::new() };
        json!({
            "type": "object", "properties": fields, "required": required,
            "additionalProperties": others,
        })
    })
}

fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({})),
        bounded("integer", "minimum", "maximum"),
        bounded("string", "minLength", "maxLength"),
        subsequence(vec!["", "a", "aa"], 1..=3).prop_map(|values| json!({ "enum": values })),
        Just(json!({ "type": ["integer", "null"] })),
        Just(json!({ "type": "string", "pattern": "^a*$" })),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        let list = (inner.clone(), bounded("array", "minItems", "maxItems")).prop_map(
            |(items, mut list)| {
                list["items"] = items;
                list
            },
        );
        let two = (inner.clone(), inner.clone(), select(vec!["anyOf", "allOf"]))
            .prop_map(|(one, other, keyword)| json!({ keyword: [one, other] }));
        prop_oneof![object(inner), list, two]
    })
}

/// A schema, and the same schema with another part or another bound.
fn change() -> impl Strategy<Value = (Value, Value)> {
    (schema(), schema(), any::<Index>(), any::<bool>()).prop_map(
        |(committed, other, place, named)| {
            let mut current = committed.clone();
            let places = places(&committed, String::new());
            let place = current.pointer_mut(place.get(&places).as_str()).unwrap();
            *place = match place.as_u64() {
                Some(bound) => json!((bound + 1) % 3),
                None => other,
            };
            if named {
                current = json!({ "$ref": "#/$defs/Named", "$defs": { "Named": current } });
            }
            (committed, current)
        },
    )
}

/// The places of the parts and the bounds in this schema.
fn places(schema: &Value, pointer: String) -> Vec<String> {
    let inside =
        schema.as_object().into_iter().flatten().flat_map(|(keyword, value)| match value {
            Value::Number(_) => vec![format!("{pointer}/{keyword}")],
            Value::Array(parts) if keyword == "anyOf" || keyword == "allOf" => {
                let parts = parts.iter().enumerate();
                parts
                    .flat_map(|(index, part)| places(part, format!("{pointer}/{keyword}/{index}")))
                    .collect()
            }
            Value::Object(fields) if keyword == "properties" => fields
                .iter()
                .flat_map(|(name, field)| places(field, format!("{pointer}/{keyword}/{name}")))
                .collect(),
            Value::Object(_) => places(value, format!("{pointer}/{keyword}")),
            Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) => Vec::new(),
        });
    let inside: Vec<_> = inside.collect();
    [pointer].into_iter().chain(inside).collect()
}

/// The values that such a schema can distinguish, up to two levels deep.
fn values() -> Vec<Value> {
    let leaves = [
        json!(null),
        json!(0),
        json!(1),
        json!(2),
        json!(3),
        json!(""),
        json!("a"),
        json!("aa"),
        json!("b"),
    ];
    let nested = |inner: &[Value], first: &[Value]| {
        let lists = inner.iter().flat_map(|x| [json!([x]), json!({ "a": x }), json!({ "b": x })]);
        let pairs = inner.iter().flat_map(|x| {
            first.iter().flat_map(move |y| [json!([x, y]), json!({ "a": x, "b": y })])
        });
        [json!([]), json!({})].into_iter().chain(lists).chain(pairs).collect::<Vec<_>>()
    };
    let once = nested(&leaves, &leaves[..6]);
    let twice = nested(&once[..40], &leaves[..1]);
    leaves.into_iter().chain(once).chain(twice).collect()
}

#[test]
fn without_a_break_every_valid_value_stays_valid() {
    let values = values();
    let widened = Cell::new(0);
    let config =
        ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&change(), |(committed, current)| {
        if !breaks(&committed, &current).is_empty() {
            return Ok(());
        }
        let [before, now] =
            [&committed, &current].map(|schema| jsonschema::validator_for(schema).unwrap());
        for value in values.iter().filter(|value| before.is_valid(value)) {
            prop_assert!(
                now.is_valid(value),
                "{value} is valid against {committed} but not against {current}"
            );
        }
        let is_wider = values.iter().any(|value| now.is_valid(value) && !before.is_valid(value));
        widened.set(widened.get() + usize::from(is_wider));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(widened.get() > 100, "only {} compatible changes made new values valid", widened.get());
}
