//! Handling a command: load, decide, append; and again, if somebody was faster.

use std::future::Future;
use std::marker::PhantomData;

use futures_util::future::try_join_all;

use crate::{
    AppendError, Appended, Commit, CommitId, Context, Decider, DecodeError, DomainEvent, Draft, EncodeError, EventData,
    EventStore, Folded, Loaded, Refusal, StoreError, StreamId, Timestamp, Version, fold,
};

/// How often a command is decided, or its append tried, before the caller is told to come back later.
const ATTEMPTS: u32 = 10;

/// Waits between attempts: the port to a timer.
pub trait Pause: Sync {
    /// Waits before the next attempt; `attempt` is the number of those that have failed, from 1.
    fn pause(&self, attempt: u32) -> impl Future<Output = ()> + Send;
}

/// A command's identity and circumstances; its content goes to the decider.
#[derive(Debug, Clone)]
pub struct Request {
    /// The command's id. The same command sent again must have the same.
    pub commit_id: CommitId,
    /// Now.
    pub at: Timestamp,
    /// What is known about the command beside its content.
    pub context: Context,
}

impl Request {
    /// The commit to be of these events.
    #[must_use]
    pub fn draft(&self, events: Vec<EventData>) -> Draft {
        Draft { commit_id: self.commit_id, at: self.at, context: self.context.clone(), events }
    }
}

/// What handling a command led to.
#[derive(Debug, Clone)]
pub struct Handled<States> {
    /// The state of each stream after the command.
    pub states: States,
    /// What was written.
    pub outcome: Outcome,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// These commits, now.
    Appended(Vec<Commit>),
    /// These commits, by an earlier attempt of the same command.
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
    /// Others were faster, ten times in a row: nothing was written.
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
    Refused(#[from] Refusal),
    /// The store failed. The commit may have been stored: the same command with the same id finds out.
    #[error("the event store failed")]
    Store(#[from] StoreError),
}

/// Streams that a decision is about, and how their states and events are arranged: [`One`], [`Many`], or a pair of these.
pub trait Streams: Sync {
    /// The states to decide on.
    type States: Send;
    /// The events decided, arranged as the states are.
    type Events: Send;

    /// The streams, in order.
    fn ids(&self) -> Vec<StreamId>;

    /// The states of these streams; takes as many histories from the front as there are [`ids`](Self::ids).
    ///
    /// # Errors
    /// [`DecodeError`] at the first event that this build cannot read.
    fn fold(&self, histories: &mut std::slice::Iter<'_, Vec<Commit>>) -> Result<Self::States, DecodeError>;

    /// The states after these events.
    fn evolve(&self, states: Self::States, events: &Self::Events) -> Self::States;

    /// The events of each stream as they are stored, in the order of [`ids`](Self::ids).
    ///
    /// # Errors
    /// [`EncodeError`] at the first event that cannot be written.
    fn encode(&self, events: &Self::Events) -> Result<Vec<Vec<EventData>>, EncodeError>;
}

/// One stream of decider `D`.
pub struct One<D>(StreamId, PhantomData<fn() -> D>);

impl<D> One<D> {
    /// A decision about this stream.
    pub fn new(stream: StreamId) -> Self {
        Self(stream, PhantomData)
    }
}

/// Any number of streams of decider `D`; states and events come in the same order.
pub struct Many<D>(Vec<StreamId>, PhantomData<fn() -> D>);

impl<D> Many<D> {
    /// A decision about these streams.
    pub fn new(streams: Vec<StreamId>) -> Self {
        Self(streams, PhantomData)
    }
}

fn evolved<D: Decider>(before: Folded<D::State>, events: &[D::Event]) -> Folded<D::State> {
    Folded { version: before.version.plus(events.len() as u64), state: events.iter().fold(before.state, D::evolve) }
}

fn encoded<E: DomainEvent>(events: &[E]) -> Result<Vec<EventData>, EncodeError> {
    events.iter().map(E::encode).collect()
}

impl<D: Decider> Streams for One<D> {
    type States = Folded<D::State>;
    type Events = Vec<D::Event>;

    fn ids(&self) -> Vec<StreamId> {
        vec![self.0.clone()]
    }

    fn fold(&self, histories: &mut std::slice::Iter<'_, Vec<Commit>>) -> Result<Self::States, DecodeError> {
        fold::<D>(histories.next().map_or(&[], Vec::as_slice))
    }

    fn evolve(&self, states: Self::States, events: &Self::Events) -> Self::States {
        evolved::<D>(states, events)
    }

    fn encode(&self, events: &Self::Events) -> Result<Vec<Vec<EventData>>, EncodeError> {
        Ok(vec![encoded(events)?])
    }
}

impl<D: Decider> Streams for Many<D> {
    type States = Vec<Folded<D::State>>;
    type Events = Vec<Vec<D::Event>>;

    fn ids(&self) -> Vec<StreamId> {
        self.0.clone()
    }

    fn fold(&self, histories: &mut std::slice::Iter<'_, Vec<Commit>>) -> Result<Self::States, DecodeError> {
        histories.take(self.0.len()).map(|commits| fold::<D>(commits)).collect()
    }

    fn evolve(&self, states: Self::States, events: &Self::Events) -> Self::States {
        states.into_iter().zip(events).map(|(before, events)| evolved::<D>(before, events)).collect()
    }

    fn encode(&self, events: &Self::Events) -> Result<Vec<Vec<EventData>>, EncodeError> {
        events.iter().map(|events| encoded(events)).collect()
    }
}

impl<A: Streams, B: Streams> Streams for (A, B) {
    type States = (A::States, B::States);
    type Events = (A::Events, B::Events);

    fn ids(&self) -> Vec<StreamId> {
        [self.0.ids(), self.1.ids()].concat()
    }

    fn fold(&self, histories: &mut std::slice::Iter<'_, Vec<Commit>>) -> Result<Self::States, DecodeError> {
        Ok((self.0.fold(histories)?, self.1.fold(histories)?))
    }

    fn evolve(&self, states: Self::States, events: &Self::Events) -> Self::States {
        (self.0.evolve(states.0, &events.0), self.1.evolve(states.1, &events.1))
    }

    fn encode(&self, events: &Self::Events) -> Result<Vec<Vec<EventData>>, EncodeError> {
        Ok([self.0.encode(&events.0)?, self.1.encode(&events.1)?].concat())
    }
}

/// Why the states of streams could not be had.
#[derive(Debug, thiserror::Error)]
pub enum StatesError {
    /// A stored event of one of the streams cannot be read.
    #[error("a stored event cannot be read")]
    Decode(#[from] DecodeError),
    /// The store failed.
    #[error("the event store failed")]
    Store(#[from] StoreError),
}

/// The states of several streams, each as of now, read at the same time.
///
/// # Errors
/// See [`StatesError`].
pub async fn states<S: EventStore, T: Streams>(store: &S, streams: &T) -> Result<T::States, StatesError> {
    let ids = streams.ids();
    let histories = try_join_all(ids.iter().map(|id| store.read(id, Version::START))).await?;
    Ok(streams.fold(&mut histories.iter())?)
}

/// Handles a command about one stream: [`handle_all`] with one decider.
///
/// # Errors
/// As [`handle_all`].
pub async fn handle<D: Decider, S: EventStore, P: Pause>(
    store: &S,
    pause: &P,
    stream: StreamId,
    command: &D::Command,
    request: &Request,
) -> Result<Handled<Folded<D::State>>, HandleError<D::Rejection>>
where
    D::Command: Sync,
    D::Rejection: Send,
{
    handle_all(store, pause, &One::<D>::new(stream), request, |folded| D::decide(&folded.state, command)).await
}

/// Loads several streams, decides over all of them, and appends what was decided: all of it or nothing.
///
/// On a conflict everything is loaded and decided again, after a pause, ten times at most. If one of the streams shows
/// the command's id already, an earlier attempt had succeeded and nothing more is written.
///
/// A stream that gets no events is not guarded: it may have moved since it was read.
///
/// # Errors
/// See [`HandleError`]; nothing was written, except perhaps after [`HandleError::Store`].
pub async fn handle_all<S, P, T, R, F>(
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
    let mut failed = 0;
    loop {
        let loaded = try_join_all(streams.ids().iter().map(|id| store.load(id))).await?;
        let (heads, histories): (Vec<_>, Vec<_>) =
            loaded.into_iter().map(|Loaded { head, commits }| (head, commits)).unzip();
        let earlier: Vec<Commit> =
            histories.iter().flatten().filter(|commit| commit.id == request.commit_id).cloned().collect();
        let states = streams.fold(&mut histories.iter())?;
        if !earlier.is_empty() {
            return Ok(Handled { states, outcome: Outcome::Repeated(earlier) });
        }

        let events = decide(&states).map_err(HandleError::Rejected)?;
        let parts: Vec<_> = heads
            .into_iter()
            .zip(streams.encode(&events)?)
            .filter(|(_, events)| !events.is_empty())
            .map(|(head, events)| (head, request.draft(events)))
            .collect();
        if parts.is_empty() {
            return Ok(Handled { states, outcome: Outcome::Unchanged });
        }

        match append_parts(store, pause, parts, &mut failed).await {
            // An earlier attempt with a lost answer, perhaps decided otherwise: what it wrote is found by loading again.
            Ok(appended) if appended.iter().any(|part| part.repeated) => {}
            Ok(appended) => {
                let commits = appended.into_iter().map(|part| part.commit).collect();
                return Ok(Handled { states: streams.evolve(states, &events), outcome: Outcome::Appended(commits) });
            }
            Err(AppendError::Conflict { .. }) => wait(pause, &mut failed).await?,
            Err(AppendError::Contended) => return Err(HandleError::Busy { attempts: failed }),
            Err(AppendError::Refused(refusal)) => return Err(refusal.into()),
            Err(AppendError::Store(error)) => return Err(error.into()),
        }
    }
}

/// Appends, and again while other transactions are in the way: their outcome need not concern these streams, so the
/// decision stands.
async fn append_parts<S: EventStore, P: Pause>(
    store: &S,
    pause: &P,
    parts: Vec<(S::Head, Draft)>,
    failed: &mut u32,
) -> Result<Vec<Appended<S::Head>>, AppendError> {
    loop {
        let result = match parts.as_slice() {
            [(head, draft)] => store.append(head, draft.clone()).await.map(|appended| vec![appended]),
            _ => store.append_all(parts.clone()).await,
        };
        match result {
            Err(AppendError::Contended) => wait::<P, ()>(pause, failed).await.or(Err(AppendError::Contended))?,
            // A client repeats throttled requests by itself, but not a transaction that was cancelled for it.
            Err(AppendError::Store(throttled @ StoreError::Throttled { .. })) if parts.len() > 1 => {
                wait::<P, ()>(pause, failed).await.or(Err(throttled))?;
            }
            done => return done,
        }
    }
}

/// Counts a failed attempt and pauses, or gives up.
async fn wait<P: Pause, R>(pause: &P, failed: &mut u32) -> Result<(), HandleError<R>> {
    *failed += 1;
    if *failed >= ATTEMPTS {
        return Err(HandleError::Busy { attempts: *failed });
    }
    pause.pause(*failed).await;
    Ok(())
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
