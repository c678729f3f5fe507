//! Appends to several streams, and guards of streams that were read: one `TransactWriteItems`, and
//! the meaning of its cancellation reasons.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use skald::commit::Commit;
use skald::concurrency::try_concurrently;
use skald::store::{AppendError, Appended, Head, StoreError};

use crate::commit_item::{self, commit_item};
use crate::event_store::{DynamoDbEventStore, DynamoDbHead, FREE};
use skald_aws::{Answer, is_throttling, sdk_error};

const OPERATION: &str = "TransactWriteItems";
/// The position is taken. The reason usually contains the item there.
const TAKEN: &str = "ConditionalCheckFailed";
/// Another transaction or put is in progress at that position.
const CONTENDED: &str = "TransactionConflict";
/// This part caused no failure.
const FINE: &str = "None";

/// A transaction that was sent: the items to write, and the guarded streams.
struct Sent<'a> {
    commits: Vec<Commit>,
    guards: &'a [DynamoDbHead],
}

impl DynamoDbEventStore {
    /// Appends all of these commits if no guarded stream has moved; otherwise none.
    pub(crate) async fn append_together(
        &self,
        commits: Vec<Commit>,
        guards: &[DynamoDbHead],
    ) -> Result<Vec<Appended<DynamoDbHead>>, AppendError<DynamoDbHead>> {
        let puts = commits.iter().map(|commit| self.put(commit));
        let checks = guards.iter().map(|guard| Ok(self.condition_check(guard)?));
        let items = puts.chain(checks).collect::<Result<Vec<_>, AppendError<_>>>()?;
        let sent =
            self.table.client.transact_write_items().set_transact_items(Some(items)).send().await;
        let Err(error) = sent else {
            return Ok(commits.into_iter().map(|commit| self.appended(commit, false)).collect());
        };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                self.cancelled(Sent { commits, guards }, cancelled.cancellation_reasons()).await
            }
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => {
                Err(AppendError::Contended)
            }
            _ => Err(sdk_error(OPERATION, error).into()),
        }
    }

    fn put(&self, commit: &Commit) -> Result<TransactWriteItem, AppendError<DynamoDbHead>> {
        let put = Put::builder()
            .table_name(&self.table.name)
            .set_item(Some(commit_item(commit)?))
            .condition_expression(FREE)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        Ok(TransactWriteItem::builder().put(put.map_err(incomplete)?).build())
    }

    /// The check that there is no item at the position after a head.
    fn condition_check(&self, head: &DynamoDbHead) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&self.table.name)
            .set_key(Some(commit_item::key(head.stream(), head.version().next())))
            .condition_expression(FREE)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        Ok(TransactWriteItem::builder().condition_check(check.map_err(incomplete)?).build())
    }

    /// The meaning of a cancelled transaction. The reasons have the order of commits and guards.
    ///
    /// If the item at a taken position has the command's own id, an earlier attempt has committed
    /// completely, even if guarded streams have moved since. Any other taken position is a
    /// conflict. The other reasons matter only if no position is taken. A failed guard is a
    /// conflict only if no other transaction was at the position of a commit: that transaction may
    /// be an earlier attempt of the same command that is still in progress.
    async fn cancelled(
        &self,
        Sent { commits, guards }: Sent<'_>,
        reasons: &[CancellationReason],
    ) -> Result<Vec<Appended<DynamoDbHead>>, AppendError<DynamoDbHead>> {
        let (of_commits, of_guards) = reasons.split_at(commits.len().min(reasons.len()));
        let (mut earlier, mut moved) = (Vec::with_capacity(commits.len()), Vec::new());
        for (commit, reason) in commits.iter().zip(of_commits) {
            let found = match (reason.code(), reason.item()) {
                (Some(TAKEN), Some(item)) => Some(item.clone()),
                (Some(TAKEN), None) => self.item_at(&commit.stream, commit.first).await?,
                _ => None,
            };
            earlier.push(Self::earlier(commit, found.as_ref())?);
            if reason.code() == Some(TAKEN) {
                moved.push(self.moved(&commit.stream, found.as_ref()));
            }
        }
        if earlier.iter().any(Option::is_some) {
            return self.repeated(&commits, earlier).await;
        }
        let is_contended = of_commits.iter().any(|reason| reason.code() == Some(CONTENDED));
        if !moved.is_empty() || !is_contended {
            let failed = guards.iter().zip(of_guards);
            let failed = failed.filter(|(_, reason)| reason.code() == Some(TAKEN));
            moved.extend(failed.map(|(guard, reason)| self.moved(guard.stream(), reason.item())));
        }
        if moved.is_empty() { Err(obstacle(reasons)) } else { Err(AppendError::Conflict { moved }) }
    }

    /// The result of a committed earlier attempt. Commits that the reasons do not contain are read.
    async fn repeated(
        &self,
        commits: &[Commit],
        earlier: Vec<Option<Commit>>,
    ) -> Result<Vec<Appended<DynamoDbHead>>, AppendError<DynamoDbHead>> {
        let stored = commits.iter().zip(earlier).map(|(commit, known)| async move {
            match known {
                Some(stored) => Ok(Some(stored)),
                None => {
                    let found = self.item_at(&commit.stream, commit.first).await?;
                    Self::earlier(commit, found.as_ref())
                }
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

/// The client rejects an incomplete request before it is sent.
fn incomplete(source: BuildError) -> StoreError {
    StoreError::Denied { operation: OPERATION, source: Box::new(source) }
}

/// The error of a transaction that failed although no position is taken.
fn obstacle(reasons: &[CancellationReason]) -> AppendError<DynamoDbHead> {
    let is_wrong = |reason: &&CancellationReason| !matches!(reason.code(), Some(FINE | TAKEN));
    let wrong = || reasons.iter().filter(is_wrong);
    if wrong().next().is_some() && wrong().all(|reason| reason.code() == Some(CONTENDED)) {
        return AppendError::Contended;
    }
    // A reason that is neither throttling nor contention takes precedence: waiting does not fix it.
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
