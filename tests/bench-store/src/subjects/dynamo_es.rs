//! dynamo-es with cqrs-es, in each of its three modes.
//!
//! A command's sink gets a copy of the aggregate. It applies the event to what it gets, and the
//! framework applies the event to the snapshot's state again.

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
use crate::ledger::{Recorded, Total};
use bench_store::engine::{Key, create_table};

/// The maximal number of writes in one transaction, including a snapshot's.
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
    /// The number of events between snapshots.
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

    /// Reads the state, which is written with every commit.
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

    /// Commits these events, and returns the writer's state after them.
    async fn commit(&self, writer: WriterState, events: &[Recorded]) -> Result<WriterState> {
        let WriterState { stream, total, sequence, snapshot } = writer;
        let context = EventStoreAggregateContext {
            aggregate_id: stream.clone(),
            aggregate: total,
            current_sequence: sequence,
            current_snapshot: snapshot,
        };
        self.store.commit(events.to_vec(), context, HashMap::new()).await?;
        let has_snapshot = self.every.is_some_and(|every| {
            sequence / every as usize != (sequence + events.len()) / every as usize
        });
        Ok(WriterState {
            stream,
            total: events.iter().fold(total, Total::with),
            sequence: sequence + events.len(),
            snapshot: if has_snapshot { Some(snapshot.unwrap_or_default() + 1) } else { snapshot },
        })
    }
}

/// The end of a stream that a writer remembers, so that it need not read the stream.
struct WriterState {
    stream: String,
    total: Total,
    sequence: usize,
    snapshot: Option<usize>,
}

impl WriterState {
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
        self.commit(WriterState::new(stream), events).await?;
        Ok(())
    }

    /// Each event has an item of its own in any case, so many events are committed in one call. A
    /// snapshot must be at the end of a commit.
    async fn fill(&self, stream: &str, events: &[Recorded], _: usize) -> Result<()> {
        let events_per_call = match self.every {
            Some(every) if every > 1 => every as usize,
            Some(_) | None => MAX_WRITES - 1,
        };
        let mut state = WriterState::new(stream);
        for chunk in events.chunks(events_per_call) {
            state = self.commit(state, chunk).await?;
        }
        if state.sequence == events.len() { Ok(()) } else { bail!("{stream} was not filled") }
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
