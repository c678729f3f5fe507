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
