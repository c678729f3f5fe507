//! Appends to several streams: one `TransactWriteItems`, and what its refusal means.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use skald::commit::Commit;
use skald::concurrency::try_concurrently;
use skald::store::{AppendError, Appended, StoreError};
use skald::stream::StreamId;

use crate::commit_item::commit_item;
use crate::event_store::{DynamoDbEventStore, DynamoDbHead, FREE};
use skald_aws::{Answer, is_throttling, sdk_error};

const OPERATION: &str = "TransactWriteItems";
/// The place is taken: the reason usually brings the item that is there.
const TAKEN: &str = "ConditionalCheckFailed";
/// Another transaction, or a put, is at that place just now.
const CONTENDED: &str = "TransactionConflict";
/// Nothing is wrong with this part.
const FINE: &str = "None";

impl DynamoDbEventStore {
    /// Appends all of these commits or none.
    pub(crate) async fn append_together(
        &self,
        commits: Vec<Commit>,
    ) -> Result<Vec<Appended<DynamoDbHead>>, AppendError> {
        let puts = commits.iter().map(|commit| self.put(commit)).collect::<Result<Vec<_>, _>>()?;
        let sent =
            self.table.client.transact_write_items().set_transact_items(Some(puts)).send().await;
        let Err(error) = sent else {
            return Ok(commits.into_iter().map(|commit| self.appended(commit, false)).collect());
        };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                self.cancelled(&commits, cancelled.cancellation_reasons()).await
            }
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => {
                Err(AppendError::Contended)
            }
            _ => Err(sdk_error(OPERATION, error).into()),
        }
    }

    fn put(&self, commit: &Commit) -> Result<TransactWriteItem, AppendError> {
        let put = Put::builder()
            .table_name(&self.table.name)
            .set_item(Some(commit_item(commit)?))
            .condition_expression(FREE)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        let put = put.map_err(|source| StoreError::Denied {
            operation: OPERATION,
            source: Box::new(source),
        })?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// What a cancelled transaction means. The reasons come in the order of the parts.
    ///
    /// If a taken place shows the command's own id, an earlier attempt had committed completely.
    /// Otherwise a taken place is a conflict, whatever else is wrong; and only if no place is taken
    /// does it matter who stood in the way.
    async fn cancelled(
        &self,
        commits: &[Commit],
        reasons: &[CancellationReason],
    ) -> Result<Vec<Appended<DynamoDbHead>>, AppendError> {
        let mut earlier = Vec::with_capacity(commits.len());
        for (commit, reason) in commits.iter().zip(reasons) {
            let found = match (reason.code(), reason.item()) {
                (Some(TAKEN), Some(item)) => Some(item.clone()),
                (Some(TAKEN), None) => self.item_at(&commit.stream, commit.first).await?,
                _ => None,
            };
            earlier.push(Self::earlier(commit, found)?);
        }
        if earlier.iter().any(Option::is_some) {
            return self.repeated(commits, earlier).await;
        }
        let taken = |(commit, reason): (&Commit, &CancellationReason)| {
            (reason.code() == Some(TAKEN)).then(|| commit.stream.clone())
        };
        let moved: Vec<StreamId> = commits.iter().zip(reasons).filter_map(taken).collect();
        if moved.is_empty() {
            Err(obstacle(reasons))
        } else {
            Err(AppendError::Conflict { streams: moved })
        }
    }

    /// An earlier attempt had committed: what it wrote, as far as the reasons did not bring it, is
    /// read.
    async fn repeated(
        &self,
        commits: &[Commit],
        earlier: Vec<Option<Commit>>,
    ) -> Result<Vec<Appended<DynamoDbHead>>, AppendError> {
        let stored = commits.iter().zip(earlier).map(|(commit, known)| async move {
            match known {
                Some(stored) => Ok(Some(stored)),
                None => Self::earlier(commit, self.item_at(&commit.stream, commit.first).await?),
            }
        });
        let stored = try_concurrently(stored).await?;
        let found: Vec<Commit> = stored.into_iter().flatten().collect();
        if found.len() < commits.len() {
            return Err(AppendError::RepeatedInPart { found });
        }
        Ok(found.into_iter().map(|commit| self.appended(commit, true)).collect())
    }
}

/// What stood in the way of a transaction of which no place is taken.
fn obstacle(reasons: &[CancellationReason]) -> AppendError {
    let wrong = || reasons.iter().filter(|reason| reason.code() != Some(FINE));
    if wrong().next().is_some() && wrong().all(|reason| reason.code() == Some(CONTENDED)) {
        return AppendError::Contended;
    }
    // What is neither throttling nor contention decides: waiting does not mend it.
    let worst = wrong().max_by_key(|reason| match reason.code() {
        Some(CONTENDED) => 0,
        code if is_throttling(code) => 1,
        _ => 2,
    });
    let (code, message) = worst.map_or((None, None), |reason| (reason.code(), reason.message()));
    let source = Box::new(Answer::new(code, message));
    if is_throttling(code) {
        StoreError::Throttled { operation: OPERATION, source }.into()
    } else {
        StoreError::Denied { operation: OPERATION, source }.into()
    }
}
