//! What a change of a shape breaks: a comparison of two JSON Schemas, pure.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;

use serde_json::{Map, Value, json};

use super::alternatives::{Alternative, alternatives, compare, is_lower_bound, is_upper_bound};

/// A place where something that is stored is no longer taken, or taken for something else.
#[derive(Debug, Clone, PartialEq)]
pub struct Break {
    /// The field: a JSON pointer (RFC 6901) into the data, with `*` for each item of a list; empty for the whole.
    pub pointer: String,
    /// What is different there.
    pub change: Change,
}

/// What is different, and why that breaks what is stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// The whole shape is gone. Found by [`Schemas::breaks`](super::Schemas::breaks).
    ShapeRemoved,
    /// The field is gone, or called otherwise: what is stored of it is refused or lost.
    FieldRemoved,
    /// The field must be there: it is new, or could be missing before.
    FieldRequired,
    /// A missing field stands for something else.
    DefaultChanged {
        /// What it stood for; `null` for nothing.
        was: Value,
        /// What it stands for.
        is: Value,
    },
    /// Values of a type are no longer taken, `null` for one.
    TypeChanged {
        /// The type that was taken; none for any.
        was: Option<String>,
        /// Those that are taken.
        is: Vec<String>,
    },
    /// One of the listed values is no longer taken.
    ValueRemoved {
        /// The value.
        value: Value,
    },
    /// Only listed values are taken, and any of the type were.
    ValuesListed {
        /// The values.
        values: Vec<Value>,
    },
    /// Other fields than the known ones are refused, and were not.
    Closed,
    /// A constraint is tighter; or differs, and this comparison cannot tell how.
    Narrowed {
        /// The keyword of JSON Schema, such as `maxLength`.
        keyword: String,
        /// Its value before, if it was there.
        was: Option<Value>,
        /// Its value, if it is there.
        is: Option<Value>,
    },
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pointer, change } = self;
        let pointer = if pointer.is_empty() { "the whole" } else { pointer };
        write!(f, "{pointer}: {change}")
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_any = |value: &Option<Value>| value.as_ref().map_or_else(|| "not set".to_owned(), Value::to_string);
        match self {
            Self::ShapeRemoved => f.write_str("the shape is no longer known"),
            Self::FieldRemoved => f.write_str("the field is gone, or called otherwise"),
            Self::FieldRequired => f.write_str("the field is required, and what is stored may not have it"),
            Self::DefaultChanged { was, is } => write!(f, "a missing field stood for {was}, and stands for {is} now"),
            Self::TypeChanged { was, is } if is.is_empty() => {
                write!(f, "{} was taken, and nothing is now", was.as_deref().unwrap_or("anything"))
            }
            Self::TypeChanged { was, is } => {
                write!(f, "{} was taken, and only {} is now", was.as_deref().unwrap_or("anything"), is.join(" or "))
            }
            Self::ValueRemoved { value } => write!(f, "{value} is no longer taken"),
            Self::ValuesListed { values } => {
                write!(f, "any value was taken, and only {} is now", Value::Array(values.clone()))
            }
            Self::Closed => f.write_str("other fields are refused now, and what is stored may have some"),
            Self::Narrowed { keyword, was, is } => {
                write!(f, "`{keyword}` was {}, and is {} now", or_any(was), or_any(is))
            }
        }
    }
}

/// What was right by the JSON Schema `committed` and is not by `current`, or means something else.
///
/// Nothing, for a change that leaves everything stored as readable as it was: a new field that may be missing, another value
/// in a list of values, a wider bound, another order, name or description. In doubt it is a break: a pattern that differs
/// counts as narrower, because which of two patterns takes more is not to be told, and so does every keyword that is not
/// known here.
///
/// ```
/// use serde_json::json;
/// use skald_testkit::schema::breaks;
///
/// let committed = json!({ "type": "object", "properties": { "by": { "type": "string", "maxLength": 64 } } });
/// let current = json!({ "type": "object", "properties": { "by": { "type": "string", "maxLength": 32 } } });
/// assert_eq!(breaks(&committed, &current)[0].to_string(), "/by: `maxLength` was 64, and is 32 now");
/// assert_eq!(breaks(&current, &committed), []);
/// ```
#[must_use]
pub fn breaks(committed: &Value, current: &Value) -> Vec<Break> {
    Comparison { committed, current, under_way: Vec::new() }.schemas(committed, current, "")
}

/// A comparison of the documents `committed` and `current`.
struct Comparison<'a> {
    committed: &'a Value,
    current: &'a Value,
    /// The schemas that are being compared, from the whole down: a type that contains itself comes to an end here.
    under_way: Vec<(Value, Value)>,
}

impl Comparison<'_> {
    /// Each way in which a value was right must be one in which it still is.
    fn schemas(&mut self, was: &Value, is: &Value, pointer: &str) -> Vec<Break> {
        let pair = (was.clone(), is.clone());
        if self.under_way.contains(&pair) {
            return Vec::new();
        }
        self.under_way.push(pair);
        let present = alternatives(is, self.current);
        let mut found = Vec::new();
        for was in alternatives(was, self.committed) {
            let new = self.nearest(&was, &present, pointer).into_iter().filter(|new| !found.contains(new));
            found.extend(new.collect::<Vec<_>>());
        }
        self.under_way.pop();
        found
    }

    /// The breaks between what was right and that of the present alternatives which is nearest to it.
    fn nearest(&mut self, was: &Alternative, present: &[Alternative], pointer: &str) -> Vec<Break> {
        let name = |alternative: &Alternative| alternative.get("type").and_then(Value::as_str).map(str::to_owned);
        let of_type: Vec<_> = present.iter().filter(|is| name(is).is_none() || name(is) == name(was)).collect();
        let value = was.get("const");
        let breaks = of_type
            .iter()
            .filter(|is| is.get("const").is_none_or(|only| value == Some(only)))
            .map(|is| self.keywords(was, is, pointer))
            // A constant tells variants apart: one that has the same is nearer than one with the same fields.
            .min_by_key(|found| {
                let constants = found.iter().filter(|each| matches!(each.change, Change::ValueRemoved { .. }));
                (constants.count(), found.len())
            });
        breaks.unwrap_or_else(|| {
            let change = match value {
                _ if of_type.is_empty() => {
                    let mut types: Vec<String> = present.iter().filter_map(name).collect();
                    types.dedup();
                    Change::TypeChanged { was: name(was), is: types }
                }
                Some(value) => Change::ValueRemoved { value: value.clone() },
                None => {
                    Change::ValuesListed { values: of_type.iter().filter_map(|is| is.get("const")).cloned().collect() }
                }
            };
            vec![at(pointer, change)]
        })
    }

    /// Both are of one type, and of one constant if `is` is of one.
    fn keywords(&mut self, was: &Alternative, is: &Alternative, pointer: &str) -> Vec<Break> {
        let mut found = self.fields(was, is, pointer);
        found.extend(self.items(was, is, pointer));
        for (keyword, limit) in is {
            let before = was.get(keyword);
            let kept = match keyword.as_str() {
                "type"
                | "properties"
                | "required"
                | "additionalProperties"
                | "unevaluatedProperties"
                | "items"
                | "prefixItems" => true,
                bound if is_lower_bound(bound) => {
                    before.is_some_and(|before| compare(limit, before).is_some_and(Ordering::is_le))
                }
                bound if is_upper_bound(bound) => {
                    before.is_some_and(|before| compare(limit, before).is_some_and(Ordering::is_ge))
                }
                "format" if before == Some(&json!("float")) => *limit == json!("double") || before == Some(limit),
                _ => before == Some(limit),
            };
            if !kept {
                let change =
                    Change::Narrowed { keyword: keyword.clone(), was: before.cloned(), is: Some(limit.clone()) };
                found.push(at(pointer, change));
            }
        }
        for (keyword, limit) in was.iter().filter(|(keyword, _)| !is.contains_key(*keyword)) {
            if !widens_where_it_goes(keyword) {
                let change = Change::Narrowed { keyword: keyword.clone(), was: Some(limit.clone()), is: None };
                found.push(at(pointer, change));
            }
        }
        found
    }

    fn fields(&mut self, was: &Alternative, is: &Alternative, pointer: &str) -> Vec<Break> {
        let none = Map::new();
        let fields = |of: &Alternative| of.get("properties").and_then(Value::as_object).unwrap_or(&none).clone();
        let (before, after) = (fields(was), fields(is));
        let mut found = Vec::new();
        for (name, before) in &before {
            let pointer = join(pointer, name);
            let Some(after) = after.get(name) else {
                found.push(at(&pointer, Change::FieldRemoved));
                continue;
            };
            found.extend(self.schemas(before, after, &pointer));
            let default = |schema: &Value| schema.get("default").cloned().unwrap_or(Value::Null);
            let (stood_for, stands_for) = (default(before), default(after));
            if !requires(was, name) && !requires(is, name) && stood_for != stands_for {
                found.push(at(&pointer, Change::DefaultChanged { was: stood_for, is: stands_for }));
            }
        }
        let required = is.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for name in required.filter(|name| !requires(was, name)) {
            found.push(at(&join(pointer, name), Change::FieldRequired));
        }

        let others = |of: &Alternative| of.get("additionalProperties").or(of.get("unevaluatedProperties")).cloned();
        match (others(was), others(is)) {
            (Some(Value::Bool(false)), _) | (_, None) => {}
            (_, Some(Value::Bool(false))) => found.push(at(pointer, Change::Closed)),
            (before, Some(after)) => {
                found.extend(self.schemas(&before.unwrap_or(Value::Bool(true)), &after, &join(pointer, "*")));
            }
        }
        found
    }

    fn items(&mut self, was: &Alternative, is: &Alternative, pointer: &str) -> Vec<Break> {
        let mut found = Vec::new();
        if let Some(after) = is.get("items") {
            let before = was.get("items").cloned().unwrap_or(Value::Bool(true));
            found.extend(self.schemas(&before, after, &join(pointer, "*")));
        }
        let first = |of: &Alternative| of.get("prefixItems").and_then(Value::as_array).cloned().unwrap_or_default();
        let (before, after) = (first(was), first(is));
        if before.len() == after.len() {
            for (index, (before, after)) in before.iter().zip(&after).enumerate() {
                found.extend(self.schemas(before, after, &join(pointer, &index.to_string())));
            }
        } else {
            let list = |of: &Alternative| of.get("prefixItems").cloned();
            let change = Change::Narrowed { keyword: "prefixItems".to_owned(), was: list(was), is: list(is) };
            found.push(at(pointer, change));
        }
        found
    }
}

fn at(pointer: &str, change: Change) -> Break {
    Break { pointer: pointer.to_owned(), change }
}

/// The pointer to this field of what is at `pointer`.
fn join(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn requires(schema: &Alternative, name: &str) -> bool {
    schema.get("required").and_then(Value::as_array).is_some_and(|names| names.iter().any(|each| each == name))
}

/// Whether more is right without this keyword than with it. Of keywords that are not known here, nothing is.
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
