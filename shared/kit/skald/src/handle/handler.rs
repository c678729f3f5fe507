//! What handles commands.

use crate::decider::{Decider, Folded};
use crate::handle::command;
use crate::handle::{HandleError, Handled, One, Pause, Request, Streams};
use crate::store::EventStore;
use crate::stream::StreamId;

/// Handles commands against an event store.
///
/// It is cheap to make: `Handler::new(&store, &pause)` borrows both.
#[derive(Debug, Clone, Copy)]
pub struct Handler<S, P> {
    store: S,
    pause: P,
}

impl<S: EventStore, P: Pause> Handler<S, P> {
    /// A handler of commands on this store, which waits with `pause` before it tries again.
    pub const fn new(store: S, pause: P) -> Self {
        Self { store, pause }
    }

    /// Handles a command about one stream: loads it, lets `D` decide, and appends the events.
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

    /// Loads several streams, decides over all of them, and appends what was decided: all of it or
    /// nothing.
    ///
    /// A conflict brings the commit that was written first. It is added to what is known, streams
    /// of which none was found are read from their heads on, and the command is decided again at
    /// once. If that ends in a conflict too, the next attempt comes after a pause and reads what is
    /// new in every stream. A command that fails after nine pauses is given up.
    ///
    /// If one of the streams shows the command's id already, or the store finds it at a head that
    /// is appended to, an earlier attempt had succeeded and nothing more is written. For a stream
    /// that does not show the id yet, only the commits since it was loaded are read.
    ///
    /// A stream that gets no events may have moved since it was read, unless it is
    /// [`Guarded`](super::Guarded). If no stream gets events, nothing is checked. Nor does a stream
    /// without events show that an attempt without an answer is still under way: a command that may
    /// come again has a stream that gets events however it is decided.
    ///
    /// # Errors
    /// See [`HandleError`]; nothing was written, except perhaps after [`HandleError::Store`].
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
        command::handle_all(&self.store, &self.pause, streams, request, decide).await
    }
}
