//! Compares two JSON Schemas: which changes of a shape break a reader. Pure.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;

use serde_json::{Map, Value, json};

use super::alternatives::{Alternative, alternatives, compare, is_lower_bound, is_upper_bound};

/// A place where written data is not read, or is read with another meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Break {
    /// The field: a JSON pointer (RFC 6901) into the data, with `*` for each item of a list; empty
    /// for the whole data.
    pub pointer: String,
    /// The difference.
    pub difference: Difference,
}

/// The difference between a shape as it is written and as it is read.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// The reader does not know the shape. Found by [`Schemas::breaks`](super::Schemas::breaks).
    ShapeUnknown,
    /// The reader does not know the field: it rejects the data, or loses the field.
    FieldUnknown,
    /// The reader requires the field, and the writer may omit it.
    FieldRequired,
    /// The default of a missing field differs.
    Default {
        /// The writer's default; `null` for none.
        written: Value,
        /// The reader's default.
        read: Value,
    },
    /// The reader rejects values of a type, such as `null`.
    Type {
        /// The type that is written; `None` for any type.
        written: Option<String>,
        /// The types that are read.
        read: Vec<String>,
    },
    /// The reader does not know a value, such as a variant.
    ValueUnknown {
        /// The value.
        value: Value,
    },
    /// The reader accepts only listed values, and the writer may write any value of the type.
    ValuesListed {
        /// The listed values.
        values: Vec<Value>,
    },
    /// The writer may write fields that the reader rejects.
    Closed,
    /// A constraint of the reader is tighter, or differs in a way that cannot be compared.
    Narrower {
        /// The keyword of JSON Schema, such as `maxLength`.
        keyword: String,
        /// The writer's value; `None` without the keyword.
        written: Option<Value>,
        /// The reader's value; `None` without the keyword.
        read: Option<Value>,
    },
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pointer, difference } = self;
        let pointer = if pointer.is_empty() { "the whole data" } else { pointer };
        write!(f, "{pointer}: {difference}")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_any = |value: &Option<Value>| {
            value.as_ref().map_or_else(|| "not set".to_owned(), Value::to_string)
        };
        match self {
            Self::ShapeUnknown => f.write_str("the shape is not known to the reader"),
            Self::FieldUnknown => f.write_str("the field is written, and not known to the reader"),
            Self::FieldRequired => {
                f.write_str("the reader requires the field, and it may not be written")
            }
            Self::Default { written, read } => {
                write!(f, "a missing field means {written} to the writer, and {read} to the reader")
            }
            Self::Type { written, read } => {
                let written = written.as_deref().unwrap_or("anything");
                match read.as_slice() {
                    [] => write!(f, "{written} is written, and nothing is read"),
                    types => {
                        write!(f, "{written} is written, and only {} is read", types.join(" or "))
                    }
                }
            }
            Self::ValueUnknown { value } => {
                write!(f, "{value} is written, and not known to the reader")
            }
            Self::ValuesListed { values } => {
                write!(f, "any value is written, and only {} is read", Value::Array(values.clone()))
            }
            Self::Closed => f.write_str("other fields may be written, and the reader rejects them"),
            Self::Narrower { keyword, written, read } => {
                write!(
                    f,
                    "`{keyword}` is {} where it is written, and {} where it is read",
                    or_any(written),
                    or_any(read)
                )
            }
        }
    }
}

/// The places where data that is valid against the JSON Schema `written` is invalid against `read`,
/// or has another meaning.
///
/// The result is empty if the reader accepts everything that a writer may write. For example, the
/// reader allows a field to be missing, allows another value, has a wider bound, or differs only in
/// order, names or descriptions. In doubt, a difference is a break. A different pattern counts as
/// narrower, because it cannot be decided which of two patterns accepts more. So does every unknown
/// keyword.
///
/// ```
/// use serde_json::json;
/// use skald_testkit::schema::breaks;
///
/// let door = |max: u32| {
///     let by = json!({ "type": "string", "maxLength": max });
///     json!({ "type": "object", "properties": { "by": by } })
/// };
/// let (long, short) = (door(64), door(32));
/// let expected = "/by: `maxLength` is 64 where it is written, and 32 where it is read";
/// assert_eq!(breaks(&long, &short)[0].to_string(), expected);
/// assert_eq!(breaks(&short, &long), []);
/// ```
#[must_use]
pub fn breaks(written: &Value, read: &Value) -> Vec<Break> {
    Comparison { written, read, under_way: Vec::new() }.schemas(written, read, "")
}

/// A comparison of the documents `written` and `read`.
struct Comparison<'a> {
    written: &'a Value,
    read: &'a Value,
    /// The schemas that are being compared, from the whole document down. The comparison of a
    /// recursive type ends here.
    under_way: Vec<(Value, Value)>,
}

impl Comparison<'_> {
    /// Each alternative of the writer must be covered by one of the reader.
    fn schemas(&mut self, written: &Value, read: &Value, pointer: &str) -> Vec<Break> {
        let pair = (written.clone(), read.clone());
        if self.under_way.contains(&pair) {
            return Vec::new();
        }
        self.under_way.push(pair);
        let ways = alternatives(read, self.read);
        let mut found = Vec::new();
        for written in alternatives(written, self.written) {
            let new = self
                .nearest(&written, &ways, pointer)
                .into_iter()
                .filter(|new| !found.contains(new));
            found.extend(new.collect::<Vec<_>>());
        }
        self.under_way.pop();
        found
    }

    /// The breaks between one alternative of the writer and the nearest alternative of the reader.
    fn nearest(
        &mut self,
        written: &Alternative,
        ways: &[Alternative],
        pointer: &str,
    ) -> Vec<Break> {
        let name = |alternative: &Alternative| {
            alternative.get("type").and_then(Value::as_str).map(str::to_owned)
        };
        let of_type: Vec<_> = ways
            .iter()
            .filter(|read| name(read).is_none() || name(read) == name(written))
            .collect();
        let value = written.get("const");
        let breaks = of_type
            .iter()
            .filter(|read| read.get("const").is_none_or(|only| value == Some(only)))
            .map(|read| self.keywords(written, read, pointer))
            // A constant distinguishes variants: an alternative with the same constant is nearer
            // than one with the same fields.
            .min_by_key(|found| {
                let constants = found
                    .iter()
                    .filter(|each| matches!(each.difference, Difference::ValueUnknown { .. }));
                (constants.count(), found.len())
            });
        breaks.unwrap_or_else(|| {
            let difference = match value {
                _ if of_type.is_empty() => {
                    let mut types: Vec<String> = ways.iter().filter_map(name).collect();
                    types.dedup();
                    Difference::Type { written: name(written), read: types }
                }
                Some(value) => Difference::ValueUnknown { value: value.clone() },
                None => Difference::ValuesListed {
                    values: of_type.iter().filter_map(|read| read.get("const")).cloned().collect(),
                },
            };
            vec![at(pointer, difference)]
        })
    }

    /// Compares alternatives of the same type, and of the same constant if `read` has one.
    fn keywords(&mut self, written: &Alternative, read: &Alternative, pointer: &str) -> Vec<Break> {
        let mut found = self.fields(written, read, pointer);
        found.extend(self.items(written, read, pointer));
        for (keyword, limit) in read {
            let before = written.get(keyword);
            let kept =
                match keyword.as_str() {
                    "type"
                    | "properties"
                    | "required"
                    | "additionalProperties"
                    | "unevaluatedProperties"
                    | "items"
                    | "prefixItems" => true,
                    bound if is_lower_bound(bound) => before
                        .is_some_and(|before| compare(limit, before).is_some_and(Ordering::is_le)),
                    bound if is_upper_bound(bound) => before
                        .is_some_and(|before| compare(limit, before).is_some_and(Ordering::is_ge)),
                    "format" if before == Some(&json!("float")) => {
                        *limit == json!("double") || before == Some(limit)
                    }
                    _ => before == Some(limit),
                };
            if !kept {
                let difference = Difference::Narrower {
                    keyword: keyword.clone(),
                    written: before.cloned(),
                    read: Some(limit.clone()),
                };
                found.push(at(pointer, difference));
            }
        }
        for (keyword, limit) in written.iter().filter(|(keyword, _)| !read.contains_key(*keyword)) {
            if !widens_where_it_goes(keyword) {
                let difference = Difference::Narrower {
                    keyword: keyword.clone(),
                    written: Some(limit.clone()),
                    read: None,
                };
                found.push(at(pointer, difference));
            }
        }
        found
    }

    fn fields(&mut self, written: &Alternative, read: &Alternative, pointer: &str) -> Vec<Break> {
        let none = Map::new();
        let fields = |of: &Alternative| {
            of.get("properties").and_then(Value::as_object).unwrap_or(&none).clone()
        };
        let (before, after) = (fields(written), fields(read));
        let mut found = Vec::new();
        for (name, before) in &before {
            let pointer = join(pointer, name);
            let Some(after) = after.get(name) else {
                found.push(at(&pointer, Difference::FieldUnknown));
                continue;
            };
            found.extend(self.schemas(before, after, &pointer));
            let default = |schema: &Value| schema.get("default").cloned().unwrap_or(Value::Null);
            let (stood_for, stands_for) = (default(before), default(after));
            if !requires(written, name) && !requires(read, name) && stood_for != stands_for {
                found.push(at(
                    &pointer,
                    Difference::Default { written: stood_for, read: stands_for },
                ));
            }
        }
        let required = read
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        for name in required.filter(|name| !requires(written, name)) {
            found.push(at(&join(pointer, name), Difference::FieldRequired));
        }

        let others = |of: &Alternative| {
            of.get("additionalProperties").or(of.get("unevaluatedProperties")).cloned()
        };
        match (others(written), others(read)) {
            (Some(Value::Bool(false)), _) | (_, None) => {}
            (_, Some(Value::Bool(false))) => found.push(at(pointer, Difference::Closed)),
            (before, Some(after)) => {
                found.extend(self.schemas(
                    &before.unwrap_or(Value::Bool(true)),
                    &after,
                    &join(pointer, "*"),
                ));
            }
        }
        found
    }

    fn items(&mut self, written: &Alternative, read: &Alternative, pointer: &str) -> Vec<Break> {
        let mut found = Vec::new();
        if let Some(after) = read.get("items") {
            let before = written.get("items").cloned().unwrap_or(Value::Bool(true));
            found.extend(self.schemas(&before, after, &join(pointer, "*")));
        }
        let first = |of: &Alternative| {
            of.get("prefixItems").and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let (before, after) = (first(written), first(read));
        if before.len() == after.len() {
            for (index, (before, after)) in before.iter().zip(&after).enumerate() {
                found.extend(self.schemas(before, after, &join(pointer, &index.to_string())));
            }
        } else {
            let list = |of: &Alternative| of.get("prefixItems").cloned();
            let difference = Difference::Narrower {
                keyword: "prefixItems".to_owned(),
                written: list(written),
                read: list(read),
            };
            found.push(at(pointer, difference));
        }
        found
    }
}

fn at(pointer: &str, difference: Difference) -> Break {
    Break { pointer: pointer.to_owned(), difference }
}

/// The pointer to this field of the value at `pointer`.
fn join(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn requires(schema: &Alternative, name: &str) -> bool {
    schema
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|names| names.iter().any(|each| each == name))
}

/// Whether more values are valid without this keyword than with it. False for unknown keywords.
fn widens_where_it_goes(keyword: &str) -> bool {
    is_lower_bound(keyword)
        || is_upper_bound(keyword)
        || matches!(
            keyword,
            "additionalProperties"
                | "const"
                | "format"
                | "items"
                | "multipleOf"
                | "pattern"
                | "prefixItems"
                | "properties"
                | "required"
                | "type"
                | "unevaluatedProperties"
                | "uniqueItems"
        )
}
