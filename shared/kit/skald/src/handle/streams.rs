//! The streams of a decision, taken together.

use std::marker::PhantomData;

use crate::commit::Commit;
use crate::decider::{Decider, Folded, fold};
use crate::event::{DecodeError, DomainEvent, EncodeError, EventData};
use crate::snapshot::{Snapshot, SnapshotError, SnapshotKind};
use crate::stream::StreamId;

/// The streams of a decision, and how their states and events are arranged: [`One`], [`Many`],
/// [`Guarded`], [`GuardedMany`], [`Guardable`], or a pair of these.
pub trait Streams: Sync {
    /// The states that the decision is based on.
    type States: Send;
    /// The decided events, arranged as the states are.
    type Events: Send;

    /// The streams, in order.
    fn ids(&self) -> Vec<StreamId>;

    /// The kind of snapshot of each stream, in the same order.
    fn kinds(&self) -> Vec<Option<SnapshotKind>>;

    /// The states of these streams. Takes as many histories from the front as there are
    /// [`ids`](Self::ids), one after the other, and stops after the first that cannot be folded.
    ///
    /// # Errors
    /// As [`fold`].
    fn fold(
        &self,
        histories: &mut std::slice::Iter<'_, Vec<Commit>>,
    ) -> Result<Self::States, DecodeError>;

    /// The states after these events.
    fn evolve(&self, states: Self::States, events: &Self::Events) -> Self::States;

    /// The encoded events of each stream, in the order of [`ids`](Self::ids).
    ///
    /// # Errors
    /// [`EncodeError`] at the first event that cannot be encoded.
    fn encode(&self, events: &Self::Events) -> Result<Vec<Vec<EventData>>, EncodeError>;

    /// Which streams must not have moved when these events are written, in the order of
    /// [`ids`](Self::ids). The value for a stream that gets events has no meaning: such a stream
    /// must never have moved.
    fn guards(&self, events: &Self::Events) -> Vec<bool>;

    /// The snapshots of these states that are due after these histories, in the order of
    /// [`ids`](Self::ids). Takes histories as [`fold`](Self::fold) does.
    fn snapshots(
        &self,
        states: &Self::States,
        histories: &mut std::slice::Iter<'_, Vec<Commit>>,
    ) -> Vec<DueSnapshot>;
}

/// The snapshot that is due in a stream, or why it is omitted. `None` if no snapshot is due.
pub type DueSnapshot = Option<Result<Snapshot, SnapshotError>>;

/// One stream of decider `D`.
///
/// # Examples
///
/// A transfer from an account with a balance of 5. Both commits are stored, or neither is:
///
/// ```
/// use skald::decider::Decider;
/// use skald::handle::{Handler, One};
/// use skald::memory::InMemoryEventStore;
/// use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountCommand, AccountRejection, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// # let handler = Handler::new(InMemoryEventStore::default(), NoPause);
/// # let earlier = Request { commit_id: CommitId::of(uuid::Uuid::nil(), "0"), ..request.clone() };
/// # handler.handle::<Account>(&account("1"), &AccountCommand::Deposit(5), &earlier).await?;
/// let streams = (One::<Account>::new(account("1")), One::<Account>::new(account("2")));
/// let handled = handler
///     .handle_all(&streams, &request, |(from, to)| {
///         let withdrawn = Account::decide(&from.state, &AccountCommand::Withdraw(4))?;
///         let deposited = Account::decide(&to.state, &AccountCommand::Deposit(4))?;
///         Ok::<_, AccountRejection>((withdrawn, deposited))
///     })
///     .await?;
/// let (from, to) = handled.states;
/// assert_eq!((from.state.balance, to.state.balance), (1, 4));
/// # Ok(())
/// # }
/// ```
pub struct One<D>(StreamId, PhantomData<fn() -> D>);

impl<D> One<D> {
    /// A decision about this stream.
    pub fn new(stream: StreamId) -> Self {
        Self(stream, PhantomData)
    }
}

/// Any number of streams of decider `D`. States and events have the order of the streams.
///
/// # Examples
///
/// ```
/// use skald::handle::{Handler, Many};
/// use skald::memory::InMemoryEventStore;
/// use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountRejection, Deposited, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let handler = Handler::new(InMemoryEventStore::default(), NoPause);
/// let accounts = Many::<Account>::new(vec![account("1"), account("2")]);
/// let handled = handler
///     .handle_all(&accounts, &request, |states| {
///         let gifts = states.iter().map(|_| vec![Deposited { amount: 5 }.into()]);
///         Ok::<_, AccountRejection>(gifts.collect())
///     })
///     .await?;
/// assert!(handled.states.iter().all(|account| account.state.balance == 5));
/// # Ok(())
/// # }
/// ```
pub struct Many<D>(Vec<StreamId>, PhantomData<fn() -> D>);

impl<D> Many<D> {
    /// A decision about these streams.
    pub fn new(streams: Vec<StreamId>) -> Self {
        Self(streams, PhantomData)
    }
}

/// Streams that are read and not written. If the decision has events for other streams, they are
/// written only if none of these streams has moved since it was read.
///
/// A guard counts as one item of the transaction. On `DynamoDB` it costs two write units.
///
/// # Examples
///
/// ```
/// use skald::handle::{Guarded, Handler, One};
/// use skald::memory::InMemoryEventStore;
/// use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountRejection, Noted, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let handler = Handler::new(InMemoryEventStore::default(), NoPause);
/// let note = One::<Account>::new(account("audit"));
/// let read = Guarded::<Account>::new(account("1"));
/// let handled = handler
///     .handle_all(&(note, read), &request, |(_, read)| {
///         let text = format!("account 1 has {}", read.state.balance);
///         Ok::<_, AccountRejection>((vec![Noted { text }.into()], ()))
///     })
///     .await?;
/// let (note, read) = handled.states;
/// assert_eq!((note.version.get(), read.version.get()), (1, 0));
/// # Ok(())
/// # }
/// ```
pub struct ReadOnly<T>(T);

/// One stream of decider `D` that is read and not written, as [`ReadOnly`] says.
///
/// # Examples
///
/// Deposits the balance of account 1, which is 5, to account 2:
///
/// ```
/// use skald::handle::{Guarded, Handler, One};
/// use skald::memory::InMemoryEventStore;
/// use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountCommand, AccountRejection, Deposited, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// # let handler = Handler::new(InMemoryEventStore::default(), NoPause);
/// # let earlier = Request { commit_id: CommitId::of(uuid::Uuid::nil(), "0"), ..request.clone() };
/// # handler.handle::<Account>(&account("1"), &AccountCommand::Deposit(5), &earlier).await?;
/// let streams = (One::<Account>::new(account("2")), Guarded::<Account>::new(account("1")));
/// let handled = handler
///     .handle_all(&streams, &request, |(_, guarded)| {
///         let amount = guarded.state.balance;
///         Ok::<_, AccountRejection>((vec![Deposited { amount }.into()], ()))
///     })
///     .await?;
/// assert_eq!(handled.states.0.state.balance, 5);
/// # Ok(())
/// # }
/// ```
pub type Guarded<D> = ReadOnly<One<D>>;

/// Any number of streams of decider `D` that are read and not written, as [`ReadOnly`] says. States
/// have the order of the streams.
///
/// # Examples
///
/// Notes the total of all accounts as it is when the note is written:
///
/// ```
/// use skald::handle::{GuardedMany, Handler, One};
/// use skald::memory::InMemoryEventStore;
/// use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountRejection, Noted, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let handler = Handler::new(InMemoryEventStore::default(), NoPause);
/// let all = GuardedMany::<Account>::new(vec![account("1"), account("2")]);
/// let streams = (One::<Account>::new(account("audit")), all);
/// let handled = handler
///     .handle_all(&streams, &request, |(_, all)| {
///         let total: u64 = all.iter().map(|account| account.state.balance).sum();
///         let note = Noted { text: format!("the total is {total}") };
///         Ok::<_, AccountRejection>((vec![note.into()], ()))
///     })
///     .await?;
/// assert!(handled.created());
/// # Ok(())
/// # }
/// ```
pub type GuardedMany<D> = ReadOnly<Many<D>>;

impl<D> ReadOnly<One<D>> {
    /// A decision that reads this stream.
    pub fn new(stream: StreamId) -> Self {
        Self(One::new(stream))
    }
}

impl<D> ReadOnly<Many<D>> {
    /// A decision that reads these streams.
    pub fn new(streams: Vec<StreamId>) -> Self {
        Self(Many::new(streams))
    }
}

/// Any number of streams of decider `D`, each of which is written or guarded, as the decision says.
/// States and decisions have the order of the streams.
///
/// # Examples
///
/// A gift to the first account if it has less than 100, otherwise to the second. The account that
/// gets nothing must not have moved:
///
/// ```
/// use skald::handle::{Decided, Guardable, Handler};
/// use skald::memory::InMemoryEventStore;
/// use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountRejection, Deposited, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let handler = Handler::new(InMemoryEventStore::default(), NoPause);
/// let accounts = Guardable::<Account>::new(vec![account("1"), account("2")]);
/// let handled = handler
///     .handle_all(&accounts, &request, |states| {
///         let first_if_poor = states[0].state.balance < 100;
///         let gift = Decided::Events(vec![Deposited { amount: 5 }.into()]);
///         let both = if first_if_poor { [gift, Decided::Guard] } else { [Decided::Guard, gift] };
///         Ok::<_, AccountRejection>(both.into())
///     })
///     .await?;
/// assert_eq!(handled.states.iter().map(|one| one.state.balance).collect::<Vec<_>>(), [5, 0]);
/// # Ok(())
/// # }
/// ```
pub struct Guardable<D>(Many<D>);

impl<D> Guardable<D> {
    /// A decision about these streams.
    pub fn new(streams: Vec<StreamId>) -> Self {
        Self(Many::new(streams))
    }
}

/// The decision about one stream of [`Guardable`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided<E> {
    /// The stream gets these events. If the list is empty, the stream may have moved.
    Events(Vec<E>),
    /// The stream gets no events and must not have moved.
    Guard,
}

impl<E> Decided<E> {
    fn events(&self) -> &[E] {
        match self {
            Self::Events(events) => events,
            Self::Guard => &[],
        }
    }
}

fn evolved<D: Decider>(before: Folded<D::State>, events: &[D::Event]) -> Folded<D::State> {
    Folded {
        version: before.version.plus(events.len() as u64),
        state: events.iter().fold(before.state, D::evolve),
    }
}

fn encoded<E: DomainEvent>(events: &[E]) -> Result<Vec<EventData>, EncodeError> {
    events.iter().map(E::encode).collect()
}

fn kind<D: Decider>() -> Option<SnapshotKind> {
    D::SNAPSHOTS.map(|kept| kept.kind())
}

fn snapshot<D: Decider>(state: &D::State, history: Option<&Vec<Commit>>) -> DueSnapshot {
    let kept = D::SNAPSHOTS?;
    is_due(kept.kind(), history?).then(|| kept.take(state))
}

/// Whether the commit after these, which are the last of a stream, is to carry a snapshot.
fn is_due(kind: SnapshotKind, commits: &[Commit]) -> bool {
    let since = commits.iter().rev().take_while(|commit| !commit.carries(kind)).count();
    since as u64 + 1 >= u64::from(kind.every)
}

impl<D: Decider> Streams for One<D> {
    type States = Folded<D::State>;
    type Events = Vec<D::Event>;

    fn ids(&self) -> Vec<StreamId> {
        vec![self.0.clone()]
    }

    fn kinds(&self) -> Vec<Option<SnapshotKind>> {
        vec![kind::<D>()]
    }

    fn fold(
        &self,
        histories: &mut std::slice::Iter<'_, Vec<Commit>>,
    ) -> Result<Self::States, DecodeError> {
        fold::<D>(histories.next().map_or(&[], Vec::as_slice))
    }

    fn evolve(&self, states: Self::States, events: &Self::Events) -> Self::States {
        evolved::<D>(states, events)
    }

    fn encode(&self, events: &Self::Events) -> Result<Vec<Vec<EventData>>, EncodeError> {
        Ok(vec![encoded(events)?])
    }

    fn guards(&self, _: &Self::Events) -> Vec<bool> {
        vec![false]
    }

    fn snapshots(
        &self,
        states: &Self::States,
        histories: &mut std::slice::Iter<'_, Vec<Commit>>,
    ) -> Vec<DueSnapshot> {
        vec![snapshot::<D>(&states.state, histories.next())]
    }
}

impl<D: Decider> Streams for Many<D> {
    type States = Vec<Folded<D::State>>;
    type Events = Vec<Vec<D::Event>>;

    fn ids(&self) -> Vec<StreamId> {
        self.0.clone()
    }

    fn kinds(&self) -> Vec<Option<SnapshotKind>> {
        vec![kind::<D>(); self.0.len()]
    }

    fn fold(
        &self,
        histories: &mut std::slice::Iter<'_, Vec<Commit>>,
    ) -> Result<Self::States, DecodeError> {
        histories.take(self.0.len()).map(|commits| fold::<D>(commits)).collect()
    }

    fn evolve(&self, states: Self::States, events: &Self::Events) -> Self::States {
        states
            .into_iter()
            .zip(events)
            .map(|(before, events)| evolved::<D>(before, events))
            .collect()
    }

    fn encode(&self, events: &Self::Events) -> Result<Vec<Vec<EventData>>, EncodeError> {
        events.iter().map(|events| encoded(events)).collect()
    }

    fn guards(&self, _: &Self::Events) -> Vec<bool> {
        vec![false; self.0.len()]
    }

    fn snapshots(
        &self,
        states: &Self::States,
        histories: &mut std::slice::Iter<'_, Vec<Commit>>,
    ) -> Vec<DueSnapshot> {
        states.iter().map(|folded| snapshot::<D>(&folded.state, histories.next())).collect()
    }
}

impl<T: Streams> Streams for ReadOnly<T> {
    type States = T::States;
    type Events = ();

    fn ids(&self) -> Vec<StreamId> {
        self.0.ids()
    }

    fn kinds(&self) -> Vec<Option<SnapshotKind>> {
        self.0.kinds()
    }

    fn fold(
        &self,
        histories: &mut std::slice::Iter<'_, Vec<Commit>>,
    ) -> Result<Self::States, DecodeError> {
        self.0.fold(histories)
    }

    fn evolve(&self, states: Self::States, _: &()) -> Self::States {
        states
    }

    fn encode(&self, _: &()) -> Result<Vec<Vec<EventData>>, EncodeError> {
        Ok(vec![Vec::new(); self.0.ids().len()])
    }

    fn guards(&self, _: &()) -> Vec<bool> {
        vec![true; self.0.ids().len()]
    }

    fn snapshots(
        &self,
        states: &Self::States,
        histories: &mut std::slice::Iter<'_, Vec<Commit>>,
    ) -> Vec<DueSnapshot> {
        self.0.snapshots(states, histories)
    }
}

impl<D: Decider> Streams for Guardable<D> {
    type States = Vec<Folded<D::State>>;
    type Events = Vec<Decided<D::Event>>;

    fn ids(&self) -> Vec<StreamId> {
        self.0.ids()
    }

    fn kinds(&self) -> Vec<Option<SnapshotKind>> {
        self.0.kinds()
    }

    fn fold(
        &self,
        histories: &mut std::slice::Iter<'_, Vec<Commit>>,
    ) -> Result<Self::States, DecodeError> {
        self.0.fold(histories)
    }

    fn evolve(&self, states: Self::States, events: &Self::Events) -> Self::States {
        let decided = states.into_iter().zip(events);
        decided.map(|(before, decided)| evolved::<D>(before, decided.events())).collect()
    }

    fn encode(&self, events: &Self::Events) -> Result<Vec<Vec<EventData>>, EncodeError> {
        events.iter().map(|decided| encoded(decided.events())).collect()
    }

    fn guards(&self, events: &Self::Events) -> Vec<bool> {
        events.iter().map(|decided| matches!(decided, Decided::Guard)).collect()
    }

    fn snapshots(
        &self,
        states: &Self::States,
        histories: &mut std::slice::Iter<'_, Vec<Commit>>,
    ) -> Vec<DueSnapshot> {
        self.0.snapshots(states, histories)
    }
}

impl<A: Streams, B: Streams> Streams for (A, B) {
    type States = (A::States, B::States);
    type Events = (A::Events, B::Events);

    fn ids(&self) -> Vec<StreamId> {
        [self.0.ids(), self.1.ids()].concat()
    }

    fn kinds(&self) -> Vec<Option<SnapshotKind>> {
        [self.0.kinds(), self.1.kinds()].concat()
    }

    fn fold(
        &self,
        histories: &mut std::slice::Iter<'_, Vec<Commit>>,
    ) -> Result<Self::States, DecodeError> {
        Ok((self.0.fold(histories)?, self.1.fold(histories)?))
    }

    fn evolve(&self, states: Self::States, events: &Self::Events) -> Self::States {
        (self.0.evolve(states.0, &events.0), self.1.evolve(states.1, &events.1))
    }

    fn encode(&self, events: &Self::Events) -> Result<Vec<Vec<EventData>>, EncodeError> {
        Ok([self.0.encode(&events.0)?, self.1.encode(&events.1)?].concat())
    }

    fn guards(&self, events: &Self::Events) -> Vec<bool> {
        [self.0.guards(&events.0), self.1.guards(&events.1)].concat()
    }

    fn snapshots(
        &self,
        states: &Self::States,
        histories: &mut std::slice::Iter<'_, Vec<Commit>>,
    ) -> Vec<DueSnapshot> {
        [self.0.snapshots(&states.0, histories), self.1.snapshots(&states.1, histories)].concat()
    }
}
