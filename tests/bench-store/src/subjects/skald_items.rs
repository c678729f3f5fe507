//! Calls of the SDK with the items that Skald writes. The difference to Skald is the cost of its
//! own code.

use std::collections::HashMap;

use anyhow::{Result, bail};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue as Value;
use serde_dynamo::Item;
use skald::decider::fold;
use skald_dynamodb::{StreamItem, read_stream_item};

use super::bare::{Items, query_all};
use super::skald::{Ledger, Skald, stream_id};
use super::{CommandOutcome, Family, Loaded, Subject};
use crate::ledger::{Recorded, Total};

const TABLE: &str = "skald-items";

/// Skald fills the streams; appending and loading are calls of the SDK.
pub(crate) struct SkaldItems {
    client: Client,
    name: &'static str,
    skald: Skald<0>,
}

impl SkaldItems {
    /// Creates a table like Skald's.
    pub(crate) async fn on(client: &Client, name: &'static str) -> Result<Self> {
        Ok(Self {
            client: client.clone(),
            name,
            skald: Skald::in_table(client, name, TABLE).await?,
        })
    }
}

#[async_trait]
impl Subject for SkaldItems {
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
        let put = self
            .client
            .put_item()
            .table_name(TABLE)
            .set_item(Some(item(&stream_id(stream)?.key(), events)?));
        put.condition_expression("attribute_not_exists(pk)").send().await?;
        Ok(())
    }

    async fn fill(
        &self,
        stream: &str,
        events: &[Recorded],
        events_per_commit: usize,
    ) -> Result<()> {
        self.skald.fill(stream, events, events_per_commit).await
    }

    async fn command(&self, stream: &str, _: &Recorded) -> Result<CommandOutcome> {
        bail!("{stream}: this subject handles no commands")
    }

    async fn load(&self, stream: &str) -> Result<Loaded> {
        Ok(Loaded::Commits(query_all(&self.client, TABLE, &stream_id(stream)?.key()).await?))
    }
}

/// The item of a first commit according to the layout, written by hand and not compressed.
fn item(pk: &str, events: &[Recorded]) -> Result<HashMap<String, Value>> {
    let text = |text: &str| Value::S(text.to_owned());
    let event = |event: &Recorded| {
        let data = serde_json::to_string(event)?;
        Ok(format!(r#"{{"type":"ledger.recorded","schema":1,"data":{data}}}"#))
    };
    let body = format!(
        concat!(
            r#"{{"commit":"00000000-0000-0000-0000-000000000001","source":"bench","#,
            r#""correlation_id":"bench","actor":"bench","events":[{}]}}"#
        ),
        events.iter().map(event).collect::<Result<Vec<_>>>()?.join(",")
    );
    Ok(attributes([
        ("pk", text(pk)),
        ("sk", Value::N("1".to_owned())),
        ("at", text("1970-01-01T00:00:00.000Z")),
        ("body", Value::S(body)),
        ("slice", Value::N("7".to_owned())),
        ("types", text("ledger.recorded")),
    ]))
}

fn attributes<const N: usize>(attributes: [(&str, Value); N]) -> HashMap<String, Value> {
    attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The state after the commits of these items.
pub(super) fn total(items: &Items) -> Result<Total> {
    let commits = items.iter().map(|item| match read_stream_item(&Item::from(item.clone())) {
        StreamItem::Commit(commit) => Ok(commit),
        StreamItem::Unread { .. } | StreamItem::Foreign { .. } => {
            bail!("an item is not a commit")
        }
    });
    Ok(fold::<Ledger<0>>(&commits.collect::<Result<Vec<_>>>()?)?.state)
}
