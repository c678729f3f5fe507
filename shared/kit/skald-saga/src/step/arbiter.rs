//! The steps on the arbiter: pass the gate, complete, end undoing, park.
//!
//! Each reads the participants that it depends on, and relies on them alone: the gate is passed
//! only if every step before it is done, and undoing ends only if everything is undone. Parking
//! reads only the arbiter, because it must work even if another stream cannot be read.

use skald::decider::Decider;
use skald::handle::Pause;
use skald::store::EventStore;
use skald::time::Timestamp;

use super::context::{Seen, StepContext, Written};
use crate::error::StepError;
use crate::input::StepInput;
use crate::names::StepName;
use crate::next::{missing_after_gate, missing_before_gate, next_compensation};
use crate::saga::{Arbiter, Change, Phase, Saga, Standing};

/// What a step on the arbiter does next.
enum Next<Reason> {
    Append(Change<Reason>),
    TurnRound,
    End(Result<(), StepError>),
}

/// Performs a step on the arbiter.
///
/// # Errors
/// See [`StepError`]. The step may be repeated after any error.
pub async fn perform_on_arbiter<G: Saga, S: EventStore, P: Pause>(
    store: &S,
    pause: &P,
    input: &StepInput<G::Step>,
    at: Timestamp,
) -> Result<(), StepError> {
    if input.step.is_retired() {
        return Ok(());
    }
    let mut context = StepContext::new(store, pause, input, at);
    let stream = G::Arbiter::stream(&input.instance().tenant, &input.instance().id)?;
    loop {
        context.begin_round().await?;
        let arbiter: Seen<G::Arbiter, S::Head> = context.look(&stream).await?;
        let attempt = context.attempt();
        let (change, ends) = match next::<G, S>(store, input, &arbiter.state, context.at()).await? {
            Next::Append(change) => (change, Ok(())),
            Next::TurnRound => {
                let reason = G::Arbiter::expired();
                (Change::StartUndo { reason, attempt }, Err(StepError::Undone))
            }
            Next::End(result) => return result,
        };
        let cause = arbiter.last().cloned();
        match context.append(arbiter, &G::Arbiter::command(change), cause.as_ref()).await? {
            Written::Now(_) | Written::Before(_) | Written::Finished => return ends,
            Written::Again => {}
        }
    }
}

/// What the step does next, given the state of the arbiter.
async fn next<G: Saga, S: EventStore>(
    store: &S,
    input: &StepInput<G::Step>,
    arbiter: &<G::Arbiter as Decider>::State,
    at: Timestamp,
) -> Result<Next<<G::Arbiter as Arbiter>::Reason>, StepError> {
    let (plan, instance, step) = (G::PLAN, input.instance(), input.step);
    let Some(standing) = G::Arbiter::standing(arbiter) else {
        return Ok(Next::End(Err(StepError::permanent("the saga was not begun"))));
    };
    if step == plan.park {
        return Ok(park::<G>(standing, input));
    }
    let Standing { phase, deadline, .. } = standing;
    let is_gate = plan.gate.is_some_and(|gate| gate.pass == step);
    let starts_at = if plan.gate.is_none() || is_gate { Phase::Open } else { Phase::PastGate };
    if is_gate || step == plan.complete {
        match phase {
            Phase::Undoing | Phase::Undone => return Ok(Next::End(Err(StepError::Undone))),
            Phase::Completed => return Ok(Next::End(Ok(()))),
            Phase::PastGate if is_gate => return Ok(Next::End(Ok(()))),
            Phase::Open if starts_at == Phase::PastGate => {
                let why = "the saga has not passed its gate";
                return Ok(Next::End(Err(StepError::permanent(why))));
            }
            Phase::Open if deadline.is_some_and(|deadline| at >= deadline) => {
                return Ok(Next::TurnRound);
            }
            Phase::Open | Phase::PastGate => {}
        }
        let pairs = if starts_at == Phase::Open {
            plan.before_gate
        } else {
            plan.gate.map_or(&[][..], |gate| gate.after)
        };
        let actions: Vec<_> = pairs.iter().map(|pair| pair.action).collect();
        let state = G::read_participants(store, instance, arbiter.clone(), &actions).await?;
        let missing = if starts_at == Phase::Open {
            missing_before_gate::<G>(instance, &state)
        } else {
            missing_after_gate::<G>(instance, &state)
        };
        return Ok(match missing {
            None if is_gate => Next::Append(Change::PassGate),
            None => Next::Append(Change::Complete),
            Some(step) => Next::End(Err(StepError::permanent(format!("{step} is not done")))),
        });
    }
    if step == plan.end_undo {
        match phase {
            Phase::Undone => return Ok(Next::End(Ok(()))),
            Phase::Open | Phase::PastGate | Phase::Completed => {
                let why = "undoing the saga has not started";
                return Ok(Next::End(Err(StepError::permanent(why))));
            }
            Phase::Undoing => {}
        }
        let all = G::Step::ALL;
        let state = G::read_participants(store, instance, arbiter.clone(), all).await?;
        return Ok(match next_compensation::<G>(instance, &state) {
            None => Next::Append(Change::EndUndo),
            Some(step) => Next::End(Err(StepError::permanent(format!("{step} is not done")))),
        });
    }
    let why = format!("{step} is a step of {}", step.worker());
    Ok(Next::End(Err(StepError::Permanent(why))))
}

/// What parking does next. Only the current attempt parks a saga: an earlier attempt, or one whose
/// saga is settled, has no effect. If undoing started while a step forward failed, the saga is
/// undone instead of parked.
///
/// A state machine of this release never parks a saga because a step is undone: it undoes the saga.
/// One of an earlier release may, after the gate. It then ends, and another attempt undoes the
/// saga.
fn park<G: Saga>(
    standing: Standing,
    input: &StepInput<G::Step>,
) -> Next<<G::Arbiter as Arbiter>::Reason> {
    let Some(failure) = &input.failure else {
        let why = format!("the input of {} has no failure", input.step);
        return Next::End(Err(StepError::Permanent(why)));
    };
    let Standing { phase, attempt, is_parked, .. } = standing;
    if phase.is_settled() || attempt > input.execution.attempt {
        return Next::End(Err(StepError::Settled));
    }
    if is_parked {
        return Next::End(Ok(()));
    }
    if phase == Phase::Undoing && G::PLAN.is_forward(failure.step) {
        return if failure.error.error == StepError::Undone.name() {
            Next::Append(Change::Resume)
        } else {
            Next::End(Err(StepError::Undone))
        };
    }
    Next::Append(Change::Park { step: failure.step.to_string(), error: failure.message() })
}
