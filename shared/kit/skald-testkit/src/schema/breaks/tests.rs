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
    let expected =
        |written, read| format!("/x: a missing field is written for {written}, and read as {read}");
    let (one, two, none) = (json!({ "default": 1 }), json!({ "default": 2 }), json!({}));
    check(&optional(one.clone()), &optional(two.clone()), &[&expected("1", "2")]);
    check(&optional(none.clone()), &optional(two.clone()), &[&expected("null", "2")]);
    check(&optional(one.clone()), &optional(none.clone()), &[&expected("1", "null")]);
    check(&optional(none), &optional(json!({ "default": null })), &[]);
    // A field that was always required is never missing.
    check(&x(&one), &x(&two), &[]);
}

#[test]
fn another_type() {
    let [text, whole, number, null] =
        ["string", "integer", "number", "null"].map(|name| json!({ "type": name }));
    check(&x(&text), &x(&whole), &["/x: string is written, and only integer is read"]);
    // An integer written again would be 1.0; and not every integer is a floating-point number.
    check(&x(&whole), &x(&number), &["/x: integer is written, and only number is read"]);
    check(
        &x(&null),
        &x(&json!({ "type": ["string", "integer"] })),
        &["/x: null is written, and only string or integer is read"],
    );
    check(&x(&text), &x(&json!(false)), &["/x: string is written, and nothing is read"]);
    check_narrowing(&json!(true), &text, "/x: anything is written, and only string is read");
    check_narrowing(&json!({}), &text, "/x: anything is written, and only string is read");
}

#[test]
fn a_nullable_field_that_becomes_non_nullable_is_a_break() {
    let expected = "/x: null is written, and only string is read";
    check_narrowing(&json!({ "type": ["string", "null"] }), &json!({ "type": "string" }), expected);
    check_narrowing(
        &json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
        &json!({ "type": "string" }),
        expected,
    );
}

#[test]
fn a_value_removed_from_an_enum_is_a_break() {
    let (three, two) = (
        json!({ "type": "string", "enum": ["a", "b", "c"] }),
        json!({ "type": "string", "enum": ["a", "c"] }),
    );
    check_narrowing(&three, &two, "/x: \"b\" is written, and not known to the reader");
    let documented = json!({ "oneOf": [{ "type": "string", "const": "a", "description": "…" }, { "type": "string", "const": "c" }] });
    check_narrowing(&three, &documented, "/x: \"b\" is written, and not known to the reader");
    check(&x(&two), &x(&documented), &[]);
    let numbers = |values: &[f64]| json!({ "type": "number", "enum": values });
    check_narrowing(
        &numbers(&[0.5, 1.5]),
        &numbers(&[0.5]),
        "/x: 1.5 is written, and not known to the reader",
    );
    check(&x(&json!({ "const": 0.5 })), &x(&json!({ "type": "number" })), &[]);
}

#[test]
fn a_new_enum_restriction_is_a_break() {
    check_narrowing(
        &json!({ "type": "string" }),
        &json!({ "type": "string", "enum": ["a", "b"] }),
        "/x: any value is written, and only [\"a\",\"b\"] is read",
    );
}

#[test]
fn a_tighter_bound_is_a_break() {
    for (name, keyword, wide, narrow) in [
        ("string", "minLength", 1, 2),
        ("string", "maxLength", 2, 1),
        ("number", "minimum", 1, 2),
        ("number", "maximum", 2, 1),
        ("number", "exclusiveMinimum", 1, 2),
        ("number", "exclusiveMaximum", 2, 1),
        ("array", "minItems", 1, 2),
        ("array", "maxItems", 2, 1),
        ("object", "minProperties", 1, 2),
        ("object", "maxProperties", 2, 1),
    ] {
        let bound = |limit: i32| json!({ "type": name, keyword: limit });
        let expected = |was: &str| {
            format!("/x: `{keyword}` is {was} where it is written, and {narrow} where it is read")
        };
        check_narrowing(&bound(wide), &bound(narrow), &expected(&wide.to_string()));
        check_narrowing(&json!({ "type": name }), &bound(narrow), &expected("not set"));
    }
    check_narrowing(
        &json!({ "type": "number", "minimum": 0.5 }),
        &json!({ "type": "number", "minimum": 0.75 }),
        "/x: `minimum` is 0.5 where it is written, and 0.75 where it is read",
    );
    // These neighbours are the same floating-point number.
    let with_maximum = |most: i64| json!({ "type": "integer", "maximum": most });
    let expected = "/x: `maximum` is 9223372036854775807 where it is written, and 9223372036854775806 where it is read";
    check_narrowing(&with_maximum(i64::MAX), &with_maximum(i64::MAX - 1), expected);
    // A bound that excludes nothing is not a bound.
    check(&x(&json!({ "type": "string" })), &x(&json!({ "type": "string", "minLength": 0 })), &[]);
}

#[test]
fn an_integer_with_a_smaller_range_is_a_break() {
    let integer = |format: &str| json!({ "type": "integer", "format": format });
    for (wide, narrow, expected) in [
        (
            "uint64",
            "uint32",
            "/x: `maximum` is 18446744073709551615 where it is written, and 4294967295 where it is read",
        ),
        (
            "uint64",
            "int64",
            "/x: `maximum` is 18446744073709551615 where it is written, and 9223372036854775807 where it is read",
        ),
        (
            "int64",
            "uint64",
            "/x: `minimum` is -9223372036854775808 where it is written, and 0 where it is read",
        ),
    ] {
        check(&x(&integer(wide)), &x(&integer(narrow)), &[expected]);
    }
    check(&x(&integer("uint8")), &x(&integer("int16")), &[]);
    check(&x(&integer("int32")), &x(&integer("int64")), &[]);
    // The format adds nothing to the bounds.
    let bounded =
        |format: &str| json!({ "type": "integer", "format": format, "minimum": 1, "maximum": 9 });
    check(&x(&bounded("uint64")), &x(&bounded("uint8")), &[]);
}

#[test]
fn a_changed_pattern_or_format_is_a_break() {
    let text = |keyword: &str, value: &str| json!({ "type": "string", keyword: value });
    let plain = json!({ "type": "string" });
    check_narrowing(
        &plain,
        &text("pattern", "^a$"),
        "/x: `pattern` is not set where it is written, and \"^a$\" where it is read",
    );
    check_narrowing(
        &plain,
        &text("format", "uuid"),
        "/x: `format` is not set where it is written, and \"uuid\" where it is read",
    );
    let expected = "/x: `pattern` is \"^a$\" where it is written, and \"^[ab]$\" where it is read";
    check(&x(&text("pattern", "^a$")), &x(&text("pattern", "^[ab]$")), &[expected]);

    let number = |format: &str| json!({ "type": "number", "format": format });
    check_narrowing(
        &number("double"),
        &number("float"),
        "/x: `format` is \"double\" where it is written, and \"float\" where it is read",
    );
}

#[test]
fn a_changed_unknown_keyword_is_a_break() {
    let text = |not: &str| json!({ "type": "string", "not": { "const": not } });
    let expected = "/x: `not` is {\"const\":\"a\"} where it is written, and {\"const\":\"b\"} where it is read";
    check(&x(&text("a")), &x(&text("b")), &[expected]);
    check(
        &x(&text("a")),
        &x(&json!({ "type": "string" })),
        &["/x: `not` is {\"const\":\"a\"} where it is written, and not set where it is read"],
    );
    check(&x(&text("a")), &x(&text("a")), &[]);
}

#[test]
fn an_object_that_stops_accepting_other_fields_is_a_break() {
    let object = |others: &Value| json!({ "type": "object", "additionalProperties": others });
    let [open, texts, closed] = [json!(true), json!({ "type": "string" }), json!(false)];
    check_narrowing(
        &object(&open),
        &object(&closed),
        "/x: other fields may be written, and the reader refuses them",
    );
    check_narrowing(
        &object(&texts),
        &object(&closed),
        "/x: other fields may be written, and the reader refuses them",
    );
    check_narrowing(
        &object(&open),
        &object(&texts),
        "/x/*: anything is written, and only string is read",
    );
    check_narrowing(
        &json!({ "type": "object" }),
        &json!({ "type": "object", "unevaluatedProperties": false }),
        "/x: other fields may be written, and the reader refuses them",
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

/// Data must be valid by all subschemas: a closed one rejects fields that only the others name.
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

#[test]
fn each_break_is_reported_once() {
    let (wide, narrow) =
        (json!({ "type": "string", "enum": ["a", "b", "c"] }), json!({ "type": "integer" }));
    check(&x(&wide), &x(&narrow), &["/x: string is written, and only integer is read"]);
}
