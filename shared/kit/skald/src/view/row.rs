//! A row of a view.

use serde::de::DeserializeOwned;

use super::error::CatchUpError;
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;

/// Longest reason that is stored with a parked row, in characters.
pub const MAX_REASON: usize = 1_000;

/// A place in a list of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The name of the list, unique across all tenants: 1 to
    /// [`MAX_LIST_GROUP_BYTES`](super::MAX_LIST_GROUP_BYTES) bytes.
    pub group: String,
    /// The place in the list, 1 to [`MAX_LIST_SORT_BYTES`](super::MAX_LIST_SORT_BYTES) bytes,
    /// sorted as text. Entries with the same place come in any order.
    pub sort: String,
}

/// A stored row.
///
/// # Examples
///
/// ```
/// use skald::memory::{InMemoryEventStore, InMemoryViewStore};
/// use skald::message::CommitMessage;
/// use skald::stream::Version;
/// use skald::view::{ViewStore, catch_up};
/// use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountCommand, Statement, Statements, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// # let events = InMemoryEventStore::default();
/// # let deposit = AccountCommand::Deposit(5);
/// # Handler::new(&events, NoPause).handle::<Account>(&account("1"), &deposit, &request).await?;
/// # let views = InMemoryViewStore::default();
/// # let hint = CommitMessage { stream: account("1"), last: Version::new(1), commit: None };
/// # catch_up::<Statements, _, _>(&events, &views, &hint).await?;
/// let row = views.get(&account("1")).await?.expect("a row");
/// assert_eq!((row.version, &row.parked), (Version::new(1), &None));
/// let statement: Option<Statement> = row.decode(&account("1"))?;
/// assert_eq!(statement.map(|statement| statement.balance), Some(5));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewRow {
    /// The version of the last event in the row.
    pub version: Version,
    /// When that event was recorded; for a row parked before its first event, when it was parked.
    pub at: Timestamp,
    /// The row as JSON. `None` if the row was parked before its first event.
    pub body: Option<String>,
    /// The row's place in a list. `None` if the row is not listed.
    pub listing: Option<Listing>,
    /// The row's place in a worklist. `None` while the row waits for nothing.
    pub worklist: Option<Listing>,
    /// Set while the stream cannot be applied.
    pub parked: Option<Parked>,
}

impl ViewRow {
    /// The size of the body and of the places in lists, in bytes. A parked row's reason counts only
    /// beyond the length that [`park`](crate::view::park) keeps: the limit leaves room for that.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let places = self.listing.iter().chain(&self.worklist);
        let places: usize = places.map(|Listing { group, sort }| group.len() + sort.len()).sum();
        let reason = self.parked.as_ref().map_or(0, |parked| parked.reason.len());
        self.body.as_ref().map_or(0, String::len) + places + reason.saturating_sub(4 * MAX_REASON)
    }

    /// The decoded row.
    ///
    /// # Errors
    /// [`CatchUpError::MalformedRow`] if the stored JSON is not an `R`.
    pub fn decode<R: DeserializeOwned>(
        &self,
        stream: &StreamId,
    ) -> Result<Option<R>, CatchUpError> {
        let decoded = self.body.as_deref().map(serde_json::from_str).transpose();
        decoded.map_err(|error| CatchUpError::MalformedRow {
            stream: stream.clone(),
            column: error.column(),
        })
    }
}

/// Why and since when a row is parked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The reason, for the operator.
    pub reason: String,
    /// When the row was parked.
    pub at: Timestamp,
    /// The last version that a message announced since then, if it is beyond the row;
    /// [`Version::START`] before the first such message. A [`redrive`](crate::view::redrive) that
    /// has read less than that version is stale.
    pub announced: Version,
}
