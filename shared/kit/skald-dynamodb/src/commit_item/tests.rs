//! Items are written according to the layout, and items of any form can be read.

use std::collections::BTreeMap;

use serde_json::json;
use skald::commit::{Actor, Context, CorrelationId, EventId};
use skald::json::JsonFault;
use skald::snapshot::Snapshot;
use skald::stream::Tenant;
use uuid::Uuid;

use super::*;

mod any;
mod packed;

/// The first event of the commit with this id.
fn cause(commit: Uuid) -> EventId {
    EventId::of(
        &StreamId::new(&Tenant::default(), "order", "17").unwrap(),
        CommitId::new(commit),
        0,
    )
}

fn commit() -> Commit {
    let event = |event_type: &str, schema, data: &str| EventData {
        event_type: event_type.to_owned(),
        schema,
        data: data.as_bytes().to_vec(),
    };
    Commit {
        id: CommitId::new("3b241101-e2bb-4255-8caf-4136c566a962".parse().unwrap()),
        stream: StreamId::new(&Tenant::default(), "order", "17").unwrap(),
        first: Version::new(4),
        at: "2026-11-21T08:15:30.250Z".parse().unwrap(),
        context: Context {
            source: "order-commands".to_owned(),
            correlation_id: CorrelationId::new("call-1").unwrap(),
            causation_id: Some(cause(Uuid::NAMESPACE_OID)),
            actor: Actor::new("customer:c-1").unwrap(),
            metadata: BTreeMap::from([("attempt".to_owned(), "2".to_owned())]),
        },
        events: vec![
            event("order.placed", 2, "{\"a\":1}"),
            event("order.committed", 1, "{}"),
            event("order.placed", 2, "[ 1.50, null ]"),
        ],
        snapshot: Some(Snapshot { schema: 3, state: b"{\"b\": 1, \"a\": 2}".to_vec() }),
    }
}

/// The body of the commit above.
const BODY: &str = concat!(
    r#"{"commit":"3b241101-e2bb-4255-8caf-4136c566a962","source":"order-commands","#,
    r#""correlation_id":"call-1","causation_id":"976d028d-c22e-59f9-ad06-93374337c5dd","actor":"customer:c-1","#,
    r#""metadata":{"attempt":"2"},"events":[{"type":"order.placed","schema":2,"data":{"a":1}},"#,
    r#"{"type":"order.committed","schema":1,"data":{}},{"type":"order.placed","schema":2,"data":[ 1.50, null ]}],"#,
    r#""snapshot":{"schema":3,"state":{"b": 1, "a": 2}}}"#,
);

/// The commit above, in the form in which the table's stream passes it to a Lambda function.
fn image() -> serde_json::Value {
    json!({
        "pk": { "S": "default/order-17" },
        "sk": { "N": "4" },
        "at": { "S": "2026-11-21T08:15:30.250Z" },
        "body": { "S": BODY },
        "slice": { "N": "5" },
        "types": { "S": "order.placed order.committed" },
    })
}

fn written(commit: &Commit) -> Item {
    commit_item(commit).unwrap().into()
}

fn from_image(image: serde_json::Value) -> Item {
    serde_json::from_value(image).unwrap()
}

#[test]
fn a_commit_is_written_as_the_layout_says() {
    assert_eq!(written(&commit()), from_image(image()));
}

#[test]
fn a_commit_is_read_from_the_table_s_stream() {
    assert_eq!(read_stream_item(&from_image(image())), StreamItem::Commit(commit()));
}

#[test]
fn what_is_empty_is_not_written() {
    let mut plain = commit();
    plain.context.metadata.clear();
    plain.context.causation_id = None;
    plain.snapshot = None;
    let item = written(&plain);
    let AttributeValue::S(text) = &item["body"] else { panic!("{item:?}") };
    let body: serde_json::Value = serde_json::from_str(text).unwrap();
    let names: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(names, ["actor", "commit", "correlation_id", "events", "source"]);
    assert_eq!(read_stream_item(&item), StreamItem::Commit(plain));
}

#[test]
fn what_is_not_json_is_not_written() {
    for malformed in ["", "{", "{} {}", " {}", "{}\n", "\"\u{1}\"", "NaN", "order"] {
        let (mut data, mut state) = (commit(), commit());
        data.events[2].data = malformed.into();
        state.snapshot = Some(Snapshot { schema: 1, state: malformed.into() });
        for commit in [data, state] {
            let expected = Err(InvalidAppend::Json {
                stream: commit.stream.clone(),
                fault: JsonFault::NotJson,
            });
            assert_eq!(commit_item(&commit), expected, "{malformed:?}");
        }
    }
    let mut latin = commit();
    latin.events[0].data = b"\"\xe9\"".to_vec();
    assert_eq!(
        commit_item(&latin),
        Err(InvalidAppend::Json { stream: latin.stream.clone(), fault: JsonFault::NotJson })
    );
}

#[test]
fn the_index_is_not_needed_and_later_attributes_do_not_disturb() {
    let mut image = image_with(|body| {
        body["region"] = json!(["a"]);
        body["events"][0]["note"] = json!({ "deep": [null] });
        body["snapshot"]["note"] = json!(1);
    });
    for name in ["slice", "types"] {
        image.as_object_mut().unwrap().remove(name);
    }
    image["proof"] = json!({ "M": { "schema": { "N": "1" }, "state": { "B": "AAEC" }, "sets": { "NS": ["1", "2"] } } });
    image["flag"] = json!({ "BOOL": true });
    image["nothing"] = json!({ "NULL": true });
    let StreamItem::Commit(read) = read_stream_item(&from_image(image)) else { panic!("not read") };
    assert_eq!((read.id, read.context, read.events.len()), (commit().id, commit().context, 3));
}

#[test]
fn an_unknown_encoding_is_left_alone_whatever_else_is_in_the_item() {
    let mut image = image();
    image["encoding"] = json!({ "S": "json-zstd" });
    image["body"] = json!({ "B": "AAEC" });
    let StreamItem::Unread { stream, first, fault } = read_stream_item(&from_image(image)) else {
        panic!("it was read")
    };
    assert_eq!((stream, first), (commit().stream, Version::new(4)));
    assert_eq!(
        fault,
        Corruption::UnknownEncoding { at: Version::new(4), encoding: "json-zstd".to_owned() }
    );
}

/// The fault that is reported for an item that is at its position and cannot be read.
fn fault_in(image: serde_json::Value) -> String {
    let read = read_stream_item(&from_image(image));
    let StreamItem::Unread { stream, first, fault: Corruption::Malformed { at, fault } } = read
    else {
        panic!("{read:?}")
    };
    assert_eq!((stream, first, at), (commit().stream, Version::new(4), Version::new(4)));
    fault
}

#[test]
fn each_attribute_at_fault_is_named_and_not_shown() {
    let secret = "jane@example.com";
    let wrong = |place| format!("`{place}` is invalid");
    let cases = [
        ("/at", None, "missing field `at`".to_owned()),
        ("/at", Some(json!({ "N": "1" })), wrong("at")),
        ("/at", Some(json!({ "S": secret })), wrong("at")),
        ("/encoding", Some(json!({ "N": "1" })), wrong("encoding")),
        ("/body", None, "missing field `body`".to_owned()),
        ("/body", Some(json!({ "B": "e30=" })), wrong("body")),
        ("/body", Some(json!({ "M": {} })), wrong("body")),
        ("/body", Some(json!({ "S": secret })), "`body` is not JSON".to_owned()),
        ("/body", Some(json!({ "S": "" })), "`body` is not JSON".to_owned()),
        ("/body", Some(json!({ "S": &BODY[..BODY.len() - 1] })), "`body` is not JSON".to_owned()),
        ("/body", Some(json!({ "S": format!("{BODY}}}") })), "`body` is not JSON".to_owned()),
        ("/body", Some(json!({ "S": format!("\"{secret}\"") })), wrong("body")),
    ];
    for (place, value, expected) in cases {
        assert_eq!(fault_in(changed(image(), place, value)), expected, "{place}");
    }
}

#[test]
fn each_field_at_fault_is_named_and_not_shown() {
    let secret = || Some(json!("jane@example.com"));
    let missing = |place, field| format!("`{place}`: missing field `{field}`");
    let wrong = |place| format!("`{place}` is invalid");
    let cases = [
        ("/commit", None, missing("body", "commit")),
        ("/source", None, missing("body", "source")),
        ("/correlation_id", None, missing("body", "correlation_id")),
        ("/actor", None, missing("body", "actor")),
        ("/events", None, missing("body", "events")),
        ("/commit", secret(), wrong("body.commit")),
        ("/source", Some(json!(1)), wrong("body.source")),
        ("/correlation_id", secret(), wrong("body.correlation_id")),
        ("/causation_id", secret(), wrong("body.causation_id")),
        ("/actor", secret(), wrong("body.actor")),
        ("/metadata/attempt", Some(json!(2)), wrong("body.metadata.attempt")),
        ("/events", secret(), wrong("body.events")),
        ("/events", Some(json!([])), "`body.events` is empty".to_owned()),
        ("/events/1", secret(), wrong("body.events[1]")),
        ("/events/1/type", None, missing("body.events[1]", "type")),
        ("/events/1/schema", None, missing("body.events[1]", "schema")),
        ("/events/1/data", None, missing("body.events[1]", "data")),
        ("/events/1/type", Some(json!(7)), wrong("body.events[1].type")),
        ("/events/1/schema", Some(json!(-7)), wrong("body.events[1].schema")),
        ("/events/1/schema", secret(), wrong("body.events[1].schema")),
        ("/snapshot", secret(), wrong("body.snapshot")),
        ("/snapshot/schema", secret(), wrong("body.snapshot.schema")),
        ("/snapshot/state", None, missing("body.snapshot", "state")),
    ];
    for (place, value, expected) in cases {
        assert_eq!(
            fault_in(image_with(|body| *body = changed(body.take(), place, value))),
            expected,
            "{place}"
        );
    }
}

/// The image with its body changed by `change`.
fn image_with(change: impl FnOnce(&mut serde_json::Value)) -> serde_json::Value {
    let mut body = serde_json::from_str(BODY).unwrap();
    change(&mut body);
    let mut image = image();
    image["body"] = json!({ "S": body.to_string() });
    image
}

#[test]
fn an_item_at_no_place_of_a_stream_is_foreign() {
    let cases = [
        ("/pk", None, "`pk` is missing or not text"),
        ("/pk", Some(json!({ "N": "1" })), "`pk` is missing or not text"),
        ("/pk", Some(json!({ "S": "jane@example.com" })), "`pk` is not the key of a stream"),
        ("/sk", None, "`sk` is missing or not a number"),
        ("/sk", Some(json!({ "S": "1" })), "`sk` is missing or not a number"),
        ("/sk", Some(json!({ "N": "0" })), "`sk` is not a version"),
        ("/sk", Some(json!({ "N": "-1" })), "`sk` is not a version"),
        ("/sk", Some(json!({ "N": "1.5" })), "`sk` is not a version"),
    ];
    for (place, value, fault) in cases {
        assert_eq!(
            read_stream_item(&from_image(changed(image(), place, value))),
            StreamItem::Foreign { fault },
            "{place}"
        );
    }
}

/// Versions are numbers in the table, so there is a highest one. Two events with the same version
/// would not be a valid commit.
#[test]
fn a_commit_that_runs_past_the_highest_version_is_malformed() {
    let fault = "`sk` is too high for `body.events`".to_owned();
    for (above, last) in [(0, None), (1, None), (2, Some(u64::MAX)), (3, Some(u64::MAX - 1))] {
        let first = Version::new(u64::MAX - above);
        let read = read_stream_item(&from_image(changed(
            image(),
            "/sk",
            Some(json!({ "N": first.to_string() })),
        )));
        match (read, last) {
            (StreamItem::Commit(commit), last) => assert_eq!(Some(commit.last().get()), last),
            (StreamItem::Unread { fault: found, .. }, None) => {
                assert_eq!(found, Corruption::Malformed { at: first, fault: fault.clone() });
            }
            (other, _) => panic!("{other:?}"),
        }
    }
}

/// The value with another value, or none, at this place.
fn changed(
    mut whole: serde_json::Value,
    place: &str,
    value: Option<serde_json::Value>,
) -> serde_json::Value {
    let (parent, name) = place.rsplit_once('/').unwrap();
    match (whole.pointer_mut(parent).unwrap(), value) {
        (serde_json::Value::Object(fields), Some(value)) => {
            drop(fields.insert(name.to_owned(), value))
        }
        (serde_json::Value::Object(fields), None) => drop(fields.remove(name).unwrap()),
        (serde_json::Value::Array(items), Some(value)) => {
            items[name.parse::<usize>().unwrap()] = value
        }
        _ => panic!("nothing at {place}"),
    }
    whole
}

#[test]
fn streams_spread_over_all_slices() {
    let mut slices = [0; SLICES as usize];
    for number in 0..16_000 {
        slices[usize::from(slice(&format!("default/order-{number}")))] += 1;
    }
    assert!(slices.iter().all(|count| (800..1200).contains(count)), "{slices:?}");
}
