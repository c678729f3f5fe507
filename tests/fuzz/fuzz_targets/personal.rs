//! Opening any stored JSON shows only values that were sealed for that person.

#![no_main]

use std::sync::LazyLock;

use futures_util::FutureExt;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value, json};
use skald::commit::Commit;
use skald::memory::{InMemoryEventStore, InMemoryPersonKeys, InMemoryViewStore};
use skald::personal::{
    Opening, PERSON_MEMBER, Person, PersonId, PersonKeys, Personal, Sealing, has_plain, open,
    reveal,
};
use skald::snapshot::Snapshot;
use skald::store::EventStore;
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;
use skald::view::{ViewRow, ViewStore};
use skald_fuzz::{Edit, commit};

/// A value that is stored only sealed.
const SECRET: &str = "Jane Doe, 12 Harbour Street";
/// The first person owns the secret. The fourth has no key, and the fifth was erased.
const PERSONS: [&str; 5] = ["c-1", "c-2", "c-3", "keyless", "erased"];

#[derive(Debug, Arbitrary)]
enum Json {
    Null,
    Number(i64),
    Text(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
    /// A personal value in some form, with any content.
    Marked {
        mark: u8,
        person: u8,
        content: Box<Self>,
    },
    /// The sealed secret after these edits, as a value of one of the persons.
    Seal {
        person: u8,
        edits: Vec<Edit>,
    },
}

#[derive(Debug, Arbitrary)]
struct Input {
    data: Json,
    /// Edits of the JSON text.
    edits: Vec<Edit>,
}

/// The secret, sealed for the first person.
static SEAL: LazyLock<String> = LazyLock::new(|| {
    let rows = InMemoryViewStore::default();
    let plain = json!(Personal::of(person(0), SECRET)).to_string();
    let sealing = Sealing::new(rows.clone(), keys());
    let put = now(sealing.put(&stream(), Version::START, &row(plain)));
    put.expect("a store in memory stores");
    let stored =
        now(rows.get(&stream())).expect("a store in memory answers").and_then(|row| row.body);
    let stored: Value = serde_json::from_str(&stored.expect("it was stored")).expect("it is JSON");
    stored["sealed"].as_str().expect("it was sealed").to_owned()
});

fuzz_target!(|input: Input| {
    let mut is_intact = false;
    let json = json(input.data, &mut is_intact).to_string();
    let edited = Edit::all(&input.edits, json.into_bytes());
    let text = String::from_utf8_lossy(&edited).into_owned();
    // The edits may have restored the seal. An input that contains the secret proves nothing.
    is_intact |= text.contains(SEAL.as_str());
    if text.contains(SECRET) {
        return;
    }
    let shown = [from_events(&text), from_rows(&text), from_value(&text)];
    for shown in shown.into_iter().flatten() {
        assert!(is_intact || !shown.contains(SECRET), "a damaged seal was opened: {shown}");
    }
    std::hint::black_box(has_plain(text.as_bytes()));
    if let Ok(shown) = reveal(text.as_bytes()) {
        assert!(!shown.to_string().contains(SECRET));
    }
});

/// The opened data of a commit with this data and snapshot.
fn from_events(text: &str) -> Option<String> {
    let mut planted = commit(Version::new(1), &[], true);
    planted.stream = stream();
    planted.events[0].data = text.as_bytes().to_vec();
    planted.snapshot = Some(Snapshot { schema: 1, state: text.as_bytes().to_vec() });
    let store = InMemoryEventStore::default();
    store.plant(planted);
    let read = now(Opening::new(store, keys()).read(&stream(), Version::START)).ok()?;
    let [Commit { events, snapshot, .. }] = read.as_slice() else {
        panic!("one commit was planted")
    };
    let state = snapshot.as_ref().map(|snapshot| &snapshot.state);
    assert_eq!(state, Some(&events[0].data), "a snapshot is opened as an event is");
    Some(String::from_utf8_lossy(&events[0].data).into_owned())
}

/// The opened body of a row with this body.
fn from_rows(text: &str) -> Option<String> {
    let rows = InMemoryViewStore::default();
    // A store rejects bodies that not every reader could read.
    now(rows.put(&stream(), Version::START, &row(text.to_owned()))).ok()?;
    now(Opening::new(rows, keys()).get(&stream())).ok()?.and_then(|row| row.body)
}

/// The text opened as a single value.
fn from_value(text: &str) -> Option<String> {
    let value: Personal<Value> = serde_json::from_str(text).ok()?;
    let opened = now(open(&keys(), stream().tenant(), value)).ok()?;
    opened.reveal().ok().map(Value::to_string)
}

fn json(data: Json, is_intact: &mut bool) -> Value {
    match data {
        Json::Null => Value::Null,
        Json::Number(number) => number.into(),
        Json::Text(text) => text.into(),
        Json::List(items) => items.into_iter().map(|item| json(item, is_intact)).collect(),
        Json::Map(fields) => {
            let fields = fields.into_iter().map(|(name, field)| (name, json(field, is_intact)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Json::Marked { mark, person: of, content } => {
            let mark = ["plain", "sealed", "erased"][usize::from(mark) % 3];
            json!({ PERSON_MEMBER: person(of), mark: json(*content, is_intact) })
        }
        Json::Seal { person: of, edits } => {
            let sealed = Edit::all(&edits, SEAL.clone().into_bytes());
            let sealed = String::from_utf8_lossy(&sealed).into_owned();
            *is_intact |= sealed == *SEAL && person(of) == person(0);
            json!({ PERSON_MEMBER: person(of), "sealed": sealed })
        }
    }
}

fn person(which: u8) -> PersonId {
    PersonId::new(PERSONS[usize::from(which) % PERSONS.len()]).expect("an identifier")
}

fn keys() -> InMemoryPersonKeys {
    let keys = InMemoryPersonKeys::default();
    for which in [0, 1, 2, 4] {
        let person = Person { tenant: stream().tenant().clone(), id: person(which) };
        now(keys.to_seal(&person)).expect("keys in memory are available");
        if which == 4 {
            now(keys.erase(&person, Timestamp::EPOCH)).expect("keys in memory can be erased");
        }
    }
    keys
}

fn stream() -> StreamId {
    "default/order-17".parse().expect("a stream's key")
}

fn row(body: String) -> ViewRow {
    ViewRow {
        version: Version::new(1),
        at: Timestamp::EPOCH,
        body: Some(body),
        listing: None,
        worklist: None,
        parked: None,
    }
}

/// The result of a call of a store in memory, which never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("stores in memory never wait")
}
