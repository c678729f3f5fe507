//! Checking a stream event by event: whether it can be read, and whether its snapshots equal the
//! states that the events give.

use crate::decider::Decider;
use crate::event::{DecodeError, DomainEvent, EventData};
use crate::personal::sealed_alike;
use crate::snapshot::Snapshot;

/// A check of one stream, from its first event on.
pub trait StreamCheck {
    /// Checks the next event.
    ///
    /// # Errors
    /// As [`DomainEvent::decode`]. After an error the folded state is unknown.
    fn event(&mut self, stored: &EventData) -> Result<(), DecodeError>;

    /// Checks the snapshot after the last event.
    ///
    /// # Errors
    /// [`SnapshotFault`] if the snapshot would make a load wrong.
    fn snapshot(&mut self, snapshot: &Snapshot) -> Result<(), SnapshotFault>;

    /// Records that events are missing here: the folded state is unknown until the next snapshot.
    fn gap(&mut self);
}

/// Faults of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFault {
    /// The snapshot has the current schema, but cannot be read as a state.
    #[error("the snapshot cannot be read")]
    Unreadable,
    /// The snapshot differs from the state that the events give.
    #[error("the snapshot is not the state that the events give")]
    Differs,
}

/// The check of a stream of this decider: folds the events and compares every snapshot with the
/// result. Snapshots with another schema are ignored, as in a load.
///
/// # Examples
///
/// ```
/// use skald::check::{FoldCheck, SnapshotFault, StreamCheck};
/// use skald::decider::Decider;
/// use skald::event::{DomainEvent, EventData};
/// use skald::snapshot::Snapshots;
/// # use skald_testkit::sample::{Account, AccountCommand, AccountRejection};
/// use skald_testkit::sample::{AccountEvent, AccountState, Deposited};
///
/// struct LongAccount;
///
/// impl Decider for LongAccount {
///     const SNAPSHOTS: Option<Snapshots<AccountState>> = Some(Snapshots::new(50, 1));
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
/// let mut check = FoldCheck::<LongAccount>::default();
/// let deposited = AccountEvent::from(Deposited { amount: 5 }).encode()?;
/// check.event(&deposited)?;
/// let wrong = Snapshots::new(50, 1).take(&AccountState { balance: 6 })?;
/// assert_eq!(check.snapshot(&wrong), Err(SnapshotFault::Differs));
///
/// let malformed = EventData { data: b"{}".to_vec(), ..deposited };
/// assert!(check.event(&malformed).is_err());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FoldCheck<D: Decider> {
    /// The folded state. `None` if it is unknown.
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
        // The states are compared in their current written form. Their layout in memory or in older
        // JSON does not matter.
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
