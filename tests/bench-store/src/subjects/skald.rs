//! Skald through its public API: `Handler`, `states` and the event store on `DynamoDB`.

use std::convert::Infallible;
use std::future;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::{Result, bail};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use skald::commit::{Actor, CommitId, CorrelationId};
use skald::decider::Decider;
use skald::event::{DomainEvent as _, EncodeError, EventData};
use skald::handle::{HandleError, Handler, One, Outcome, Pause, Request, states};
use skald::snapshot::{Snapshot, Snapshots};
use skald::store::{EventStore as _, Head as _};
use skald::stream::{StreamId, Tenant};
use skald::time::Timestamp;
use skald_dynamodb::DynamoDbEventStore;
use uuid::Uuid;

use super::{CommandOutcome, Family, Loaded, Subject};
use crate::ledger::{Recorded, Total};
use bench_store::engine::{Index, Key, create_table};

skald::domain_event! {
    /// The events of a ledger.
    pub(crate) enum LedgerEvent {
        /// An entry was recorded.
        Recorded(Recorded) = "ledger.recorded" @ 1,
    }
}

/// A ledger with a snapshot in every `EVERY`-th commit, or without snapshots if `EVERY` is 0.
pub(super) struct Ledger<const EVERY: u32>;

impl<const EVERY: u32> Decider for Ledger<EVERY> {
    const CATEGORY: &'static str = "ledger";
    type State = Total;
    type Command = Recorded;
    type Event = LedgerEvent;
    type Rejection = Infallible;
    const SNAPSHOTS: Option<Snapshots<Total>> =
        if EVERY == 0 { None } else { Some(Snapshots::new(EVERY, 1)) };

    fn decide(_: &Total, entry: &Recorded) -> Result<Vec<LedgerEvent>, Infallible> {
        Ok(vec![entry.clone().into()])
    }

    fn evolve(total: Total, LedgerEvent::Recorded(entry): &LedgerEvent) -> Total {
        total.with(entry)
    }
}

/// Retries immediately, so that the race has as many conflicts as possible.
struct NoPause;

impl Pause for NoPause {
    fn now(&self, earlier: Timestamp) -> Timestamp {
        earlier
    }

    fn pause(&self, _: u32) -> impl Future<Output = ()> + Send {
        future::ready(())
    }
}

/// Skald.
pub(crate) struct Skald<const EVERY: u32> {
    name: &'static str,
    store: DynamoDbEventStore,
    commits: AtomicU64,
}

impl<const EVERY: u32> Skald<EVERY> {
    /// Creates an events table as in the deployment's template.
    pub(crate) async fn on(client: &Client, name: &'static str) -> Result<Self> {
        Self::in_table(client, name, &format!("skald-{EVERY}")).await
    }

    /// Creates an events table with this name.
    pub(super) async fn in_table(client: &Client, name: &'static str, table: &str) -> Result<Self> {
        let (hash, range) = (Key::Number("slice"), Key::Text("at"));
        let index = Index { name: "commits", hash, range, includes: Some("types") };
        create_table(client, table, Key::Text("pk"), Some(Key::Number("sk")), Some(index)).await?;
        Ok(Self {
            name,
            store: DynamoDbEventStore::new(client.clone(), table),
            commits: AtomicU64::new(0),
        })
    }

    /// The next command, with an id of its own.
    fn request(&self) -> Result<Request> {
        let number = self.commits.fetch_add(1, Relaxed);
        let id = CommitId::new(Uuid::from_u128(u128::from(number)));
        Ok(Request::new(id, Timestamp::EPOCH, "bench", Actor::new("bench")?)
            .correlated_by(CorrelationId::new("bench")?))
    }

    /// The snapshot of the `commits`-th commit, if one is due.
    fn snapshot(commits: usize, total: &Total) -> Option<Snapshot> {
        let kept = Ledger::<EVERY>::SNAPSHOTS?;
        if commits.is_multiple_of(kept.kind().every as usize) {
            kept.take(total).ok()
        } else {
            None
        }
    }
}

fn encoded(events: &[Recorded]) -> Result<Vec<EventData>, EncodeError> {
    events.iter().map(|event| LedgerEvent::from(event.clone()).encode()).collect()
}

pub(super) fn stream_id(stream: &str) -> Result<StreamId> {
    Ok(StreamId::new(&Tenant::default(), Ledger::<0>::CATEGORY, stream)?)
}

#[async_trait]
impl<const EVERY: u32> Subject for Skald<EVERY> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn family(&self) -> Family {
        Family::Skald
    }

    fn every(&self) -> Option<u32> {
        Ledger::<EVERY>::SNAPSHOTS.map(|kept| kept.kind().every)
    }

    async fn append(&self, stream: &str, events: &[Recorded]) -> Result<()> {
        let snapshot = Self::snapshot(1, &Total::of(events));
        let head = self.store.start(stream_id(stream)?);
        self.store.append(&head, self.request()?.draft(encoded(events)?, snapshot)).await?;
        Ok(())
    }

    async fn fill(
        &self,
        stream: &str,
        events: &[Recorded],
        events_per_commit: usize,
    ) -> Result<()> {
        let mut head = self.store.start(stream_id(stream)?);
        let mut total = Total::default();
        for (index, chunk) in events.chunks(events_per_commit).enumerate() {
            total = chunk.iter().fold(total, Total::with);
            let encoded = encoded(chunk)?;
            let draft = self.request()?.draft(encoded, Self::snapshot(index + 1, &total));
            head = self.store.append(&head, draft).await?.head;
        }
        if head.version().get() != events.len() as u64 {
            bail!("{stream} was not filled")
        } else {
            Ok(())
        }
    }

    async fn command(&self, stream: &str, entry: &Recorded) -> Result<CommandOutcome> {
        let handled = Handler::new(&self.store, NoPause)
            .handle::<Ledger<EVERY>>(&stream_id(stream)?, entry, &self.request()?)
            .await;
        match handled {
            Ok(handled) if matches!(handled.outcome, Outcome::Appended(_)) => {
                Ok(CommandOutcome::Appended)
            }
            Ok(_) => bail!("nothing was appended to {stream}"),
            Err(HandleError::Busy { .. }) => Ok(CommandOutcome::Conflict),
            Err(error) => Err(error.into()),
        }
    }

    async fn load(&self, stream: &str) -> Result<Loaded> {
        let folded = states(&self.store, &One::<Ledger<EVERY>>::new(stream_id(stream)?)).await?;
        Ok(Loaded::Total(folded.state))
    }
}
