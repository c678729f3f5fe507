//! An event as a line, for people or for programs. Both hide personal data.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use skald::commit::{Actor, Commit, CorrelationId, EventId};
use skald::event::EventData;
use skald::follow::Novelty;
use skald::stream::{StreamId, Tenant, Version};
use skald::text::cut;
use skald::time::Timestamp;

use crate::json::{HIDDEN, Json};
use crate::terminal::Terminal;

/// The largest part of an event's data that is shown to people, in characters.
const DATA_CHARACTERS: usize = 160;
/// The widths of the columns. A longer text shifts the rest of its line.
const STREAM: usize = 48;
const TYPE: usize = 31;
const CORRELATION: usize = 36;

/// The line for people of the event at `index` of a commit.
pub(crate) fn for_people(
    commit: &Commit,
    index: usize,
    event: &EventData,
    novelty: Novelty,
    terminal: Terminal,
) -> String {
    // `2026-11-21T08:15:30.250Z`: the date has its own line above.
    let at = commit.at.to_string();
    let time = at.get(11..23).unwrap_or(&at);
    let version = commit.first.plus(index as u64);
    let stream = format!("{:<STREAM$}", cut(&named(&commit.stream)));
    let event_type = format!("{:<TYPE$}", cut(&printable(&event.event_type)));
    let correlation = format!("{:<CORRELATION$}", commit.context.correlation_id.as_str());
    let late = if novelty == Novelty::Late { terminal.yellow(" late") } else { String::new() };
    format!(
        "{} {} {version:>3}  {} {} {}{late}",
        terminal.faint(time),
        terminal.cyan(&stream),
        terminal.green(&event_type),
        terminal.faint(&correlation),
        shortened(&data(event)),
    )
    .trim_end()
    .to_owned()
}

/// An event, for programs.
#[derive(Serialize)]
struct Line<'a> {
    event_id: EventId,
    #[serde(rename = "type")]
    event_type: &'a str,
    schema: u32,
    tenant: &'a Tenant,
    stream: &'a str,
    version: Version,
    recorded_at: Timestamp,
    source: &'a str,
    correlation_id: &'a CorrelationId,
    causation_id: Option<EventId>,
    actor: &'a Actor,
    metadata: &'a BTreeMap<String, String>,
    novelty: &'static str,
    /// The data as stored, without personal data; `null` if it is not JSON.
    data: Option<Box<RawValue>>,
}

/// The line for programs of the event at `index` of a commit.
pub(crate) fn for_machines(
    commit: &Commit,
    index: usize,
    event: &EventData,
    novelty: Novelty,
) -> String {
    let context = &commit.context;
    let data =
        Json::read(&event.data).and_then(|json| RawValue::from_string(json.to_string()).ok());
    let line = Line {
        event_id: commit.event_id(index),
        event_type: &event.event_type,
        schema: event.schema,
        tenant: commit.stream.tenant(),
        stream: commit.stream.name(),
        version: commit.first.plus(index as u64),
        recorded_at: commit.at,
        source: &context.source,
        correlation_id: &context.correlation_id,
        causation_id: context.causation_id,
        actor: &context.actor,
        metadata: &context.metadata,
        novelty: match novelty {
            Novelty::New => "new",
            Novelty::Late => "late",
            Novelty::MaybeSeen => "maybe seen",
        },
        data,
    };
    // Serializing texts, numbers and valid JSON cannot fail.
    serde_json::to_string(&line).unwrap_or_default()
}

/// The stream's name, preceded by its tenant unless that is the default one.
pub(crate) fn named(stream: &StreamId) -> String {
    if stream.tenant().as_str() == "default" { stream.name().to_owned() } else { stream.key() }
}

fn data(event: &EventData) -> String {
    match Json::read(&event.data) {
        Some(Json::Object(fields)) => listed(&fields),
        Some(other) => compact(&other),
        None => format!("({} bytes that cannot be shown as JSON)", event.data.len()),
    }
}

fn compact(json: &Json<'_>) -> String {
    match json {
        Json::Object(_) if json.is_personal() => HIDDEN.to_owned(),
        Json::Object(fields) => format!("{{{}}}", listed(fields)),
        Json::Array(items) => {
            format!("[{}]", items.iter().map(compact).collect::<Vec<_>>().join(", "))
        }
        // Text that is not valid Unicode is shown as stored.
        Json::Text(text) => serde_json::from_str(text)
            .map_or_else(|_| (*text).to_owned(), |text: String| printable(&text)),
        Json::Plain(plain) => (*plain).to_owned(),
        Json::Hidden => HIDDEN.to_owned(),
    }
}

fn listed(fields: &[(String, Json<'_>)]) -> String {
    fields
        .iter()
        .map(|(name, value)| format!("{}: {}", printable(name), compact(value)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The text itself if it is unambiguous, else the text in quotes and escaped, so that it cannot
/// control the terminal.
fn printable(text: &str) -> String {
    let is_plain = |c: char| {
        c.is_alphanumeric()
            || matches!(c, ' ' | '.' | '_' | '~' | ':' | '-' | '+' | '/' | '@' | '#')
    };
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
    use serde_json::{Value, json};
    use skald::commit::{CommitId, Context};

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
        let line = for_people(&commit, 0, &commit.events[0], Novelty::New, Terminal::plain());
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_line_says_when_where_what_why_and_the_data() {
        let data = r#"{"customer_id":"c-1","total":{"amount_minor":2500,"currency":"EUR"},"lines":["a",null,true]}"#;
        let expected = "08:15:30.250 order-17 4 order.placed demo-1 \
                        customer_id: c-1, total: {amount_minor: 2500, currency: EUR}, lines: [a, null, true]";
        assert_eq!(words(data), expected);
        assert_eq!(words("{}"), "08:15:30.250 order-17 4 order.placed demo-1");
    }

    #[test]
    fn personal_data_is_nowhere() {
        let data = r#"{"name":{"$person":"c-1","plain":"Jane"},"to":[{"$person":"c-1","plain":{"city":"Oslo"}}],"odd":{"$person":"c-1","Kim":"Kim"}}"#;
        let commit = commit(data);
        let event = &commit.events[0];
        for line in [
            for_people(&commit, 0, event, Novelty::New, Terminal::coloured()),
            for_machines(&commit, 0, event, Novelty::New),
        ] {
            assert!(line.contains(HIDDEN), "{line}");
            assert!(
                ["Jane", "Oslo", ":\"Kim"].iter().all(|personal| !line.contains(personal)),
                "{line}"
            );
        }
    }

    #[test]
    fn what_is_odd_is_shown_and_does_nothing_to_the_terminal() {
        assert!(words("\u{1}").ends_with("demo-1 (1 bytes that cannot be shown as JSON)"));
        assert!(words(r#""\u001b[2J""#).ends_with(r#""\u{1b}[2J""#));
        assert!(words(r#"{"a":"x, y"}"#).ends_with(r#"a: "x, y""#));
        let long = words(&format!("\"{}\"", "x".repeat(500)));
        assert!(long.ends_with("xxx…") && long.len() < 300, "{long}");
    }

    #[test]
    fn colours_change_nothing_but_the_colour() {
        let commit = commit("{}");
        let line = |terminal| for_people(&commit, 0, &commit.events[0], Novelty::Late, terminal);
        let (plain, coloured) = (line(Terminal::plain()), line(Terminal::coloured()));
        assert!(plain.ends_with("late") && !plain.contains('\x1b'));
        let stripped =
            coloured.split('\x1b').map(|part| part.split_once('m').map_or(part, |(_, rest)| rest));
        assert_eq!(stripped.collect::<String>(), plain);
    }

    /// A number too large for any integer type may still be an amount or a coordinate: it is shown
    /// exactly.
    #[test]
    fn numbers_are_shown_as_they_are_stored() {
        let data = r#"{"large":18446744073709551616,"exact":1.10,"huge":1e400,"negative":-0}"#;
        let commit = commit(data);
        let line = for_machines(&commit, 0, &commit.events[0], Novelty::New);
        assert!(line.contains(&format!("\"data\":{data}")), "{line}");
        let expected = "large: 18446744073709551616, exact: 1.10, huge: 1e400, negative: -0";
        assert!(words(data).ends_with(expected), "{}", words(data));
    }

    #[test]
    fn a_name_of_any_length_is_cut() {
        let mut commit = commit("{}");
        commit.events[0].event_type = "x".repeat(270_000);
        let line = for_people(&commit, 0, &commit.events[0], Novelty::New, Terminal::plain());
        assert!(line.contains("xxx… (270000 characters)") && line.len() < 500, "{line:.500}");
    }

    #[test]
    fn a_line_for_machines_is_json() {
        let commit = commit(r#"{"a":1}"#);
        let line: Value =
            serde_json::from_str(&for_machines(&commit, 0, &commit.events[0], Novelty::MaybeSeen))
                .unwrap();
        assert_eq!(
            (&line["stream"], &line["version"], &line["data"]["a"]),
            (&json!("order-17"), &json!(4), &json!(1))
        );
        assert_eq!(
            (&line["novelty"], &line["correlation_id"]),
            (&json!("maybe seen"), &json!("demo-1"))
        );
    }
}
