//! The handler that keeps a view up to date: it passes each message to [`catch_up`].

use std::marker::PhantomData;

use skald::message::CommitMessage;
use skald::store::EventStore;
use skald::stream::{Category, StreamId};
use skald::view::{CatchUpFailure, Projection, ViewStore, catch_up, park};

use crate::clock;
use crate::queue::MessageHandler;

/// Keeps the view of projection `P` up to date. A stream that cannot be applied is parked; an
/// operator redrives it from the event store.
///
/// # Examples
///
/// ```
/// use skald::memory::{InMemoryEventStore, InMemoryViewStore};
/// use skald::message::CommitMessage;
/// use skald::stream::Version;
/// use skald::view::ViewStore;
/// use skald_lambda::queue::MessageHandler;
/// use skald_lambda::views::ViewKeeper;
/// # use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountCommand, Statements, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// # let events = InMemoryEventStore::default();
/// # let deposit = AccountCommand::Deposit(5);
/// # Handler::new(&events, NoPause).handle::<Account>(&account("1"), &deposit, &request).await?;
/// let views = InMemoryViewStore::default();
/// let keeper = ViewKeeper::<Statements, _, _>::new(events, views.clone());
/// let hint = CommitMessage { stream: account("1"), last: Version::new(1), commit: None };
/// keeper.handle(&hint).await?;
/// assert!(views.get(&account("1")).await?.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ViewKeeper<P, E, V> {
    events: E,
    views: V,
    projection: PhantomData<fn() -> P>,
}

impl<P, E, V> ViewKeeper<P, E, V> {
    /// Keeps the rows in `views` up to date, and reads missing events from `events`.
    pub const fn new(events: E, views: V) -> Self {
        Self { events, views, projection: PhantomData }
    }
}

impl<P: Projection, E: EventStore, V: ViewStore> MessageHandler for ViewKeeper<P, E, V> {
    const CATEGORY: &'static Category = P::CATEGORY;
    type Failure = CatchUpFailure;

    async fn handle(&self, message: &CommitMessage) -> Result<(), CatchUpFailure> {
        let caught_up = catch_up::<P, _, _>(&self.events, &self.views, message).await?;
        tracing::info!(version = %message.last, ?caught_up, "the message was applied");
        Ok(())
    }

    async fn park(
        &self,
        stream: &StreamId,
        failure: &CatchUpFailure,
        reason: &str,
    ) -> Result<(), CatchUpFailure> {
        let parked = park(&self.views, stream, failure.seen, reason, clock::now()).await;
        parked.map_err(|error| CatchUpFailure { seen: failure.seen, error })
    }

    fn parks(failure: &CatchUpFailure) -> bool {
        failure.error.parks()
    }

    fn is_transient(failure: &CatchUpFailure) -> bool {
        failure.error.is_transient()
    }
}
