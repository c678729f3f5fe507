//! The rules of single values: types, enums, bounds, patterns and formats.

use serde_json::json;

use super::{check, check_narrowing, x};

#[test]
fn a_value_of_another_type_is_a_break() {
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
    let expected = "/x: `maximum` is 9223372036854775807 where it is written, \
        and 9223372036854775806 where it is read";
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
            "/x: `maximum` is 18446744073709551615 where it is written, \
             and 4294967295 where it is read",
        ),
        (
            "uint64",
            "int64",
            "/x: `maximum` is 18446744073709551615 where it is written, \
             and 9223372036854775807 where it is read",
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
    let expected = "/x: `not` is {\"const\":\"a\"} where it is written, \
        and {\"const\":\"b\"} where it is read";
    check(&x(&text("a")), &x(&text("b")), &[expected]);
    check(
        &x(&text("a")),
        &x(&json!({ "type": "string" })),
        &["/x: `not` is {\"const\":\"a\"} where it is written, and not set where it is read"],
    );
    check(&x(&text("a")), &x(&text("a")), &[]);
}
