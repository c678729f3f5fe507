//! What a sweep found and did.

use skald::observe::{SWEPT, TARGET};
use skald::stream::StreamId;
use skald::text::with_causes;
use skald::time::Timestamp;

use super::error::SweepError;
use super::watch_list::{List, Place};
use crate::starter::{Ensured, Outcome, StartError};

/// What a sweep found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Sagas on the watch list at the end.
    pub watched: u64,
    /// Parked sagas at the end.
    pub parked: u64,
    /// Arbiters that were read because the index does not show that their sagas are settled.
    pub looked: u64,
    /// Executions that had not been started.
    pub started: u64,
    /// Executions that had ended early, and were followed by the next attempt.
    pub resumed: u64,
    /// Sagas that are not settled long after their deadline. Parked ones do not count.
    pub overdue: u64,
    /// Sagas that could not be read. They are checked again.
    pub unreadable: u64,
    /// Sagas for which the event store or the state machine did not answer.
    pub unanswered: u64,
    /// The age of the oldest saga that was checked and is not settled, in seconds.
    pub oldest_s: u64,
}

/// The result of a check.
pub(super) struct Checked {
    pub(super) result: Result<Ensured, StartError>,
    /// The saga's place after the check.
    pub(super) place: Option<Place>,
}

impl Swept {
    pub(super) fn add(&mut self, checked: &Checked, at: Timestamp, grace_ms: u32) {
        let found = match &checked.result {
            Ok(found) => found,
            Err(error) if error.is_unanswered() => {
                self.unanswered += 1;
                return;
            }
            Err(_) => {
                self.unreadable += 1;
                return;
            }
        };
        match found.what {
            Outcome::NotNeeded | Outcome::Parked => return,
            Outcome::Started => self.started += 1,
            Outcome::Resumed => self.resumed += 1,
            Outcome::Running | Outcome::Ended { .. } => {}
        }
        if is_overdue(found, at, grace_ms) {
            self.overdue += 1;
        }
        let age_ms = found.begun_at.map_or(0, |begun| at.as_millis() - begun.as_millis());
        self.oldest_s = self.oldest_s.max(u64::try_from(age_ms / 1_000).unwrap_or(0));
    }

    /// Counts a saga whose row could not be read or written.
    pub(super) fn fail(&mut self, arbiter: &StreamId, error: &SweepError) {
        let is_transient = matches!(error, SweepError::WatchList(error) if error.is_transient());
        *(if is_transient { &mut self.unanswered } else { &mut self.unreadable }) += 1;
        tracing::error!(
            arbiter = %arbiter.key(),
            error = with_causes(error),
            "the saga's row on the watch list cannot be used"
        );
    }

    pub(super) const fn count(&mut self, list: List) {
        match list {
            List::Watched => self.watched += 1,
            List::Parked => self.parked += 1,
        }
    }

    pub(super) const fn result(self) -> Result<Self, SweepError> {
        match self.unanswered {
            0 => Ok(self),
            sagas => Err(SweepError::Unanswered { sagas }),
        }
    }

    /// Reports the sweep to the subscriber, which counts it as metrics.
    pub(super) fn report(&self) {
        let Self { watched, parked, started, resumed, overdue, unreadable, oldest_s, .. } = *self;
        tracing::event!(
            name: SWEPT,
            target: TARGET,
            tracing::Level::DEBUG,
            watched,
            parked,
            started,
            resumed,
            overdue,
            unreadable,
            oldest_s,
            "swept the sagas"
        );
    }
}

/// Whether a saga is not settled this long after its deadline.
pub(super) fn is_overdue(found: &Ensured, at: Timestamp, grace_ms: u32) -> bool {
    let Some(standing) = found.standing else { return false };
    let deadline = standing.deadline.map(|deadline| deadline.plus_millis(grace_ms.into()));
    !standing.phase.is_settled() && deadline.is_some_and(|deadline| at >= deadline)
}
