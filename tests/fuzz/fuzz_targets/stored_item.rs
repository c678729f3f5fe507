//! An item of the events table is read whatever is in it, and so are its events.

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
use skald_fuzz::{Attribute, SampleEvent, Spoiling, commit, item, spoil};

#[derive(Debug, Arbitrary)]
enum Input {
    /// What might stand in a table that is not ours.
    Anything(Vec<(String, Attribute)>),
    /// What we store.
    Sound { events: Vec<SampleEvent>, packed: bool, snapshot: bool },
    /// What we store, after somebody was at it.
    Spoilt {
        first: u64,
        events: Vec<SampleEvent>,
        packed: bool,
        snapshot: bool,
        spoilings: Vec<Spoiling>,
    },
}

fuzz_target!(|input: Input| {
    match input {
        Input::Anything(fields) => {
            let fields: HashMap<String, AttributeValue> =
                fields.into_iter().map(|(name, field)| (name, field.into())).collect();
            look_at(read_stream_item(&Item::from(fields)));
        }
        Input::Sound { events, packed, snapshot } => {
            let mut written = commit(Version::new(4), &events, snapshot);
            let read = read_stream_item(&spoil(item(&written, packed), Vec::new()));
            written.context.causation_id = None;
            assert_eq!(read, StreamItem::Commit(written), "it is read as it was written");
            look_at(read);
        }
        Input::Spoilt { first, events, packed, snapshot, spoilings } => {
            look_at(read_stream_item(&spoil(
                item(&commit(Version::new(first), &events, snapshot), packed),
                spoilings,
            )));
        }
    }
});

fn look_at(item: StreamItem) {
    match item {
        StreamItem::Commit(commit) => {
            whole(&commit);
            commit.events.iter().for_each(decode);
        }
        StreamItem::Unread { fault, .. } => assert!(!fault.to_string().is_empty()),
        StreamItem::Foreign { fault } => assert!(!fault.is_empty()),
    }
}

/// Asserts the properties that every reader of a commit relies on.
fn whole(commit: &Commit) {
    assert!(!commit.events.is_empty(), "a commit has events");
    assert!(commit.first.get() >= 1, "versions begin at 1");
    let count = commit.last().get() - commit.first.get() + 1;
    assert_eq!(count, commit.events.len() as u64, "every event has a version of its own");
}

fn decode(event: &EventData) {
    events::for_each_category!(|E| again::<E>(event));
}

/// What can be read can be written, and is read as the same.
fn again<E: DomainEvent + PartialEq + Debug>(stored: &EventData) {
    if let Ok(event) = E::decode(stored) {
        let written = event.encode().expect("it was read from JSON");
        assert_eq!(E::decode(&written).expect("it was just written"), event);
    }
}
