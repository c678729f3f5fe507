//! The rules of structures: nested schemas, subschemas, references and variants.

use serde_json::{Value, json};

use super::super::breaks;
use super::{check, check_narrowing, object, x};

#[test]
fn an_object_that_stops_accepting_other_fields_is_a_break() {
    let object = |others: &Value| json!({ "type": "object", "additionalProperties": others });
    let [open, texts, closed] = [json!(true), json!({ "type": "string" }), json!(false)];
    check_narrowing(
        &object(&open),
        &object(&closed),
        "/x: other fields may be written, and the reader rejects them",
    );
    check_narrowing(
        &object(&texts),
        &object(&closed),
        "/x: other fields may be written, and the reader rejects them",
    );
    check_narrowing(
        &object(&open),
        &object(&texts),
        "/x/*: anything is written, and only string is read",
    );
    check_narrowing(
        &json!({ "type": "object" }),
        &json!({ "type": "object", "unevaluatedProperties": false }),
        "/x: other fields may be written, and the reader rejects them",
    );
}

#[test]
fn a_nested_break_is_found_and_its_place_is_named() {
    let nested = |most: u32| {
        let amount = json!({ "type": "integer", "maximum": most });
        x(
            &json!({ "type": "array", "items": x(&json!({ "type": ["object", "null"], "properties": { "a/b": amount } })) }),
        )
    };
    check(
        &nested(9),
        &nested(8),
        &["/x/*/x/a~1b: `maximum` is 9 where it is written, and 8 where it is read"],
    );

    let pair = |second: &str| json!({ "type": "array", "prefixItems": [{ "type": "string" }, { "type": second }] });
    check(
        &x(&pair("string")),
        &x(&pair("null")),
        &["/x/1: string is written, and only null is read"],
    );
    let alone = json!({ "type": "array", "prefixItems": [{ "type": "string" }] });
    assert_eq!(breaks(&alone, &pair("string"))[0].pointer, "");
    assert_eq!(breaks(&pair("string"), &alone)[0].pointer, "");
}

#[test]
fn equivalent_schemas_break_nothing() {
    let plain =
        object(&json!({ "a": { "type": "string", "maxLength": 9 }, "b": { "type": "integer" } }));
    let with_definitions = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Shape", "description": "…",
        "type": "object", "additionalProperties": false, "required": ["b", "a"],
        "properties": {
            "a": { "$ref": "#/$defs/Text", "description": "…", "maxLength": 9 },
            "b": { "allOf": [{ "type": ["integer", "null"] }, { "type": "number" }] }
        },
        "$defs": { "Text": { "type": "string", "maxLength": 10 } }
    });
    check(&plain, &with_definitions, &[]);
    check(&with_definitions, &plain, &[]);
}

#[test]
fn a_change_inside_an_option_does_not_affect_null() {
    let of_text = json!({ "type": ["string", "null"], "maxLength": 9 });
    let of_reference =
        json!({ "anyOf": [{ "type": "string", "maxLength": 9 }, { "type": "null" }] });
    check(&x(&of_text), &x(&of_reference), &[]);
    check(&x(&of_reference), &x(&of_text), &[]);
}

/// Data must be valid against all subschemas: a closed one rejects fields that only the others
/// name.
#[test]
fn a_field_of_several_subschemas_has_all_their_rules() {
    let parts = |others: &Value| {
        json!({ "allOf": [
            { "type": "object", "properties": { "a": { "type": "string" } }, "additionalProperties": others },
            { "type": "object", "properties": { "a": { "maxLength": 9 }, "b": { "type": "integer" } } },
        ] })
    };
    let fields = json!({ "a": { "type": "string", "maxLength": 9 }, "b": { "type": "integer", "maximum": 9 } });
    let whole = json!({ "type": "object", "properties": fields, "additionalProperties": false });
    check(&whole, &parts(&json!(true)), &[]);
    check(
        &whole,
        &parts(&json!({ "minimum": 1 })),
        &["/b: `minimum` is not set where it is written, and 1 where it is read"],
    );
    check(&whole, &parts(&json!(false)), &["/b: integer is written, and nothing is read"]);
    let longer = json!({ "type": "object", "properties": { "a": { "type": "string", "maxLength": 10 } }, "additionalProperties": false });
    check(
        &longer,
        &parts(&json!(true)),
        &["/a: `maxLength` is 10 where it is written, and 9 where it is read"],
    );
}

#[test]
fn a_reference_is_compared_by_its_target() {
    let named = |name: &str, kind: &str| json!({ "type": "object", "properties": { "x": { "$ref": format!("#/$defs/{name}") } }, "$defs": { name: { "type": kind } } });
    check(&named("A", "string"), &named("B", "string"), &[]);
    check(
        &named("A", "string"),
        &named("A", "null"),
        &["/x: string is written, and only null is read"],
    );
    // A reference without a target is compared by its name.
    let lost = |name: &str| x(&json!({ "$ref": name }));
    check(&lost("#/a"), &lost("#/a"), &[]);
    check(
        &lost("#/a"),
        &lost("#/b"),
        &["/x: `$ref` is \"#/a\" where it is written, and \"#/b\" where it is read"],
    );
}

#[test]
fn the_comparison_of_a_recursive_type_ends() {
    let tree = |most: u32| {
        json!({
            "$ref": "#/$defs/Tree",
            "$defs": { "Tree": {
                "type": "object",
                "properties": {
                    "age": { "type": "integer", "maximum": most },
                    "left": { "anyOf": [{ "$ref": "#/$defs/Tree" }, { "type": "null" }] },
                    "right": { "anyOf": [{ "$ref": "#/$defs/Tree" }, { "type": "null" }] }
                }
            }}
        })
    };
    check(&tree(9), &tree(9), &[]);
    assert_eq!(
        breaks(&tree(9), &tree(8))[0].to_string(),
        "/age: `maximum` is 9 where it is written, and 8 where it is read"
    );
    let circle = json!({ "$ref": "#/$defs/A", "$defs": { "A": { "$ref": "#/$defs/A" } } });
    check(&circle, &circle, &[]);
}

/// How `schemars` writes an enum with data: one object for each variant, with a constant each.
#[test]
fn a_removed_variant_and_a_changed_variant_are_breaks() {
    let variant =
        |kind: &str, field: &Value| object(&json!({ "kind": { "const": kind }, "of": field }));
    let either = |variants: &[Value]| x(&json!({ "oneOf": variants }));
    let (card, bank) = (
        variant("card", &json!({ "type": "string" })),
        variant("bank", &json!({ "type": "string" })),
    );
    check(
        &either(&[card.clone(), bank.clone()]),
        &either(std::slice::from_ref(&card)),
        &["/x/kind: \"bank\" is written, and not known to the reader"],
    );
    let changed = variant("bank", &json!({ "type": "integer" }));
    check(
        &either(&[card.clone(), bank.clone()]),
        &either(&[card.clone(), changed]),
        &["/x/of: string is written, and only integer is read"],
    );
    check(&either(std::slice::from_ref(&card)), &either(&[bank, card]), &[]);
}
