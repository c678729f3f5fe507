//! What is compared: each a way to keep streams of events in tables of its own, behind one trait.

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

/// A way to keep streams.
#[async_trait]
pub(crate) trait Subject: Send + Sync {
    /// Which one, and how it is set up.
    fn name(&self) -> &'static str;

    /// Whose it is.
    fn family(&self) -> Family;

    /// How many events there are from one snapshot to the next, if it keeps any.
    fn every(&self) -> Option<u32>;

    /// Writes the first events of a new stream, as one commit if it can; reads nothing.
    async fn append(&self, stream: &str, events: &[Recorded]) -> Result<()>;

    /// Fills a stream as commands of `concurrently` events each would. This is not timed, so it
    /// may take short cuts if the stored data is the same.
    async fn fill(&self, stream: &str, events: &[Recorded], concurrently: usize) -> Result<()>;

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

/// All subjects, by what they are good for.
pub(crate) struct Subjects {
    /// The floor: a hand-written item and one call of the SDK, nothing decoded.
    pub(crate) bare: Box<dyn Subject>,
    /// The same in a table with the index that Skald's has.
    pub(crate) bare_indexed: Box<dyn Subject>,
    /// The same with the very items that Skald writes.
    pub(crate) bare_same: Box<dyn Subject>,
    /// The floor of loading with snapshots: a query that reads only the last item.
    pub(crate) bare_last: Box<dyn Subject>,
    /// What a get is faster than a query.
    pub(crate) bare_get: Box<dyn Subject>,
    /// Without snapshots: Skald, then its peers.
    pub(crate) plain: Vec<Box<dyn Subject>>,
    /// With a snapshot for every ten events, in the same order.
    pub(crate) every_ten: Vec<Box<dyn Subject>>,
    /// With a snapshot for every commit, in the same order.
    pub(crate) every_one: Vec<Box<dyn Subject>>,
}

impl Subjects {
    /// Makes the tables of all subjects.
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
