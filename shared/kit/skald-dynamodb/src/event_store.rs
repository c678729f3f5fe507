//! The event store.
//!
//! An append is one conditional `PutItem`: it succeeds if there is no item at the position after
//! the head. If there is one, the error contains it. If that item has the same command's id, an
//! earlier attempt has stored it. Idempotency needs nothing else, and no further read.

use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use skald::commit::{Commit, Draft};
use skald::implementing::{Page, check_append, commit_after, read_back};
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{
    AppendError, Appended, EventStore, Found, Head, InvalidAppend, Loaded, Moved, StoreError,
};
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;

use crate::attribute::Attributes;
use crate::commit_item;
use skald_aws::sdk_error;

/// There is no item at this position yet.
pub(crate) const FREE: &str = "attribute_not_exists(pk)";

/// An event store in a table of `DynamoDB`. Clones are the same store: they share their heads.
#[derive(Debug, Clone)]
pub struct DynamoDbEventStore {
    pub(crate) table: Arc<Table>,
}

pub(crate) struct Table {
    pub(crate) client: Client,
    pub(crate) name: String,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Table").field(&self.name).finish()
    }
}

/// A position at the end of a stream of a [`DynamoDbEventStore`]. A head is valid in its store and
/// the store's clones for as long as they live; it cannot be stored or sent.
#[derive(Clone)]
pub struct DynamoDbHead {
    table: Arc<Table>,
    stream: StreamId,
    version: Version,
    recorded_at: Option<Timestamp>,
}

impl fmt::Debug for DynamoDbHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.stream, self.version)
    }
}

impl Head for DynamoDbHead {
    fn stream(&self) -> &StreamId {
        &self.stream
    }

    fn version(&self) -> Version {
        self.version
    }

    fn recorded_at(&self) -> Option<Timestamp> {
        self.recorded_at
    }
}

impl DynamoDbEventStore {
    /// The store in this table. The client brings its own time limits and retries. A request that
    /// the client repeats is recognised like any other repeated append.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn read(client: aws_sdk_dynamodb::Client)
    /// #     -> Result<(), Box<dyn std::error::Error>> {
    /// use skald::store::EventStore;
    /// use skald::stream::{StreamId, Tenant, Version};
    /// use skald_dynamodb::DynamoDbEventStore;
    ///
    /// let store = DynamoDbEventStore::new(client, "events");
    /// let book = StreamId::new(&Tenant::default(), "book", "moby-dick")?;
    /// for commit in store.read(&book, Version::START).await? {
    ///     println!("version {} by {}", commit.last(), commit.context.actor);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { table: Arc::new(Table { client, name: table.into() }) }
    }

    fn head(&self, stream: StreamId, last: Option<&Commit>) -> DynamoDbHead {
        DynamoDbHead {
            table: Arc::clone(&self.table),
            stream,
            version: last.map_or(Version::START, Commit::last),
            recorded_at: last.map(|commit| commit.at),
        }
    }

    pub(crate) fn appended(&self, commit: Commit, repeated: bool) -> Appended<DynamoDbHead> {
        Appended { head: self.head(commit.stream.clone(), Some(&commit)), commit, repeated }
    }

    /// Rejects what can be rejected without a request to the service.
    fn check<'a>(
        &self,
        parts: impl Iterator<Item = (&'a DynamoDbHead, &'a Draft)> + Clone,
        guards: &'a [DynamoDbHead],
    ) -> Result<(), InvalidAppend> {
        let mut heads = parts.clone().map(|(head, _)| head).chain(guards);
        match heads.find(|head| !Arc::ptr_eq(&head.table, &self.table)) {
            Some(head) => Err(InvalidAppend::ForeignHead(head.stream.clone())),
            None => check_append(
                parts.map(|(head, draft)| (&head.stream, draft)),
                guards.iter().map(Head::stream),
            ),
        }
    }

    /// The item at a position of a stream, as of now.
    pub(crate) async fn item_at(
        &self,
        stream: &StreamId,
        first: Version,
    ) -> Result<Option<Attributes>, StoreError> {
        let get = self.table.client.get_item().table_name(&self.table.name).consistent_read(true);
        let got = get.set_key(Some(commit_item::key(stream, first))).send().await;
        Ok(got.map_err(|error| sdk_error("GetItem", error))?.item)
    }

    /// The commit in the item at the intended position of `commit`. `None` if another command wrote
    /// the item.
    pub(crate) fn earlier(
        commit: &Commit,
        found: Option<&Attributes>,
    ) -> Result<Option<Commit>, StoreError> {
        let found = found.filter(|item| commit_item::commit_id(*item) == Some(commit.id));
        found.map(|item| read_commit(&commit.stream, item)).transpose()
    }

    /// A stream that moved, and the item after the given head, if it is known.
    pub(crate) fn moved(
        &self,
        stream: &StreamId,
        found: Option<&Attributes>,
    ) -> Moved<DynamoDbHead> {
        // A read from the head reports an item that cannot be read.
        let commit = found.and_then(|item| read_commit(stream, item).ok());
        let found =
            commit.map(|commit| Found { head: self.head(stream.clone(), Some(&commit)), commit });
        Moved { stream: stream.clone(), found }
    }
}

/// The commit in an item of this stream.
pub(crate) fn read_commit(stream: &StreamId, item: &Attributes) -> Result<Commit, StoreError> {
    let corrupt = |corruption| StoreError::Corrupt { key: stream.key(), corruption };
    commit_item::read_commit(item, stream).map_err(corrupt)
}

impl EventStore for DynamoDbEventStore {
    type Head = DynamoDbHead;

    fn start(&self, stream: StreamId) -> DynamoDbHead {
        self.head(stream, None)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let query = self.table.client.query().table_name(&self.table.name).consistent_read(true);
        let query = query.expression_attribute_values(":stream", AttributeValue::S(stream.key()));
        let bound = |version: Version| AttributeValue::N(version.to_string());
        let query = match from {
            ReadFrom::After(position) => query
                .key_condition_expression("pk = :stream AND sk > :from")
                .expression_attribute_values(":from", bound(position)),
            ReadFrom::Before(first) => query
                .key_condition_expression("pk = :stream AND sk < :from")
                .expression_attribute_values(":from", bound(first))
                .scan_index_forward(false),
            ReadFrom::End => {
                query.key_condition_expression("pk = :stream").scan_index_forward(false)
            }
        };
        let answer = query.limit(i32::try_from(limit).unwrap_or(i32::MAX)).send().await;
        let answer = answer.map_err(|error| sdk_error("Query", error))?;
        let more = answer.last_evaluated_key.is_some();
        let items = answer.items.unwrap_or_default().into_iter();
        let commits = items.map(|item| read_commit(stream, &item)).collect::<Result<_, _>>()?;
        Ok(Page { commits, more })
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<DynamoDbHead>, StoreError> {
        let commits = match snapshots {
            Some(kind) => read_back(self, stream, kind).await?,
            None => self.read(stream, Version::START).await?,
        };
        Ok(Loaded { head: self.head(stream.clone(), commits.last()), commits })
    }

    async fn load_after(&self, head: &DynamoDbHead) -> Result<Loaded<DynamoDbHead>, StoreError> {
        let commits = self.read(&head.stream, head.version).await?;
        let end = commits.last().map(|last| self.head(head.stream.clone(), Some(last)));
        Ok(Loaded { head: end.unwrap_or_else(|| head.clone()), commits })
    }

    async fn append(
        &self,
        head: &DynamoDbHead,
        draft: Draft,
    ) -> Result<Appended<DynamoDbHead>, AppendError<DynamoDbHead>> {
        self.check(std::iter::once((head, &draft)), &[])?;
        let commit = commit_after(head, draft);
        let item = commit_item::commit_item(&commit)?;
        let put = self.table.client.put_item().table_name(&self.table.name);
        let sent = put
            .set_item(Some(item))
            .condition_expression(FREE)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = sent else { return Ok(self.appended(commit, false)) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(taken)) => {
                let found = match &taken.item {
                    Some(item) => Some(item.clone()),
                    None => self.item_at(&commit.stream, commit.first).await?,
                };
                match Self::earlier(&commit, found.as_ref())? {
                    Some(earlier) => Ok(self.appended(earlier, true)),
                    None => Err(AppendError::Conflict {
                        moved: vec![self.moved(&commit.stream, found.as_ref())],
                    }),
                }
            }
            Some(PutItemError::TransactionConflictException(_)) => Err(AppendError::Contended),
            _ => Err(sdk_error("PutItem", error).into()),
        }
    }

    async fn append_guarded(
        &self,
        mut parts: Vec<(DynamoDbHead, Draft)>,
        guards: Vec<DynamoDbHead>,
    ) -> Result<Vec<Appended<DynamoDbHead>>, AppendError<DynamoDbHead>> {
        self.check(parts.iter().map(|(head, draft)| (head, draft)), &guards)?;
        // A transaction costs twice as much as a put.
        if guards.is_empty()
            && parts.len() == 1
            && let Some((head, draft)) = parts.pop()
        {
            return Ok(vec![self.append(&head, draft).await?]);
        }
        let commits = parts.into_iter().map(|(head, draft)| commit_after(&head, draft)).collect();
        self.append_together(commits, &guards).await
    }
}
