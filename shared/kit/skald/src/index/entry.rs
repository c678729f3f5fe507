//! The port to the index of all commits: what happened in all streams, by time.
//!
//! The index is cut into slices, and every stream is in one of them. Within a slice, commits are
//! sorted by when they were recorded, then by stream and version. There is no order over the
//! slices.
//!
//! What an index shows is not as of now. A commit appears in it some time after it was written, and
//! its place is the time that its writer's clock said, so it may appear behind others that were
//! seen before. [`Follower`](crate::follow::Follower) reads so that nothing is missed all the same.

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

/// Fewest digits of a version in a key, so that keys sort as versions do.
const VERSION_DIGITS: usize = 12;

/// Shows the commits of all streams. The port to an index of the event store.
pub trait CommitIndex: Sync {
    /// How many slices there are. It never changes, or positions would lose their meaning.
    const SLICES: u8;

    /// The entries of a slice after `after` that were recorded at `until` or before, in order, at
    /// most `limit`. If there are fewer than `limit`, there are no more for now.
    ///
    /// # Errors
    /// [`StoreError`] if the index does not answer. What is no commit's entry is no error: it is in
    /// [`IndexPage::malformed`].
    fn read(
        &self,
        slice: u8,
        after: &SlicePosition,
        until: Timestamp,
        limit: u32,
    ) -> impl Future<Output = Result<IndexPage, StoreError>> + Send;

    /// The commit of an entry as of now (strongly consistent); none if the event store has no
    /// commit at its place.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if what is there is no commit that this build can read; the other
    /// kinds if the store does not answer.
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

/// Some entries of a slice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexPage {
    /// The entries, in order.
    pub entries: Vec<IndexEntry>,
    /// What lies among them and was never written by an event store. It has no place in the order:
    /// it may be on the next page, too.
    pub malformed: Vec<MalformedEntry>,
}

/// What the index knows of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Which commit, and so where in its slice.
    pub key: IndexKey,
    /// The types of its events, each once; empty if somebody removed them.
    pub types: Vec<String>,
}

/// An item in an index that no store wrote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MalformedEntry {
    /// The key it has in the store.
    pub key: String,
    /// What is wrong with it, without its values.
    pub fault: &'static str,
}

/// A commit's place in its slice, unique over all commits:
/// `<time>/<tenant>/<stream>/<version of its first event>`.
///
/// Keys sort as text. The version has 12 digits or more, so commits of one stream and millisecond
/// stand in their order.
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

    /// Its stream.
    #[must_use]
    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// Position of its first event.
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

/// The text is no key of an index, or no position in a slice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not <time>/<tenant>/<stream>/<version>, each as it is written here")]
pub struct InvalidIndexKey;

impl FromStr for IndexKey {
    type Err = InvalidIndexKey;

    /// Reads what [`as_str`](Self::as_str) gives, and nothing that is merely like it: keys are
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

/// Where somebody stands in a slice: what is read next comes after it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SlicePosition {
    /// Before everything that was recorded at this time or later.
    Before(Timestamp),
    /// After this entry.
    After(IndexKey),
    /// After everything that was recorded at this time or before.
    Through(Timestamp),
}

/// What stands after the time in the text of [`SlicePosition::Through`]: it sorts after every key
/// of that time.
const END: &str = "/~";

impl SlicePosition {
    /// Before everything.
    pub const START: Self = Self::Before(Timestamp::FIRST);

    /// Whether an entry stands before this position: what is read next does not have it.
    #[must_use]
    pub fn covers(&self, key: &IndexKey) -> bool {
        match self {
            Self::Before(at) => key.at < *at,
            Self::After(last) => key <= last,
            Self::Through(at) => key.at <= *at,
        }
    }

    /// The time that it stands at.
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
    /// As their texts stand in the slice: a time's is the beginning of every key of that time.
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

    /// Reads what is displayed.
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
    fn what_is_merely_like_a_key_is_refused() {
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
    fn positions_sort_as_their_slice_does() {
        let before = |text: &str| SlicePosition::Before(text.parse().unwrap());
        let after = |stream: &str, first: u64| {
            let at = "2026-11-21T08:15:30.250Z".parse().unwrap();
            SlicePosition::After(IndexKey::new(at, stream.parse().unwrap(), Version::new(first)))
        };
        let sorted = [
            SlicePosition::START,
            before("2026-11-21T08:15:30.250Z"),
            // Of two names of which one begins the other, the longer may come first: text decides,
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
