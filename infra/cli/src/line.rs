//! An event as a line: for people, or for machines. Personal data is in neither.

use serde_json::{Map, Value, json};
use skald::{Commit, EventData, PERSON_MEMBER, StreamId, Told};

use crate::paper::Paper;

/// What stands in the place of personal data.
const HIDDEN: &str = "(personal)";
/// Most of an event's data that a person is shown, in characters.
const DATA_CHARACTERS: usize = 160;
/// Widths of the columns; what is longer moves the rest of its line.
const STREAM: usize = 48;
const TYPE: usize = 31;
const CORRELATION: usize = 36;

/// The line of the event at `index` of a commit, for people.
pub(crate) fn for_people(commit: &Commit, index: usize, event: &EventData, told: Told, paper: Paper) -> String {
    // `2026-11-21T08:15:30.250Z`: the date stands above.
    let at = commit.at.to_string();
    let time = at.get(11..23).unwrap_or(&at);
    let version = commit.first.plus(index as u64);
    let stream = format!("{:<STREAM$}", named(&commit.stream));
    let event_type = format!("{:<TYPE$}", printable(&event.event_type));
    let correlation = format!("{:<CORRELATION$}", commit.context.correlation_id.as_str());
    let late = if told == Told::Late { paper.yellow(" late") } else { String::new() };
    format!(
        "{} {} {version:>3}  {} {} {}{late}",
        paper.faint(time),
        paper.cyan(&stream),
        paper.green(&event_type),
        paper.faint(&correlation),
        shortened(&data(event)),
    )
    .trim_end()
    .to_owned()
}

/// The line of the event at `index` of a commit, for machines.
pub(crate) fn for_machines(commit: &Commit, index: usize, event: &EventData, told: Told) -> String {
    let context = &commit.context;
    let data = serde_json::from_slice(&event.data).map_or(Value::Null, hide);
    json!({
        "event_id": commit.event_id(index),
        "type": event.event_type,
        "schema": event.schema,
        "tenant": commit.stream.tenant(),
        "stream": commit.stream.name(),
        "version": commit.first.plus(index as u64),
        "recorded_at": commit.at,
        "source": context.source,
        "correlation_id": context.correlation_id,
        "causation_id": context.causation_id,
        "actor": context.actor,
        "metadata": context.metadata,
        "told": match told {
            Told::News => "news",
            Told::Late => "late",
            Told::Perhaps => "perhaps again",
        },
        "data": data,
    })
    .to_string()
}

/// The stream's name, with its tenant where that is not the default.
pub(crate) fn named(stream: &StreamId) -> String {
    if stream.tenant().as_str() == "default" { stream.name().to_owned() } else { stream.key() }
}

fn data(event: &EventData) -> String {
    match serde_json::from_slice(&event.data).map(hide) {
        Ok(Value::Object(fields)) => listed(&fields),
        Ok(other) => compact(&other),
        Err(_) => format!("({} bytes that are no JSON)", event.data.len()),
    }
}

/// Personal data is marked in stored events: of an object with that mark only the person is shown, at any depth.
fn hide(value: Value) -> Value {
    match value {
        Value::Object(fields) if fields.contains_key(PERSON_MEMBER) => {
            let hidden = |(name, value)| if name == PERSON_MEMBER { (name, value) } else { (name, HIDDEN.into()) };
            Value::Object(fields.into_iter().map(hidden).collect())
        }
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, hide(value))).collect(),
        Value::Array(items) => Value::Array(items.into_iter().map(hide).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

fn compact(value: &Value) -> String {
    match value {
        Value::Object(fields) if fields.contains_key(PERSON_MEMBER) => HIDDEN.to_owned(),
        Value::Object(fields) => format!("{{{}}}", listed(fields)),
        Value::Array(items) => format!("[{}]", items.iter().map(compact).collect::<Vec<_>>().join(", ")),
        Value::String(text) => printable(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn listed(fields: &Map<String, Value>) -> String {
    fields.iter().map(|(name, value)| format!("{}: {}", printable(name), compact(value))).collect::<Vec<_>>().join(", ")
}

/// As it is, if it can be mistaken for nothing else; else quoted, so that nothing in it can play with the terminal.
fn printable(text: &str) -> String {
    let is_plain =
        |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '_' | '~' | ':' | '-' | '+' | '/' | '@' | '#');
    if !text.is_empty() && text.trim() == text && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("{text:?}")
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(DATA_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use skald::{Actor, CommitId, Context, CorrelationId, Version};

    use super::*;

    fn commit(data: &str) -> Commit {
        Commit {
            id: CommitId::new("3b241101-e2bb-4255-8caf-4136c566a962".parse().unwrap()),
            stream: "default/order-17".parse().unwrap(),
            first: Version::new(4),
            at: "2026-11-21T08:15:30.250Z".parse().unwrap(),
            context: Context {
                source: "order-commands".to_owned(),
                correlation_id: CorrelationId::new("demo-1").unwrap(),
                causation_id: None,
                actor: Actor::new("test").unwrap(),
                metadata: BTreeMap::new(),
            },
            events: vec![EventData {
                event_type: "order.placed".to_owned(),
                schema: 1,
                data: data.as_bytes().to_vec(),
            }],
            snapshot: None,
        }
    }

    fn words(data: &str) -> String {
        let commit = commit(data);
        let line = for_people(&commit, 0, &commit.events[0], Told::News, Paper::plain());
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_line_says_when_where_what_why_and_the_data() {
        let data = r#"{"customer_id":"c-1","total":{"amount_minor":2500,"currency":"EUR"},"lines":["a",null,true]}"#;
        let expected = "08:15:30.250 order-17 4 order.placed demo-1 \
                        customer_id: c-1, lines: [a, null, true], total: {amount_minor: 2500, currency: EUR}";
        assert_eq!(words(data), expected);
        assert_eq!(words("{}"), "08:15:30.250 order-17 4 order.placed demo-1");
    }

    #[test]
    fn personal_data_is_nowhere() {
        let data = r#"{"name":{"$person":"c-1","plain":"Jane"},"to":[{"$person":"c-1","plain":{"city":"Oslo"}}],"odd":{"$person":"c-1","Kim":"Kim"}}"#;
        let commit = commit(data);
        let event = &commit.events[0];
        for line in
            [for_people(&commit, 0, event, Told::News, Paper::coloured()), for_machines(&commit, 0, event, Told::News)]
        {
            assert!(line.contains(HIDDEN), "{line}");
            assert!(["Jane", "Oslo", ":\"Kim"].iter().all(|personal| !line.contains(personal)), "{line}");
        }
    }

    #[test]
    fn what_is_odd_is_shown_and_does_nothing_to_the_terminal() {
        assert!(words("\u{1}").ends_with("demo-1 (1 bytes that are no JSON)"));
        assert!(words(r#""\u001b[2J""#).ends_with(r#""\u{1b}[2J""#));
        assert!(words(r#"{"a":"x, y"}"#).ends_with(r#"a: "x, y""#));
        let long = words(&format!("\"{}\"", "x".repeat(500)));
        assert!(long.ends_with("xxx…") && long.len() < 300, "{long}");
    }

    #[test]
    fn colours_change_nothing_but_the_colour() {
        let commit = commit("{}");
        let line = |paper| for_people(&commit, 0, &commit.events[0], Told::Late, paper);
        let (plain, coloured) = (line(Paper::plain()), line(Paper::coloured()));
        assert!(plain.ends_with("late") && !plain.contains('\x1b'));
        let stripped = coloured.split('\x1b').map(|part| part.split_once('m').map_or(part, |(_, rest)| rest));
        assert_eq!(stripped.collect::<String>(), plain);
    }

    #[test]
    fn a_line_for_machines_is_json() {
        let commit = commit(r#"{"a":1}"#);
        let line: Value = serde_json::from_str(&for_machines(&commit, 0, &commit.events[0], Told::Perhaps)).unwrap();
        assert_eq!((&line["stream"], &line["version"], &line["data"]["a"]), (&json!("order-17"), &json!(4), &json!(1)));
        assert_eq!((&line["told"], &line["correlation_id"]), (&json!("perhaps again"), &json!("demo-1")));
    }
}
