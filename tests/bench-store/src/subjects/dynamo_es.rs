//! dynamo-es with cqrs-es, in each of its three modes.
//!
//! Where its user must take care, this does: the sink of a command is given a copy of the
//! aggregate, because what it has applied would be applied to the snapshot once more.

use std::collections::HashMap;
use std::convert::Infallible;

use anyhow::{Result, bail};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{EventStoreAggregateContext, PersistedEventStore};
use cqrs_es::{Aggregate, AggregateError, CqrsFramework, DomainEvent, EventStore as _};
use dynamo_es::DynamoEventRepository;

use super::{CommandOutcome, Family, Loaded, Subject};
use crate::engine::{Key, create_table};
use crate::ledger::{Recorded, Total};

/// Most writes that it takes in one transaction, a snapshot's among them.
const MAX_WRITES: usize = 25;

type Store = PersistedEventStore<DynamoEventRepository, Total>;

impl DomainEvent for Recorded {
    fn event_type(&self) -> String {
        "ledger.recorded".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Total {
    const TYPE: &'static str = "ledger";
    type Command = Recorded;
    type Event = Recorded;
    type Error = Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        entry: Recorded,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Infallible> {
        sink.write(entry, &mut self.clone()).await;
        Ok(())
    }

    fn apply(&mut self, entry: Recorded) {
        *self = self.with(&entry);
    }
}

/// dynamo-es.
pub(crate) struct DynamoEs {
    name: &'static str,
    store: Store,
    framework: CqrsFramework<Total, Store>,
    /// How many events there are from one snapshot to the next.
    every: Option<u32>,
}

impl DynamoEs {
    /// Reads all events of a stream.
    pub(crate) async fn events(client: &Client, name: &'static str) -> Result<Self> {
        Self::make(client, name, "events", None, PersistedEventStore::new_event_store).await
    }

    /// Reads the snapshot of every `every`-th event, and the events after it.
    pub(crate) async fn snapshots(client: &Client, name: &'static str, every: u32) -> Result<Self> {
        let store =
            |repository| PersistedEventStore::new_snapshot_store(repository, every as usize);
        Self::make(client, name, "snapshots", Some(every), store).await
    }

    /// Reads the state, which every commit writes.
    pub(crate) async fn aggregates(client: &Client, name: &'static str) -> Result<Self> {
        Self::make(client, name, "aggregates", Some(1), PersistedEventStore::new_aggregate_store)
            .await
    }

    async fn make(
        client: &Client,
        name: &'static str,
        mode: &str,
        every: Option<u32>,
        store: impl Fn(DynamoEventRepository) -> Store,
    ) -> Result<Self> {
        let (events, snapshots) =
            (format!("dynamo-es-{mode}"), format!("dynamo-es-{mode}-snapshots"));
        let hash = Key::Text("AggregateTypeAndId");
        create_table(client, &events, hash, Some(Key::Number("AggregateIdSequence")), None).await?;
        create_table(client, &snapshots, hash, None, None).await?;
        let repository =
            || DynamoEventRepository::new(client.clone()).with_tables(&events, &snapshots);
        let framework = CqrsFramework::new(store(repository()), vec![], ());
        Ok(Self { name, store: store(repository()), framework, every })
    }

    /// Commits these events after what `context` knows, and gives the context after them.
    async fn commit(&self, context: Known, events: &[Recorded]) -> Result<Known> {
        let Known { stream, total, sequence, snapshot } = context;
        let context = EventStoreAggregateContext {
            aggregate_id: stream.clone(),
            aggregate: total,
            current_sequence: sequence,
            current_snapshot: snapshot,
        };
        self.store.commit(events.to_vec(), context, HashMap::new()).await?;
        let is_kept = self.every.is_some_and(|every| {
            sequence / every as usize != (sequence + events.len()) / every as usize
        });
        Ok(Known {
            stream,
            total: events.iter().fold(total, Total::with),
            sequence: sequence + events.len(),
            snapshot: if is_kept { Some(snapshot.unwrap_or_default() + 1) } else { snapshot },
        })
    }
}

/// What a writer knows of a stream without reading it.
struct Known {
    stream: String,
    total: Total,
    sequence: usize,
    snapshot: Option<usize>,
}

impl Known {
    fn new(stream: &str) -> Self {
        Self { stream: stream.to_owned(), total: Total::default(), sequence: 0, snapshot: None }
    }
}

#[async_trait]
impl Subject for DynamoEs {
    fn name(&self) -> &'static str {
        self.name
    }

    fn family(&self) -> Family {
        Family::DynamoEs
    }

    fn every(&self) -> Option<u32> {
        self.every
    }

    async fn append(&self, stream: &str, events: &[Recorded]) -> Result<()> {
        self.commit(Known::new(stream), events).await?;
        Ok(())
    }

    /// An item per event either way, so many are committed at once; a snapshot must not fall inside
    /// a commit.
    async fn fill(&self, stream: &str, events: &[Recorded], _: usize) -> Result<()> {
        let concurrently = match self.every {
            Some(every) if every > 1 => every as usize,
            Some(_) | None => MAX_WRITES - 1,
        };
        let mut known = Known::new(stream);
        for chunk in events.chunks(concurrently) {
            known = self.commit(known, chunk).await?;
        }
        if known.sequence == events.len() { Ok(()) } else { bail!("{stream} was not filled") }
    }

    async fn command(&self, stream: &str, entry: &Recorded) -> Result<CommandOutcome> {
        match self.framework.execute(stream, entry.clone()).await {
            Ok(()) => Ok(CommandOutcome::Appended),
            Err(AggregateError::AggregateConflict) => Ok(CommandOutcome::Conflict),
            Err(error) => Err(error.into()),
        }
    }

    async fn load(&self, stream: &str) -> Result<Loaded> {
        Ok(Loaded::Total(self.store.load_aggregate(stream).await?.aggregate))
    }
}
