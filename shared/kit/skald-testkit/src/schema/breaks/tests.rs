//! Each change of a schema that rejects valid data is a break. This module tests the fields of
//! objects, [`values`] single values, and [`structures`] what is nested or composed.

mod structures;
mod values;

use serde_json::{Value, json};

use super::breaks;

/// A closed object with these fields, all of them required.
fn object(properties: &Value) -> Value {
    let required: Vec<_> = properties.as_object().unwrap().keys().cloned().collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// A closed object with one field, `x`.
fn x(schema: &Value) -> Value {
    object(&json!({ "x": schema }))
}

/// The breaks if the first schema becomes the second.
#[track_caller]
fn check(written: &Value, read: &Value, expected: &[&str]) {
    let found: Vec<String> = breaks(written, read).iter().map(ToString::to_string).collect();
    assert_eq!(found, expected, "\n  written by {written}\n     read by {read}");
}

/// Asserts that the change breaks exactly this, and that the reverse change breaks nothing.
#[track_caller]
fn check_narrowing(wide: &Value, narrow: &Value, expected: &str) {
    check(&x(wide), &x(narrow), &[expected]);
    check(&x(narrow), &x(wide), &[]);
}

#[test]
fn an_unchanged_shape_breaks_nothing() {
    for schema in [
        json!(true),
        json!({}),
        x(&json!({ "type": "string" })),
        json!({ "type": "array", "items": {} }),
    ] {
        check(&schema, &schema, &[]);
    }
}

#[test]
fn a_removed_field_is_a_break() {
    let (one, two) = (json!({ "a": {} }), json!({ "a": {}, "b": {} }));
    check(&object(&two), &object(&one), &["/b: the field is written, and not known to the reader"]);
    // An open object does not reject the stored field, but loses it.
    let open = |properties: &Value| json!({ "type": "object", "properties": properties });
    check(&open(&two), &open(&one), &["/b: the field is written, and not known to the reader"]);
}

#[test]
fn a_renamed_field_is_a_break() {
    check(
        &object(&json!({ "name": { "type": "string" } })),
        &object(&json!({ "title": { "type": "string" } })),
        &[
            "/name: the field is written, and not known to the reader",
            "/title: the reader requires the field, and it may not be written",
        ],
    );
}

#[test]
fn a_new_required_field_is_a_break() {
    check(
        &object(&json!({ "a": {} })),
        &object(&json!({ "a": {}, "b": {} })),
        &["/b: the reader requires the field, and it may not be written"],
    );
}

#[test]
fn a_new_optional_field_breaks_nothing() {
    let mut current = object(&json!({ "a": {} }));
    current["properties"]["b"] = json!({ "type": ["string", "null"], "default": "none" });
    check(&object(&json!({ "a": {} })), &current, &[]);
}

#[test]
fn an_optional_field_that_becomes_required_is_a_break() {
    let mut committed = object(&json!({ "a": {}, "b": {} }));
    committed["required"] = json!(["a"]);
    let current = object(&json!({ "a": {}, "b": {} }));
    check(&committed, &current, &["/b: the reader requires the field, and it may not be written"]);
    check(&current, &committed, &[]);
}

#[test]
fn a_changed_default_is_a_break() {
    let optional = |schema: Value| json!({ "type": "object", "properties": { "x": schema } });
    let expected = |written, read| {
        format!("/x: a missing field means {written} to the writer, and {read} to the reader")
    };
    let (one, two, none) = (json!({ "default": 1 }), json!({ "default": 2 }), json!({}));
    check(&optional(one.clone()), &optional(two.clone()), &[&expected("1", "2")]);
    check(&optional(none.clone()), &optional(two.clone()), &[&expected("null", "2")]);
    check(&optional(one.clone()), &optional(none.clone()), &[&expected("1", "null")]);
    check(&optional(none), &optional(json!({ "default": null })), &[]);
    // A field that was always required is never missing.
    check(&x(&one), &x(&two), &[]);
}

#[test]
fn each_break_is_reported_once() {
    let (wide, narrow) =
        (json!({ "type": "string", "enum": ["a", "b", "c"] }), json!({ "type": "integer" }));
    check(&x(&wide), &x(&narrow), &["/x: string is written, and only integer is read"]);
}
