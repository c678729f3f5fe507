//! The port to the index of all commits of all streams, sorted by time.
//!
//! The index is divided into slices, and every stream belongs to one of them. Within a slice,
//! commits are sorted by when they were recorded, then by stream and version. There is no order
//! across slices.
//!
//! The index lags behind the event store. A commit appears in it some time after it was written,
//! sorted by the time of its writer's clock, so it may appear before entries that were already
//! read. [`Follower`](crate::follow::Follower) reads in a way that still misses no commit.

use std::cmp::Ordering;
use std::fmt;
use std::future::Future;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::commit::Commit;
use crate::pointers::for_pointers;
use crate::store::StoreError;
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;

/// The minimum number of digits of a version in a key, so that keys sort as versions do.
const VERSION_DIGITS: usize = 12;

/// Lists the commits of all streams: the port to an index of the event store.
///
/// # Examples
///
/// The commits of all streams. A [`Follower`](crate::follow::Follower) also waits for late ones:
///
/// ```
/// use skald::index::{CommitIndex, SlicePosition};
/// use skald::memory::{InMemoryCommitIndex, InMemoryEventStore};
/// # use skald_testkit::NoPause;
/// use skald::time::Timestamp;
/// use skald_testkit::sample::{Account, AccountCommand, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// # let events = InMemoryEventStore::default();
/// # let deposit = AccountCommand::Deposit(5);
/// # Handler::new(&events, NoPause).handle::<Account>(&account("1"), &deposit, &request).await?;
/// let index = InMemoryCommitIndex::over(&events);
/// let mut found = Vec::new();
/// for slice in 0..InMemoryCommitIndex::SLICES {
///     let page = index.read(slice, &SlicePosition::START, Timestamp::LAST, 100).await?;
///     found.extend(page.entries);
/// }
/// assert_eq!(found.len(), 1);
/// assert_eq!(found[0].types, ["account.deposited"]);
/// let commit = index.commit(&found[0].key).await?.expect("the commit of the entry");
/// assert_eq!(commit.stream, account("1"));
/// # Ok(())
/// # }
/// ```
pub trait CommitIndex: Sync {
    /// The number of slices. It never changes, because positions depend on it.
    const SLICES: u8;

    /// At most `limit` entries of a slice, in order: those after `after` that were recorded at
    /// `until` or before. If fewer than `limit` are returned, there are no more for now.
    ///
    /// # Errors
    /// [`StoreError`] if the index does not answer. A malformed entry is not an error: it is in
    /// [`IndexPage::malformed`].
    fn read(
        &self,
        slice: u8,
        after: &SlicePosition,
        until: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Result<IndexPage, StoreError>> + Send;

    /// The commit of an entry, as of now (strongly consistent). `None` if the event store has no
    /// commit at this position.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the stored item is not a commit that this build can read; the
    /// other kinds if the store does not answer.
    fn commit(
        &self,
        entry: &IndexKey,
    ) -> impl Future<Output = Result<Option<Commit>, StoreError>> + Send;
}

for_pointers!(CommitIndex {
    const SLICES: u8 = T::SLICES;

    async fn read(
        &self,
        slice: u8,
        after: &SlicePosition,
        until: Timestamp,
        limit: u32,
    ) -> Result<IndexPage, StoreError> {
        (**self).read(slice, after, until, limit).await
    }

    async fn commit(&self, entry: &IndexKey) -> Result<Option<Commit>, StoreError> {
        (**self).commit(entry).await
    }
});

/// One page of a slice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexPage {
    /// The entries, in order.
    pub entries: Vec<IndexEntry>,
    /// Malformed entries of the page, which no event store has written. They have no place in the
    /// order and may be repeated on the next page.
    pub malformed: Vec<MalformedEntry>,
}

/// An entry of the index, for one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// The commit's key, and so its position in the slice.
    pub key: IndexKey,
    /// The types of the commit's events, without duplicates. Empty if the attribute was removed.
    pub types: Vec<String>,
}

/// An item in an index that no store has written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MalformedEntry {
    /// The item's key in the store.
    pub key: String,
    /// The fault, without the item's values.
    pub fault: &'static str,
}

/// A commit's position in its slice, unique among all commits: `<time>/<tenant>/<stream>/<version
/// of its first event>`.
///
/// Keys sort as text. The version has at least 12 digits, so commits of one stream and millisecond
/// sort by version.
///
/// # Examples
///
/// ```
/// use skald::index::{IndexKey, InvalidIndexKey};
///
/// let text = "2025-12-01T12:00:00.000Z/default/book-moby-dick/000000000004";
/// let key: IndexKey = text.parse()?;
/// assert_eq!((key.stream().name(), key.first().get()), ("book-moby-dick", 4));
/// assert_eq!(IndexKey::new(key.at(), key.stream().clone(), key.first()).as_str(), text);
/// assert_eq!("book-moby-dick/4".parse::<IndexKey>(), Err(InvalidIndexKey));
/// # Ok::<_, InvalidIndexKey>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IndexKey {
    text: String,
    at: Timestamp,
    stream: StreamId,
    first: Version,
}

impl IndexKey {
    /// The key of the commit of `stream` that begins at `first` and was recorded at `at`.
    #[must_use]
    pub fn new(at: Timestamp, stream: StreamId, first: Version) -> Self {
        let text = format!("{at}/{}/{:0VERSION_DIGITS$}", stream.key(), first.get());
        Self { text, at, stream, first }
    }

    /// The key of this commit.
    #[must_use]
    pub fn of(commit: &Commit) -> Self {
        Self::new(commit.at, commit.stream.clone(), commit.first)
    }

    /// When the commit was recorded.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The commit's stream.
    #[must_use]
    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// The position of the commit's first event.
    #[must_use]
    pub fn first(&self) -> Version {
        self.first
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Text that is not a key of an index or a position in a slice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not <time>/<tenant>/<stream>/<version> in the canonical form")]
pub struct InvalidIndexKey;

impl FromStr for IndexKey {
    type Err = InvalidIndexKey;

    /// Parses exactly the text of [`as_str`](Self::as_str) and no variant of it, because keys are
    /// compared as text.
    fn from_str(text: &str) -> Result<Self, InvalidIndexKey> {
        let (at, rest) = text.split_once('/').ok_or(InvalidIndexKey)?;
        let (stream, first) = rest.rsplit_once('/').ok_or(InvalidIndexKey)?;
        let at = at.parse().or(Err(InvalidIndexKey))?;
        let stream = stream.parse().or(Err(InvalidIndexKey))?;
        let first = first.parse().or(Err(InvalidIndexKey))?;
        let key = Self::new(at, stream, Version::new(first));
        (first > 0 && key.text == text).then_some(key).ok_or(InvalidIndexKey)
    }
}

impl fmt::Display for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for IndexKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialOrd for IndexKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for IndexKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

/// A position in a slice: the next read starts after it.
///
/// # Examples
///
/// ```
/// use skald::index::{IndexKey, SlicePosition};
/// use skald::stream::{StreamId, Tenant, Version};
/// use skald::time::Timestamp;
///
/// let noon: Timestamp = "2025-12-01T12:00:00Z".parse()?;
/// let book = StreamId::new(&Tenant::default(), "book", "moby-dick")?;
/// let key = IndexKey::new(noon, book, Version::new(4));
/// assert!(!SlicePosition::Before(noon).covers(&key));
/// assert!(SlicePosition::After(key.clone()).covers(&key));
/// assert!(SlicePosition::Through(noon).covers(&key));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SlicePosition {
    /// Before every entry recorded at this time or later.
    Before(Timestamp),
    /// After this entry.
    After(IndexKey),
    /// After every entry recorded at this time or before.
    Through(Timestamp),
}

/// The suffix after the time in the text of [`SlicePosition::Through`]. It sorts after every key of
/// that time.
const END: &str = "/~";

impl SlicePosition {
    /// Before every entry.
    pub const START: Self = Self::Before(Timestamp::FIRST);

    /// Whether an entry is before this position, so that the next read omits it.
    #[must_use]
    pub fn covers(&self, key: &IndexKey) -> bool {
        match self {
            Self::Before(at) => key.at < *at,
            Self::After(last) => key <= last,
            Self::Through(at) => key.at <= *at,
        }
    }

    /// The time of the position.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Before(at) | Self::Through(at) => *at,
            Self::After(key) => key.at,
        }
    }
}

impl PartialOrd for SlicePosition {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SlicePosition {
    /// Compares the positions' texts. The text of a time is the beginning of every key of that
    /// time.
    fn cmp(&self, other: &Self) -> Ordering {
        let place = |position: &Self| match position {
            Self::Before(_) => 0,
            Self::After(_) => 1,
            Self::Through(_) => 2,
        };
        self.at().cmp(&other.at()).then_with(|| match (self, other) {
            (Self::After(one), Self::After(other)) => one.cmp(other),
            _ => place(self).cmp(&place(other)),
        })
    }
}

impl fmt::Display for SlicePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(at) => fmt::Display::fmt(at, f),
            Self::After(key) => fmt::Display::fmt(key, f),
            Self::Through(at) => write!(f, "{at}{END}"),
        }
    }
}

impl FromStr for SlicePosition {
    type Err = InvalidIndexKey;

    /// Parses the displayed form.
    fn from_str(text: &str) -> Result<Self, InvalidIndexKey> {
        let through = text.strip_suffix(END);
        if through.is_none() && text.contains('/') {
            return text.parse().map(Self::After);
        }
        let at: Timestamp = through.unwrap_or(text).parse().or(Err(InvalidIndexKey))?;
        let position = if through.is_some() { Self::Through(at) } else { Self::Before(at) };
        (position.to_string() == text).then_some(position).ok_or(InvalidIndexKey)
    }
}

impl TryFrom<String> for SlicePosition {
    type Error = InvalidIndexKey;
    fn try_from(text: String) -> Result<Self, InvalidIndexKey> {
        text.parse()
    }
}

impl From<SlicePosition> for String {
    fn from(position: SlicePosition) -> Self {
        position.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "2026-11-21T08:15:30.250Z/default/order-17/000000000004";

    #[test]
    fn a_key_is_written_and_read() {
        let key: IndexKey = KEY.parse().unwrap();
        assert_eq!(
            (key.stream().key().as_str(), key.first()),
            ("default/order-17", Version::new(4))
        );
        assert_eq!(key.at().to_string(), "2026-11-21T08:15:30.250Z");
        assert_eq!(IndexKey::new(key.at(), key.stream().clone(), key.first()).as_str(), KEY);
    }

    #[test]
    fn text_that_only_resembles_a_key_is_rejected() {
        for text in [
            "",
            "/",
            "2026-11-21T08:15:30.250Z",
            "2026-11-21T08:15:30.25Z/default/order-17/000000000004",
            "2026-11-21T09:15:30.250+01:00/default/order-17/000000000004",
            "2026-11-21T08:15:30.250Z/default/order-17/4",
            "2026-11-21T08:15:30.250Z/default/order-17/000000000000",
            "2026-11-21T08:15:30.250Z/default/order-17/0000000000004",
            "2026-11-21T08:15:30.250Z/default/order-17/+00000000004",
            "2026-11-21T08:15:30.250Z/order-17/000000000004",
            "2026-11-21T08:15:30.250Z/default/order/000000000004",
        ] {
            assert_eq!(text.parse::<IndexKey>(), Err(InvalidIndexKey), "{text}");
        }
    }

    #[test]
    fn positions_sort_in_the_order_of_their_slice() {
        let before = |text: &str| SlicePosition::Before(text.parse().unwrap());
        let after = |stream: &str, first: u64| {
            let at = "2026-11-21T08:15:30.250Z".parse().unwrap();
            SlicePosition::After(IndexKey::new(at, stream.parse().unwrap(), Version::new(first)))
        };
        let sorted = [
            SlicePosition::START,
            before("2026-11-21T08:15:30.250Z"),
            // If one name is the beginning of another, the longer one may sort first: text decides,
            // as in the index.
            after("default/order-1-2", 1),
            after("default/order-1", 9),
            after("default/order-1", 10),
            after("default/zebra-~", u64::MAX),
            SlicePosition::Through("2026-11-21T08:15:30.250Z".parse().unwrap()),
            before("2026-11-21T08:15:30.251Z"),
        ];
        assert!(sorted.is_sorted());
        let texts = sorted.each_ref().map(SlicePosition::to_string);
        assert!(texts.is_sorted(), "as their slice does, which sorts texts: {texts:?}");
        for position in sorted {
            for key in texts.iter().filter_map(|text| text.parse::<IndexKey>().ok()) {
                assert_eq!(
                    position.covers(&key),
                    SlicePosition::After(key.clone()) <= position,
                    "{key} {position}"
                );
            }
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        for text in [
            "2026-11-21T09:15:30+01:00",
            "2026-11-21T09:15:30+01:00/~",
            "2026-11-21T08:15:30.250Z/~/~",
            "/~",
        ] {
            assert!(text.parse::<SlicePosition>().is_err(), "only as it is written: {text}");
        }
    }
}
