//! For any record of the events table's stream, the topic accepts exactly one entry.

#![no_main]

use std::collections::BTreeSet;
use std::sync::Mutex;

use event_relay::{Batch, Entry, Outcome, PublishError, Relay, Topic};
use futures_util::FutureExt;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use skald::stream::Version;
use skald_fuzz::{Attribute, Damage, Edit, SampleEvent, commit, damage, item};

/// The largest request that SNS accepts, in bytes: messages with their attributes.
const MAX_REQUEST_BYTES: usize = 256 * 1024;

#[derive(Debug, Arbitrary)]
struct Input {
    records: Vec<Record>,
    rejects: Rejects,
    /// The attempts that fail, by their number among all entries that are sent.
    failing: Vec<u8>,
}

/// The entries that the topic rejects, beyond those that SNS rejects.
#[derive(Debug, Arbitrary)]
enum Rejects {
    Nothing,
    /// Entries with optional attributes.
    Attributes,
    /// Entries whose body is not ASCII or is longer than this.
    Bodies(u16),
    /// Every commit and hint, either each entry or the whole request.
    Everything {
        wholly: bool,
    },
}

#[derive(Debug, Arbitrary)]
enum Record {
    /// Any JSON.
    Anything(String),
    /// A change of an item.
    Change {
        event_id: Option<String>,
        event_name: Option<String>,
        keys: Option<Vec<(String, Attribute)>>,
        image: Image,
        edits: Vec<Edit>,
    },
}

#[derive(Debug, Arbitrary)]
enum Image {
    Missing,
    Anything(Vec<(String, Attribute)>),
    Item {
        first: u64,
        events: Vec<SampleEvent>,
        packed: bool,
        repeated: u16,
        damaged_parts: Vec<Damage>,
    },
}

/// SNS, with the rules of its documentation.
struct Sns {
    rejects: Rejects,
    failing: Vec<u8>,
    sent: Mutex<usize>,
    accepted: Mutex<Vec<Entry>>,
}

impl Topic for &Sns {
    async fn publish(&self, entries: &[Entry]) -> Result<Vec<Outcome>, PublishError> {
        assert!((1..=10).contains(&entries.len()), "{} entries", entries.len());
        let size_bytes: usize = entries.iter().map(size_bytes).sum();
        assert!(size_bytes <= MAX_REQUEST_BYTES, "a request of {size_bytes} bytes");
        let groups: BTreeSet<_> = entries.iter().map(|entry| &entry.group).collect();
        assert_eq!(groups.len(), entries.len(), "two commits of a stream in one request");
        entries.iter().for_each(assert_valid);
        if matches!(self.rejects, Rejects::Everything { wholly: true })
            && entries.iter().any(|entry| self.rejects(entry))
        {
            return Err(PublishError::Rejected("too long".to_owned()));
        }
        Ok(entries.iter().map(|entry| self.outcome(entry)).collect())
    }
}

impl Sns {
    fn outcome(&self, entry: &Entry) -> Outcome {
        let mut sent = self.sent.lock().expect("no other thread");
        *sent += 1;
        if self.rejects(entry) {
            return Outcome::Rejected("not this".to_owned());
        }
        if self.failing.iter().any(|place| usize::from(*place) == *sent) {
            return Outcome::Failed("not now".to_owned());
        }
        self.accepted.lock().expect("no other thread").push(entry.clone());
        Outcome::Accepted
    }

    /// Never true for the simplest form of an entry, which has nothing to reject.
    fn rejects(&self, entry: &Entry) -> bool {
        let rejected = match self.rejects {
            Rejects::Nothing => false,
            Rejects::Attributes => entry.attributes().len() > 1,
            Rejects::Bodies(longest) => {
                !entry.body.is_ascii() || entry.body.len() > usize::from(longest)
            }
            Rejects::Everything { .. } => true,
        };
        rejected && entry.instead.is_some()
    }
}

fuzz_target!(|input: Input| {
    let Input { records, rejects, failing } = input;
    let records: Vec<Box<RawValue>> = records.into_iter().filter_map(record).collect();
    let entries: Vec<Entry> = records.iter().map(|record| Entry::of_record(record)).collect();
    let topic = Sns { rejects, failing, sent: Mutex::new(0), accepted: Mutex::new(Vec::new()) };
    let forwarded = Relay::new(&topic)
        .forward(&Batch { records })
        .now_or_never()
        .expect("the topic never waits");
    let accepted = topic.accepted.into_inner().expect("no other thread");
    let is_form_of = |entry: &Entry, accepted: &Entry| forms(entry).any(|form| form == *accepted);
    match forwarded {
        Ok(()) => assert_eq!(accepted.len(), entries.len(), "one entry for each record"),
        Err(_) => {
            assert!(!topic.failing.is_empty(), "a rejected entry failed the batch");
            assert!(accepted.len() < entries.len());
        }
    }
    let mut left: Vec<&Entry> = entries.iter().collect();
    for accepted in &accepted {
        let place = left
            .iter()
            .position(|entry| is_form_of(entry, accepted))
            .expect("each accepted entry is a form of a record's entry");
        left.remove(place);
    }
});

/// The entry and its simpler forms.
fn forms(entry: &Entry) -> impl Iterator<Item = Entry> {
    std::iter::successors(Some(entry.clone()), |entry| entry.instead.as_deref().cloned())
}

/// The size as SNS counts it: the message, and name, type and value of each attribute.
fn size_bytes(entry: &Entry) -> usize {
    let attributes = entry.attributes();
    entry.body.len()
        + attributes
            .iter()
            .map(|(name, kind, value)| name.len() + kind.len() + value.len())
            .sum::<usize>()
}

/// Asserts the rules of the documentation of SNS and SQS.
fn assert_valid(entry: &Entry) {
    for id in [&entry.group, &entry.deduplication_id] {
        assert!(
            (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()),
            "{id:?}"
        );
    }
    let accepted = |char| matches!(char, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    assert!(!entry.body.is_empty() && entry.body.chars().all(accepted), "{:?}", entry.body);
    assert!(
        serde_json::from_str::<Value>(&entry.body).is_ok_and(|body| body.is_object()),
        "{:?}",
        entry.body
    );
    let attributes = entry.attributes();
    assert!((1..=10).contains(&attributes.len()));
    for (name, kind, value) in &attributes {
        assert!(!value.is_empty() && value.chars().all(accepted), "{name}: {value:?}");
        if *kind == "String.Array" {
            assert!(
                serde_json::from_str::<Vec<String>>(value).is_ok_and(|values| !values.is_empty()),
                "{name}: {value:?}"
            );
        }
    }
    assert!(entry.category.bytes().all(|byte| byte.is_ascii_lowercase()), "{:?}", entry.category);
    assert!(
        forms(entry)
            .last()
            .is_some_and(|simplest| simplest.body.is_ascii() && simplest.types.is_empty())
    );
}

fn record(record: Record) -> Option<Box<RawValue>> {
    let text = match record {
        Record::Anything(text) => text,
        Record::Change { event_id, event_name, keys, image, edits } => {
            let image = image_of(image);
            let keys = match keys {
                Some(keys) => attributes(keys),
                None => json!({ "pk": image["pk"], "sk": image["sk"] }),
            };
            let change = json!({
                "eventID": event_id
                    .unwrap_or_else(|| "c4ca4238a0b923820dcc509a6f75849b".to_owned()),
                "eventName": event_name.unwrap_or_else(|| "INSERT".to_owned()),
                "dynamodb": { "Keys": keys, "NewImage": image, "SequenceNumber": "1" },
            });
            String::from_utf8_lossy(&Edit::all(&edits, change.to_string().into_bytes()))
                .into_owned()
        }
    };
    RawValue::from_string(text).ok()
}

fn image_of(image: Image) -> Value {
    match image {
        Image::Missing => Value::Null,
        Image::Anything(fields) => attributes(fields),
        Image::Item { first, events, packed, repeated, damaged_parts } => {
            let mut commit = commit(Version::new(first), &events, false);
            // Up to 65,536 times as long, so that it exceeds every limit.
            commit.events[0].event_type =
                commit.events[0].event_type.repeat(usize::from(repeated) + 1);
            serde_json::to_value(damage(item(&commit, packed), damaged_parts))
                .expect("an item is JSON")
        }
    }
}

fn attributes(fields: Vec<(String, Attribute)>) -> Value {
    let fields =
        fields.into_iter().map(|(name, field)| (name, serde_dynamo::AttributeValue::from(field)));
    let fields: std::collections::HashMap<_, _> = fields.collect();
    serde_json::to_value(serde_dynamo::Item::from(fields)).expect("an item is JSON")
}
