//! Handling a command: load, decide, append; and again, if somebody was faster.

use std::future::Future;

use crate::commit::{Commit, CommitId, Draft};
use crate::concurrency::try_concurrently;
use crate::event::{DecodeError, EncodeError, EventData};
use crate::handle::streams::{LoadedStreams, load_further, load_streams};
use crate::handle::{DueSnapshot, Request, StatesError, Streams};
use crate::observe;
use crate::pointers::for_pointers;
use crate::snapshot::SnapshotError;
use crate::store::{AppendError, Appended, EventStore, Head, InvalidAppend, Moved, StoreError};
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;

/// How many attempts end with a pause before a command is given up. Those that are repeated at once
/// do not count.
const ATTEMPTS: u32 = 10;

/// What handling a command needs from its surroundings: a port to a clock.
pub trait Pause: Sync {
    /// The time now, never earlier than `earlier`, which is the last time that this port or the
    /// command's sender gave. (An implementation without a clock returns `earlier`.)
    fn now(&self, earlier: Timestamp) -> Timestamp;

    /// Waits before the next attempt; `attempt` is the number of this pause, from 1.
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

/// What handling a command led to.
#[derive(Debug, Clone)]
pub struct Handled<States> {
    /// The state of each stream after the command.
    pub states: States,
    /// What was written.
    pub outcome: Outcome,
    /// The streams that got a commit without the snapshot that was due, and why.
    pub left_out: OmittedSnapshots,
}

/// Streams that got a commit without the snapshot that was due, and why.
pub type OmittedSnapshots = Vec<(StreamId, SnapshotError)>;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// These commits, now.
    Appended(Vec<Commit>),
    /// These commits, by an earlier attempt of the same command. (A stream whose state was kept
    /// since need not show its own.)
    Repeated(Vec<Commit>),
    /// Nothing: what was asked for is so already.
    Unchanged,
}

/// Why a command had no effect, or why nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum HandleError<R> {
    /// The domain says no.
    #[error(transparent)]
    Rejected(R),
    /// Others were faster, or other transactions in the way, through nine pauses: nothing was
    /// written, as far as the store's answers go (see [`AppendError::Contended`]).
    #[error("gave up after {attempts} attempts against other writers")]
    Busy {
        /// How often it was tried.
        attempts: u32,
    },
    /// A stored event of one of the streams cannot be read.
    #[error("a stored event cannot be read")]
    Decode(#[from] DecodeError),
    /// A new event cannot be written.
    #[error("a new event cannot be stored")]
    Encode(#[from] EncodeError),
    /// The commit can never be stored.
    #[error("the commit cannot be stored")]
    Invalid(#[from] InvalidAppend),
    /// The store failed. The commit may have been stored: the same command with the same id finds
    /// out.
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
) -> Result<Handled<T::States>, HandleError<R>>
where
    S: EventStore,
    P: Pause,
    T: Streams,
    R: Send,
    F: Fn(&T::States) -> Result<T::Events, R> + Sync,
{
    let (mut tries, mut at) = (Tries::default(), request.at);
    let mut loaded = load_streams(store, streams).await?;
    loop {
        let LoadedStreams { heads, histories, states } = loaded;
        if histories.iter().any(|history| shows(history, request.commit_id)) {
            return repeated(store, streams, histories, Vec::new(), request.commit_id).await;
        }

        let events = decide(&states).map_err(HandleError::Rejected)?;
        let encoded = streams.encode(&events)?;
        if encoded.iter().all(Vec::is_empty) {
            return Ok(Handled { states, outcome: Outcome::Unchanged, left_out: Vec::new() });
        }
        let guards = streams.guards(&events);
        let states = streams.evolve(states, &events);
        let snapshots = streams.snapshots(&states, &mut histories.iter());
        let mut drafted = drafted(request, &heads, encoded, (guards, snapshots));
        let left_out = std::mem::take(&mut drafted.left_out);
        match append_drafted(store, pause, drafted, (&mut tries, &mut at)).await {
            Ok(appended) => {
                let is_repeated = appended.iter().any(|part| part.repeated);
                let commits = appended.into_iter().map(|part| part.commit).collect();
                // An earlier attempt with a lost answer, which may have been decided otherwise.
                if is_repeated {
                    return repeated(store, streams, histories, commits, request.commit_id).await;
                }
                left_out.iter().for_each(|(stream, why)| observe::snapshot_left_out(stream, *why));
                return Ok(Handled { states, outcome: Outcome::Appended(commits), left_out });
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
            Err(AppendError::Invalid(refusal)) => return Err(refusal.into()),
            Err(AppendError::Store(error)) => return Err(error.into()),
        }
    }
}

/// An append as it is decided: the drafts for the streams that get events, the streams that must
/// not have moved, and the snapshots that were due and are left out.
struct Drafted<H> {
    parts: Vec<(H, Draft)>,
    guards: Vec<H>,
    left_out: OmittedSnapshots,
}

fn drafted<H: Head>(
    request: &Request,
    heads: &[H],
    events: Vec<Vec<EventData>>,
    (guarded, snapshots): (Vec<bool>, Vec<DueSnapshot>),
) -> Drafted<H> {
    let (mut parts, mut guards, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    let of_each = heads.iter().zip(events).zip(guarded).zip(snapshots);
    for (((head, events), is_guarded), snapshot) in of_each {
        if events.is_empty() {
            guards.extend(is_guarded.then(|| head.clone()));
            continue;
        }
        let unwritable = snapshot.as_ref().and_then(|taken| taken.as_ref().err().copied());
        let mut draft = request.draft(events, snapshot.and_then(Result::ok));
        if let Some(why) = SnapshotError::check(&mut draft).or(unwritable) {
            left_out.push((head.stream().clone(), why));
        }
        parts.push((head.clone(), draft));
    }
    Drafted { parts, guards, left_out }
}

fn shows(history: &[Commit], id: CommitId) -> bool {
    history.iter().any(|commit| commit.id == id)
}

/// The result of a command that an earlier attempt had written. `found` is what the store answered:
/// each of these commits follows the loaded part of its stream. The streams are not loaded at one
/// moment, so a stream that does not show the command may have got its commit since. The few
/// commits after its history are therefore read.
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
    Ok(Handled { states, outcome: Outcome::Repeated(earlier), left_out: Vec::new() })
}

/// Appends, and again while other transactions are in the way: their outcome need not concern these
/// streams, so the decision stands. Each attempt gets its own time: a commit's place in the index
/// of all commits must not be old when it is written.
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
        match result.inspect_err(|error| observe::append_failed(streams(), error)) {
            Err(AppendError::Contended) => {
                tries.wait(pause).await.or(Err(AppendError::Contended))?
            }
            // A client repeats throttled requests by itself, but not a transaction that was
            // cancelled for it.
            Err(AppendError::Store(throttled @ StoreError::Throttled { .. })) if !is_put => {
                tries.wait(pause).await.or(Err(throttled))?;
            }
            done => return done,
        }
    }
}

/// The attempts that failed.
#[derive(Default)]
struct Tries {
    /// How many.
    failed: u32,
    /// How many of them ended with a pause, or would have.
    paused: u32,
    /// Whether the last one was decided on what the one before it had found.
    was_at_once: bool,
}

/// No more attempts are made.
struct Exhausted;

impl Tries {
    /// Whether to decide again at once, on what the conflict found. That is done only once in
    /// succession: a stream that has moved on again is likely to be further on still.
    fn at_once<H>(&mut self, moved: &[Moved<H>]) -> bool {
        let is_found = moved.iter().all(|moved| moved.found.is_some());
        self.was_at_once = is_found && !self.was_at_once;
        if self.was_at_once {
            self.failed += 1;
            observe::retry(self.failed);
        }
        self.was_at_once
    }

    /// Counts a failed attempt and pauses, or gives up.
    async fn wait<P: Pause>(&mut self, pause: &P) -> Result<(), Exhausted> {
        self.failed += 1;
        self.paused += 1;
        if self.paused >= ATTEMPTS {
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
    /// Whether this command, in this attempt or an earlier one, made the first event of a stream.
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
