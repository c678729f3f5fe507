//! The port to the event store: the only way to write.

use std::error::Error;
use std::fmt;
use std::future::Future;

use crate::commit::{Commit, Draft};
use crate::json::JsonFault;
use crate::personal::{OpenError, PersonId};
use crate::pointers::for_pointers;
use crate::reading::read_after;
use crate::reading::{Page, ReadFrom};
use crate::snapshot::SnapshotKind;
use crate::stream::{InvalidName, StreamId, Version};
use crate::time::Timestamp;
use crate::view::InvalidRow;

/// Largest commit, in bytes as [`Draft::size_bytes`] counts. An item of DynamoDB holds 400 KB,
/// including names and keys.
pub const MAX_COMMIT_BYTES: usize = 350 * 1024;

/// Most streams in one [`append_guarded`](EventStore::append_guarded), including the guarded ones:
/// the limit on items in one DynamoDB transaction.
pub const MAX_STREAMS: usize = 100;

/// Most bytes that one [`append_all`](EventStore::append_all) writes, as [`Draft::size_bytes`]
/// counts. A transaction of DynamoDB holds 4 MB, including names and keys.
pub const MAX_TRANSACTION_BYTES: usize = 3500 * 1024;

/// Stores streams of commits.
///
/// A stream never has a gap or an overlap and never loses a commit, regardless of the order of
/// calls and the number of writers. Only the store itself creates positions, as a
/// [`Head`](Self::Head), and an append happens either at that position or not at all.
/// `skald-testkit` contains the contract that every store passes.
pub trait EventStore: Sync {
    /// A position at the end of a stream, as this store saw it.
    type Head: Head;

    /// The head of a stream without events. If the stream has events after all, an append at this
    /// head is a conflict.
    fn start(&self, stream: StreamId) -> Self::Head;

    /// At most `at_most` commits, starting at `from`, as of now (strongly consistent). The commits
    /// are returned as they are stored, contiguous or not.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a stored item is not a commit; the other kinds if the store does
    /// not answer.
    fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        at_most: u32,
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
    /// those of `parts` first. A call that exceeds a limit is an [`InvalidAppend`].
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
        at_most: u32,
    ) -> Result<Page, StoreError> {
        (**self).page(stream, from, at_most).await
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

/// A position at the end of a stream. Only a load, an append, and [`EventStore::start`] create one.
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

fn names<H>(moved: &[Moved<H>]) -> String {
    moved.iter().map(|moved| moved.stream.name()).collect::<Vec<_>>().join(", ")
}

fn names_of(commits: &[Commit]) -> String {
    commits.iter().map(|commit| commit.stream.name()).collect::<Vec<_>>().join(", ")
}

/// An append that no store accepts.
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
    #[error("{0} streams at once: at most {MAX_STREAMS} fit a transaction")]
    TooManyStreams(usize),
    /// A commit larger than [`MAX_COMMIT_BYTES`].
    #[error("a commit of {size_bytes} bytes for {stream}: at most {MAX_COMMIT_BYTES} fit an item")]
    TooLarge {
        /// The stream of the commit.
        stream: StreamId,
        /// The commit's size.
        size_bytes: usize,
    },
    /// Commits larger than [`MAX_TRANSACTION_BYTES`] in one call.
    #[error(
        "commits of {size_bytes} bytes at once: at most {MAX_TRANSACTION_BYTES} fit a transaction"
    )]
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

impl InvalidAppend {
    /// Checks the rules that need no store: the call appends something, is within the limits, and
    /// names no stream twice. `guards` are the guarded streams.
    ///
    /// # Errors
    /// The first rule that the call breaks.
    pub fn check<'a>(
        parts: impl IntoIterator<Item = (&'a StreamId, &'a Draft)>,
        guards: impl IntoIterator<Item = &'a StreamId>,
    ) -> Result<(), Self> {
        let mut streams = Vec::new();
        let mut together_bytes = 0;
        for (stream, draft) in parts {
            if draft.events.is_empty() {
                return Err(Self::Empty);
            }
            let size_bytes = draft.size_bytes();
            if size_bytes > MAX_COMMIT_BYTES {
                return Err(Self::TooLarge { stream: stream.clone(), size_bytes });
            }
            draft.check_names().map_err(|fault| Self::Name { stream: stream.clone(), fault })?;
            draft.check_json().map_err(|fault| Self::Json { stream: stream.clone(), fault })?;
            if streams.contains(&stream) {
                return Err(Self::StreamTwice(stream.clone()));
            }
            together_bytes += size_bytes;
            streams.push(stream);
        }
        if streams.is_empty() {
            return Err(Self::Empty);
        }
        for stream in guards {
            if streams.contains(&stream) {
                return Err(Self::StreamTwice(stream.clone()));
            }
            streams.push(stream);
        }
        match streams.len() {
            count if count > MAX_STREAMS => Err(Self::TooManyStreams(count)),
            _ if together_bytes > MAX_TRANSACTION_BYTES => {
                Err(Self::TransactionTooLarge { size_bytes: together_bytes })
            }
            _ => Ok(()),
        }
    }
}

/// A failure of the store.
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
    #[error("the row of {key} cannot be stored: {refusal}")]
    InvalidRow {
        /// The row's stream.
        key: String,
        /// The rule that the row breaks.
        refusal: InvalidRow,
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
    #[error("the item at {at} has the unknown encoding {:?}", crate::text::cut(encoding))]
    UnknownEncoding {
        /// The item's position.
        at: Version,
        /// The encoding that the item declares.
        encoding: String,
    },
}
