//! What the parts of a verification share: the table and its index, and what was found so far.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::Client;
use sha2::{Digest, Sha256};
use skald::check::StreamCheck;
use skald::index::IndexEntry;
use skald::stream::StreamId;
use skald::time::Timestamp;

use super::fault::{Fault, Finding, Verified};
use crate::attribute::{AnyItem, Attribute, Attributes};
use crate::index::{DynamoDbCommitIndex, read_entry};

/// How long before now a commit must be recorded to be compared with the index, in milliseconds. A
/// later commit may not be in the index yet, or may still be in progress.
pub const SETTLED_MS: i64 = 10_000;

/// Verifies an events table. `C` returns the check of a stream, or `None` for an unknown category.
/// `T` receives each fault and, from time to time, the progress.
///
/// # Examples
///
/// ```no_run
/// # async fn verify(client: aws_sdk_dynamodb::Client, now: skald::time::Timestamp)
/// #     -> Result<(), skald::store::StoreError> {
/// use skald::check::FoldCheck;
/// use skald_dynamodb::{Finding, Verifier};
/// use skald_testkit::sample::Account;
///
/// let check = |stream: &skald::stream::StreamId| {
///     (stream.category() == "account").then(FoldCheck::<Account>::default)
/// };
/// let report = |finding: Finding<'_>| match finding {
///     Finding::Fault(fault) => eprintln!("{fault}"),
///     Finding::Progress(so_far) => eprintln!("{} items", so_far.items),
/// };
/// let verified = Verifier::new(client, "events", now, check, report).all(8).await?;
/// assert_eq!(verified.faults, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Verifier<C, T> {
    pub(super) client: Client,
    pub(super) table: String,
    pub(super) index: DynamoDbCommitIndex,
    pub(super) now: Timestamp,
    pub(super) until: Timestamp,
    pub(super) check: C,
    report: T,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) verified: Verified,
    /// The hashes of the reported faults, because a stream may be checked twice.
    reported: BTreeSet<[u8; 32]>,
}

impl<C, K, T> Verifier<C, T>
where
    C: Fn(&StreamId) -> Option<K>,
    K: StreamCheck,
    T: Fn(Finding<'_>),
{
    /// Verifies this table, as of `now`. The client needs permission to scan the table, and to
    /// query it and its index. Index and table are compared up to [`SETTLED_MS`] before now.
    #[must_use]
    pub fn new(
        client: Client,
        table: impl Into<String>,
        now: Timestamp,
        check: C,
        report: T,
    ) -> Self {
        let table = table.into();
        let index = DynamoDbCommitIndex::new(client.clone(), table.clone());
        let until = now.plus_millis(-SETTLED_MS);
        Self { client, table, index, now, until, check, report, state: Mutex::default() }
    }

    /// Whether a commit was recorded too recently to be searched for in the index.
    pub(super) fn is_recent(&self, entry: &IndexEntry) -> bool {
        entry.key.at() > self.until
    }

    /// The entry that the index makes of an item, and its slice. `None` if the attributes of the
    /// entry are invalid.
    pub(super) fn indexed(&self, item: &Attributes) -> Option<(u8, IndexEntry)> {
        let Some(Attribute::Number(number)) = item.attribute("slice") else { return None };
        Some((number.parse().ok()?, read_entry(item).ok()?))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn report(&self, fault: &Fault) {
        let is_new = {
            let mut state = self.state();
            let is_new = state.reported.insert(Sha256::digest(format!("{fault:?}")).into());
            state.verified.faults += u64::from(is_new);
            is_new
        };
        if is_new {
            (self.report)(Finding::Fault(fault));
        }
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Verified)) {
        let verified = {
            let mut state = self.state();
            change(&mut state.verified);
            state.verified
        };
        (self.report)(Finding::Progress(verified));
    }
}
