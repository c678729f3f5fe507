//! Commits with events of the shapes that are really stored: the golden samples, damaged or not.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use serde_json::Value;
use skald::commit::{Actor, Commit, CommitId, Context, CorrelationId, EventId};
use skald::event::EventData;
use skald::snapshot::Snapshot;
use skald::stream::StreamId;
use skald::stream::{Tenant, Version};
use skald::time::Timestamp;
use uuid::Uuid;

use crate::Edit;

/// A golden sample of every shape that was ever stored.
static GOLDEN: LazyLock<Vec<EventData>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/golden");
    let files = fs::read_dir(folder).expect("the golden samples are there");
    let mut samples: Vec<EventData> = files
        .map(|file| {
            let file = file.expect("the folder can be read").path();
            let name = file.file_stem().and_then(|name| name.to_str()).expect("names are text");
            let (event_type, schema) = name.rsplit_once('.').expect("<type>.<schema>.json");
            let schema = schema.parse().expect("a schema is a number");
            let data: Value = serde_json::from_slice(&fs::read(&file).expect("it can be read"))
                .expect("it is JSON");
            // Stores contain compact JSON. The files are formatted for people.
            EventData {
                event_type: event_type.to_owned(),
                schema,
                data: data.to_string().into_bytes(),
            }
        })
        .collect();
    samples.sort_by(|one, other| {
        (&one.event_type, one.schema).cmp(&(&other.event_type, other.schema))
    });
    samples
});

/// A golden sample of every shape that was ever stored, in the order of their names.
pub fn golden() -> &'static [EventData] {
    &GOLDEN
}

/// A golden sample, with its data changed by some edits.
#[derive(Debug, Clone, Arbitrary)]
pub struct SampleEvent {
    which: u8,
    edits: Vec<Edit>,
}

impl SampleEvent {
    fn event(&self) -> EventData {
        let mut event = GOLDEN[usize::from(self.which) % GOLDEN.len()].clone();
        let edited = Edit::all(&self.edits, event.data);
        // Stores contain only JSON, so data that is no longer JSON becomes a JSON string.
        let text = || Value::from(String::from_utf8_lossy(&edited));
        event.data = serde_json::from_slice(&edited)
            .unwrap_or_else(|_: serde_json::Error| text())
            .to_string()
            .into_bytes();
        event
    }
}

/// A commit that begins at `first`, of these events or of one event if there are none.
#[must_use]
pub fn commit(first: Version, samples: &[SampleEvent], snapshot: bool) -> Commit {
    let mut events: Vec<EventData> = samples.iter().map(SampleEvent::event).collect();
    if events.is_empty() {
        events.push(GOLDEN[0].clone());
    }
    let stream = StreamId::new(&Tenant::default(), "order", "17").expect("a stream's name");
    Commit {
        id: CommitId::new(Uuid::NAMESPACE_OID),
        stream: stream.clone(),
        first,
        at: Timestamp::from_millis(1_795_248_930_250).expect("a time"),
        context: Context {
            source: "order-commands".to_owned(),
            correlation_id: CorrelationId::new("call-1").expect("a correlation id"),
            causation_id: Some(EventId::of(&stream, CommitId::new(Uuid::NAMESPACE_URL), 0)),
            actor: Actor::new("customer:c-1").expect("an actor"),
            metadata: BTreeMap::from([("attempt".to_owned(), "2".to_owned())]),
        },
        events,
        snapshot: snapshot.then(|| Snapshot { schema: 3, state: b"{}".to_vec() }),
    }
}
