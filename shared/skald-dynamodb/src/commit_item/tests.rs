//! Items are written as the layout says, and read whatever they are.

use proptest::collection::{btree_map, hash_map, vec};
use proptest::prelude::*;
use serde_json::json;
use skald::Tenant;
use uuid::Uuid;

use super::*;

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
            causation_id: Some(EventId::of(CommitId::new(Uuid::NAMESPACE_OID), 0)),
            actor: Actor::new("customer:c-1").unwrap(),
            metadata: BTreeMap::from([("attempt".to_owned(), "2".to_owned())]),
        },
        events: vec![
            event("order.placed", 2, "{\"a\":1}"),
            event("order.committed", 1, "{}"),
            event("order.placed", 2, ""),
        ],
        snapshot: Some(Snapshot { schema: 3, state: b"{}".to_vec() }),
    }
}

/// The commit above, as the table's stream shows it to a Lambda function.
fn image() -> serde_json::Value {
    json!({
        "pk": { "S": "default/order-17" },
        "sk": { "N": "4" },
        "commit": { "S": "3b241101-e2bb-4255-8caf-4136c566a962" },
        "at": { "S": "2026-11-21T08:15:30.250Z" },
        "encoding": { "S": "json" },
        "events": { "L": [
            { "M": { "type": { "S": "order.placed" }, "schema": { "N": "2" }, "data": { "B": "eyJhIjoxfQ==" } } },
            { "M": { "type": { "S": "order.committed" }, "schema": { "N": "1" }, "data": { "B": "e30=" } } },
            { "M": { "type": { "S": "order.placed" }, "schema": { "N": "2" }, "data": { "B": "" } } },
        ] },
        "context": { "M": {
            "source": { "S": "order-commands" },
            "correlation": { "S": "call-1" },
            "causation": { "S": "bf428e1d-f221-55de-a77f-a61755a4d727" },
            "actor": { "S": "customer:c-1" },
            "metadata": { "M": { "attempt": { "S": "2" } } },
        } },
        "slice": { "N": "5" },
        "position": { "S": "2026-11-21T08:15:30.250Z/default/order-17/000000000004" },
        "types": { "S": "order.placed order.committed" },
        "snapshot": { "M": { "schema": { "N": "3" }, "state": { "B": "e30=" } } },
    })
}

fn from_image(image: serde_json::Value) -> Item {
    serde_json::from_value(image).unwrap()
}

#[test]
fn a_commit_is_written_as_the_layout_says() {
    assert_eq!(Item::from(commit_item(&commit())), from_image(image()));
}

#[test]
fn a_commit_is_read_from_the_table_s_stream() {
    assert_eq!(read_stream_item(from_image(image())), StreamItem::Commit(commit()));
}

#[test]
fn what_is_empty_is_not_written() {
    let mut plain = commit();
    plain.context.metadata.clear();
    plain.context.causation_id = None;
    let item = commit_item(&plain);
    let Value::M(context) = &item["context"] else { panic!("{item:?}") };
    let mut names: Vec<&String> = context.keys().collect();
    names.sort();
    assert_eq!(names, ["actor", "correlation", "source"]);
    assert_eq!(read_stream_item(item.into()), StreamItem::Commit(plain));
}

#[test]
fn the_index_is_not_needed_and_later_attributes_do_not_disturb() {
    let mut image = image();
    for name in ["slice", "position", "types"] {
        image.as_object_mut().unwrap().remove(name);
    }
    image["proof"] = json!({ "M": { "schema": { "N": "1" }, "state": { "B": "AAEC" }, "sets": { "NS": ["1", "2"] } } });
    image["flag"] = json!({ "BOOL": true });
    image["nothing"] = json!({ "NULL": true });
    image["context"]["M"]["region"] = json!({ "SS": ["a"] });
    image["events"]["L"][0]["M"]["note"] = json!({ "BS": ["AA=="] });
    assert_eq!(read_stream_item(from_image(image)), StreamItem::Commit(commit()));
}

#[test]
fn an_unknown_encoding_is_left_alone_whatever_else_is_in_the_item() {
    let mut image = image();
    image["encoding"] = json!({ "S": "json-zstd" });
    image["events"] = json!({ "B": "AAEC" });
    image.as_object_mut().unwrap().remove("context");
    let StreamItem::Unread { stream, first, fault } = read_stream_item(from_image(image)) else {
        panic!("it was read")
    };
    assert_eq!((stream, first), (commit().stream, Version::new(4)));
    assert_eq!(fault, Corruption::UnknownEncoding { at: Version::new(4), encoding: "json-zstd".to_owned() });
}

#[test]
fn each_fault_is_named_and_no_value_is_shown() {
    let secret = "jane@example.com";
    let missing = |field| format!("missing field `{field}`");
    let wrong = |place| format!("`{place}` is not what it should be");
    let cases = [
        ("/commit", None, missing("commit")),
        ("/at", None, missing("at")),
        ("/encoding", None, missing("encoding")),
        ("/events", None, missing("events")),
        ("/context", None, missing("context")),
        ("/commit", Some(json!({ "S": secret })), wrong("commit")),
        ("/at", Some(json!({ "S": secret })), wrong("at")),
        ("/encoding", Some(json!({ "N": "1" })), wrong("encoding")),
        ("/events", Some(json!({ "S": secret })), wrong("events")),
        ("/events", Some(json!({ "L": [] })), "`events` is empty".to_owned()),
        ("/events/L/1", Some(json!({ "S": secret })), wrong("events[1]")),
        ("/events/L/1/M/type", None, format!("`events[1]`: {}", missing("type"))),
        ("/events/L/1/M/schema", None, format!("`events[1]`: {}", missing("schema"))),
        ("/events/L/1/M/data", None, format!("`events[1]`: {}", missing("data"))),
        ("/events/L/1/M/type", Some(json!({ "N": "7" })), wrong("events[1].type")),
        ("/events/L/1/M/schema", Some(json!({ "N": "-7" })), wrong("events[1].schema")),
        ("/events/L/1/M/schema", Some(json!({ "S": secret })), wrong("events[1].schema")),
        ("/events/L/1/M/data", Some(json!({ "S": secret })), wrong("events[1].data")),
        ("/context", Some(json!({ "S": secret })), wrong("context")),
        ("/context/M/source", None, format!("`context`: {}", missing("source"))),
        ("/context/M/correlation", None, format!("`context`: {}", missing("correlation"))),
        ("/context/M/actor", None, format!("`context`: {}", missing("actor"))),
        ("/context/M/correlation", Some(json!({ "S": secret })), wrong("context.correlation")),
        ("/context/M/causation", Some(json!({ "S": secret })), wrong("context.causation")),
        ("/context/M/actor", Some(json!({ "S": secret })), wrong("context.actor")),
        ("/context/M/metadata/M/attempt", Some(json!({ "N": "2" })), wrong("context.metadata.attempt")),
    ];
    for (place, value, expected) in cases {
        let fault = read_stream_item(from_image(changed(place, value)));
        let expected = Corruption::Malformed { at: Version::new(4), fault: expected };
        assert_eq!(
            fault,
            StreamItem::Unread { stream: commit().stream, first: Version::new(4), fault: expected },
            "{place}"
        );
    }
}

#[test]
fn an_item_at_no_place_of_a_stream_is_foreign() {
    let cases = [
        ("/pk", None, "`pk` is missing or no text"),
        ("/pk", Some(json!({ "N": "1" })), "`pk` is missing or no text"),
        ("/pk", Some(json!({ "S": "jane@example.com" })), "`pk` is no stream's key"),
        ("/sk", None, "`sk` is missing or no number"),
        ("/sk", Some(json!({ "S": "1" })), "`sk` is missing or no number"),
        ("/sk", Some(json!({ "N": "0" })), "`sk` is no version"),
        ("/sk", Some(json!({ "N": "-1" })), "`sk` is no version"),
        ("/sk", Some(json!({ "N": "1.5" })), "`sk` is no version"),
    ];
    for (place, value, fault) in cases {
        assert_eq!(read_stream_item(from_image(changed(place, value))), StreamItem::Foreign { fault }, "{place}");
    }
}

/// The image with another value, or none, at this place.
fn changed(place: &str, value: Option<serde_json::Value>) -> serde_json::Value {
    let mut image = image();
    let (parent, name) = place.rsplit_once('/').unwrap();
    match (image.pointer_mut(parent).unwrap(), value) {
        (serde_json::Value::Object(fields), Some(value)) => drop(fields.insert(name.to_owned(), value)),
        (serde_json::Value::Object(fields), None) => drop(fields.remove(name).unwrap()),
        (serde_json::Value::Array(items), Some(value)) => items[name.parse::<usize>().unwrap()] = value,
        _ => panic!("nothing at {place}"),
    }
    image
}

#[test]
fn streams_spread_over_all_slices() {
    let mut slices = [0; SLICES as usize];
    for number in 0..16_000 {
        slices[usize::from(slice(&format!("default/order-{number}")))] += 1;
    }
    assert!(slices.iter().all(|count| (800..1200).contains(count)), "{slices:?}");
}

fn any_commit() -> impl Strategy<Value = Commit> {
    let event = ("[a-z.]{1,40}", 1..u32::MAX, vec(any::<u8>(), 0..200));
    let events = vec(event.prop_map(|(event_type, schema, data)| EventData { event_type, schema, data }), 1..6);
    let identifier = "[A-Za-z0-9._-]{1,64}";
    let id = "[A-Za-z0-9._~-]{1,80}";
    let name = "[A-Za-z0-9._:-]{1,128}";
    let context =
        (any::<String>(), name, name, proptest::option::of(any::<u128>()), btree_map(".{1,9}", any::<String>(), 0..4));
    let snapshot = (any::<u32>(), vec(any::<u8>(), 0..200)).prop_map(|(schema, state)| Snapshot { schema, state });
    let place = (identifier, "[a-z]{1,12}", id, 1..u64::MAX / 2, 0..253_402_300_799_999_i64);
    (place, any::<u128>(), context, events, proptest::option::of(snapshot)).prop_map(|parts| {
        let (place, commit, context, events, snapshot) = parts;
        let (tenant, category, id, first, millis) = place;
        let (source, correlation, actor, causation, metadata) = context;
        Commit {
            id: CommitId::new(Uuid::from_u128(commit)),
            stream: StreamId::new(&Tenant::new(tenant).unwrap(), &category, &id).unwrap(),
            first: Version::new(first),
            at: Timestamp::from_millis(millis).unwrap(),
            context: Context {
                source,
                correlation_id: CorrelationId::new(correlation).unwrap(),
                causation_id: causation.map(|id| EventId::of(CommitId::new(Uuid::from_u128(id)), 0)),
                actor: Actor::new(actor).unwrap(),
                metadata,
            },
            events,
            snapshot,
        }
    })
}

/// Any attribute, to any depth.
fn any_value() -> impl Strategy<Value = AttributeValue> {
    let leaf = prop_oneof![
        any::<String>().prop_map(AttributeValue::S),
        any::<f64>().prop_map(|number| AttributeValue::N(number.to_string())),
        any::<String>().prop_map(AttributeValue::N),
        vec(any::<u8>(), 0..9).prop_map(AttributeValue::B),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null(true)),
        vec(any::<String>(), 0..3).prop_map(AttributeValue::Ss),
        vec(any::<String>(), 0..3).prop_map(AttributeValue::Ns),
        vec(vec(any::<u8>(), 0..3), 0..3).prop_map(AttributeValue::Bs),
    ];
    let names = prop_oneof!["type|schema|data|source|correlation|causation|actor|metadata|commit", any::<String>(),];
    leaf.prop_recursive(3, 20, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            hash_map(names.clone(), inner, 0..6).prop_map(AttributeValue::M),
        ]
    })
}

proptest! {
    #[test]
    fn any_commit_survives_a_round_trip(commit in any_commit()) {
        prop_assert_eq!(read_stream_item(commit_item(&commit).into()), StreamItem::Commit(commit));
    }

    #[test]
    fn no_item_makes_the_reader_panic(
        odd in hash_map("pk|sk|commit|at|encoding|events|context|snapshot", any_value(), 1..4),
    ) {
        let mut item = from_image(image());
        for (name, value) in odd {
            item.insert(name, value);
        }
        match read_stream_item(item) {
            StreamItem::Commit(read) => prop_assert_eq!(read.stream, commit().stream),
            StreamItem::Unread { fault, .. } => prop_assert!(!fault.to_string().is_empty()),
            StreamItem::Foreign { fault } => prop_assert!(!fault.is_empty()),
        }
    }
}

/// A commit of events that are alike, as orders of many lines are.
fn large() -> Commit {
    let event = |number: u32| EventData {
        event_type: "order.placed".to_owned(),
        schema: number,
        data: "{\"a\":1}".repeat(number as usize * 100).into_bytes(),
    };
    Commit { events: (0..4).map(event).collect(), ..commit() }
}

#[test]
fn a_large_commit_is_packed_and_read_again() {
    let item = Item::from(commit_item(&large()));
    assert_eq!(item.get("encoding"), Some(&AttributeValue::S("json+zstd".to_owned())));
    let AttributeValue::B(packed) = &item["data"] else { panic!("{:?}", item["data"]) };
    assert!(packed.len() < 100, "{} bytes", packed.len());
    let events = serde_json::to_value(&item["events"]).unwrap();
    let event = |schema: &str, size: &str| json!({ "M": { "type": { "S": "order.placed" }, "schema": { "N": schema }, "size": { "N": size } } });
    let expected = [event("0", "0"), event("1", "700"), event("2", "1400"), event("3", "2100")];
    assert_eq!(events, json!({ "L": expected }));
    assert_eq!(read_stream_item(item), StreamItem::Commit(large()));
}

#[test]
fn what_cannot_be_made_smaller_by_a_write_unit_is_not_packed() {
    let mut commit = commit();
    commit.events[0].data = vec![b'x'; 900];
    let item = Item::from(commit_item(&commit));
    assert_eq!(item.get("encoding"), Some(&AttributeValue::S("json".to_owned())));
    assert_eq!(read_stream_item(item), StreamItem::Commit(commit));
}

#[test]
fn whatever_is_wrong_with_packed_data_is_named() {
    let image = serde_json::to_value(Item::from(commit_item(&large()))).unwrap();
    let fault = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut image = image.clone();
        change(&mut image);
        let read = read_stream_item(from_image(image));
        let StreamItem::Unread { fault: Corruption::Malformed { fault, .. }, .. } = read else { panic!("{read:?}") };
        fault
    };
    let size = |index: usize, size: &'static str| {
        move |image: &mut serde_json::Value| image["events"]["L"][index]["M"]["size"]["N"] = json!(size)
    };
    let no_data = |image: &mut serde_json::Value| drop(image.as_object_mut().unwrap().remove("data"));
    assert_eq!(fault(&no_data), "missing field `data`");
    assert_eq!(fault(&|image| image["data"] = json!({ "B": "AAAA" })), "`data` cannot be decompressed into `events`");
    assert_eq!(fault(&|image| image["data"] = json!({ "S": "text" })), "`data` is not what it should be");
    assert_eq!(fault(&size(3, "2099")), "`data` cannot be decompressed into `events`");
    assert_eq!(fault(&size(3, "2101")), "`data` is shorter than `events`");
    assert_eq!(fault(&size(3, "4000000000")), "the sizes of `events` are more than fit a commit");
    assert_eq!(fault(&size(3, "-1")), "`events[3].size` is not what it should be");
    let no_size = |image: &mut serde_json::Value| {
        drop(image["events"]["L"][1]["M"].as_object_mut().unwrap().remove("size"));
    };
    assert_eq!(fault(&no_size), "`events[1]`: missing field `size`");
}
