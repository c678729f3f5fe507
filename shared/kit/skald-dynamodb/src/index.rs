//! The index of all commits: the table's global secondary index `commits`.
//!
//! Its entries are attributes of the commits' own items (see `commit_item.rs`), which the service
//! copies, usually within a second. So no component of the kit can delay or lose an entry. Reads of
//! the index are eventually consistent; reads of the commits themselves are strongly consistent.
//!
//! The service sorts by `at` alone and promises no order among commits of one millisecond. So all
//! entries of a millisecond are read and sorted here, and a read after an entry starts again with
//! that entry's millisecond.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue as Value;
use skald::commit::Commit;
use skald::index::{CommitIndex, IndexEntry, IndexKey, IndexPage, MalformedEntry, SlicePosition};
use skald::store::StoreError;
use skald::stream::StreamId;
use skald::time::Timestamp;

use crate::attribute::{AnyItem, Attribute};
use crate::commit_item::{self, SLICES, read_key};
use crate::event_store::read_commit;
use skald_aws::sdk_error;

/// The name of the index.
pub(crate) const COMMITS: &str = "commits";
/// The attribute that the index is sorted by. Its name is a reserved word of `DynamoDB`.
pub(crate) const AT: &str = "at";

/// The index of all commits of an event store's table. Clones are the same index.
#[derive(Debug, Clone)]
pub struct DynamoDbCommitIndex {
    client: Client,
    table: String,
}

impl DynamoDbCommitIndex {
    /// The index `commits` of this table. The client brings its own time limits and retries.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn read(client: aws_sdk_dynamodb::Client) -> Result<(), skald::store::StoreError> {
    /// use skald::index::{CommitIndex, SlicePosition};
    /// use skald::time::Timestamp;
    /// use skald_dynamodb::DynamoDbCommitIndex;
    ///
    /// let index = DynamoDbCommitIndex::new(client, "events");
    /// let page = index.read(0, &SlicePosition::START, Timestamp::LAST, 100).await?;
    /// println!("{} commits", page.entries.len());
    /// # Ok(())
    /// # }
    /// ```
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
        let mut found = IndexPage::default();
        // The service rejects a range that ends before it begins, and a limit of 0.
        if after.at() > until || limit == 0 {
            return Ok(found);
        }
        let query = self.client.query().table_name(&self.table).index_name(COMMITS);
        let mut pages = query
            .key_condition_expression("slice = :slice AND #at BETWEEN :from AND :until")
            .expression_attribute_names("#at", AT)
            .expression_attribute_values(":slice", Value::N(slice.to_string()))
            .expression_attribute_values(":from", Value::S(after.at().to_string()))
            .expression_attribute_values(":until", Value::S(until.to_string()))
            // This limit usually suffices: the entry that was read before, the wanted entries, and
            // a later one.
            .limit(i32::try_from(limit.saturating_add(2)).unwrap_or(i32::MAX))
            .into_paginator()
            .send();
        let mut is_full = false;
        while !is_full && let Some(page) = pages.next().await {
            let items = page.map_err(|error| sdk_error("Query", error))?.items.unwrap_or_default();
            for item in items {
                match read_entry(&item) {
                    Ok(entry) if after.covers(&entry.key) => {}
                    Ok(entry) => found.entries.push(entry),
                    Err(malformed) => found.malformed.push(malformed),
                }
            }
            is_full = has_whole(&found.entries, limit as usize);
        }
        found.entries.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        found.entries.truncate(limit as usize);
        Ok(found)
    }

    async fn commit(&self, entry: &IndexKey) -> Result<Option<Commit>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let got = get.set_key(Some(commit_item::key(entry.stream(), entry.first()))).send().await;
        let item = got.map_err(|error| sdk_error("GetItem", error))?.item;
        item.map(|item| read_commit(entry.stream(), &item)).transpose()
    }
}

/// Whether the first `limit` of these entries are known for certain, because a later entry follows.
fn has_whole(entries: &[IndexEntry], limit: usize) -> bool {
    let last = limit.checked_sub(1).and_then(|last| entries.get(last));
    last.is_some_and(|last| entries.last().is_some_and(|later| later.key.at() > last.key.at()))
}

/// The entry in an item of the index.
pub(crate) fn read_entry(item: &impl AnyItem) -> Result<IndexEntry, MalformedEntry> {
    let (stream, first) =
        read_key(item).map_err(|fault| MalformedEntry { key: describe_key(item), fault })?;
    let at: Option<Timestamp> = match item.attribute(AT) {
        // The service sorts by the text, so a time in another form would be at another position.
        Some(Attribute::Text(text)) => {
            text.parse().ok().filter(|at: &Timestamp| at.to_string() == text)
        }
        _ => None,
    };
    let fault = "`at` is not in the form of a commit's time";
    let at = at.ok_or_else(|| MalformedEntry { key: describe_key(item), fault })?;
    let types = match item.attribute("types") {
        Some(Attribute::Text(types)) => types.split(' ').map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Ok(IndexEntry { key: IndexKey::new(at, stream, first), types })
}

/// The key of an item of any form, so that an operator can find the item.
pub(crate) fn describe_key(item: &impl AnyItem) -> String {
    let part = |name| match item.attribute(name) {
        Some(Attribute::Text(text)) => format!("{text:?}"),
        Some(Attribute::Number(number)) => number.to_owned(),
        _ => "none".to_owned(),
    };
    format!("pk {}, sk {}", part("pk"), part("sk"))
}

/// The prefix of [`describe_key`] for the items of this stream.
pub(crate) fn describe_key_prefix(stream: &StreamId) -> String {
    format!("pk {:?}, ", stream.key())
}

#[cfg(test)]
mod tests {
    use serde_dynamo::Item;
    use serde_json::json;
    use skald::stream::Version;

    use super::*;

    fn item(attributes: serde_json::Value) -> Item {
        serde_json::from_value(attributes).unwrap()
    }

    fn placed(at: &str) -> Item {
        item(json!({
            "pk": { "S": "default/order-17" }, "sk": { "N": "4" }, "types": { "S": "order.placed order.committed" },
            "at": { "S": at },
        }))
    }

    /// The service sorts texts: the same time in another form would be at another position.
    #[test]
    fn an_entry_has_its_time_in_the_one_form_or_is_malformed() {
        let entry = read_entry(&placed("2026-11-21T08:15:30.250Z")).unwrap();
        assert_eq!(entry.key.as_str(), "2026-11-21T08:15:30.250Z/default/order-17/000000000004");
        assert_eq!(entry.types, ["order.placed", "order.committed"]);
        for at in [
            "",
            "elsewhere",
            "2026-11-21T08:15:30.25Z",
            "2026-11-21T09:15:30.250+01:00",
            "2026-11-21 08:15:30.250Z",
        ] {
            assert_eq!(
                read_entry(&placed(at)).unwrap_err().fault,
                "`at` is not in the form of a commit's time",
                "{at}"
            );
        }
    }

    #[test]
    fn a_page_is_full_if_an_entry_follows_that_is_later_than_the_wanted_ones() {
        let entries = |moments: &[i64]| -> Vec<IndexEntry> {
            let entry = |millis: &i64| {
                let at = Timestamp::from_millis(*millis).unwrap();
                let key = IndexKey::new(at, "default/order-17".parse().unwrap(), Version::new(1));
                IndexEntry { key, types: vec![] }
            };
            moments.iter().map(entry).collect()
        };
        for (moments, limit, full) in [
            (&[][..], 1, false),
            (&[1], 1, false),
            (&[1, 1], 1, false),
            (&[1, 1, 2], 1, true),
            (&[1, 1, 2], 2, true),
            (&[1, 1, 2], 3, false),
            (&[1, 2], 3, false),
        ] {
            assert_eq!(has_whole(&entries(moments), limit), full, "{moments:?} {limit}");
        }
    }

    /// An operator must be able to find the item in order to fix it.
    #[test]
    fn a_malformed_entry_shows_the_key_of_its_item() {
        for (attributes, described) in [
            (json!({ "pk": { "S": "no stream" }, "sk": { "N": "4" } }), "pk \"no stream\", sk 4"),
            (json!({ "pk": { "N": "7" }, "sk": { "S": "4" } }), "pk 7, sk \"4\""),
            (json!({ "pk": { "B": "AAEC" } }), "pk none, sk none"),
        ] {
            assert_eq!(read_entry(&item(attributes)).unwrap_err().key, described);
        }
        let malformed = read_entry(&placed("elsewhere")).unwrap_err();
        assert_eq!(malformed.key, "pk \"default/order-17\", sk 4");
    }
}
