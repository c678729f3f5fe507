//! Reading a stream piece by piece: from any place on, either way, with no more in memory than a
//! page.

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

/// How many commits are read at once. More than a page of a store holds that pages by size: on
/// DynamoDB, 1 MB.
const PAGE: u32 = 10_000;
/// By what factor each page grows: if the first has no snapshot, there may be none for a long way.
const GROWTH: u32 = 4;

/// Which way a stream is read, and from where.
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

/// Commits of a stream, in the order in which they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The commits.
    pub commits: Vec<Commit>,
    /// Whether there may be more that way.
    pub more: bool,
}

/// Up to where a stream is folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// Up to the event at this position, and with it.
    Version(Version),
    /// Up to the last commit that was recorded at this time or before. Everything before it in the
    /// stream existed then, even if a wrong clock recorded it later.
    Time(Timestamp),
}

impl ReadFrom {
    const fn is_forwards(self) -> bool {
        matches!(self, Self::After(_))
    }

    /// The way on after this commit.
    fn after(self, commit: &Commit) -> Self {
        if self.is_forwards() { Self::After(commit.last()) } else { Self::Before(commit.first) }
    }

    /// What is wrong if this commit comes next; none if nothing is.
    fn fault(self, commit: &Commit) -> Option<Corruption> {
        // Told as it is forwards, whichever way it is found.
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

    /// What is wrong if nothing comes next.
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

/// The commits of a stream, one after the other, as of when each page of them is read (strongly
/// consistent). Contiguity is checked on the way, and backwards that the last one is the first of
/// its stream.
pub fn commits<'a, S: EventStore + ?Sized>(
    store: &'a S,
    stream: &'a StreamId,
    way: ReadFrom,
) -> impl Stream<Item = Result<Commit, StoreError>> + Send + 'a {
    commits_by(store, stream, way, PAGE)
}

/// The same with at most so many commits in memory.
pub(crate) fn commits_by<'a, S: EventStore + ?Sized>(
    store: &'a S,
    stream: &'a StreamId,
    way: ReadFrom,
    at_most: u32,
) -> impl Stream<Item = Result<Commit, StoreError>> + Send + 'a {
    let pages = pages(store, stream, way, at_most, |at_most| at_most);
    pages.map_ok(|page| stream::iter(page.into_iter().map(Ok))).try_flatten()
}

/// The same by pages: the first of at most so many commits, and each further one of as many as
/// `next` makes of the one before.
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

/// The size of the page after one of this size, for callers that keep everything they read anyway.
/// An interval of snapshots may be longer than a large page.
pub(crate) fn grown(at_most: u32) -> u32 {
    at_most.max(PAGE.min(at_most.saturating_mul(GROWTH)))
}

/// All commits after a position, oldest first. For stores: [`EventStore::read`] is made of it.
pub(crate) async fn read_after<S: EventStore + ?Sized>(
    store: &S,
    stream: &StreamId,
    after: Version,
) -> Result<Vec<Commit>, StoreError> {
    pages(store, stream, ReadFrom::After(after), PAGE, grown).try_concat().await
}

/// The end of a stream, oldest first, from the last commit on that carries such a snapshot; all of
/// it, if none does. For stores: [`EventStore::load`] with snapshots is made of it.
///
/// # Errors
/// As [`EventStore::read`].
pub async fn read_back<S: EventStore>(
    store: &S,
    stream: &StreamId,
    kind: SnapshotKind,
) -> Result<Vec<Commit>, StoreError> {
    // As many as there are from one snapshot to the next are one page, unless one was left out.
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

/// Puts a page of at most so many commits before the first of these, which is not the first of its
/// stream.
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

/// The state as it was: after the events of a stream up to there.
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

/// Those of a stream's commits, from its first on, that existed at a time: up to the last one that
/// was recorded by then.
#[must_use]
pub fn commits_as_of(commits: &[Commit], time: Timestamp) -> &[Commit] {
    let end = commits.iter().rposition(|commit| commit.at <= time).map_or(0, |last| last + 1);
    &commits[..end]
}

/// The last version of a stream that [existed](commits_as_of) at a time. It is looked for from the
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
