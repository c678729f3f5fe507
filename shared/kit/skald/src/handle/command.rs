//! Handling a command: load the streams, decide, append, and retry after a conflict.

use std::future::Future;

use crate::commit::{Commit, CommitId, Draft};
use crate::concurrency::try_concurrently;
use crate::event::{DecodeError, EncodeError, EventData};
use crate::handle::loading::{LoadedStreams, load_further, load_streams};
use crate::handle::request::Request;
use crate::handle::streams::{DueSnapshot, Streams};
use crate::observe;
use crate::pointers::for_pointers;
use crate::reading::StatesError;
use crate::snapshot::SnapshotError;
use crate::store::{AppendError, Appended, EventStore, Head, InvalidAppend, Moved, StoreError};
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;

/// The number of failed attempts after which a command is given up, unless the handler says
/// otherwise. Attempts that are retried without a pause do not count.
pub(super) const ATTEMPTS: u32 = 10;

/// The port to a clock: gives the time and waits between attempts.
///
/// # Examples
///
/// A clock for tests, on which each pause takes a second. Functions use `RandomPause` of
/// `skald-lambda`:
///
/// ```
/// use std::sync::atomic::{AtomicI64, Ordering};
///
/// use skald::handle::{Handler, Pause};
/// use skald::store::EventStore;
/// use skald::stream::Version;
/// use skald::time::Timestamp;
/// use skald_testkit::faulty::{Fault, Faulty, Plan};
/// # use skald::memory::InMemoryEventStore;
/// # use skald_testkit::sample::{Account, AccountCommand, account};
///
/// #[derive(Default)]
/// struct Seconds(AtomicI64);
///
/// impl Pause for Seconds {
///     fn now(&self, earlier: Timestamp) -> Timestamp {
///         let seconds = self.0.load(Ordering::Relaxed);
///         Timestamp::EPOCH.plus_millis(1_000 * seconds).max(earlier)
///     }
///
///     async fn pause(&self, _attempt: u32) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::{Actor, CommitId, Request};
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// # let store = InMemoryEventStore::default();
/// let contended = Faulty::new(&store, Plan::script([Some(Fault::Contended); 2]));
/// let deposit = AccountCommand::Deposit(5);
/// let handler = Handler::new(&contended, Seconds::default());
/// handler.handle::<Account>(&account("1"), &deposit, &request).await?;
/// // The third attempt succeeds. The commit has the time of that attempt.
/// let commits = store.read(&account("1"), Version::START).await?;
/// assert_eq!(commits[0].at, Timestamp::EPOCH.plus_millis(2_000));
/// # Ok(())
/// # }
/// ```
pub trait Pause: Sync {
    /// The current time, never earlier than `earlier`, which is the last time that this port or the
    /// command's sender gave. An implementation without a clock returns `earlier`.
    fn now(&self, earlier: Timestamp) -> Timestamp;

    /// Waits before the next attempt. `attempt` is the number of this pause, from 1.
    fn pause(&self, attempt: u32) -> impl Future<Output = ()> + Send;
}

for_pointers!(Pause {
    fn now(&self, earlier: Timestamp) -> Timestamp {
        (**self).now(earlier)
    }

    async fn pause(&self, attempt: u32) {
        (**self).pause(attempt).await;
    }
});

/// The result of a handled command.
///
/// # Examples
///
/// ```
/// use skald::handle::{Handler, Outcome};
/// use skald::memory::InMemoryEventStore;
/// use skald::stream::Version;
/// use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountCommand, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let handler = Handler::new(InMemoryEventStore::default(), NoPause);
/// let deposit = AccountCommand::Deposit(5);
/// let first = handler.handle::<Account>(&account("1"), &deposit, &request).await?;
/// assert!(matches!(&first.outcome, Outcome::Appended(commits) if commits.len() == 1));
/// assert!(first.created(), "the commit starts the stream");
/// assert_eq!((first.states.state.balance, first.states.version), (5, Version::new(1)));
///
/// // The same command again, for example because the first answer was lost.
/// let again = handler.handle::<Account>(&account("1"), &deposit, &request).await?;
/// assert!(matches!(again.outcome, Outcome::Repeated(_)));
/// assert_eq!(again.states.state.balance, 5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Handled<States> {
    /// The state of each stream after the command.
    pub states: States,
    /// What the command wrote.
    pub outcome: Outcome,
    /// The streams whose commit lacks the snapshot that was due, each with the reason.
    pub omitted: OmittedSnapshots,
}

/// Streams whose commit lacks the snapshot that was due, each with the reason.
pub type OmittedSnapshots = Vec<(StreamId, SnapshotError)>;

/// What a command wrote.
///
/// # Examples
///
/// ```
/// use skald::handle::{Handler, Outcome};
/// use skald::memory::InMemoryEventStore;
/// use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountCommand, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let handler = Handler::new(InMemoryEventStore::default(), NoPause);
/// // A deposit of 0 has no events.
/// let nothing = AccountCommand::Deposit(0);
/// let handled = handler.handle::<Account>(&account("1"), &nothing, &request).await?;
/// let answer = match handled.outcome {
///     Outcome::Appended(_) => "created",
///     Outcome::Repeated(_) => "created before",
///     Outcome::Unchanged => "nothing to do",
/// };
/// assert_eq!(answer, "nothing to do");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// These commits, written by this call.
    Appended(Vec<Commit>),
    /// These commits, written by an earlier attempt of the same command. The commit of a stream
    /// that has a later snapshot may be missing from the list.
    Repeated(Vec<Commit>),
    /// Nothing: the streams already had the requested state.
    Unchanged,
}

/// Why a command had no effect, or why its effect is unknown.
///
/// # Examples
///
/// ```
/// use skald::handle::{HandleError, Handler};
/// use skald::memory::InMemoryEventStore;
/// use skald_testkit::NoPause;
/// use skald_testkit::faulty::{Fault, Faulty, Plan};
/// use skald_testkit::sample::{Account, AccountCommand, AccountRejection, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let store = InMemoryEventStore::default();
/// // The answer to the first append is lost.
/// let faulty = Faulty::new(&store, Plan::script([Some(Fault::AnswerLost)]));
/// let handler = Handler::new(&faulty, NoPause);
///
/// let withdraw = AccountCommand::Withdraw(4);
/// let rejected = handler.handle::<Account>(&account("1"), &withdraw, &request).await.unwrap_err();
/// let overdrawn = AccountRejection::Overdrawn { balance: 0, requested: 4 };
/// assert!(matches!(rejected, HandleError::Rejected(reason) if reason == overdrawn));
///
/// let deposit = AccountCommand::Deposit(5);
/// let in_doubt = handler.handle::<Account>(&account("1"), &deposit, &request).await.unwrap_err();
/// assert!(matches!(in_doubt, HandleError::Store(error) if error.is_transient()));
/// // The same request again finds out what happened.
/// let handled = handler.handle::<Account>(&account("1"), &deposit, &request).await?;
/// assert_eq!(handled.states.state.balance, 5);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
pub enum HandleError<R> {
    /// The domain rejected the command.
    #[error(transparent)]
    Rejected(R),
    /// Conflicts or concurrent transactions prevented the append in all attempts. Nothing was
    /// written, as far as the store's answers show (see [`AppendError::Contended`]).
    #[error("gave up after {attempts} attempts against other writers")]
    Busy {
        /// The number of attempts.
        attempts: u32,
    },
    /// A stored event of one of the streams cannot be decoded.
    #[error("a stored event cannot be read")]
    Decode(#[from] DecodeError),
    /// A new event cannot be encoded.
    #[error("a new event cannot be stored")]
    Encode(#[from] EncodeError),
    /// The commit breaks a rule of every store, so a retry cannot succeed.
    #[error("the commit cannot be stored")]
    Invalid(#[from] InvalidAppend),
    /// The store failed, and the commit may have been stored. Send the same command with the same
    /// id again to find out.
    #[error("the event store failed")]
    Store(#[from] StoreError),
}

impl<R> From<StatesError> for HandleError<R> {
    fn from(error: StatesError) -> Self {
        match error {
            StatesError::Decode(error) => error.into(),
            StatesError::Store(error) => error.into(),
        }
    }
}

/// See [`Handler::handle_all`](super::Handler::handle_all).
pub(super) async fn handle_all<S, P, T, R, F>(
    store: &S,
    pause: &P,
    streams: &T,
    request: &Request,
    decide: F,
    mut tries: Tries,
) -> Result<Handled<T::States>, HandleError<R>>
where
    S: EventStore,
    P: Pause,
    T: Streams,
    R: Send,
    F: Fn(&T::States) -> Result<T::Events, R> + Sync,
{
    let mut at = request.at;
    let mut loaded = load_streams(store, streams).await?;
    loop {
        let LoadedStreams { heads, histories, states } = loaded;
        if histories.iter().any(|history| shows(history, request.commit_id)) {
            return repeated(store, streams, histories, Vec::new(), request.commit_id).await;
        }

        let events = decide(&states).map_err(HandleError::Rejected)?;
        let encoded = streams.encode(&events)?;
        if encoded.iter().all(Vec::is_empty) {
            return Ok(Handled { states, outcome: Outcome::Unchanged, omitted: Vec::new() });
        }
        let guards = streams.guards(&events);
        let states = streams.evolve(states, &events);
        let snapshots = streams.snapshots(&states, &mut histories.iter());
        let mut drafted = drafted(request, &heads, encoded, (guards, snapshots));
        let omitted = std::mem::take(&mut drafted.omitted);
        match append_drafted(store, pause, drafted, (&mut tries, &mut at)).await {
            Ok(appended) => {
                let is_repeated = appended.iter().any(|part| part.repeated);
                let commits = appended.into_iter().map(|part| part.commit).collect();
                // An earlier attempt succeeded although its answer was lost. It may have decided
                // differently.
                if is_repeated {
                    return repeated(store, streams, histories, commits, request.commit_id).await;
                }
                omitted.iter().for_each(|(stream, why)| observe::snapshot_omitted(stream, *why));
                return Ok(Handled { states, outcome: Outcome::Appended(commits), omitted });
            }
            Err(AppendError::RepeatedInPart { found }) => {
                return repeated(store, streams, histories, found, request.commit_id).await;
            }
            Err(AppendError::Conflict { moved }) => {
                let is_all_read = !tries.at_once(&moved);
                if is_all_read {
                    tries.wait(pause).await.or(Err(tries.busy()))?;
                }
                let before = (heads, histories);
                loaded = load_further(store, streams, before, moved, is_all_read).await?;
            }
            Err(AppendError::Contended) => return Err(tries.busy()),
            Err(AppendError::Invalid(invalid)) => return Err(invalid.into()),
            Err(AppendError::Store(error)) => return Err(error.into()),
        }
    }
}

/// A decided append: the drafts for the streams that get events, the streams that must not have
/// moved, and the due snapshots that are omitted.
struct Drafted<H> {
    parts: Vec<(H, Draft)>,
    guards: Vec<H>,
    omitted: OmittedSnapshots,
}

fn drafted<H: Head>(
    request: &Request,
    heads: &[H],
    events: Vec<Vec<EventData>>,
    (guarded, snapshots): (Vec<bool>, Vec<DueSnapshot>),
) -> Drafted<H> {
    let (mut parts, mut guards, mut omitted) = (Vec::new(), Vec::new(), Vec::new());
    let of_each = heads.iter().zip(events).zip(guarded).zip(snapshots);
    for (((head, events), is_guarded), snapshot) in of_each {
        if events.is_empty() {
            guards.extend(is_guarded.then(|| head.clone()));
            continue;
        }
        let unwritable = snapshot.as_ref().and_then(|taken| taken.as_ref().err().copied());
        let mut draft = request.draft(events, snapshot.and_then(Result::ok));
        if let Some(why) = draft.omit_large_snapshot().or(unwritable) {
            omitted.push((head.stream().clone(), why));
        }
        parts.push((head.clone(), draft));
    }
    Drafted { parts, guards, omitted }
}

fn shows(history: &[Commit], id: CommitId) -> bool {
    history.iter().any(|commit| commit.id == id)
}

/// The result of a command that an earlier attempt has written. `found` contains the commits that
/// the store found: each follows the loaded part of its stream. The streams are not loaded at the
/// same moment, so a stream that does not show the command may have got its commit since. Therefore
/// the few commits after its loaded history are read.
async fn repeated<S: EventStore, T: Streams, R>(
    store: &S,
    streams: &T,
    mut histories: Vec<Vec<Commit>>,
    found: Vec<Commit>,
    id: CommitId,
) -> Result<Handled<T::States>, HandleError<R>> {
    let names = streams.ids();
    for commit in found {
        let own = names.iter().zip(&mut histories).find(|(stream, _)| **stream == commit.stream);
        own.into_iter().for_each(|(_, history)| history.push(commit.clone()));
    }
    let since = names.iter().zip(&histories).map(|(stream, history)| async {
        let last = history.last().map_or(Version::START, Commit::last);
        if shows(history, id) { Ok(Vec::new()) } else { store.read(stream, last).await }
    });
    let since = try_concurrently(since).await?;
    for (history, since) in histories.iter_mut().zip(since) {
        history.extend(since);
    }
    let states = streams.fold(&mut histories.iter())?;
    let earlier = histories.into_iter().flatten().filter(|commit| commit.id == id).collect();
    Ok(Handled { states, outcome: Outcome::Repeated(earlier), omitted: Vec::new() })
}

/// Appends, and repeats the append while other transactions are in progress. Such a transaction
/// does not necessarily change these streams, so the same decision is tried again. Each attempt
/// gets its own time, because a commit's position in the index of all commits must be recent when
/// the commit is written.
async fn append_drafted<S: EventStore, P: Pause>(
    store: &S,
    pause: &P,
    Drafted { mut parts, guards, .. }: Drafted<S::Head>,
    (tries, at): (&mut Tries, &mut Timestamp),
) -> Result<Vec<Appended<S::Head>>, AppendError<S::Head>> {
    loop {
        *at = pause.now(*at);
        parts.iter_mut().for_each(|(_, draft)| draft.at = *at);
        let is_put = parts.len() == 1 && guards.is_empty();
        let result = match parts.as_slice() {
            [(head, draft)] if is_put => {
                store.append(head, draft.clone()).await.map(|appended| vec![appended])
            }
            _ => store.append_guarded(parts.clone(), guards.clone()).await,
        };
        let streams = || parts.iter().map(|(head, _)| head.stream());
        match result.inspect_err(|error| error.report(streams())) {
            Err(AppendError::Contended) => {
                tries.wait(pause).await.or(Err(AppendError::Contended))?
            }
            // The client itself repeats throttled requests, but not a transaction that was
            // cancelled because of throttling.
            Err(AppendError::Store(throttled @ StoreError::Throttled { .. })) if !is_put => {
                tries.wait(pause).await.or(Err(throttled))?;
            }
            done => return done,
        }
    }
}

/// The failed attempts so far.
pub(super) struct Tries {
    /// The number of failed attempts with a pause at which the command is given up.
    limit: u32,
    /// The number of failed attempts.
    failed: u32,
    /// The number of failed attempts with a pause, including the one that reached the limit.
    paused: u32,
    /// Whether the last attempt was decided immediately on what the previous conflict found.
    was_at_once: bool,
}

/// The limit on attempts is reached.
struct Exhausted;

impl Tries {
    pub(super) const fn new(limit: u32) -> Self {
        Self { limit, failed: 0, paused: 0, was_at_once: false }
    }

    /// Whether to decide again immediately on what the conflict found. This happens at most once in
    /// succession: a stream that has moved again is likely to have moved even further.
    fn at_once<H>(&mut self, moved: &[Moved<H>]) -> bool {
        let is_found = moved.iter().all(|moved| moved.found.is_some());
        self.was_at_once = is_found && !self.was_at_once;
        if self.was_at_once {
            self.failed += 1;
            observe::retry(self.failed);
        }
        self.was_at_once
    }

    /// Counts a failed attempt and pauses, or gives up at the limit.
    async fn wait<P: Pause>(&mut self, pause: &P) -> Result<(), Exhausted> {
        self.failed += 1;
        self.paused += 1;
        if self.paused >= self.limit {
            return Err(Exhausted);
        }
        observe::retry(self.failed);
        pause.pause(self.paused).await;
        Ok(())
    }

    fn busy<R>(&self) -> HandleError<R> {
        HandleError::Busy { attempts: self.failed }
    }
}

impl<States> Handled<States> {
    /// Whether this command, in this attempt or an earlier one, wrote the first event of a stream.
    #[must_use]
    pub fn created(&self) -> bool {
        match &self.outcome {
            Outcome::Appended(commits) | Outcome::Repeated(commits) => {
                commits.iter().any(|commit| commit.first == Version::START.next())
            }
            Outcome::Unchanged => false,
        }
    }
}
