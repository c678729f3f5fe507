//! The command handler.

use crate::decider::{Decider, Folded};
use crate::handle::command::{self, Tries};
use crate::handle::{HandleError, Handled, One, Pause, Request, Streams};
use crate::store::EventStore;
use crate::stream::StreamId;

/// Handles commands against an event store.
///
/// A handler is cheap to create: `Handler::new(&store, &pause)` borrows both.
#[derive(Debug, Clone, Copy)]
pub struct Handler<S, P> {
    store: S,
    pause: P,
    attempts: u32,
}

impl<S: EventStore, P: Pause> Handler<S, P> {
    /// A handler of commands on this store. It waits with `pause` before it tries again.
    pub const fn new(store: S, pause: P) -> Self {
        Self { store, pause, attempts: command::ATTEMPTS }
    }

    /// Sets the number of failed attempts after which a command is given up. Attempts that are
    /// retried without a pause do not count. It is ten by default. A smaller number is for a
    /// decision that can also be made in another way.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::handle::{HandleError, Handler};
    /// use skald::memory::InMemoryEventStore;
    /// use skald_testkit::NoPause;
    /// use skald_testkit::faulty::{Fault, Faulty, Plan};
    /// use skald_testkit::sample::{Account, AccountCommand, account};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use skald::prelude::*;
    /// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
    /// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
    /// let store = InMemoryEventStore::default();
    /// let contended = Faulty::new(&store, Plan::script([Some(Fault::Contended); 2]));
    /// let handler = Handler::new(&contended, NoPause).with_attempts(2);
    /// let deposit = AccountCommand::Deposit(5);
    /// let busy = handler.handle::<Account>(&account("1"), &deposit, &request).await;
    /// assert!(matches!(busy, Err(HandleError::Busy { attempts: 2 })));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Handles a command on one stream: loads the stream, lets `D` decide, and appends the events.
    ///
    /// # Examples
    ///
    /// ```
    /// # use skald::commit::{Actor, CommitId};
    /// # use skald::handle::Request;
    /// # use skald::time::Timestamp;
    /// # use uuid::Uuid;
    /// use skald::handle::Handler;
    /// use skald::memory::InMemoryEventStore;
    /// use skald_testkit::NoPause;
    /// use skald_testkit::sample::{Account, AccountCommand, account};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let id = CommitId::of(Uuid::nil(), "deposit");
    /// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
    /// let handler = Handler::new(InMemoryEventStore::default(), NoPause);
    /// let deposit = AccountCommand::Deposit(5);
    /// let handled = handler.handle::<Account>(&account("1"), &deposit, &request).await?;
    /// assert_eq!(handled.states.state.balance, 5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`handle_all`](Self::handle_all).
    pub async fn handle<D: Decider>(
        &self,
        stream: &StreamId,
        command: &D::Command,
        request: &Request,
    ) -> Result<Handled<Folded<D::State>>, HandleError<D::Rejection>>
    where
        D::Command: Sync,
        D::Rejection: Send,
    {
        let one = One::<D>::new(stream.clone());
        self.handle_all(&one, request, |folded| D::decide(&folded.state, command)).await
    }

    /// Loads several streams, decides on all of them, and appends all decided events or none.
    ///
    /// After a conflict, the handler adds the conflicting commits to the loaded streams and decides
    /// again immediately. If the store did not return a stream's conflicting commit, the handler
    /// reads that stream from its head on. After a second conflict in succession, the handler
    /// pauses and reads what is new in every stream. It gives up at the tenth failed attempt that
    /// needs a pause, or as [`with_attempts`](Self::with_attempts) says.
    ///
    /// If one of the loaded streams already contains the command's id, or the store finds the id at
    /// a head that is appended to, an earlier attempt has succeeded. Nothing more is written then.
    /// For a stream that does not show the id yet, only the commits since it was loaded are read.
    ///
    /// A stream that gets no events may have moved since it was read, unless it is
    /// [`Guarded`](super::Guarded). If no stream gets events, nothing is checked. A stream that
    /// gets no events also cannot reveal an earlier, unanswered attempt that is still in progress.
    /// A command that may be repeated therefore needs a stream that gets events in every decision.
    ///
    /// # Examples
    ///
    /// A deposit to one account, provided that another has not moved meanwhile:
    ///
    /// ```
    /// # use skald::commit::{Actor, CommitId};
    /// # use skald::handle::Request;
    /// # use skald::time::Timestamp;
    /// # use uuid::Uuid;
    /// use skald::handle::{Guarded, Handler, One};
    /// use skald::memory::InMemoryEventStore;
    /// use skald_testkit::NoPause;
    /// use skald_testkit::sample::{Account, AccountCommand, AccountRejection, Deposited, account};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let id = CommitId::of(Uuid::nil(), "deposit");
    /// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
    /// let handler = Handler::new(InMemoryEventStore::default(), NoPause);
    /// let streams =
    ///     (One::<Account>::new(account("to")), Guarded::<Account>::new(account("from")));
    /// let handled = handler
    ///     .handle_all(&streams, &request, |(_, from)| {
    ///         let amount = from.state.balance + 1;
    ///         Ok::<_, AccountRejection>((vec![Deposited { amount }.into()], ()))
    ///     })
    ///     .await?;
    /// assert_eq!(handled.states.0.state.balance, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`HandleError`]. Nothing was written, except perhaps after [`HandleError::Store`].
    pub async fn handle_all<T, R, F>(
        &self,
        streams: &T,
        request: &Request,
        decide: F,
    ) -> Result<Handled<T::States>, HandleError<R>>
    where
        T: Streams,
        R: Send,
        F: Fn(&T::States) -> Result<T::Events, R> + Sync,
    {
        let tries = Tries::new(self.attempts);
        command::handle_all(&self.store, &self.pause, streams, request, decide, tries).await
    }
}
