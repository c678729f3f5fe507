//! Checking a stream event by event: whether it can be read, and whether its snapshots are the
//! states they claim to be.

use crate::decider::Decider;
use crate::event::{DecodeError, DomainEvent, EventData};
use crate::personal::sealed_alike;
use crate::snapshot::Snapshot;

/// Goes over one stream, from its first event on.
pub trait StreamCheck {
    /// The next event.
    ///
    /// # Errors
    /// As [`DomainEvent::decode`]. What is folded from here on is not known.
    fn event(&mut self, stored: &EventData) -> Result<(), DecodeError>;

    /// The snapshot after the last event.
    ///
    /// # Errors
    /// [`SnapshotFault`] if a load would go wrong by it.
    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotFault>;

    /// Something is missing here: what is folded is not known until the next snapshot.
    fn gap(&mut self);
}

/// What can be wrong with a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFault {
    /// It is of today's schema and no state.
    #[error("the snapshot cannot be read")]
    Unreadable,
    /// It is another state than the events give.
    #[error("the snapshot is not the state that the events give")]
    Differs,
}

/// The check of a stream of this decider: it folds, and holds every snapshot against the fold.
/// Snapshots of another schema are passed over, as a load does.
#[derive(Debug)]
pub struct FoldCheck<D: Decider> {
    /// None where it is not known.
    state: Option<D::State>,
}

impl<D: Decider> Default for FoldCheck<D> {
    fn default() -> Self {
        Self { state: Some(D::State::default()) }
    }
}

impl<D: Decider> StreamCheck for FoldCheck<D> {
    fn event(&mut self, stored: &EventData) -> Result<(), DecodeError> {
        let state = self.state.take();
        let event = D::Event::decode(stored)?;
        self.state = state.map(|state| D::evolve(state, &event));
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotFault> {
        let Some(kept) = D::SNAPSHOTS.filter(|kept| kept.kind().schema == snapshot.schema) else {
            return Ok(());
        };
        let restored = kept.restore(snapshot).ok_or(SnapshotFault::Unreadable)?;
        // Compared as both would be written: how a state is laid out in memory, or in older JSON,
        // does not matter.
        let written = |state: &D::State| kept.take(state).map(|written| written.state);
        let agrees = match &self.state {
            Some(folded) => match (written(folded), written(&restored)) {
                (Ok(folded), Ok(restored)) => sealed_alike(&folded, &restored),
                (_, _) => false,
            },
            None => true,
        };
        if self.state.is_none() {
            self.state = Some(restored);
        }
        if agrees { Ok(()) } else { Err(SnapshotFault::Differs) }
    }

    fn gap(&mut self) {
        self.state = None;
    }
}

impl<C: StreamCheck + ?Sized> StreamCheck for Box<C> {
    fn event(&mut self, stored: &EventData) -> Result<(), DecodeError> {
        (**self).event(stored)
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotFault> {
        (**self).snapshot(snapshot)
    }

    fn gap(&mut self) {
        (**self).gap();
    }
}
