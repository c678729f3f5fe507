//! The subjects of the comparison, behind one trait. Each stores streams of events in tables of its
//! own.

mod bare;
mod dynamo_es;
mod event_store_adapter;
mod skald;
mod skald_items;

use anyhow::Result;
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;

use crate::ledger::{Recorded, Total};
use bare::{Bare, Items};

/// A store of streams.
#[async_trait]
pub(crate) trait Subject: Send + Sync {
    /// The library and its configuration.
    fn name(&self) -> &'static str;

    /// The library.
    fn family(&self) -> Family;

    /// The number of events between snapshots. `None` if there are no snapshots.
    fn every(&self) -> Option<u32>;

    /// Writes the first events of a new stream, as one commit if the library can. Reads nothing.
    async fn append(&self, stream: &str, events: &[Recorded]) -> Result<()>;

    /// Fills a stream as commands of `events_per_commit` events each would. This is not timed, and
    /// may take any short cut that results in the same stored data.
    async fn fill(&self, stream: &str, events: &[Recorded], events_per_commit: usize)
    -> Result<()>;

    /// Handles a command: loads the stream, decides on `entry` and appends it. After a conflict it
    /// may try again as often as the library does by itself.
    async fn command(&self, stream: &str, entry: &Recorded) -> Result<CommandOutcome>;

    /// Loads the stream: the state after all of its events.
    async fn load(&self, stream: &str) -> Result<Loaded>;
}

/// The library that a subject uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Calls of the SDK, without a library.
    Bare,
    /// Skald itself.
    Skald,
    /// dynamo-es with cqrs-es.
    DynamoEs,
    /// event-store-adapter-rs.
    Adapter,
}

/// The outcome of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandOutcome {
    /// The entry was appended.
    Appended,
    /// Another writer was faster.
    Conflict,
}

/// The result of a load.
pub(crate) enum Loaded {
    /// The state.
    Total(Total),
    /// The bare call's answer. It is decoded after the clock is stopped.
    Items(Items),
    /// The same, of Skald's items.
    Commits(Items),
}

impl Loaded {
    /// The state.
    pub(crate) fn total(&self) -> Result<Total> {
        match self {
            Self::Total(total) => Ok(*total),
            Self::Items(items) => bare::total(items),
            Self::Commits(items) => skald_items::total(items),
        }
    }
}

/// All subjects, grouped by the cases that they take part in.
pub(crate) struct Subjects {
    /// The floor: a handwritten item and one call of the SDK, without decoding.
    pub(crate) bare: Box<dyn Subject>,
    /// The same in a table with the index of Skald's table.
    pub(crate) bare_indexed: Box<dyn Subject>,
    /// The same with the items that Skald writes.
    pub(crate) bare_same: Box<dyn Subject>,
    /// The floor of loading with snapshots: a query that reads only the last item.
    pub(crate) bare_last: Box<dyn Subject>,
    /// A get of the last item, which is faster than a query.
    pub(crate) bare_get: Box<dyn Subject>,
    /// Without snapshots: Skald, then its peers.
    pub(crate) plain: Vec<Box<dyn Subject>>,
    /// With a snapshot for every ten events, in the same order.
    pub(crate) every_ten: Vec<Box<dyn Subject>>,
    /// With a snapshot for every commit, in the same order.
    pub(crate) every_one: Vec<Box<dyn Subject>>,
}

impl Subjects {
    /// Creates the tables of all subjects.
    pub(crate) async fn on(client: &Client) -> Result<Self> {
        let plain: Vec<Box<dyn Subject>> = vec![
            Box::new(skald::Skald::<0>::on(client, "Skald").await?),
            Box::new(dynamo_es::DynamoEs::events(client, "dynamo-es, events").await?),
            Box::new(
                event_store_adapter::Adapter::on(client, "event-store-adapter, events", None)
                    .await?,
            ),
        ];
        let every_ten: Vec<Box<dyn Subject>> = vec![
            Box::new(skald::Skald::<10>::on(client, "Skald, snapshot every 10").await?),
            Box::new(
                dynamo_es::DynamoEs::snapshots(client, "dynamo-es, snapshot every 10", 10).await?,
            ),
            Box::new(
                event_store_adapter::Adapter::on(
                    client,
                    "event-store-adapter, snapshot every 10",
                    Some(10),
                )
                .await?,
            ),
        ];
        let every_one: Vec<Box<dyn Subject>> = vec![
            Box::new(skald::Skald::<1>::on(client, "Skald, snapshot each commit").await?),
            Box::new(dynamo_es::DynamoEs::aggregates(client, "dynamo-es, aggregate").await?),
            Box::new(
                event_store_adapter::Adapter::on(
                    client,
                    "event-store-adapter, snapshot each event",
                    Some(1),
                )
                .await?,
            ),
        ];
        Ok(Self {
            bare: Box::new(Bare::on(client, "bare call").await?),
            bare_indexed: Box::new(Bare::indexed(client, "bare call, table with index").await?),
            bare_same: Box::new(
                skald_items::SkaldItems::on(client, "bare call, Skald's items").await?,
            ),
            bare_last: Box::new(Bare::last(client, "bare query, last item").await?),
            bare_get: Box::new(Bare::get(client, "bare get, last item").await?),
            plain,
            every_ten,
            every_one,
        })
    }
}
