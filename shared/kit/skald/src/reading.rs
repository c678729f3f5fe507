//! Reading a stream page by page, from any position and in either direction, with at most one page
//! in memory.

use futures_util::{Stream, StreamExt, TryStreamExt, pin_mut, stream};

use crate::commit::Commit;
use crate::decider::{Decider, Folded};
use crate::event::{DecodeError, DomainEvent};
use crate::store::event_store::{PAGE, grown, pages};
use crate::store::{EventStore, StoreError};
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;

pub use crate::store::event_store::ReadFrom;

/// The point up to which a stream is folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// Up to and including the event at this position.
    Version(Version),
    /// Up to the last commit that was recorded at this time or before. All earlier commits of the
    /// stream existed then, even if a wrong clock recorded a later time for some of them.
    Time(Timestamp),
}

/// Why the states of streams could not be loaded.
///
/// # Examples
///
/// A stream with an event of a newer release:
///
/// ```
/// use skald::event::{DecodeError, EventData};
/// use skald::handle::{One, states};
/// use skald::memory::InMemoryEventStore;
/// use skald::reading::StatesError;
/// use skald::store::EventStore;
/// use skald_testkit::sample::{Account, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// # let store = InMemoryEventStore::default();
/// let (event_type, data) = ("account.closed".to_owned(), b"{}".to_vec());
/// let closed = EventData { event_type, schema: 1, data };
/// store.append(&store.start(account("1")), request.draft(vec![closed], None)).await?;
/// let unread = states(&store, &One::<Account>::new(account("1"))).await;
/// assert!(matches!(unread, Err(StatesError::Decode(DecodeError::Unknown { .. }))));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum StatesError {
    /// A stored event of one of the streams cannot be decoded.
    #[error("a stored event cannot be read")]
    Decode(#[from] DecodeError),
    /// The store failed.
    #[error("the event store failed")]
    Store(#[from] StoreError),
}

/// The commits of a stream, one after the other, as of the read of each page (strongly consistent).
/// The commits are checked to be contiguous. A backward read also checks that it ends at the first
/// commit of the stream.
///
/// # Examples
///
/// ```
/// use futures_util::TryStreamExt;
/// use skald::memory::InMemoryEventStore;
/// use skald::reading::{ReadFrom, commits};
/// use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountCommand, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// let (store, stream) = (InMemoryEventStore::default(), account("1"));
/// # for name in ["1", "2", "3"] {
/// #     let id = CommitId::of(uuid::Uuid::nil(), name);
/// #     let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// #     let deposit = AccountCommand::Deposit(5);
/// #     Handler::new(&store, NoPause).handle::<Account>(&stream, &deposit, &request).await?;
/// # }
/// let newest_first = commits(&store, &stream, ReadFrom::End);
/// let versions: Vec<u64> = newest_first.map_ok(|commit| commit.last().get()).try_collect().await?;
/// assert_eq!(versions, [3, 2, 1]);
/// # Ok(())
/// # }
/// ```
pub fn commits<'a, S: EventStore + ?Sized>(
    store: &'a S,
    stream: &'a StreamId,
    from: ReadFrom,
) -> impl Stream<Item = Result<Commit, StoreError>> + Send + 'a {
    commits_by(store, stream, from, PAGE)
}

/// As [`commits`], with at most `limit` commits in memory.
pub(crate) fn commits_by<'a, S: EventStore + ?Sized>(
    store: &'a S,
    stream: &'a StreamId,
    from: ReadFrom,
    limit: u32,
) -> impl Stream<Item = Result<Commit, StoreError>> + Send + 'a {
    let pages = pages(store, stream, from, limit, |limit| limit);
    pages.map_ok(|page| stream::iter(page.into_iter().map(Ok))).try_flatten()
}

/// Adds a page of at most `limit` commits before the first of these commits, which is not the
/// first of its stream.
///
/// # Errors
/// As [`EventStore::read`].
pub(crate) async fn read_further_back<S: EventStore>(
    store: &S,
    stream: &StreamId,
    commits: &mut Vec<Commit>,
    limit: u32,
) -> Result<(), StoreError> {
    let from = commits.first().map_or(ReadFrom::End, |commit| ReadFrom::Before(commit.first));
    let pages = pages(store, stream, from, limit, grown);
    pin_mut!(pages);
    let page = pages.try_next().await?.unwrap_or_default();
    commits.splice(..0, page.into_iter().rev());
    Ok(())
}

/// The state after the events of a stream up to this point.
///
/// # Errors
/// See [`StatesError`].
///
/// # Examples
///
/// ```
/// # use skald::commit::{Actor, CommitId};
/// # use skald::handle::Request;
/// # use skald::time::Timestamp;
/// # use uuid::Uuid;
/// # use skald::handle::Handler;
/// # use skald::memory::InMemoryEventStore;
/// # use skald::stream::Version;
/// # use skald_testkit::NoPause;
/// use skald::reading::{AsOf, state_as_of};
/// use skald_testkit::sample::{Account, AccountCommand, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let id = CommitId::of(Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let store = InMemoryEventStore::default();
/// let deposit = AccountCommand::Deposit(5);
/// Handler::new(&store, NoPause).handle::<Account>(&account("1"), &deposit, &request).await?;
/// let empty = AsOf::Version(Version::START);
/// let before = state_as_of::<Account, _>(&store, &account("1"), empty).await?;
/// let after = AsOf::Time(request.at);
/// let after = state_as_of::<Account, _>(&store, &account("1"), after).await?;
/// assert_eq!((before.state.balance, after.state.balance), (0, 5));
/// # Ok(())
/// # }
/// ```
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
///
/// # Examples
///
/// ```
/// use skald::memory::InMemoryEventStore;
/// use skald::reading::commits_as_of;
/// use skald::store::EventStore;
/// use skald::stream::Version;
/// use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountCommand, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// # let store = InMemoryEventStore::default();
/// # let deposit = AccountCommand::Deposit(5);
/// # Handler::new(&store, NoPause).handle::<Account>(&account("1"), &deposit, &request).await?;
/// let all = store.read(&account("1"), Version::START).await?;
/// assert_eq!(commits_as_of(&all, request.at), all);
/// assert!(commits_as_of(&all, request.at.plus_millis(-1)).is_empty());
/// # Ok(())
/// # }
/// ```
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
