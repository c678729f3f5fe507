//! Reading a stream page by page, from any position and in either direction, with at most one page
//! in memory.

use std::cmp::Ordering;

use futures_util::{Stream, StreamExt, TryStreamExt, pin_mut, stream};

use crate::commit::Commit;
use crate::decider::{Decider, Folded};
use crate::event::DomainEvent;
use crate::handle::StatesError;
use crate::observe;
use crate::snapshot::SnapshotKind;
use crate::store::{Corruption, EventStore, StoreError};
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;

/// The number of commits in one read. It is larger than any page of a store that limits pages by
/// size: on DynamoDB, 1 MB.
const PAGE: u32 = 10_000;
/// The factor by which each page grows. If the first page has no snapshot, the next one may be far
/// away.
const GROWTH: u32 = 4;

/// The direction and the starting position of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// Oldest first: the commits after this position, which is [`Version::START`] or the last
    /// version of a commit.
    After(Version),
    /// Newest first: the commits that begin before this version.
    Before(Version),
    /// Newest first: all commits.
    End,
}

/// A page of a stream's commits, in the order of the read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The commits.
    pub commits: Vec<Commit>,
    /// Whether there may be more commits in that direction.
    pub more: bool,
}

/// The point up to which a stream is folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// Up to and including the event at this position.
    Version(Version),
    /// Up to the last commit that was recorded at this time or before. All earlier commits of the
    /// stream existed then, even if a wrong clock recorded a later time for some of them.
    Time(Timestamp),
}

impl ReadFrom {
    const fn is_forwards(self) -> bool {
        matches!(self, Self::After(_))
    }

    /// The position from which to read on after this commit.
    fn after(self, commit: &Commit) -> Self {
        if self.is_forwards() { Self::After(commit.last()) } else { Self::Before(commit.first) }
    }

    /// The fault if this commit comes next. `None` if it is the expected commit.
    fn fault(self, commit: &Commit) -> Option<Corruption> {
        // The fault is described in forward order, regardless of the direction of the read.
        let (expected, found) = match self {
            Self::After(position) => (position.next(), commit.first),
            Self::Before(first) => (commit.last().next(), first),
            Self::End => return None,
        };
        match found.cmp(&expected) {
            Ordering::Equal => None,
            Ordering::Greater => Some(Corruption::Gap { expected, found }),
            Ordering::Less => Some(Corruption::Overlap { expected, found }),
        }
    }

    /// The fault if no commit comes next. `None` if the stream may end here.
    fn fault_at_end(self) -> Option<Corruption> {
        let start = Version::START.next();
        match self {
            Self::Before(first) if first != start => {
                Some(Corruption::Gap { expected: start, found: first })
            }
            Self::Before(_) | Self::After(_) | Self::End => None,
        }
    }
}

/// The commits of a stream, one after the other, as of the read of each page (strongly consistent).
/// The commits are checked to be contiguous. A backward read also checks that it ends at the first
/// commit of the stream.
pub fn commits<'a, S: EventStore + ?Sized>(
    store: &'a S,
    stream: &'a StreamId,
    way: ReadFrom,
) -> impl Stream<Item = Result<Commit, StoreError>> + Send + 'a {
    commits_by(store, stream, way, PAGE)
}

/// As [`commits`], with at most `at_most` commits in memory.
pub(crate) fn commits_by<'a, S: EventStore + ?Sized>(
    store: &'a S,
    stream: &'a StreamId,
    way: ReadFrom,
    at_most: u32,
) -> impl Stream<Item = Result<Commit, StoreError>> + Send + 'a {
    let pages = pages(store, stream, way, at_most, |at_most| at_most);
    pages.map_ok(|page| stream::iter(page.into_iter().map(Ok))).try_flatten()
}

/// As [`commits`], in pages. The first page has at most `at_most` commits, and `next` computes the
/// limit of each page from that of the previous one.
fn pages<'a, S: EventStore + ?Sized>(
    store: &'a S,
    stream: &'a StreamId,
    way: ReadFrom,
    at_most: u32,
    next: fn(u32) -> u32,
) -> impl Stream<Item = Result<Vec<Commit>, StoreError>> + Send + 'a {
    stream::try_unfold(Some((way, at_most)), move |rest| async move {
        let Some((mut way, at_most)) = rest else { return Ok(None) };
        let Page { commits, more } = store.page(stream, way, at_most).await?;
        observe::page_read(stream, commits.len(), at_most);
        let corrupt = |corruption| StoreError::Corrupt { key: stream.key(), corruption };
        for commit in &commits {
            way.fault(commit).map_or(Ok(()), |fault| Err(corrupt(fault)))?;
            way = way.after(commit);
        }
        if !more {
            way.fault_at_end().map_or(Ok(()), |fault| Err(corrupt(fault)))?;
        }
        Ok(Some((commits, more.then(|| (way, next(at_most))))))
    })
}

/// The limit of the page after one of this size, for callers that keep everything they read anyway.
/// The interval between snapshots may be longer than a large page.
pub(crate) fn grown(at_most: u32) -> u32 {
    at_most.max(PAGE.min(at_most.saturating_mul(GROWTH)))
}

/// All commits after a position, oldest first. Stores use it to implement [`EventStore::read`].
pub(crate) async fn read_after<S: EventStore + ?Sized>(
    store: &S,
    stream: &StreamId,
    after: Version,
) -> Result<Vec<Commit>, StoreError> {
    pages(store, stream, ReadFrom::After(after), PAGE, grown).try_concat().await
}

/// The end of a stream, oldest first, starting with the last commit that carries such a snapshot;
/// the whole stream if no commit carries one. Stores use it to implement [`EventStore::load`] with
/// snapshots.
///
/// # Errors
/// As [`EventStore::read`].
pub async fn read_back<S: EventStore>(
    store: &S,
    stream: &StreamId,
    kind: SnapshotKind,
) -> Result<Vec<Commit>, StoreError> {
    // The first page reaches back to the previous snapshot, unless that snapshot was omitted.
    let pages = pages(store, stream, ReadFrom::End, kind.first_page(), grown);
    pin_mut!(pages);
    let mut commits = Vec::new();
    'pages: while let Some(page) = pages.next().await {
        for commit in page? {
            let ends = kind.is_in(&commit);
            commits.push(commit);
            if ends {
                break 'pages;
            }
        }
    }
    commits.reverse();
    Ok(commits)
}

/// Adds a page of at most `at_most` commits before the first of these commits, which is not the
/// first of its stream.
///
/// # Errors
/// As [`EventStore::read`].
pub(crate) async fn read_further_back<S: EventStore>(
    store: &S,
    stream: &StreamId,
    commits: &mut Vec<Commit>,
    at_most: u32,
) -> Result<(), StoreError> {
    let way = commits.first().map_or(ReadFrom::End, |commit| ReadFrom::Before(commit.first));
    let pages = pages(store, stream, way, at_most, grown);
    pin_mut!(pages);
    let page = pages.try_next().await?.unwrap_or_default();
    commits.splice(..0, page.into_iter().rev());
    Ok(())
}

/// The state after the events of a stream up to this point.
///
/// # Errors
/// See [`StatesError`].
pub async fn state_as_of<D: Decider, S: EventStore>(
    store: &S,
    stream: &StreamId,
    until: AsOf,
) -> Result<Folded<D::State>, StatesError> {
    let last = match until {
        AsOf::Version(version) => version,
        AsOf::Time(time) => last_version_as_of(store, stream, time).await?,
    };
    let mut folded = Folded { state: D::State::default(), version: Version::START };
    let commits = commits(store, stream, ReadFrom::After(Version::START));
    pin_mut!(commits);
    while let Some(commit) = commits.next().await {
        let commit = commit?;
        for (index, stored) in commit.events.iter().enumerate() {
            let version = commit.first.plus(index as u64);
            if version > last {
                return Ok(folded);
            }
            folded = Folded { state: D::evolve(folded.state, &D::Event::decode(stored)?), version };
        }
    }
    Ok(folded)
}

/// The commits that existed at a time: those up to the last commit that was recorded by then.
/// `commits` are a stream's commits from the first on.
#[must_use]
pub fn commits_as_of(commits: &[Commit], time: Timestamp) -> &[Commit] {
    let end = commits.iter().rposition(|commit| commit.at <= time).map_or(0, |last| last + 1);
    &commits[..end]
}

/// The last version of a stream that [existed](commits_as_of) at a time. The search starts at the
/// end, because an earlier commit may have a later time.
async fn last_version_as_of<S: EventStore>(
    store: &S,
    stream: &StreamId,
    time: Timestamp,
) -> Result<Version, StoreError> {
    let commits = commits(store, stream, ReadFrom::End);
    pin_mut!(commits);
    while let Some(commit) = commits.next().await {
        let commit = commit?;
        if commit.at <= time {
            return Ok(commit.last());
        }
    }
    Ok(Version::START)
}
