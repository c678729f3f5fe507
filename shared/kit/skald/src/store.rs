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

/// Largest commit, in bytes as [`Draft::size_bytes`] counts: an item of DynamoDB holds 400 KB,
/// names and keys included.
pub const MAX_COMMIT_BYTES: usize = 350 * 1024;

/// Most streams in one [`append_guarded`](EventStore::append_guarded), those that are guarded
/// included: the items of one DynamoDB transaction.
pub const MAX_STREAMS: usize = 100;

/// Most that one [`append_all`](EventStore::append_all) writes, in bytes as [`Draft::size_bytes`]
/// counts: a transaction of DynamoDB holds 4 MB, names and keys included.
pub const MAX_TRANSACTION_BYTES: usize = 3500 * 1024;

/// Keeps streams of commits.
///
/// Whatever is called, in whatever order, by however many writers, a stream never has a gap or an
/// overlap and loses nothing: a position can only be had from the store itself, as a
/// [`Head`](Self::Head), and an append happens at that position or not at all. `skald-testkit` has
/// the contract that every store passes.
pub trait EventStore: Sync {
    /// A position at the end of a stream, as this store saw it.
    type Head: Head;

    /// The head of a stream that has no events. If it has some after all, appending there is a
    /// conflict.
    fn start(&self, stream: StreamId) -> Self::Head;

    /// The next commits from there on, at most so many, as of now (strongly consistent): what is
    /// there, contiguous or not.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if something is no commit; the other kinds if the store does not
    /// answer.
    fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        at_most: u32,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send;

    /// The commits after a position, oldest first, all of them and as of now (strongly consistent).
    ///
    /// `after` is [`Version::START`] or the last version of a commit.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if what is stored does not continue from `after` without gap or
    /// overlap; the other kinds if the store does not answer.
    fn read(
        &self,
        stream: &StreamId,
        after: Version,
    ) -> impl Future<Output = Result<Vec<Commit>, StoreError>> + Send {
        read_after(self, stream, after)
    }

    /// The stream, with the head to append at: the whole of it or, if snapshots are wanted, its end
    /// from the last commit on that carries one.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> impl Future<Output = Result<Loaded<Self::Head>, StoreError>> + Send;

    /// What came after this head, and the head to append at then: this one, if nothing came.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn load_after(
        &self,
        head: &Self::Head,
    ) -> impl Future<Output = Result<Loaded<Self::Head>, StoreError>> + Send;

    /// Appends one commit at this head: all of its events or none.
    ///
    /// If the commit at this head carries the draft's id already, an earlier attempt had succeeded
    /// although its answer was lost: the answer is that commit. Either way the answer is what a
    /// read gives.
    ///
    /// # Errors
    /// [`AppendError::Conflict`] if another commit stands there, [`AppendError::Contended`] if a
    /// transaction on the stream was under way; nothing is written then. After
    /// [`AppendError::Store`] the commit may or may not have been stored: append the same draft at
    /// the same head again to find out.
    fn append(
        &self,
        head: &Self::Head,
        draft: Draft,
    ) -> impl Future<Output = Result<Appended<Self::Head>, AppendError<Self::Head>>> + Send;

    /// Appends one commit to each of several streams: all of them or none.
    ///
    /// # Errors
    /// As [`append_guarded`](Self::append_guarded), which this is without guards.
    fn append_all(
        &self,
        parts: Vec<(Self::Head, Draft)>,
    ) -> impl Future<Output = Result<Vec<Appended<Self::Head>>, AppendError<Self::Head>>> + Send
    {
        self.append_guarded(parts, Vec::new())
    }

    /// Appends one commit to each of several streams, if no guarded stream has moved: all of them
    /// or none. Answers in the order of `parts`.
    ///
    /// A guard is the head of a stream that nothing is appended to. The store checks in the same
    /// transaction that the stream still ends there; the guard of an empty stream checks that it is
    /// still empty.
    ///
    /// If the commit at each head carries its draft's id, an earlier attempt had succeeded: the
    /// answer is those commits. If it does so at some heads only, the earlier attempt was decided
    /// over other streams or at other heads, and everything it decided is written. Nothing is
    /// appended then, and [`AppendError::RepeatedInPart`] has the commits that were found.
    ///
    /// Only the commit at the head identifies a repeat; one elsewhere in the stream is found by
    /// reading. A repeat is one even if a guarded stream has moved since the earlier attempt.
    ///
    /// # Errors
    /// As [`append`](Self::append), and [`AppendError::RepeatedInPart`]; [`AppendError::Contended`]
    /// also if another transaction was under way. The conflict names the streams whose head moved,
    /// those of `parts` first. Limits are a [`InvalidAppend`] with a name.
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

/// A position at the end of a stream. It cannot be made up, only had from a load, an append, or
/// [`EventStore::start`].
pub trait Head: Clone + fmt::Debug + Send + Sync {
    /// The stream.
    fn stream(&self) -> &StreamId;

    /// The position of the stream's last event; [`Version::START`] if it has none.
    fn version(&self) -> Version;

    /// When the last commit was recorded, if there is one.
    fn recorded_at(&self) -> Option<Timestamp>;
}

/// A stream as it was when it was loaded.
#[derive(Debug, Clone)]
pub struct Loaded<H> {
    /// Where to append.
    pub head: H,
    /// Its commits, oldest first: all of them, or those from the last wanted snapshot on.
    pub commits: Vec<Commit>,
}

/// An append that is durable.
#[derive(Debug, Clone)]
pub struct Appended<H> {
    /// The head after it.
    pub head: H,
    /// What is stored: of an earlier attempt, if [`repeated`](Self::repeated).
    pub commit: Commit,
    /// Whether an earlier attempt had stored it already.
    pub repeated: bool,
}

/// A stream whose head had moved before an append.
#[derive(Debug, Clone)]
pub struct Moved<H> {
    /// The stream.
    pub stream: StreamId,
    /// The commit after the head that was given. `None` if the store did not give it, or if it
    /// cannot be read; reading from the head then tells.
    pub found: Option<Found<H>>,
}

/// A commit that was found where another was to go. Debug output shows its place alone.
#[derive(Clone)]
pub struct Found<H> {
    /// The head after it. More commits may have followed.
    pub head: H,
    /// What is stored.
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
    /// Another writer was faster: decide on what it wrote and append again.
    #[error("other commits came first on {}", names(.moved))]
    Conflict {
        /// The streams whose head moved: at least one, in the order of the call.
        moved: Vec<Moved<H>>,
    },
    /// An earlier attempt of the same command succeeded, but over other streams or at other heads.
    /// Nothing was appended, and nothing is left to do. Only an append to several streams gives
    /// this error.
    #[error("an earlier attempt was written to {}", names_of(.found))]
    RepeatedInPart {
        /// What it wrote at these heads, in the order of the call; at least one commit.
        found: Vec<Commit>,
    },
    /// Another transaction on one of the streams was under way, and this append was not made:
    /// append the same again. A client that by itself sends again what had no answer may meet its
    /// own first attempt, which is made yet; that, too, the same append finds out.
    #[error("another transaction is under way")]
    Contended,
    /// The call itself can never succeed.
    #[error(transparent)]
    Invalid(#[from] InvalidAppend),
    /// The store did not answer, or not sensibly. The append may have happened.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn names<H>(moved: &[Moved<H>]) -> String {
    moved.iter().map(|moved| moved.stream.name()).collect::<Vec<_>>().join(", ")
}

fn names_of(commits: &[Commit]) -> String {
    commits.iter().map(|commit| commit.stream.name()).collect::<Vec<_>>().join(", ")
}

/// An append that asks for what no store does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAppend {
    /// The head comes from another store.
    #[error("the head of {0} belongs to another store")]
    ForeignHead(StreamId),
    /// A commit without events, or no commits.
    #[error("nothing to append")]
    Empty,
    /// A stream twice in one call, to append to or to guard.
    #[error("{0} is named twice in one append")]
    StreamTwice(StreamId),
    /// More than [`MAX_STREAMS`] streams in one call.
    #[error("{0} streams at once: at most {MAX_STREAMS} fit a transaction")]
    TooManyStreams(usize),
    /// A commit larger than [`MAX_COMMIT_BYTES`].
    #[error("a commit of {size_bytes} bytes for {stream}: at most {MAX_COMMIT_BYTES} fit an item")]
    TooLarge {
        /// Where it was to go.
        stream: StreamId,
        /// How large it is.
        size_bytes: usize,
    },
    /// Commits larger than [`MAX_TRANSACTION_BYTES`] in one call.
    #[error(
        "commits of {size_bytes} bytes at once: at most {MAX_TRANSACTION_BYTES} fit a transaction"
    )]
    TransactionTooLarge {
        /// How large they are, all together.
        size_bytes: usize,
    },
    /// A name in a commit that an index or a message could not carry: an event's type or schema,
    /// the source, or a name in the metadata.
    #[error("a commit for {stream}: {fault}")]
    Name {
        /// Where it was to go.
        stream: StreamId,
        /// Which name, and the rule that it breaks.
        fault: InvalidName,
    },
    /// An event's data, or the state of a snapshot, that some reader could not read back.
    #[error("JSON for {stream} cannot be stored: {fault}")]
    Json {
        /// Where it was to go.
        stream: StreamId,
        /// What is wrong with it.
        fault: JsonFault,
    },
}

impl InvalidAppend {
    /// Checks what needs no store to be checked: that there is something to append, not too much,
    /// and no stream twice. `guards` are the streams that are guarded.
    ///
    /// # Errors
    /// The first rule that is broken.
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

/// The store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It has too much to do. *Transient.*
    #[error("{operation}: throttled")]
    Throttled {
        /// The store's operation, such as `PutItem`.
        operation: &'static str,
        /// What it answered.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It did not answer, or with a fault of its own. *Transient.*
    #[error("{operation}: no answer")]
    Unavailable {
        /// The store's operation.
        operation: &'static str,
        /// What happened.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It refuses the request as such: no such table, no permission. *Transient* for the data,
    /// which is not at fault.
    #[error("{operation}: refused")]
    Denied {
        /// The store's operation.
        operation: &'static str,
        /// What it answered.
        source: Box<dyn Error + Send + Sync>,
    },
    /// What is stored breaks the rules of a stream or a view. *Permanent*, but for an unknown
    /// encoding.
    #[error("{key}: {corruption}")]
    Corrupt {
        /// The key of the stream or row.
        key: String,
        /// What is wrong with it.
        corruption: Corruption,
    },
    /// Something about a person who was erased: nothing more is stored about them. An earlier
    /// attempt may have stored it, before. *Permanent.* Only [`Sealing`](crate::personal::Sealing)
    /// says so.
    #[error("{0} was erased: nothing more is stored about them")]
    PersonErased(PersonId),
    /// A row that no store takes. *Permanent.*
    #[error("the row of {key} cannot be stored: {refusal}")]
    InvalidRow {
        /// The row's stream.
        key: String,
        /// What is wrong with it.
        refusal: InvalidRow,
    },
    /// Something about a person cannot be opened. *Permanent*, but for an unknown seal. Told by
    /// [`Opening`](crate::personal::Opening) and by stores of [keys](crate::personal::PersonKeys).
    #[error("{place}: {fault}")]
    OpenError {
        /// The key and version of the stream or row, or the person.
        place: String,
        /// Why not.
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

/// What can be wrong with stored data, if somebody wrote behind the store's back.
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
    /// An item that is nothing the store has ever written.
    #[error("the item at {at} is malformed: {fault}")]
    Malformed {
        /// Its position.
        at: Version,
        /// What is wrong with it; names attributes, not values.
        fault: String,
    },
    /// An item written by a newer release: this one must wait.
    #[error("the item at {at} has the unknown encoding {:?}", crate::text::cut(encoding))]
    UnknownEncoding {
        /// Its position.
        at: Version,
        /// What it says of itself.
        encoding: String,
    },
}
