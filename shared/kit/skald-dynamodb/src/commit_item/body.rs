//! The body of a commit's item: everything about a commit except its position and time, as one JSON
//! text that a person can read.
//!
//! ```json
//! {"commit": "…", "source": "…", "correlation_id": "…", "causation_id": "…", "actor": "…", "metadata": {"…": "…"},
//!  "events": [{"type": "order.placed", "schema": 2, "data": {…}}], "snapshot": {"schema": 1, "state": {…}}}
//! ```
//!
//! `causation_id`, `metadata` and `snapshot` are omitted if they are empty. The data of events and
//! the state are stored byte for byte as they were given: numbers, whitespace and the order of
//! fields do not change.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use skald::commit::{Actor, Commit, CommitId, Context, CorrelationId, EventId};
use skald::event::EventData;
use skald::implementing::raw_json;
use skald::json::JsonFault;
use skald::snapshot::Snapshot;
use skald::store::InvalidAppend;
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;

use super::fault::fault as item_fault;

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    commit: CommitId,
    source: Cow<'a, str>,
    correlation_id: Cow<'a, CorrelationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<EventId>,
    actor: Cow<'a, Actor>,
    #[serde(default, skip_serializing_if = "is_empty")]
    metadata: Cow<'a, BTreeMap<String, String>>,
    #[serde(borrow)]
    events: Vec<Event<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    snapshot: Option<State<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    event_type: Cow<'a, str>,
    schema: u32,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Serialize, Deserialize)]
struct State<'a> {
    schema: u32,
    #[serde(borrow)]
    state: &'a RawValue,
}

fn is_empty(metadata: &BTreeMap<String, String>) -> bool {
    metadata.is_empty()
}

/// The text of a commit.
///
/// # Errors
/// [`InvalidAppend::Json`] if an event's data or the state is not JSON.
pub(super) fn write(commit: &Commit) -> Result<String, InvalidAppend> {
    let not_json =
        || InvalidAppend::Json { stream: commit.stream.clone(), fault: JsonFault::NotJson };
    body_of(commit).and_then(|body| serde_json::to_string(&body).ok()).ok_or_else(not_json)
}

/// The body of a commit. `None` if an event's data or the state is not JSON.
fn body_of(commit: &Commit) -> Option<Body<'_>> {
    let Context { source, correlation_id, causation_id, actor, metadata } = &commit.context;
    let mut events = Vec::with_capacity(commit.events.len());
    for event in &commit.events {
        let event_type = Cow::Borrowed(event.event_type.as_str());
        events.push(Event { event_type, schema: event.schema, data: raw_json(&event.data)? });
    }
    let snapshot = match &commit.snapshot {
        Some(snapshot) => {
            Some(State { schema: snapshot.schema, state: raw_json(&snapshot.state)? })
        }
        None => None,
    };
    Some(Body {
        commit: commit.id,
        source: Cow::Borrowed(source),
        correlation_id: Cow::Borrowed(correlation_id),
        causation_id: *causation_id,
        actor: Cow::Borrowed(actor),
        metadata: Cow::Borrowed(metadata),
        events,
        snapshot,
    })
}

/// The commit at this position and time that the text describes, or the fault in the text.
pub(super) fn read(
    text: &str,
    stream: &StreamId,
    first: Version,
    at: Timestamp,
) -> Result<Commit, String> {
    let Ok(body) = serde_json::from_str::<Body<'_>>(text) else { return Err(fault(text)) };
    if body.events.is_empty() {
        return Err("`body.events` is empty".to_owned());
    }
    if first.previous().get().checked_add(body.events.len() as u64).is_none() {
        return Err("`sk` is too high for `body.events`".to_owned());
    }
    let event = |event: Event<'_>| EventData {
        event_type: event.event_type.into_owned(),
        schema: event.schema,
        data: bytes(event.data),
    };
    Ok(Commit {
        id: body.commit,
        stream: stream.clone(),
        first,
        at,
        context: Context {
            source: body.source.into_owned(),
            correlation_id: body.correlation_id.into_owned(),
            causation_id: body.causation_id,
            actor: body.actor.into_owned(),
            metadata: body.metadata.into_owned(),
        },
        events: body.events.into_iter().map(event).collect(),
        snapshot: body
            .snapshot
            .map(|kept| Snapshot { schema: kept.schema, state: bytes(kept.state) }),
    })
}

fn bytes(json: &RawValue) -> Vec<u8> {
    json.get().as_bytes().to_vec()
}

/// The fault in a text that is not a valid body. The text is parsed a second time only here,
/// because finding the position of a fault is slow.
fn fault(text: &str) -> String {
    let mut parser = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, Body<'_>>(&mut parser) {
        Err(error) if error.inner().is_data() => {
            let place = error.path().to_string();
            let place = if place == "." { "body".to_owned() } else { format!("body.{place}") };
            item_fault(&place, &error.inner().to_string())
        }
        Err(_) | Ok(_) => "`body` is not JSON".to_owned(),
    }
}

/// The id of the command, regardless of the rest of the text.
pub(super) fn commit_id(text: &str) -> Option<CommitId> {
    #[derive(Deserialize)]
    struct OnlyId {
        commit: CommitId,
    }
    serde_json::from_str::<OnlyId>(text).ok().map(|only| only.commit)
}
