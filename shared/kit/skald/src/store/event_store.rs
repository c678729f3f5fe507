//! The port to the event store, and reading a stream page by page through it.

use std::cmp::Ordering;
use std::future::Future;

use futures_util::{Stream, TryStreamExt, stream};

use super::append::{AppendError, Appended, Head, Loaded};
use super::error::{Corruption, StoreError};
use crate::commit::{Commit, Draft};
use crate::observe;
use crate::pointers::for_pointers;
use crate::snapshot::SnapshotKind;
use crate::stream::{StreamId, Version};

/// The number of commits in one read. It is larger than any page of a store that limits pages by
/// size: on DynamoDB, 1 MB.
pub(crate) const PAGE: u32 = 10_000;
/// The factor by which each page grows. If the first page has no snapshot, the next one may be far
/// away.
const GROWTH: u32 = 4;

/// Stores streams of commits.
///
/// A stream never has a gap or an overlap and never loses a commit, regardless of the order of
/// calls and the number of writers. Only the store itself creates positions, as a
/// [`Head`](Self::Head), and an append happens either at that position or not at all.
/// `skald-testkit` contains the contract that every store passes.
///
/// # Examples
///
/// ```
/// use skald::event::DomainEvent;
/// use skald::memory::InMemoryEventStore;
/// use skald::store::{AppendError, EventStore, Head};
/// use skald::stream::Version;
/// use skald_testkit::sample::{AccountEvent, Deposited, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let store = InMemoryEventStore::default();
/// let loaded = store.load(&account("1"), None).await?;
/// assert_eq!(loaded.head.version(), Version::START);
///
/// let deposited = AccountEvent::from(Deposited { amount: 5 }).encode()?;
/// let draft = request.draft(vec![deposited], None);
/// let appended = store.append(&loaded.head, draft.clone()).await?;
/// assert_eq!(appended.head.version(), Version::new(1));
/// assert_eq!(store.read(&account("1"), Version::START).await?, [appended.commit]);
///
/// // The same draft again is recognised. Another command at that head is a conflict.
/// assert!(store.append(&loaded.head, draft.clone()).await?.repeated);
/// let other = skald::commit::Draft { commit_id: CommitId::new(uuid::Uuid::max()), ..draft };
/// let conflict = store.append(&loaded.head, other).await.unwrap_err();
/// assert!(matches!(conflict, AppendError::Conflict { moved } if moved[0].found.is_some()));
/// # Ok(())
/// # }
/// ```
pub trait EventStore: Sync {
    /// A position at the end of a stream, as this store saw it.
    type Head: Head;

    /// The head of a stream without events. If the stream has events after all, an append at this
    /// head is a conflict.
    fn start(&self, stream: StreamId) -> Self::Head;

    /// At most `limit` commits, starting at `from`, as of now (strongly consistent). The commits
    /// are returned as they are stored, contiguous or not.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a stored item is not a commit; the other kinds if the store does
    /// not answer.
    fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send;

    /// All commits after a position, oldest first, as of now (strongly consistent).
    ///
    /// `after` is [`Version::START`] or the last version of a commit.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the stored commits do not continue from `after` without gap or
    /// overlap; the other kinds if the store does not answer.
    fn read(
        &self,
        stream: &StreamId,
        after: Version,
    ) -> impl Future<Output = Result<Vec<Commit>, StoreError>> + Send {
        read_after(self, stream, after)
    }

    /// The stream, and the head to append at. If snapshots are wanted, the commits begin with the
    /// last commit that carries one; otherwise all commits are returned.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> impl Future<Output = Result<Loaded<Self::Head>, StoreError>> + Send;

    /// The commits after this head, and the new head to append at. If there are no new commits, the
    /// new head equals this one.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn load_after(
        &self,
        head: &Self::Head,
    ) -> impl Future<Output = Result<Loaded<Self::Head>, StoreError>> + Send;

    /// Appends one commit at this head: all of its events or none.
    ///
    /// If the commit at this head already has the draft's id, an earlier attempt succeeded although
    /// its answer was lost, and that commit is returned. In both cases the returned commit equals
    /// what a read returns.
    ///
    /// # Errors
    /// [`AppendError::Conflict`] if another commit is stored at this position.
    /// [`AppendError::Contended`] if a transaction on the stream was in progress. Nothing is
    /// written in either case. After [`AppendError::Store`] the commit may or may not have been
    /// stored: append the same draft at the same head again to find out.
    fn append(
        &self,
        head: &Self::Head,
        draft: Draft,
    ) -> impl Future<Output = Result<Appended<Self::Head>, AppendError<Self::Head>>> + Send;

    /// Appends one commit to each of several streams: all of them or none.
    ///
    /// # Errors
    /// As [`append_guarded`](Self::append_guarded), which this method calls without guards.
    fn append_all(
        &self,
        parts: Vec<(Self::Head, Draft)>,
    ) -> impl Future<Output = Result<Vec<Appended<Self::Head>>, AppendError<Self::Head>>> + Send
    {
        self.append_guarded(parts, Vec::new())
    }

    /// Appends one commit to each of several streams, if no guarded stream has moved: all of them
    /// or none. The result has the order of `parts`.
    ///
    /// A guard is the head of a stream that nothing is appended to. The store checks in the same
    /// transaction that the stream still ends there. The guard of an empty stream checks that the
    /// stream is still empty.
    ///
    /// If the commit at each head has its draft's id, an earlier attempt succeeded, and those
    /// commits are returned. If this is so at some heads only, the earlier attempt was decided on
    /// other streams or at other heads, and everything it decided is written. Nothing is appended
    /// then, and [`AppendError::RepeatedInPart`] contains the commits that were found.
    ///
    /// Only the commit at the head identifies a repeated append. A commit with the same id
    /// elsewhere in the stream is found by reading. An append counts as repeated even if a guarded
    /// stream has moved since the earlier attempt.
    ///
    /// # Errors
    /// As [`append`](Self::append), and [`AppendError::RepeatedInPart`]. [`AppendError::Contended`]
    /// also if another transaction was in progress. A conflict names the streams whose head moved,
    /// those of `parts` first. A call that exceeds a limit is an
    /// [`InvalidAppend`](super::InvalidAppend).
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::event::DomainEvent;
    /// use skald::memory::InMemoryEventStore;
    /// use skald::store::{AppendError, EventStore};
    /// use skald_testkit::sample::{AccountEvent, Deposited, account};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use skald::prelude::*;
    /// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
    /// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
    /// let store = InMemoryEventStore::default();
    /// let head = |id| store.start(account(id));
    /// let deposited = AccountEvent::from(Deposited { amount: 5 }).encode()?;
    /// let draft = request.draft(vec![deposited], None);
    /// let parts = vec![(head("1"), draft.clone())];
    /// assert_eq!(store.append_guarded(parts, vec![head("2")]).await?.len(), 1);
    ///
    /// // Account 1 has moved since: as a guard, this head prevents the next append.
    /// let prevented = store.append_guarded(vec![(head("3"), draft)], vec![head("1")]).await;
    /// let Err(AppendError::Conflict { moved }) = prevented else { panic!("account 1 has moved") };
    /// assert_eq!(moved[0].stream, account("1"));
    /// # Ok(())
    /// # }
    /// ```
    fn append_guarded(
        &self,
        parts: Vec<(Self::Head, Draft)>,
        guards: Vec<Self::Head>,
    ) -> impl Future<Output = Result<Vec<Appended<Self::Head>>, AppendError<Self::Head>>> + Send;
}

for_pointers!(EventStore {
    type Head = T::Head;

    fn start(&self, stream: StreamId) -> T::Head {
        (**self).start(stream)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        (**self).page(stream, from, limit).await
    }

    async fn read(&self, stream: &StreamId, after: Version) -> Result<Vec<Commit>, StoreError> {
        (**self).read(stream, after).await
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<T::Head>, StoreError> {
        (**self).load(stream, snapshots).await
    }

    async fn load_after(&self, head: &T::Head) -> Result<Loaded<T::Head>, StoreError> {
        (**self).load_after(head).await
    }

    async fn append(
        &self,
        head: &T::Head,
        draft: Draft,
    ) -> Result<Appended<T::Head>, AppendError<T::Head>> {
        (**self).append(head, draft).await
    }

    async fn append_guarded(
        &self,
        parts: Vec<(T::Head, Draft)>,
        guards: Vec<T::Head>,
    ) -> Result<Vec<Appended<T::Head>>, AppendError<T::Head>> {
        (**self).append_guarded(parts, guards).await
    }
});

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

/// The commits of a stream in pages. The commits are checked to be contiguous. The first page has
/// at most `limit` commits, and `next` computes the limit of each page from that of the previous
/// one.
pub(crate) fn pages<'a, S: EventStore + ?Sized>(
    store: &'a S,
    stream: &'a StreamId,
    from: ReadFrom,
    limit: u32,
    next: fn(u32) -> u32,
) -> impl Stream<Item = Result<Vec<Commit>, StoreError>> + Send + 'a {
    stream::try_unfold(Some((from, limit)), move |rest| async move {
        let Some((mut from, limit)) = rest else { return Ok(None) };
        let Page { commits, more } = store.page(stream, from, limit).await?;
        observe::page_read(stream, commits.len(), limit);
        let corrupt = |corruption| StoreError::Corrupt { key: stream.key(), corruption };
        for commit in &commits {
            from.fault(commit).map_or(Ok(()), |fault| Err(corrupt(fault)))?;
            from = from.after(commit);
        }
        if !more {
            from.fault_at_end().map_or(Ok(()), |fault| Err(corrupt(fault)))?;
        }
        Ok(Some((commits, more.then(|| (from, next(limit))))))
    })
}

/// The limit of the page after one of this size, for callers that keep everything they read anyway.
/// The interval between snapshots may be longer than a large page.
pub(crate) fn grown(limit: u32) -> u32 {
    limit.max(PAGE.min(limit.saturating_mul(GROWTH)))
}

/// See [`EventStore::read`].
async fn read_after<S: EventStore + ?Sized>(
    store: &S,
    stream: &StreamId,
    after: Version,
) -> Result<Vec<Commit>, StoreError> {
    pages(store, stream, ReadFrom::After(after), PAGE, grown).try_concat().await
}
