//! The floor: the cost of SDK calls that transfer only the events.
//!
//! An item has a key and the events' JSON. In tables of which only the last item is read, it also
//! has the state after the events. A command is a query and a conditional put, and nothing is
//! decoded. No event store can do less.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue as Value;

use super::{CommandOutcome, Family, Loaded, Subject};
use crate::ledger::{Recorded, Total};
use bench_store::engine::{Index, Key, create_table};

/// Items as the SDK returns them.
pub(crate) type Items = Vec<HashMap<String, Value>>;

/// Calls of the SDK.
pub(crate) struct Bare {
    client: Client,
    name: &'static str,
    table: &'static str,
    read: Read,
    is_indexed: bool,
    /// The last version of each filled stream, because a get needs the key.
    filled: Mutex<HashMap<String, usize>>,
}

/// The items that a load reads, and the operation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    All,
    LastByQuery,
    LastByGet,
}

impl Bare {
    /// A load reads all items of a stream.
    pub(crate) async fn on(client: &Client, name: &'static str) -> Result<Self> {
        Self::make(client, name, "bare", Read::All, None).await
    }

    /// A load reads all items of a stream, in a table with the index of Skald's table.
    pub(crate) async fn indexed(client: &Client, name: &'static str) -> Result<Self> {
        let (hash, range) = (Key::Number("slice"), Key::Text("at"));
        let index = Index { name: "commits", hash, range, includes: Some("types") };
        Self::make(client, name, "bare-indexed", Read::All, Some(index)).await
    }

    /// A load queries the last item of a stream.
    pub(crate) async fn last(client: &Client, name: &'static str) -> Result<Self> {
        Self::make(client, name, "bare-last", Read::LastByQuery, None).await
    }

    /// A load gets the last item of a stream, whose key it knows.
    pub(crate) async fn get(client: &Client, name: &'static str) -> Result<Self> {
        Self::make(client, name, "bare-get", Read::LastByGet, None).await
    }

    async fn make(
        client: &Client,
        name: &'static str,
        table: &'static str,
        read: Read,
        index: Option<Index>,
    ) -> Result<Self> {
        let is_indexed = index.is_some();
        create_table(client, table, Key::Text("pk"), Some(Key::Number("sk")), index).await?;
        Ok(Self { client: client.clone(), name, table, read, is_indexed, filled: Mutex::default() })
    }

    /// Puts these events at a free position of a stream, with the state after them if `total` is
    /// given.
    async fn put(
        &self,
        stream: &str,
        version: usize,
        events: &[Recorded],
        total: Option<Total>,
    ) -> Result<CommandOutcome> {
        let events = events.iter().map(|event| Ok(Value::B(Blob::new(serde_json::to_vec(event)?))));
        let mut put = self
            .client
            .put_item()
            .table_name(self.table)
            .item("pk", Value::S(stream.to_owned()))
            .item("sk", Value::N(version.to_string()))
            .item("events", Value::L(events.collect::<Result<_>>()?))
            .condition_expression("attribute_not_exists(pk)");
        if let Some(total) = total {
            put = put.item("total", Value::B(Blob::new(serde_json::to_vec(&total)?)));
        }
        if self.is_indexed {
            put = put
                .item("slice", Value::N("7".to_owned()))
                .item("at", Value::S("2026-11-21T08:15:30.250Z".into()))
                .item("types", Value::S("ledger.recorded".to_owned()));
        }
        match put.send().await {
            Ok(_) => Ok(CommandOutcome::Appended),
            Err(error) => match error
                .as_service_error()
                .map(PutItemError::is_conditional_check_failed_exception)
            {
                Some(true) => Ok(CommandOutcome::Conflict),
                Some(false) | None => Err(error.into()),
            },
        }
    }

    async fn query(&self, stream: &str) -> Result<Items> {
        if self.read == Read::All {
            return query_all(&self.client, self.table, stream).await;
        }
        let last = query(&self.client, self.table, stream).scan_index_forward(false).limit(1);
        Ok(last.send().await?.items.unwrap_or_default())
    }

    async fn get_last(&self, stream: &str) -> Result<Items> {
        let filled =
            self.filled.lock().unwrap_or_else(PoisonError::into_inner).get(stream).copied();
        let get = self.client.get_item().table_name(self.table).consistent_read(true);
        let get = get.key("pk", Value::S(stream.to_owned()));
        let answer =
            get.key("sk", Value::N(filled.context("no such stream")?.to_string())).send().await?;
        Ok(answer.item.into_iter().collect())
    }
}

#[async_trait]
impl Subject for Bare {
    fn name(&self) -> &'static str {
        self.name
    }

    fn family(&self) -> Family {
        Family::Bare
    }

    fn every(&self) -> Option<u32> {
        None
    }

    async fn append(&self, stream: &str, events: &[Recorded]) -> Result<()> {
        match self.put(stream, 1, events, None).await? {
            CommandOutcome::Appended => Ok(()),
            CommandOutcome::Conflict => bail!("{stream} already exists"),
        }
    }

    async fn fill(
        &self,
        stream: &str,
        events: &[Recorded],
        events_per_commit: usize,
    ) -> Result<()> {
        let (mut total, mut version) = (Total::default(), 0);
        for chunk in events.chunks(events_per_commit) {
            version += 1;
            total = chunk.iter().fold(total, Total::with);
            let stored_total = (self.read != Read::All).then_some(total);
            self.put(stream, version, chunk, stored_total).await?;
        }
        self.filled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(stream.to_owned(), version);
        Ok(())
    }

    async fn command(&self, stream: &str, entry: &Recorded) -> Result<CommandOutcome> {
        let version = self.query(stream).await?.len() + 1;
        self.put(stream, version, std::slice::from_ref(entry), None).await
    }

    async fn load(&self, stream: &str) -> Result<Loaded> {
        let items = if self.read == Read::LastByGet {
            self.get_last(stream).await?
        } else {
            self.query(stream).await?
        };
        Ok(Loaded::Items(items))
    }
}

/// All items at `pk`, page by page.
pub(super) async fn query_all(client: &Client, table: &str, pk: &str) -> Result<Items> {
    let mut items = Vec::new();
    let mut from = None;
    loop {
        let answer = query(client, table, pk).set_exclusive_start_key(from).send().await?;
        items.extend(answer.items.unwrap_or_default());
        from = answer.last_evaluated_key;
        if from.is_none() {
            return Ok(items);
        }
    }
}

fn query(client: &Client, table: &str, pk: &str) -> QueryFluentBuilder {
    let query = client.query().table_name(table).consistent_read(true);
    query
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", Value::S(pk.to_owned()))
}

/// The state after the events of these items.
pub(super) fn total(items: &Items) -> Result<Total> {
    let mut total = Total::default();
    for item in items {
        if let Some(Value::B(total)) = item.get("total") {
            return Ok(serde_json::from_slice(total.as_ref())?);
        }
        let Some(Value::L(events)) = item.get("events") else { bail!("an item has no events") };
        for event in events {
            let Value::B(json) = event else { bail!("an event is not stored as bytes") };
            total = total.with(&serde_json::from_slice(json.as_ref())?);
        }
    }
    Ok(total)
}
