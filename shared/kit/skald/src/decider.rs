//! The interface of a domain: pure, synchronous decisions.

use crate::commit::Commit;
use crate::event::{DecodeError, DomainEvent};
use crate::snapshot::Snapshots;
use crate::stream::{InvalidName, StreamId, Tenant, Version};

/// The rules of one kind of aggregate: which commands it accepts and which events they produce.
///
/// Both functions are pure: the same arguments always give the same result.
///
/// # Examples
///
/// ```
/// use skald::decider::Decider;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
/// # pub struct Lent { to: String }
/// # #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
/// # pub struct Returned {}
/// # skald::domain_event! {
/// #     pub enum BookEvent {
/// #         Lent(Lent) = "book.lent" @ 1,
/// #         Returned(Returned) = "book.returned" @ 1,
/// #     }
/// # }
/// # pub enum BookCommand { Lend { to: String }, Return }
/// # #[derive(Debug, PartialEq, thiserror::Error)]
/// # #[error("another reader has the book")]
/// # pub struct IsLent;
///
/// struct Book;
///
/// impl Decider for Book {
///     const CATEGORY: &'static str = "book";
///     type State = Option<String>; // the reader who has the book
///     type Command = BookCommand;
///     type Event = BookEvent;
///     type Rejection = IsLent;
///
///     fn decide(reader: &Self::State, command: &BookCommand) -> Result<Vec<BookEvent>, IsLent> {
///         match (reader, command) {
///             (None, BookCommand::Lend { to }) => Ok(vec![Lent { to: to.clone() }.into()]),
///             (Some(reader), BookCommand::Lend { to }) if reader != to => Err(IsLent),
///             (Some(_), BookCommand::Return) => Ok(vec![Returned {}.into()]),
///             // The state is already what the command asks for.
///             (Some(_), BookCommand::Lend { .. }) | (None, BookCommand::Return) => Ok(vec![]),
///         }
///     }
///
///     fn evolve(_: Self::State, event: &BookEvent) -> Self::State {
///         match event {
///             BookEvent::Lent(lent) => Some(lent.to.clone()),
///             BookEvent::Returned(_) => None,
///         }
///     }
/// }
///
/// let lend = BookCommand::Lend { to: "ann".to_owned() };
/// assert_eq!(Book::decide(&None, &lend), Ok(vec![Lent { to: "ann".to_owned() }.into()]));
/// assert_eq!(Book::decide(&Some("bob".to_owned()), &lend), Err(IsLent));
/// ```
pub trait Decider {
    /// The category of the aggregate's streams.
    const CATEGORY: &'static str;
    /// The state that decisions are based on. The default is the state before the first event.
    type State: Default + Send;
    /// The commands that the aggregate accepts or rejects.
    type Command;
    /// The events that the commands produce.
    type Event: DomainEvent;
    /// The reasons for rejecting a command.
    type Rejection: std::error::Error;
    /// How often a commit carries a snapshot of the state, for long streams. The default is never.
    ///
    /// A repeated command is recognised by its commit among the loaded commits, which begin at the
    /// last snapshot. With snapshots, a command must therefore also be harmless when it is repeated
    /// much later. Either the state remembers the command, or the command also writes the first
    /// commit of a stream of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::decider::Decider;
    /// use skald::handle::Handler;
    /// use skald::memory::InMemoryEventStore;
    /// use skald::snapshot::Snapshots;
    /// use skald::store::EventStore;
    /// use skald_testkit::NoPause;
    /// # use skald_testkit::sample::{Account, AccountEvent, AccountRejection};
    /// use skald_testkit::sample::{AccountCommand, AccountState, account};
    ///
    /// struct LongAccount;
    ///
    /// impl Decider for LongAccount {
    ///     const SNAPSHOTS: Option<Snapshots<AccountState>> = Some(Snapshots::new(2, 1));
    ///     // The other items are those of `Account`.
    /// #     const CATEGORY: &'static str = Account::CATEGORY;
    /// #     type State = AccountState;
    /// #     type Command = AccountCommand;
    /// #     type Event = AccountEvent;
    /// #     type Rejection = AccountRejection;
    /// #     fn decide(
    /// #         state: &AccountState,
    /// #         command: &AccountCommand,
    /// #     ) -> Result<Vec<AccountEvent>, AccountRejection> {
    /// #         Account::decide(state, command)
    /// #     }
    /// #     fn evolve(state: AccountState, event: &AccountEvent) -> AccountState {
    /// #         Account::evolve(state, event)
    /// #     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use skald::prelude::*;
    /// let store = InMemoryEventStore::default();
    /// let handler = Handler::new(&store, NoPause);
    /// for name in ["first", "second"] {
    /// #   let id = CommitId::of(uuid::Uuid::nil(), name);
    /// #   let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
    ///     let deposit = AccountCommand::Deposit(5);
    ///     let handled = handler.handle::<LongAccount>(&account("1"), &deposit, &request).await?;
    ///     assert!(handled.omitted.is_empty(), "no snapshot was too large");
    /// }
    /// // A load reads only the second commit, which carries the state.
    /// let kind = LongAccount::SNAPSHOTS.map(|snapshots| snapshots.kind());
    /// assert_eq!(store.load(&account("1"), kind).await?.commits.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    const SNAPSHOTS: Option<Snapshots<Self::State>> = None;

    /// The events that follow from `command` in this state. An empty list means that the command
    /// has nothing left to change.
    ///
    /// # Errors
    /// The rejection, if a rule forbids the command.
    fn decide(
        state: &Self::State,
        command: &Self::Command,
    ) -> Result<Vec<Self::Event>, Self::Rejection>;

    /// The state after an event. Events are facts, so this function cannot fail.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;

    /// The stream of the aggregate `id`, in the category [`CATEGORY`](Self::CATEGORY).
    ///
    /// # Errors
    /// [`InvalidName`] if the category or the id breaks the rules of [`StreamId`].
    fn stream(tenant: &Tenant, id: &str) -> Result<StreamId, InvalidName> {
        StreamId::new(tenant, Self::CATEGORY, id)
    }
}

/// A state and the version of its last event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Folded<S> {
    /// The state.
    pub state: S,
    /// The version of the last event in the state; [`Version::START`] for the default state of an
    /// empty stream.
    pub version: Version,
}

/// The state after these commits of one stream, oldest first: either all commits, or those from a
/// snapshot on.
///
/// # Errors
/// [`DecodeError`] at the first event that this build cannot read. [`DecodeError::Headless`] if the
/// first commits are missing and no readable snapshot replaces them.
///
/// # Examples
///
/// ```
/// use skald::decider::fold;
/// use skald::memory::InMemoryEventStore;
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
/// let store = InMemoryEventStore::default();
/// let deposit = AccountCommand::Deposit(5);
/// Handler::new(&store, NoPause).handle::<Account>(&account("1"), &deposit, &request).await?;
///
/// let folded = fold::<Account>(&store.read(&account("1"), Version::START).await?)?;
/// assert_eq!((folded.state.balance, folded.version), (5, Version::new(1)));
/// # Ok(())
/// # }
/// ```
pub fn fold<D: Decider>(commits: &[Commit]) -> Result<Folded<D::State>, DecodeError> {
    let (mut folded, rest) = begin::<D>(commits)?;
    for commit in rest {
        for stored in &commit.events {
            folded.state = D::evolve(folded.state, &D::Event::decode(stored)?);
        }
        folded.version = commit.last();
    }
    Ok(folded)
}

/// The last readable snapshot, or the default state if there is none, and the commits after it.
fn begin<D: Decider>(commits: &[Commit]) -> Result<(Folded<D::State>, &[Commit]), DecodeError> {
    if let Some(kept) = D::SNAPSHOTS {
        for (index, commit) in commits.iter().enumerate().rev() {
            if let Some(state) =
                commit.snapshot.as_ref().and_then(|snapshot| kept.restore(snapshot))
            {
                return Ok((Folded { state, version: commit.last() }, &commits[index + 1..]));
            }
        }
    }
    match commits.first() {
        Some(commit) if commit.first != Version::START.next() => {
            Err(DecodeError::Headless { first: commit.first })
        }
        Some(_) | None => {
            Ok((Folded { state: D::State::default(), version: Version::START }, commits))
        }
    }
}

/// The events of several commands that are decided one after the other and committed together.
///
/// # Errors
/// The first rejection; no events are returned then.
///
/// # Examples
///
/// ```
/// use skald::decider::decide_in_turn;
/// use skald_testkit::sample::{Account, AccountCommand, AccountRejection, AccountState};
///
/// let commands = [AccountCommand::Deposit(5), AccountCommand::Withdraw(4)];
/// let events = decide_in_turn::<Account>(&AccountState { balance: 0 }, &commands)?;
/// assert_eq!(events.len(), 2);
///
/// // Without the deposit, the second command is rejected.
/// let rejected = decide_in_turn::<Account>(&AccountState { balance: 0 }, &commands[1..]);
/// assert_eq!(rejected, Err(AccountRejection::Overdrawn { balance: 0, requested: 4 }));
/// # Ok::<_, AccountRejection>(())
/// ```
pub fn decide_in_turn<D: Decider>(
    state: &D::State,
    commands: &[D::Command],
) -> Result<Vec<D::Event>, D::Rejection>
where
    D::State: Clone,
{
    let mut state = state.clone();
    let mut events = Vec::new();
    for command in commands {
        let decided = D::decide(&state, command)?;
        state = decided.iter().fold(state, D::evolve);
        events.extend(decided);
    }
    Ok(events)
}
