//! The index of all commits: the table's global secondary index `commits`.
//!
//! Its entries are attributes of the commits' own items (see `commit_item.rs`), which the service copies, usually within a
//! second. So nothing of ours can lag or lose; what is read here is eventually consistent, and the commits themselves are
//! not.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue as Value;
use serde_dynamo::{AttributeValue, Item};
use skald::{Commit, CommitIndex, IndexEntry, IndexKey, IndexPage, OddEntry, SlicePosition, StoreError, Timestamp};

use crate::commit_item::{self, SLICES, read_key};
use crate::error::sdk_error;
use crate::event_store::read_commit;

/// What the index is called.
pub(crate) const COMMITS: &str = "commits";

/// The index of all commits of an event store's table. Clones are the same index.
#[derive(Debug, Clone)]
pub struct DynamoDbCommitIndex {
    client: Client,
    table: String,
}

impl DynamoDbCommitIndex {
    /// The index `commits` of this table. The client brings its own time limits and retries.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }
}

impl CommitIndex for DynamoDbCommitIndex {
    const SLICES: u8 = SLICES;

    async fn read(
        &self,
        slice: u8,
        after: &SlicePosition,
        until: Timestamp,
        limit: u32,
    ) -> Result<IndexPage, StoreError> {
        let (from, to) = bounds(after, until);
        let mut found = IndexPage::default();
        // The service refuses a range that ends before it begins, and a limit of none.
        if from > to || limit == 0 {
            return Ok(found);
        }
        let query = self.client.query().table_name(&self.table).index_name(COMMITS);
        let mut pages = query
            .key_condition_expression("slice = :slice AND #position BETWEEN :from AND :to")
            .expression_attribute_names("#position", "position")
            .expression_attribute_values(":slice", Value::N(slice.to_string()))
            .expression_attribute_values(":from", Value::S(from))
            .expression_attribute_values(":to", Value::S(to))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let items = page.map_err(|error| sdk_error("Query", error))?.items.unwrap_or_default();
            for item in items {
                match read_entry(&item.into()) {
                    Ok(entry) => found.entries.push(entry),
                    Err(odd) => found.odd.push(odd),
                }
                if found.entries.len() == limit as usize {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    async fn commit(&self, entry: &IndexKey) -> Result<Option<Commit>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let got = get.set_key(Some(commit_item::key(entry.stream(), entry.first()))).send().await;
        let item = got.map_err(|error| sdk_error("GetItem", error))?.item;
        item.map(|item| read_commit(entry.stream(), item.into())).transpose()
    }
}

/// The first and the last text that a key after `after` and until `until` can have.
fn bounds(after: &SlicePosition, until: Timestamp) -> (String, String) {
    let from = match after {
        SlicePosition::Before(at) => at.to_string(),
        // A space sorts before whatever a longer key could go on with.
        SlicePosition::After(key) => format!("{key} "),
    };
    // What follows a time in a key is a slash, and `0` is the character after it.
    (from, format!("{until}0"))
}

/// The entry in an item of the index.
pub(crate) fn read_entry(item: &Item) -> Result<IndexEntry, OddEntry> {
    let (stream, first) = read_key(item).map_err(|fault| OddEntry { key: told_key(item), fault })?;
    let key: Option<IndexKey> = match item.get("position") {
        Some(AttributeValue::S(position)) => position.parse().ok(),
        _ => None,
    };
    let key = key.filter(|key| *key.stream() == stream && key.first() == first);
    let fault = "`position` is not the place of the item's commit";
    let key = key.ok_or_else(|| OddEntry { key: told_key(item), fault })?;
    let types = match item.get("types") {
        Some(AttributeValue::S(types)) => types.split(' ').map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Ok(IndexEntry { key, types })
}

/// The key of an item that may be anything, for whoever is to find it.
pub(crate) fn told_key(item: &Item) -> String {
    let part = |name| match item.get(name) {
        Some(AttributeValue::S(text)) => format!("{text:?}"),
        Some(AttributeValue::N(number)) => number.clone(),
        _ => "none".to_owned(),
    };
    format!("pk {}, sk {}", part("pk"), part("sk"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(attributes: serde_json::Value) -> Item {
        serde_json::from_value(attributes).unwrap()
    }

    fn placed(position: &str) -> Item {
        item(json!({
            "pk": { "S": "default/order-17" }, "sk": { "N": "4" }, "types": { "S": "order.placed order.committed" },
            "position": { "S": position },
        }))
    }

    /// Neither the stream nor the version alone makes it the entry of this commit.
    #[test]
    fn an_entry_stands_at_the_place_of_its_commit_or_is_odd() {
        let entry = read_entry(&placed("2026-11-21T08:15:30.250Z/default/order-17/000000000004")).unwrap();
        assert_eq!((entry.key.stream().name(), entry.key.first().get()), ("order-17", 4));
        assert_eq!(entry.types, ["order.placed", "order.committed"]);
        for position in ["order-18/000000000004", "order-17/000000000005", "order-18/000000000005"] {
            let odd = read_entry(&placed(&format!("2026-11-21T08:15:30.250Z/default/{position}"))).unwrap_err();
            assert_eq!(odd.fault, "`position` is not the place of the item's commit", "{position}");
        }
    }

    /// Whoever is to mend an item must be able to find it.
    #[test]
    fn an_odd_entry_is_told_by_the_key_of_its_item() {
        for (attributes, told) in [
            (json!({ "pk": { "S": "no stream" }, "sk": { "N": "4" } }), "pk \"no stream\", sk 4"),
            (json!({ "pk": { "N": "7" }, "sk": { "S": "4" } }), "pk 7, sk \"4\""),
            (json!({ "pk": { "B": "AAEC" } }), "pk none, sk none"),
        ] {
            assert_eq!(read_entry(&item(attributes)).unwrap_err().key, told);
        }
        let odd = read_entry(&placed("elsewhere")).unwrap_err();
        assert_eq!(odd.key, "pk \"default/order-17\", sk 4");
    }
}
