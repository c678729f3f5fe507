//! The failures of all stores: of events, of rows of views, and of persons' keys.

use std::error::Error;

use crate::json::JsonFault;
use crate::person::PersonId;
use crate::stream::Version;

/// Largest row, in bytes as [`ViewRow::size_bytes`](crate::view::ViewRow::size_bytes) counts. An
/// item of `DynamoDB` holds 400 KB, including names, keys and the reason of a parked row.
pub const MAX_ROW_BYTES: usize = 380 * 1024;

/// Longest name of a list, in bytes.
///
/// Source: Amazon `DynamoDB` Developer Guide, "Constraints in Amazon DynamoDB": a partition key has
/// 1 to 2,048 bytes.
pub const MAX_LIST_GROUP_BYTES: usize = 2_048;

/// Longest place in a list, in bytes.
///
/// Source: as above: a sort key has 1 to 1,024 bytes.
pub const MAX_LIST_SORT_BYTES: usize = 1_024;

/// A failure of the store.
///
/// # Examples
///
/// ```
/// use skald::store::{Corruption, StoreError};
/// use skald::stream::Version;
///
/// let throttled = StoreError::Throttled { operation: "Query", source: "try later".into() };
/// assert!(throttled.is_transient());
///
/// let gap = Corruption::Gap { expected: Version::new(2), found: Version::new(4) };
/// let corrupt = StoreError::Corrupt { key: "default/book-moby-dick".to_owned(), corruption: gap };
/// assert!(!corrupt.is_transient());
/// let text = "default/book-moby-dick: a gap: version 2 should come next, found 4";
/// assert_eq!(corrupt.to_string(), text);
/// ```
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store is overloaded. *Transient.*
    #[error("{operation}: throttled")]
    Throttled {
        /// The store's operation, such as `PutItem`.
        operation: &'static str,
        /// The store's answer.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store did not answer, or answered with an internal error. *Transient.*
    #[error("{operation}: no answer")]
    Unavailable {
        /// The store's operation.
        operation: &'static str,
        /// The failure.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store rejects the request itself: for example, the table does not exist or a permission
    /// is missing. *Transient*, because the data is not at fault.
    #[error("{operation}: refused")]
    Denied {
        /// The store's operation.
        operation: &'static str,
        /// The store's answer.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The stored data breaks the rules of a stream or a view. *Permanent*, except for an unknown
    /// encoding.
    #[error("{key}: {corruption}")]
    Corrupt {
        /// The key of the stream or row.
        key: String,
        /// The fault in the stored data.
        corruption: Corruption,
    },
    /// The call would store data about a person who was erased. An earlier attempt may have stored
    /// it before the erasure. *Permanent.* Only [`Sealing`](crate::personal::Sealing) returns this
    /// error.
    #[error("{0} was erased: nothing more is stored about them")]
    PersonErased(PersonId),
    /// A row that no store accepts. *Permanent.*
    #[error("the row of {key} cannot be stored: {reason}")]
    InvalidRow {
        /// The row's stream.
        key: String,
        /// The rule that the row breaks.
        reason: InvalidRow,
    },
    /// A person's data cannot be opened. *Permanent*, except for an unknown seal. Returned by
    /// [`Opening`](crate::personal::Opening) and by stores of [keys](crate::personal::PersonKeys).
    #[error("{place}: {fault}")]
    OpenError {
        /// The key and version of the stream or row, or the person.
        place: String,
        /// The reason.
        fault: OpenError,
    },
}

impl StoreError {
    /// Whether the same call can succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Unavailable { .. } | Self::Denied { .. } => true,
            Self::Corrupt { corruption, .. } => {
                matches!(corruption, Corruption::UnknownEncoding { .. })
            }
            Self::OpenError { fault, .. } => matches!(fault, OpenError::Unknown(_)),
            Self::PersonErased(_) | Self::InvalidRow { .. } => false,
        }
    }
}

/// Faults of stored data, which only a writer that bypasses the store can cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Corruption {
    /// A commit is missing.
    #[error("a gap: version {expected} should come next, found {found}")]
    Gap {
        /// The version that should have come next.
        expected: Version,
        /// The first version of the commit that came instead.
        found: Version,
    },
    /// Two commits claim the same version.
    #[error("an overlap: version {expected} should come next, found {found} again")]
    Overlap {
        /// The version that should have come next.
        expected: Version,
        /// The first version of the commit that came instead.
        found: Version,
    },
    /// An item that no release of the store has written.
    #[error("the item at {at} is malformed: {fault}")]
    Malformed {
        /// The item's position.
        at: Version,
        /// The fault; it names attributes, not values.
        fault: String,
    },
    /// An item written by a newer release: this release must wait.
    #[error("the item at {at} has an unknown encoding: {:?}", crate::text::cut(encoding))]
    UnknownEncoding {
        /// The item's position.
        at: Version,
        /// The encoding that the item declares.
        encoding: String,
    },
}

/// Why no store accepts a row: the row is too large, or some JSON reader could not read it back.
///
/// # Examples
///
/// ```
/// use skald::memory::InMemoryViewStore;
/// use skald::store::StoreError;
/// use skald::stream::{StreamId, Tenant, Version};
/// use skald::time::Timestamp;
/// use skald::view::{InvalidRow, MAX_ROW_BYTES, ViewRow, ViewStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let loan = StreamId::new(&Tenant::default(), "loan", "17")?;
/// let body = Some(format!("{:?}", "x".repeat(MAX_ROW_BYTES)));
/// let (version, at) = (Version::new(1), Timestamp::EPOCH);
/// let row = ViewRow { version, at, body, listing: None, worklist: None, parked: None };
/// let put = InMemoryViewStore::default().put(&loan, Version::START, &row).await;
/// let Err(StoreError::InvalidRow { reason, .. }) = put else { panic!("the row is too large") };
/// assert_eq!(reason, InvalidRow::TooLarge { size_bytes: MAX_ROW_BYTES + 2 });
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRow {
    /// The body is not JSON that may be stored. It may have
    /// [`MAX_STATE_LEVELS`](crate::json::MAX_STATE_LEVELS) levels of nesting.
    #[error("its body: {0}")]
    Json(#[from] JsonFault),
    /// The row is larger than [`MAX_ROW_BYTES`].
    #[error("it has {size_bytes} bytes, and at most {MAX_ROW_BYTES} fit in an item")]
    TooLarge {
        /// The row's size.
        size_bytes: usize,
    },
    /// The name of the row's list is empty or longer than [`MAX_LIST_GROUP_BYTES`].
    #[error("the name of its list has {length_bytes} bytes, not 1 to {MAX_LIST_GROUP_BYTES}")]
    ListGroup {
        /// The name's length.
        length_bytes: usize,
    },
    /// The row's place in its list is empty or longer than [`MAX_LIST_SORT_BYTES`].
    #[error("its place in its list has {length_bytes} bytes, not 1 to {MAX_LIST_SORT_BYTES}")]
    ListSort {
        /// The length of the place.
        length_bytes: usize,
    },
}

/// Why a sealed value cannot be opened. Contains nothing of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There was never a key for this person, or the key was lost.
    #[error("there is no key of the person")]
    NoKey,
    /// The format is unknown. A newer release may know it.
    #[error("unknown seal format {0}")]
    Unknown(u8),
    /// The value was truncated, changed, or sealed with another key.
    #[error("the person's key does not decrypt the value")]
    Undecryptable,
}
