//! A schema in the form in which two schemas are compared: references are resolved and alternatives
//! are listed, so that equivalent schemas look the same.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

/// One alternative of a schema: keywords as in a schema, for at most one type.
pub(super) type Alternative = Map<String, Value>;

/// Keywords that do not affect which values are valid.
const ANNOTATIONS: [&str; 12] = [
    "$comment",
    "$defs",
    "$id",
    "$schema",
    "default",
    "definitions",
    "deprecated",
    "description",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
];

/// Whether the value of this keyword is a lower bound.
pub(super) fn is_lower_bound(keyword: &str) -> bool {
    matches!(keyword, "exclusiveMinimum" | "minItems" | "minLength" | "minProperties" | "minimum")
}

/// Whether the value of this keyword is an upper bound.
pub(super) fn is_upper_bound(keyword: &str) -> bool {
    matches!(keyword, "exclusiveMaximum" | "maxItems" | "maxLength" | "maxProperties" | "maximum")
}

/// Compares two numbers, exactly if both are integers.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    let whole = |number: &Value| {
        number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
    };
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        (_, _) => left.as_f64().partial_cmp(&right.as_f64()),
    }
}

/// All alternatives of `schema`, a part of the document `root`. If there are none, no value is
/// valid.
pub(super) fn alternatives(schema: &Value, root: &Value) -> Vec<Alternative> {
    Expansion { root, references: Vec::new() }.of(schema).into_iter().map(normal).collect()
}

struct Expansion<'a> {
    root: &'a Value,
    /// The references that are being followed. A reference that leads back to itself is kept as it
    /// is.
    references: Vec<String>,
}

impl Expansion<'_> {
    fn of(&mut self, schema: &Value) -> Vec<Alternative> {
        let keywords = match schema {
            Value::Object(keywords) => keywords,
            Value::Bool(false) => return Vec::new(),
            Value::Bool(true)
            | Value::Null
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => &Map::new(),
        };
        let mut plain = Alternative::new();
        let mut all = vec![Alternative::new()];
        for (keyword, value) in
            keywords.iter().filter(|(keyword, _)| !ANNOTATIONS.contains(&keyword.as_str()))
        {
            let one_of_these = match (keyword.as_str(), value) {
                ("$ref", Value::String(reference)) => self.target(reference),
                ("allOf", Value::Array(parts)) => {
                    parts.iter().fold(vec![Alternative::new()], |all, part| {
                        each_with_each(&all, &self.of(part))
                    })
                }
                ("anyOf" | "oneOf", Value::Array(parts)) => {
                    parts.iter().flat_map(|part| self.of(part)).collect()
                }
                ("enum", Value::Array(values)) => values.iter().map(constant).collect(),
                ("const", value) => vec![constant(value)],
                ("type", Value::Array(types)) => {
                    types.iter().map(|name| only("type", name)).collect()
                }
                (keyword, value) => {
                    plain.insert(keyword.to_owned(), value.clone());
                    continue;
                }
            };
            all = each_with_each(&all, &one_of_these);
        }
        each_with_each(&all, &[plain])
    }

    fn target(&mut self, reference: &str) -> Vec<Alternative> {
        let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        match target {
            Some(target) if !self.references.iter().any(|followed| followed == reference) => {
                self.references.push(reference.to_owned());
                let found = self.of(target);
                self.references.pop();
                found
            }
            Some(_) | None => vec![only("$ref", &reference.into())],
        }
    }
}

fn only(keyword: &str, value: &Value) -> Alternative {
    [(keyword.to_owned(), value.clone())].into_iter().collect()
}

fn constant(value: &Value) -> Alternative {
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    [("const".to_owned(), value.clone()), ("type".to_owned(), name.into())].into_iter().collect()
}

/// The alternatives of values that are valid against one of `left` and against one of `right`.
fn each_with_each(left: &[Alternative], right: &[Alternative]) -> Vec<Alternative> {
    left.iter().flat_map(|left| right.iter().filter_map(|right| both(left, right))).collect()
}

/// The alternative of values that are valid against both; `None` if there are none.
fn both(left: &Alternative, right: &Alternative) -> Option<Alternative> {
    let mut merged = left.clone();
    for (keyword, value) in right {
        let value = match merged.get(keyword) {
            Some(other) if other != value => merge(keyword, other, value)?,
            Some(_) | None => value.clone(),
        };
        merged.insert(keyword.clone(), value);
    }
    if let Some(fields) = fields_of_both(left, right) {
        merged.insert("properties".to_owned(), fields);
    }
    Some(merged)
}

/// The fields that either names. A field that only one of them names falls under the
/// `additionalProperties` of the other.
fn fields_of_both(left: &Alternative, right: &Alternative) -> Option<Value> {
    let named = |side: &Alternative| side.get("properties").and_then(Value::as_object).cloned();
    let (of_left, of_right) = match (named(left), named(right)) {
        (None, None) => return None,
        (of_left, of_right) => (of_left.unwrap_or_default(), of_right.unwrap_or_default()),
    };
    let field = |name: &String| {
        let by = |named: &Map<String, Value>, side: &Alternative| {
            named.get(name).or(side.get("additionalProperties")).cloned()
        };
        match (by(&of_left, left), by(&of_right, right)) {
            (Some(left), Some(right)) if left != right => json!({ "allOf": [left, right] }),
            (Some(schema), _) | (None, Some(schema)) => schema,
            (None, None) => Value::Bool(true),
        }
    };
    Some(of_left.keys().chain(of_right.keys()).map(|name| (name.clone(), field(name))).collect())
}

/// Two values of a keyword combined; `None` if they contradict each other.
fn merge(keyword: &str, left: &Value, right: &Value) -> Option<Value> {
    let [integer, number] = [json!("integer"), json!("number")];
    let order = compare(left, right);
    match (keyword, left, right) {
        // Every integer is a number; no two other types have a value in common.
        ("type", _, _) => {
            [(left, right), (right, left)].contains(&(&integer, &number)).then_some(integer)
        }
        ("const", _, _) => None,
        ("required", Value::Array(left), Value::Array(right)) => Some(
            left.iter().chain(right.iter().filter(|name| !left.contains(name))).cloned().collect(),
        ),
        (bound, _, _) if is_lower_bound(bound) => {
            Some(if order == Some(Ordering::Less) { right } else { left }.clone())
        }
        (bound, _, _) if is_upper_bound(bound) => {
            Some(if order == Some(Ordering::Less) { left } else { right }.clone())
        }
        // This is correct for keywords whose value is a schema. The others are compared as a whole.
        (_, _, _) => Some(json!({ "allOf": [left, right] })),
    }
}

/// Removes keywords without effect, such as those of other types and bounds that exclude nothing,
/// and adds the bounds of an integer's format.
fn normal(mut alternative: Alternative) -> Alternative {
    if let Some(name) = alternative.get("type").and_then(Value::as_str).map(str::to_owned) {
        alternative.retain(|keyword, _| applies(keyword, &name));
    }
    if let Some((least, most)) =
        alternative.get("format").and_then(Value::as_str).and_then(bounds_of)
    {
        alternative.remove("format");
        let bounds =
            [("minimum".to_owned(), least), ("maximum".to_owned(), most)].into_iter().collect();
        alternative = both(&alternative, &bounds).unwrap_or(alternative);
    }
    alternative.retain(|keyword, value| match keyword.as_str() {
        "minLength" | "minItems" | "minProperties" => *value != json!(0),
        "uniqueItems" => *value != json!(false),
        _ => true,
    });
    alternative
}

/// Whether a keyword applies to values of this type.
fn applies(keyword: &str, name: &str) -> bool {
    match keyword {
        "contentEncoding" | "contentMediaType" | "maxLength" | "minLength" | "pattern" => {
            name == "string"
        }
        "exclusiveMaximum" | "exclusiveMinimum" | "maximum" | "minimum" | "multipleOf" => {
            matches!(name, "integer" | "number")
        }
        "format" => matches!(name, "integer" | "number" | "string"),
        "items" | "maxItems" | "minItems" | "prefixItems" | "uniqueItems" => name == "array",
        "additionalProperties"
        | "maxProperties"
        | "minProperties"
        | "patternProperties"
        | "properties"
        | "propertyNames"
        | "required"
        | "unevaluatedProperties" => name == "object",
        _ => true,
    }
}

/// The smallest and the largest integer of this format, which is a format of `schemars`, not of
/// JSON Schema.
fn bounds_of(format: &str) -> Option<(Value, Value)> {
    match format {
        "int8" => Some((i8::MIN.into(), i8::MAX.into())),
        "int16" => Some((i16::MIN.into(), i16::MAX.into())),
        "int32" => Some((i32::MIN.into(), i32::MAX.into())),
        "int64" | "int" => Some((i64::MIN.into(), i64::MAX.into())),
        "uint8" => Some((0.into(), u8::MAX.into())),
        "uint16" => Some((0.into(), u16::MAX.into())),
        "uint32" => Some((0.into(), u32::MAX.into())),
        "uint64" | "uint" => Some((0.into(), u64::MAX.into())),
        _ => None,
    }
}
