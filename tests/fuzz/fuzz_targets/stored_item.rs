//! Any item of the events table is read without a panic, and so are its events.

#![no_main]

use std::collections::HashMap;
use std::fmt::Debug;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use serde_dynamo::{AttributeValue, Item};
use skald::commit::Commit;
use skald::event::{DomainEvent, EventData};
use skald::stream::Version;
use skald_dynamodb::{StreamItem, read_stream_item};
use skald_fuzz::{Attribute, Damage, SampleEvent, commit, damage, item};

#[derive(Debug, Arbitrary)]
enum Input {
    /// Any item.
    Anything(Vec<(String, Attribute)>),
    /// An item of the store.
    Valid { events: Vec<SampleEvent>, packed: bool, snapshot: bool },
    /// A damaged item of the store.
    Damaged {
        first: u64,
        events: Vec<SampleEvent>,
        packed: bool,
        snapshot: bool,
        damaged_parts: Vec<Damage>,
    },
}

fuzz_target!(|input: Input| {
    match input {
        Input::Anything(fields) => {
            let fields: HashMap<String, AttributeValue> =
                fields.into_iter().map(|(name, field)| (name, field.into())).collect();
            check_item(read_stream_item(&Item::from(fields)));
        }
        Input::Valid { events, packed, snapshot } => {
            let mut written = commit(Version::new(4), &events, snapshot);
            let read = read_stream_item(&damage(item(&written, packed), Vec::new()));
            written.context.causation_id = None;
            assert_eq!(read, StreamItem::Commit(written), "an item is read as it was written");
            check_item(read);
        }
        Input::Damaged { first, events, packed, snapshot, damaged_parts } => {
            check_item(read_stream_item(&damage(
                item(&commit(Version::new(first), &events, snapshot), packed),
                damaged_parts,
            )));
        }
    }
});

fn check_item(item: StreamItem) {
    match item {
        StreamItem::Commit(commit) => {
            check_commit(&commit);
            commit.events.iter().for_each(decode);
        }
        StreamItem::Unread { fault, .. } => assert!(!fault.to_string().is_empty()),
        StreamItem::Foreign { fault } => assert!(!fault.is_empty()),
    }
}

/// Asserts the properties that every reader of a commit relies on.
fn check_commit(commit: &Commit) {
    assert!(!commit.events.is_empty(), "a commit has events");
    assert!(commit.first.get() >= 1, "versions begin at 1");
    let count = commit.last().get() - commit.first.get() + 1;
    assert_eq!(count, commit.events.len() as u64, "every event has a version of its own");
}

fn decode(event: &EventData) {
    events::for_each_category!(|E| assert_round_trip::<E>(event));
}

/// Asserts that an event that can be decoded survives a round trip.
fn assert_round_trip<E: DomainEvent + PartialEq + Debug>(stored: &EventData) {
    if let Ok(event) = E::decode(stored) {
        let written = event.encode().expect("a decoded event can be encoded");
        assert_eq!(E::decode(&written).expect("an encoded event can be decoded"), event);
    }
}
