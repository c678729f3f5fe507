//! Items of the events table in its layout, and ways to damage any of their attributes.

use std::borrow::Cow;
use std::collections::HashMap;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use serde_dynamo::{AttributeValue as Value, Item};
use serde_json::json;
use skald::commit::Commit;
use skald::event::EventData;

use crate::Edit;

/// Any attribute.
#[derive(Debug, Clone, Arbitrary)]
pub enum Attribute {
    /// Text.
    Text(String),
    /// A decimal number, as in DynamoDB.
    Number(i128),
    /// A number that is not valid.
    InvalidNumber(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A Boolean.
    Bool(bool),
    /// Null.
    Null,
    /// A list.
    List(Vec<Self>),
    /// A map of attributes by name.
    Map(Vec<(String, Self)>),
    /// A set of texts.
    Texts(Vec<String>),
    /// A set of numbers.
    Numbers(Vec<u64>),
}

impl From<Attribute> for Value {
    fn from(attribute: Attribute) -> Self {
        match attribute {
            Attribute::Text(text) => Self::S(text),
            Attribute::Number(number) => Self::N(number.to_string()),
            Attribute::InvalidNumber(text) => Self::N(text),
            Attribute::Bytes(bytes) => Self::B(bytes),
            Attribute::Bool(yes) => Self::Bool(yes),
            Attribute::Null => Self::Null(true),
            Attribute::List(items) => Self::L(items.into_iter().map(Self::from).collect()),
            Attribute::Map(fields) => {
                Self::M(fields.into_iter().map(|(name, field)| (name, Self::from(field))).collect())
            }
            Attribute::Texts(texts) => Self::Ss(texts),
            Attribute::Numbers(numbers) => Self::Ns(numbers.iter().map(u64::to_string).collect()),
        }
    }
}

/// Damage to the attribute at a path in the item.
#[derive(Debug, Clone, Arbitrary)]
pub struct Damage {
    path: Vec<u8>,
    change: Change,
}

#[derive(Debug, Clone, Arbitrary)]
enum Change {
    Removed,
    Replaced(Attribute),
    Edited(Vec<Edit>),
    Joined(String, Attribute),
}

/// The item of this commit in the events table, packed or not.
#[must_use]
pub fn item(commit: &Commit, packed: bool) -> Value {
    let context = &commit.context;
    // Built as text, because events and state are stored byte for byte.
    let event = |event: &EventData| {
        format!(
            r#"{{"type":{},"schema":{},"data":{}}}"#,
            json!(event.event_type),
            event.schema,
            raw(&event.data)
        )
    };
    let events = commit.events.iter().map(event).collect::<Vec<_>>().join(",");
    let snapshot = commit.snapshot.as_ref().map_or_else(String::new, |snapshot| {
        format!(r#","snapshot":{{"schema":{},"state":{}}}"#, snapshot.schema, raw(&snapshot.state))
    });
    let head = json!({
        "commit": commit.id, "source": context.source, "correlation_id": context.correlation_id,
        "actor": context.actor, "metadata": context.metadata,
    })
    .to_string();
    let body = format!(
        r#"{},"events":[{events}]{snapshot}}}"#,
        head.strip_suffix('}').expect("it is an object")
    );
    let place =
        [("pk", text(commit.stream.key())), ("sk", number(commit.first)), ("at", text(commit.at))];
    let content = if packed {
        let frame = zstd::bulk::compress(body.as_bytes(), 3).expect("zstd compresses any bytes");
        vec![("encoding", text("json+zstd")), ("body", Value::B(frame))]
    } else {
        vec![("body", text(body))]
    };
    map(place.into_iter().chain(content))
}

fn raw(json: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(json)
}

fn text(value: impl ToString) -> Value {
    Value::S(value.to_string())
}

fn number(value: impl ToString) -> Value {
    Value::N(value.to_string())
}

fn map<'a>(fields: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::M(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The item after this damage.
#[must_use]
pub fn damage(mut value: Value, damaged_parts: Vec<Damage>) -> Item {
    for Damage { path, change } in damaged_parts {
        apply(&mut value, &path, change);
    }
    let Value::M(fields) = value else { return Item::from(HashMap::<String, Value>::new()) };
    Item::from(fields)
}

fn apply(value: &mut Value, path: &[u8], change: Change) {
    if let Some((step, path)) = path.split_first() {
        let step = usize::from(*step);
        let ends = path.is_empty() && matches!(change, Change::Removed);
        if let Value::M(fields) = value
            && !fields.is_empty()
        {
            let mut names: Vec<String> = fields.keys().cloned().collect();
            names.sort();
            let name = &names[step % names.len()];
            if ends {
                fields.remove(name);
            } else if let Some(field) = fields.get_mut(name) {
                apply(field, path, change);
            }
            return;
        }
        if let Value::L(items) = value
            && !items.is_empty()
        {
            let place = step % items.len();
            if ends {
                items.remove(place);
            } else {
                apply(&mut items[place], path, change);
            }
            return;
        }
    }
    match (change, value) {
        (Change::Removed, value) => *value = Value::Null(true),
        (Change::Replaced(other), value) => *value = other.into(),
        (Change::Edited(edits), Value::S(text) | Value::N(text)) => {
            let edited = Edit::all(&edits, std::mem::take(text).into_bytes());
            *text = String::from_utf8_lossy(&edited).into_owned();
        }
        (Change::Edited(edits), Value::B(bytes)) => {
            *bytes = Edit::all(&edits, std::mem::take(bytes))
        }
        (Change::Joined(name, other), Value::M(fields)) => drop(fields.insert(name, other.into())),
        (Change::Joined(_, other), Value::L(items)) => items.push(other.into()),
        (Change::Edited(_) | Change::Joined(..), _) => {}
    }
}
