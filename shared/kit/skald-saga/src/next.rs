//! Determines the next step from the states of a saga's streams alone.

use crate::input::Instance;
use crate::saga::{Arbiter, Phase, Saga};

/// The next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<S> {
    /// A step forward.
    Do(S),
    /// A step backward.
    Undo(S),
    /// Nothing: the saga is settled, or was not begun.
    Done,
    /// Nothing until an operator resumes the saga.
    Parked,
}

/// The next step of this saga.
///
/// It does not use time: the step that it returns checks the deadline, and starts undoing if the
/// deadline has passed. A step that was refused is returned again until undoing has started.
#[must_use]
pub fn next<G: Saga>(instance: &Instance, state: &G::State) -> Next<G::Step> {
    let Some(standing) = G::Arbiter::standing(G::arbiter(state)) else { return Next::Done };
    if standing.phase.is_settled() {
        return Next::Done;
    }
    if standing.is_parked {
        return Next::Parked;
    }
    match standing.phase {
        Phase::Open => {
            let last = G::PLAN.gate.map_or(G::PLAN.complete, |gate| gate.pass);
            Next::Do(missing_before_gate::<G>(instance, state).unwrap_or(last))
        }
        Phase::PastGate => {
            Next::Do(missing_after_gate::<G>(instance, state).unwrap_or(G::PLAN.complete))
        }
        Phase::Undoing => {
            Next::Undo(next_compensation::<G>(instance, state).unwrap_or(G::PLAN.end_undo))
        }
        Phase::Completed | Phase::Undone => Next::Done,
    }
}

/// The first step before the gate that is not done.
#[must_use]
pub fn missing_before_gate<G: Saga>(instance: &Instance, state: &G::State) -> Option<G::Step> {
    let actions = G::PLAN.before_gate.iter().map(|pair| pair.action);
    actions.into_iter().find(|&step| !G::progress(instance, state, step).is_done())
}

/// The first step after the gate that is not done.
#[must_use]
pub fn missing_after_gate<G: Saga>(instance: &Instance, state: &G::State) -> Option<G::Step> {
    let after = G::PLAN.gate.map_or(&[][..], |gate| gate.after);
    let actions = after.iter().map(|pair| pair.action);
    actions.into_iter().find(|&step| !G::progress(instance, state, step).is_done())
}

/// The next compensation: that of the last step that had an effect or may still have one.
#[must_use]
pub fn next_compensation<G: Saga>(instance: &Instance, state: &G::State) -> Option<G::Step> {
    G::PLAN.compensations().find(|&step| !G::progress(instance, state, step).is_undone())
}
