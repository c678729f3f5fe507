//! Every shape that was ever stored still decodes.
//!
//! `golden/<type>.<schema>.json` is the stored data of one event with every field set, written by
//! hand. A file never changes: a changed shape gets a new schema number and a new file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use events::{
    CancelReason, CategoryEvent, OrderCancelled, OrderEvent, OrderResumed, OrderUndoStarted,
    ShipmentDispatched, ShipmentEvent, for_each_category,
};
use serde_json::{Value, json};
use skald::event::{DomainEvent, EventData};

fn golden() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"))
}

/// The golden samples of a category decode. Encoded again, each has today's shape, and a sample of
/// today's shape has the same JSON as before.
#[track_caller]
fn check<E: DomainEvent>() {
    for &(event_type, schema) in E::SHAPES {
        let file = golden().join(format!("{event_type}.{schema}.json"));
        let data = fs::read(&file)
            .unwrap_or_else(|error| panic!("{} is missing: {error}", file.display()));
        let event =
            E::decode(&EventData { event_type: event_type.to_owned(), schema, data: data.clone() });
        let event =
            event.unwrap_or_else(|error| panic!("{} no longer decodes: {error}", file.display()));

        let written = event.encode().unwrap();
        assert_eq!(written.event_type, event_type);
        assert!(
            E::TYPES.contains(&(event_type, written.schema)),
            "{written:?} does not have today's shape"
        );
        let [stored, again] =
            [data, written.data].map(|json| serde_json::from_slice::<Value>(&json).unwrap());
        assert!(
            written.schema > schema || again == stored,
            "{event_type}@{schema} is not encoded as it was stored"
        );
    }
}

#[test]
fn every_stored_shape_decodes_and_todays_shape_is_written_unchanged() {
    for_each_category!(|E| check::<E>());
}

#[test]
fn every_golden_sample_has_a_known_shape() {
    let mut known = BTreeSet::new();
    for_each_category!(|E| known.extend(
        E::SHAPES.iter().map(|(event_type, schema)| format!("{event_type}.{schema}.json"))
    ));
    let files = fs::read_dir(golden()).unwrap();
    let found: BTreeSet<String> =
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, known);
}

#[test]
fn categories_are_listed_once_each_in_alphabetical_order() {
    let categories = events::categories();
    assert!(categories.is_sorted_by(|a, b| a < b), "{categories:?}");
}

#[test]
fn the_type_of_an_event_begins_with_its_category() {
    fn check<E: CategoryEvent>() {
        for (event_type, _) in E::TYPES {
            assert_eq!(event_type.split_once('.').unwrap().0, E::CATEGORY);
        }
    }
    for_each_category!(|E| check::<E>());
}

/// The samples of both shapes of `order.placed` describe the same order.
#[test]
fn the_request_of_an_order_placed_at_schema_1_was_hashed_in_form_1() {
    let placed = |schema| {
        let data = fs::read(golden().join(format!("order.placed.{schema}.json"))).unwrap();
        OrderEvent::decode(&EventData { event_type: "order.placed".to_owned(), schema, data })
            .unwrap()
    };
    assert_eq!(placed(1), placed(2));
    let OrderEvent::Placed(placed) = placed(1) else { panic!("the sample is not an order.placed") };
    assert_eq!(placed.request_hash.form, 1);
}

/// The reasons and the numbers of the older samples are kept; what was not known then is absent.
#[test]
fn what_an_older_shape_did_not_record_is_absent() {
    fn decoded<E: DomainEvent>(event_type: &str, schema: u32) -> E {
        let data = fs::read(golden().join(format!("{event_type}.{schema}.json"))).unwrap();
        E::decode(&EventData { event_type: event_type.to_owned(), schema, data }).unwrap()
    }
    let undo_started = OrderUndoStarted { reason: CancelReason::PaymentDeclined, note: None };
    assert_eq!(decoded::<OrderEvent>("order.undo_started", 1), undo_started.into());
    let cancelled = OrderCancelled { reason: CancelReason::CustomerRequest };
    assert_eq!(decoded::<OrderEvent>("order.cancelled", 1), cancelled.into());
    let resumed = OrderResumed { attempt: 2, deadline: None };
    assert_eq!(decoded::<OrderEvent>("order.resumed", 1), resumed.into());
    let dispatched = ShipmentDispatched { tracking_code: None };
    assert_eq!(decoded::<ShipmentEvent>("shipment.dispatched", 1), dispatched.into());
}

/// Every reason that was ever stored is kept as it is.
#[test]
fn a_reason_of_schema_1_is_the_same_reason_today() {
    let reasons = [
        "stock_unavailable",
        "payment_declined",
        "shipment_refused",
        "customer_request",
        "expired",
        "capture_failed",
    ];
    for reason in reasons {
        let data = json!({ "reason": reason }).to_string().into_bytes();
        for event_type in ["order.undo_started", "order.cancelled"] {
            let (event_type, data) = (event_type.to_owned(), data.clone());
            let event = OrderEvent::decode(&EventData { event_type, schema: 1, data }).unwrap();
            let written: Value = serde_json::from_slice(&event.encode().unwrap().data).unwrap();
            assert_eq!(written, json!({ "reason": reason }));
        }
    }
}

/// The fields that a shape may lack: those that its schema does not require.
fn optional(event_type: &str, schema: u32) -> BTreeSet<String> {
    let file = format!("{}/schemas/{event_type}.{schema}.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let fields = schema["properties"].as_object().cloned().unwrap_or_default();
    fields
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| !required.contains(&json!(name)))
        .collect()
}

/// A schema number identifies a shape, so a missing or unknown field is an error.
#[test]
fn a_sample_with_an_extra_or_missing_field_does_not_decode() {
    fn check<E: DomainEvent>() {
        for &(event_type, schema) in E::SHAPES {
            let stored = fs::read(golden().join(format!("{event_type}.{schema}.json"))).unwrap();
            let Value::Object(fields) = serde_json::from_slice(&stored).unwrap() else {
                panic!("{event_type}")
            };
            let decode = |fields| {
                let data = Value::Object(fields).to_string().into_bytes();
                E::decode(&EventData { event_type: event_type.to_owned(), schema, data })
                    .map(|_| ())
            };
            let mut more = fields.clone();
            more.insert("another".to_owned(), Value::Null);
            assert!(decode(more).is_err(), "{event_type} with an unknown field");
            let optional = optional(event_type, schema);
            for name in fields.keys().filter(|name| !optional.contains(*name)) {
                let mut less = fields.clone();
                less.remove(name);
                assert!(decode(less).is_err(), "{event_type} without {name}");
            }
        }
    }
    for_each_category!(|E| check::<E>());
}
