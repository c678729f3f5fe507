//! An append: where it happens, what it returns, and why it fails.

use std::fmt;

use super::error::StoreError;
use crate::commit::Commit;
use crate::json::JsonFault;
use crate::observe;
use crate::stream::{InvalidName, StreamId, Version};
use crate::time::Timestamp;

/// Largest commit, in bytes as [`Draft::size_bytes`](crate::commit::Draft::size_bytes) counts. An
/// item of DynamoDB holds 400 KB, including names and keys.
pub const MAX_COMMIT_BYTES: usize = 350 * 1024;

/// The maximum number of streams in one
/// [`append_guarded`](crate::store::EventStore::append_guarded), including the guarded ones: the
/// limit on items in one DynamoDB transaction.
pub const MAX_STREAMS: usize = 100;

/// The maximum number of bytes that one [`append_all`](crate::store::EventStore::append_all)
/// writes, as [`Draft::size_bytes`](crate::commit::Draft::size_bytes) counts. A transaction of
/// DynamoDB holds 4 MB, including names and keys.
pub const MAX_TRANSACTION_BYTES: usize = 3500 * 1024;

/// A position at the end of a stream. Only a load, an append, and
/// [`EventStore::start`](crate::store::EventStore::start) create one.
///
/// # Examples
///
/// ```
/// use skald::memory::InMemoryEventStore;
/// use skald::store::{EventStore, Head};
/// use skald::stream::Version;
/// use skald_testkit::sample::account;
///
/// let head = InMemoryEventStore::default().start(account("1"));
/// assert_eq!((head.stream(), head.version()), (&account("1"), Version::START));
/// assert_eq!(head.recorded_at(), None);
/// ```
pub trait Head: Clone + fmt::Debug + Send + Sync {
    /// The stream.
    fn stream(&self) -> &StreamId;

    /// The position of the stream's last event; [`Version::START`] if it has none.
    fn version(&self) -> Version;

    /// When the last commit was recorded. `None` if the stream has no commits.
    fn recorded_at(&self) -> Option<Timestamp>;
}

/// A stream as it was when it was loaded.
#[derive(Debug, Clone)]
pub struct Loaded<H> {
    /// The head to append at.
    pub head: H,
    /// The stream's commits, oldest first: all of them, or those from the last wanted snapshot on.
    pub commits: Vec<Commit>,
}

/// An append that is durable.
#[derive(Debug, Clone)]
pub struct Appended<H> {
    /// The head after the append.
    pub head: H,
    /// The stored commit; that of an earlier attempt if [`repeated`](Self::repeated) is set.
    pub commit: Commit,
    /// Whether an earlier attempt had already stored the commit.
    pub repeated: bool,
}

/// A stream whose head had moved before an append.
#[derive(Debug, Clone)]
pub struct Moved<H> {
    /// The stream.
    pub stream: StreamId,
    /// The commit after the given head. `None` if the store did not return the commit or it cannot
    /// be read; a read from the head then shows what happened.
    pub found: Option<Found<H>>,
}

/// A commit that was found at the position of an append. Debug output shows only its position.
#[derive(Clone)]
pub struct Found<H> {
    /// The head after the commit. More commits may have followed.
    pub head: H,
    /// The stored commit.
    pub commit: Commit,
}

impl<H: fmt::Debug> fmt::Debug for Found<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Found").field(&self.head).finish()
    }
}

/// Why nothing was appended, or why the outcome is unknown.
///
/// # Examples
///
/// ```
/// use skald::event::DomainEvent;
/// use skald::memory::InMemoryEventStore;
/// use skald::store::{AppendError, EventStore, Head};
/// use skald_testkit::sample::{AccountEvent, Deposited, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// # let store = InMemoryEventStore::default();
/// # let deposited = AccountEvent::from(Deposited { amount: 5 }).encode()?;
/// # let earlier = request.draft(vec![deposited], None);
/// # let other = CommitId::of(uuid::Uuid::nil(), "other");
/// # let draft = skald::commit::Draft { commit_id: other, ..earlier.clone() };
/// let head = store.load(&account("1"), None).await?.head;
/// # store.append(&head, earlier).await?;
/// // Meanwhile another writer appends.
/// let conflict = store.append(&head, draft.clone()).await.unwrap_err();
/// let AppendError::Conflict { moved } = conflict else { panic!("{conflict}") };
/// // The conflict names the commit that came first. Decide on it, and append after it.
/// let found = moved[0].found.as_ref().expect("this store returns the commit");
/// assert_eq!(found.commit.last(), found.head.version());
/// store.append(&found.head, draft).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum AppendError<H> {
    /// Another writer appended first: decide on what it wrote and append again.
    #[error("other commits came first on {}", names(.moved))]
    Conflict {
        /// The streams whose head moved: at least one, in the order of the call.
        moved: Vec<Moved<H>>,
    },
    /// An earlier attempt of the same command succeeded, but on other streams or at other heads.
    /// Nothing was appended, and nothing is left to do. Only an append to several streams returns
    /// this error.
    #[error("an earlier attempt was written to {}", names_of(.found))]
    RepeatedInPart {
        /// The commits that the earlier attempt wrote at these heads, in the order of the call; at
        /// least one.
        found: Vec<Commit>,
    },
    /// Another transaction on one of the streams was in progress, and this append was not made:
    /// append the same drafts again. A client that retries on its own may conflict with its own
    /// first attempt, which may still succeed. Appending the same drafts again also detects that.
    #[error("another transaction is under way")]
    Contended,
    /// The call breaks a rule of every store, so a retry cannot succeed.
    #[error(transparent)]
    Invalid(#[from] InvalidAppend),
    /// The store did not answer, or its answer was invalid. The append may have happened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl<H> AppendError<H> {
    /// Reports a conflict or contention of an append to these streams to [`observe`]. Other errors
    /// are not reported. A [`Handler`](crate::handle::Handler) does this by itself; code that
    /// appends without one calls it.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::commit::Draft;
    /// use skald::store::{AppendError, Appended, EventStore, Head};
    ///
    /// async fn append<S: EventStore>(
    ///     store: &S,
    ///     head: &S::Head,
    ///     draft: Draft,
    /// ) -> Result<Appended<S::Head>, AppendError<S::Head>> {
    ///     let appended = store.append(head, draft).await;
    ///     appended.inspect_err(|error| error.report([head.stream()]))
    /// }
    /// ```
    pub fn report<'a, I>(&self, streams: I)
    where
        I: IntoIterator<Item = &'a StreamId>,
        I::IntoIter: Clone,
    {
        match self {
            Self::Conflict { moved } => {
                moved.iter().for_each(|moved| observe::conflict(&moved.stream));
            }
            Self::Contended => observe::contention(streams.into_iter()),
            Self::RepeatedInPart { .. } | Self::Invalid(_) | Self::Store(_) => {}
        }
    }
}

fn names<H>(moved: &[Moved<H>]) -> String {
    moved.iter().map(|moved| moved.stream.name()).collect::<Vec<_>>().join(", ")
}

fn names_of(commits: &[Commit]) -> String {
    commits.iter().map(|commit| commit.stream.name()).collect::<Vec<_>>().join(", ")
}

/// An append that no store accepts.
///
/// # Examples
///
/// ```
/// use skald::memory::InMemoryEventStore;
/// use skald::store::{AppendError, EventStore, InvalidAppend};
/// use skald_testkit::sample::account;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let store = InMemoryEventStore::default();
/// let empty = store.append(&store.start(account("1")), request.draft(vec![], None)).await;
/// assert!(matches!(empty, Err(AppendError::Invalid(InvalidAppend::Empty))));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAppend {
    /// The head comes from another store.
    #[error("the head of {0} belongs to another store")]
    ForeignHead(StreamId),
    /// A commit without events, or a call without commits.
    #[error("nothing to append")]
    Empty,
    /// A stream that occurs twice in one call, to append to or to guard.
    #[error("{0} is named twice in one append")]
    StreamTwice(StreamId),
    /// More than [`MAX_STREAMS`] streams in one call.
    #[error("{0} streams at once: at most {MAX_STREAMS} fit in a transaction")]
    TooManyStreams(usize),
    /// A commit larger than [`MAX_COMMIT_BYTES`].
    #[error(
        "a commit of {size_bytes} bytes for {stream}: at most {MAX_COMMIT_BYTES} fit in an item"
    )]
    TooLarge {
        /// The stream of the commit.
        stream: StreamId,
        /// The commit's size.
        size_bytes: usize,
    },
    /// Commits larger than [`MAX_TRANSACTION_BYTES`] in one call.
    #[error("commits of {size_bytes} bytes: at most {MAX_TRANSACTION_BYTES} fit in a transaction")]
    TransactionTooLarge {
        /// The total size of the commits.
        size_bytes: usize,
    },
    /// An invalid name in a commit, which an index or a message could not carry: an event's type or
    /// schema, the source, or a name in the metadata.
    #[error("a commit for {stream}: {fault}")]
    Name {
        /// The stream of the commit.
        stream: StreamId,
        /// The name, and the rule that it breaks.
        fault: InvalidName,
    },
    /// An event's data, or the state of a snapshot, that some JSON reader could not read back.
    #[error("JSON for {stream} cannot be stored: {fault}")]
    Json {
        /// The stream of the commit.
        stream: StreamId,
        /// The fault in the JSON.
        fault: JsonFault,
    },
}
