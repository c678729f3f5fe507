//! The view store.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::AsyncSleep;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use skald::implementing::{check_row, max_announced};
use skald::store::{Corruption, StoreError};
use skald::stream::{StreamId, Version};
use skald::view::{
    ListEntry, ListPage, MAX_LIST_GROUP_BYTES, MalformedRow, Put, Rows, ViewRow, ViewStore,
};

use crate::row_item::{self, LISTING, ListIndex, WORKLIST};
use skald_aws::{Answer, sdk_error};

/// The row is the one that was read, and has not been parked since.
const UNCHANGED: &str = "version = :expected AND attribute_not_exists(parked)";
/// The same, or there is no row.
const UNCHANGED_OR_NONE: &str =
    "attribute_not_exists(pk) OR (version = :expected AND attribute_not_exists(parked))";
/// The row is the parked one that was read, and no message has announced a later version since. A
/// row that an earlier release parked has no announced version.
const STILL_PARKED: &str = "version = :expected AND attribute_exists(parked) \
    AND (attribute_not_exists(parked.announced) OR parked.announced <= :announced)";
/// The largest number of keys in one `BatchGetItem`.
///
/// Source: Amazon `DynamoDB` API Reference, `BatchGetItem`.
const BATCH_KEYS: usize = 100;
/// The largest number of consecutive batches that return no row.
const MAX_EMPTY_BATCHES: u32 = 6;
/// The pause before the keys that a batch omitted are requested again. It doubles each time that no
/// key was returned.
const WAIT_MS: u64 = 10;

/// A view store in a table of `DynamoDB`. Clones are the same store.
#[derive(Debug, Clone)]
pub struct DynamoDbViewStore {
    client: Client,
    table: Arc<str>,
}

impl DynamoDbViewStore {
    /// The store in this table. Lists are read from the table's index `listing`,
    /// worklists from its index `worklist`.
    ///
    /// The client brings its own time limits and retries. The store also uses its timer to wait
    /// before it requests the keys that a batch omitted.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn get(client: aws_sdk_dynamodb::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use skald::stream::{StreamId, Tenant};
    /// use skald::view::ViewStore;
    /// use skald_dynamodb::DynamoDbViewStore;
    ///
    /// let views = DynamoDbViewStore::new(client, "order-view");
    /// let row = views.get(&StreamId::new(&Tenant::default(), "order", "17")?).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into().into() }
    }

    /// Stores the row under this condition, in which `:expected` and `:announced` are versions.
    async fn put_if(
        &self,
        condition: &str,
        stream: &StreamId,
        expected: Version,
        max_announced: Option<Version>,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        check_row(stream, row)?;
        let number = |version: Version| AttributeValue::N(version.to_string());
        let mut values = HashMap::from([(":expected".to_owned(), number(expected))]);
        values.extend(max_announced.map(|announced| (":announced".to_owned(), number(announced))));
        let put = self
            .client
            .put_item()
            .table_name(&*self.table)
            .set_item(Some(row_item::row_item(stream, row)));
        let sent = put
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .send()
            .await;
        let Err(error) = sent else { return Ok(Put::Stored) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(Put::Stale),
            _ => Err(sdk_error("PutItem", error)),
        }
    }

    /// The rows of at most [`BATCH_KEYS`] different streams, in any order.
    async fn batch(
        &self,
        streams: &[&StreamId],
        rows: &mut HashMap<StreamId, Read>,
    ) -> Result<(), StoreError> {
        const OPERATION: &str = "BatchGetItem";
        let denied = |source| StoreError::Denied { operation: OPERATION, source };
        let keys = KeysAndAttributes::builder()
            .set_keys(Some(streams.iter().map(|stream| row_item::key(stream)).collect()));
        let keys = keys.build().map_err(|source| denied(Box::new(source)))?;
        let mut wanted = HashMap::from([(self.table.to_string(), keys)]);
        let mut empty_batches = 0;
        loop {
            let requested = count(&wanted);
            let sent = self.client.batch_get_item().set_request_items(Some(wanted)).send().await;
            let answer = sent.map_err(|error| sdk_error(OPERATION, error))?;
            for item in answer.responses.unwrap_or_default().into_values().flatten() {
                let item = item.into();
                // The service returns only rows of the requested keys.
                if let Some(stream) = row_item::read_stream(&item) {
                    rows.insert(stream, row_item::read_row(item));
                }
            }
            // Keys are omitted because the answer would be too large, or because the service is
            // overloaded.
            wanted = answer.unprocessed_keys.unwrap_or_default();
            match count(&wanted) {
                0 => return Ok(()),
                left if left < requested => empty_batches = 0,
                _ => empty_batches += 1,
            }
            if empty_batches == MAX_EMPTY_BATCHES {
                let source = Box::new(Answer::new(
                    Some("UnprocessedKeys"),
                    Some("no key of the batch was read in several attempts"),
                ));
                return Err(StoreError::Throttled { operation: OPERATION, source });
            }
            self.wait(empty_batches).await;
        }
    }

    /// At most `limit` entries of a list, starting next to the entry `from`.
    async fn page(
        &self,
        index: &ListIndex,
        group: &str,
        from: Option<&ListEntry>,
        limit: u32,
        is_ascending: bool,
    ) -> Result<ListPage, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut page = ListPage::default();
        if !(1..=MAX_LIST_GROUP_BYTES).contains(&group.len()) {
            // No list can have this name, and the service rejects the query.
            return Ok(page);
        }
        let mut pages = self
            .client
            .query()
            .table_name(&*self.table)
            .index_name(index.name)
            .key_condition_expression(format!("{} = :group", index.group))
            .expression_attribute_values(":group", AttributeValue::S(group.to_owned()))
            .scan_index_forward(is_ascending)
            // A condition on the place would skip entries that share it.
            .set_exclusive_start_key(from.map(|entry| row_item::entry_key(index, group, entry)))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .into_paginator()
            .send();
        while page.entries.len() < limit
            && let Some(answer) = pages.next().await
        {
            for item in answer.map_err(|error| sdk_error("Query", error))?.items.unwrap_or_default()
            {
                match row_item::read_entry(index, &item.into()) {
                    Ok(entry) => page.entries.push(entry),
                    Err(malformed) => page.malformed.push(malformed),
                }
            }
        }
        page.entries.truncate(limit);
        Ok(page)
    }

    /// Waits on the client's own timer, longer after each empty batch. A client without a timer
    /// does not wait.
    async fn wait(&self, empty_batches: u32) {
        if let Some(timer) = self.client.config().sleep_impl() {
            timer.sleep(Duration::from_millis(WAIT_MS << empty_batches)).await;
        }
    }
}

/// A row, or the fault in its item.
type Read = Result<ViewRow, Corruption>;

fn count(wanted: &HashMap<String, KeysAndAttributes>) -> usize {
    wanted.values().map(|table| table.keys().len()).sum()
}

impl ViewStore for DynamoDbViewStore {
    async fn get(&self, stream: &StreamId) -> Result<Option<ViewRow>, StoreError> {
        let get = self.client.get_item().table_name(&*self.table).consistent_read(true);
        let got = get.set_key(Some(row_item::key(stream))).send().await;
        let item = got.map_err(|error| sdk_error("GetItem", error))?.item;
        let corrupt = |corruption| StoreError::Corrupt { key: stream.key(), corruption };
        item.map(|item| row_item::read_row(item.into()).map_err(corrupt)).transpose()
    }

    async fn get_many(&self, streams: &[StreamId]) -> Result<Rows, StoreError> {
        // The service rejects a request that contains a key twice.
        let different: Vec<&StreamId> =
            streams.iter().collect::<HashSet<_>>().into_iter().collect();
        let mut read = HashMap::new();
        for streams in different.chunks(BATCH_KEYS) {
            self.batch(streams, &mut read).await?;
        }
        let mut found = Rows::default();
        for stream in streams {
            match read.get(stream) {
                Some(Ok(row)) => found.rows.push((stream.clone(), row.clone())),
                Some(Err(fault)) => found
                    .malformed
                    .push(MalformedRow { stream: stream.clone(), fault: fault.to_string() }),
                None => {}
            }
        }
        Ok(found)
    }

    async fn put(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        let condition = if expected == Version::START { UNCHANGED_OR_NONE } else { UNCHANGED };
        self.put_if(condition, stream, expected, None, row).await
    }

    async fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        // This method replaces only parked rows.
        let Some(announced) = max_announced(parked, row) else { return Ok(Put::Stale) };
        self.put_if(STILL_PARKED, stream, parked.version, Some(announced), row).await
    }

    async fn list(
        &self,
        group: &str,
        before: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.page(&LISTING, group, before, limit, false).await
    }

    async fn worklist(
        &self,
        group: &str,
        after: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.page(&WORKLIST, group, after, limit, true).await
    }
}
