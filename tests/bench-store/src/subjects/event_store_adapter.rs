//! event-store-adapter-rs. It accepts one event per call. Its user decides, folds, and chooses when
//! to take a snapshot.

use anyhow::{Result, bail};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use chrono::DateTime;
use event_store_adapter_rs::{
    AggregateId, DynamoDbOptions, DynamoDbTables, EventEnvelope, EventStoreError,
    EventStoreForDynamoDB, SnapshotEnvelope,
};

use super::{CommandOutcome, Family, Loaded, Subject};
use crate::ledger::{Recorded, Total};
use bench_store::engine::{Index, Key, create_table};

/// A ledger's id.
#[derive(Debug, Clone)]
struct LedgerId(String);

impl AggregateId for LedgerId {
    fn type_name(&self) -> String {
        "ledger".to_owned()
    }

    fn value(&self) -> String {
        self.0.clone()
    }
}

/// event-store-adapter-rs.
pub(crate) struct Adapter {
    name: &'static str,
    store: EventStoreForDynamoDB<LedgerId, Total, Recorded>,
    /// The number of events between snapshots.
    every: Option<u32>,
}

impl Adapter {
    /// Creates the tables that the library's documentation describes.
    pub(crate) async fn on(
        client: &Client,
        name: &'static str,
        every: Option<u32>,
    ) -> Result<Self> {
        let table = |kind: &str| format!("adapter-{}-{kind}", every.unwrap_or_default());
        let history = "snapshot-history";
        let tables = DynamoDbTables {
            journal_table_name: table("journal"),
            snapshot_table_name: table("snapshot"),
            head_table_name: table("head"),
            snapshot_history_index_name: history.to_owned(),
        };
        let aid = Key::Text("aid");
        let index = Index {
            name: history,
            hash: aid,
            range: Key::Number("active_history_seq_nr"),
            includes: None,
        };
        create_table(client, &tables.journal_table_name, aid, Some(Key::Number("seq_nr")), None)
            .await?;
        create_table(
            client,
            &tables.snapshot_table_name,
            aid,
            Some(Key::Number("skey")),
            Some(index),
        )
        .await?;
        create_table(client, &tables.head_table_name, aid, None, None).await?;
        let store =
            EventStoreForDynamoDB::open(client.clone(), tables, DynamoDbOptions::default()).await?;
        Ok(Self { name, store, every })
    }

    /// Writes the event after `total`, with a snapshot if one is due.
    async fn persist(
        &self,
        stream: &str,
        total: Total,
        entry: &Recorded,
    ) -> Result<Total, EventStoreError> {
        let total = total.with(entry);
        let number = total.entries;
        let event = EventEnvelope::new(
            LedgerId(stream.to_owned()),
            number,
            DateTime::from_timestamp_nanos(0),
            entry.clone(),
        );
        let event = event.with_manifest("ledger.recorded");
        match self.every {
            Some(every) if number.is_multiple_of(u64::from(every)) => {
                self.store
                    .persist_event_and_snapshot(event, SnapshotEnvelope::new(total, number))
                    .await?;
            }
            Some(_) | None => self.store.persist_event(event).await?,
        }
        Ok(total)
    }

    async fn total(&self, stream: &str) -> Result<Total> {
        let id = LedgerId(stream.to_owned());
        let (mut total, mut from) = (Total::default(), 0);
        if self.every.is_some()
            && let Some(read) = self.store.get_latest_snapshot_by_id(&id).await?
        {
            let (snapshot, head) = read.into_parts();
            if let Some(snapshot) = snapshot {
                from = snapshot.seq_nr() + 1;
                total = snapshot.into_aggregate();
            }
            if from > head {
                return Ok(total);
            }
        }
        let events = self.store.get_events_by_id_since_seq_nr(&id, from).await?;
        Ok(events.iter().map(EventEnvelope::payload).fold(total, Total::with))
    }
}

#[async_trait]
impl Subject for Adapter {
    fn name(&self) -> &'static str {
        self.name
    }

    fn family(&self) -> Family {
        Family::Adapter
    }

    fn every(&self) -> Option<u32> {
        self.every
    }

    async fn append(&self, stream: &str, events: &[Recorded]) -> Result<()> {
        let mut total = Total::default();
        for event in events {
            total = self.persist(stream, total, event).await?;
        }
        Ok(())
    }

    async fn fill(&self, stream: &str, events: &[Recorded], _: usize) -> Result<()> {
        self.append(stream, events).await
    }

    async fn command(&self, stream: &str, entry: &Recorded) -> Result<CommandOutcome> {
        let total = self.total(stream).await?;
        match self.persist(stream, total, entry).await {
            Ok(after) if after.entries == total.entries + 1 => Ok(CommandOutcome::Appended),
            Ok(_) => bail!("nothing was appended to {stream}"),
            Err(EventStoreError::OptimisticLock { .. }) => Ok(CommandOutcome::Conflict),
            Err(error) => Err(error.into()),
        }
    }

    async fn load(&self, stream: &str) -> Result<Loaded> {
        Ok(Loaded::Total(self.total(stream).await?))
    }
}
