//! What the streams of a saga record about its steps, and when.

use std::collections::BTreeMap;

use skald::commit::Commit;
use skald::decider::Decider;
use skald::event::DecodeError;
use skald::store::EventStore;
use skald::stream::Version;
use skald::time::Timestamp;

use crate::error::StepError;
use crate::input::Instance;
use crate::names::StepName;
use crate::plan::Plan;
use crate::saga::{Arbiter, Participant, Phase, Progress, Saga};
use crate::step_trace::StepTrace;

/// A saga and the past of its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace<G: Saga> {
    /// The states of the saga's streams.
    pub state: G::State,
    /// The steps whose streams record anything about them.
    pub steps: BTreeMap<G::Step, StepTrace>,
    /// When undoing started.
    pub undo_started_at: Option<Timestamp>,
}

/// The past of a saga; `None` if it was never begun. Reads every commit of its streams.
///
/// # Errors
/// [`StepError`] if the store does not answer or a stream cannot be read.
pub async fn trace<G: Saga, S: EventStore>(
    store: &S,
    instance: &Instance,
) -> Result<Option<Trace<G>>, StepError> {
    let stream = G::Arbiter::stream(&instance.tenant, &instance.id)?;
    let commits = store.read(&stream, Version::START).await?;
    let (arbiter, mut steps) = of_arbiter::<G::Arbiter, _>(&G::PLAN, &commits)?;
    if G::Arbiter::standing(&arbiter).is_none() {
        return Ok(None);
    }
    let (state, of_participants) = G::read_traces(store, instance, arbiter).await?;
    steps.extend(of_participants);
    steps.retain(|step, trace| !is_closed_with_another(&G::PLAN, *step, trace));
    let undo_started_at = note_events::<G::Arbiter, _>(&G::PLAN, &commits, &mut steps)?;
    Ok(Some(Trace { state, steps, undo_started_at }))
}

/// Whether the step was never begun, and was only closed by a compensation that undoes an earlier
/// step.
fn is_closed_with_another<S: StepName>(plan: &Plan<S>, step: S, trace: &StepTrace) -> bool {
    let compensation = plan.pairs().find(|pair| pair.action == step).map(|pair| pair.compensation);
    trace.attempts.is_empty()
        || !trace.was_begun
            && compensation.is_some_and(|compensation| plan.undone_by(compensation) != step)
}

/// The traces of one participant, and its state. Used by [`saga!`](crate::saga).
///
/// # Errors
/// As [`trace`].
#[doc(hidden)]
pub async fn of_participant<W: Participant, S: EventStore>(
    store: &S,
    instance: &Instance,
    arbiter: &<W::Arbiter as Decider>::State,
) -> Result<Followed<W::Decider, W>, StepError> {
    let needed: Vec<W> = W::ALL.iter().copied().filter(|step| step.is_needed(arbiter)).collect();
    let stream = if needed.is_empty() { None } else { W::stream(instance, arbiter)? };
    let Some(stream) = stream else { return Ok(Default::default()) };
    let commits = store.read(&stream, Version::START).await?;
    let of = |state: &<W::Decider as Decider>::State, step: W| step.progress(instance, state);
    Ok(follow::<W::Decider, W>(&needed, &commits, of)?)
}

/// The arbiter's state, and the traces of the steps on it.
fn of_arbiter<A: Arbiter, S: StepName>(
    plan: &Plan<S>,
    commits: &[Commit],
) -> Result<(A::State, BTreeMap<S, StepTrace>), DecodeError> {
    let steps: Vec<S> = plan.arbiter_steps().filter(|step| *step != plan.park).collect();
    let of = |state: &A::State, step: S| {
        let phase = A::standing(state).map(|standing| standing.phase);
        let is_gate = plan.gate.is_some_and(|gate| gate.pass == step);
        match phase {
            Some(Phase::PastGate | Phase::Completed) if is_gate => Progress::Done,
            Some(Phase::Completed) if step == plan.complete => Progress::Done,
            Some(Phase::Undone) if step == plan.end_undo => Progress::Done,
            Some(Phase::Undoing | Phase::Undone) if step != plan.end_undo => Progress::Undone,
            _ => Progress::Ahead,
        }
    };
    let (state, traces) = follow::<A, S>(&steps, commits, of)?;
    let done = traces.into_iter().filter(|(_, trace)| trace.done_at.is_some());
    // What the arbiter recorded is not undone: the saga is.
    let done = done.map(|(step, trace)| {
        let done_at = trace.done_at;
        (step, StepTrace { undone_at: None, updated_at: done_at, ..trace })
    });

    Ok((state, done.collect()))
}

/// Notes the attempts that were parked, and returns when undoing started.
fn note_events<A: Arbiter, S: StepName>(
    plan: &Plan<S>,
    commits: &[Commit],
    steps: &mut BTreeMap<S, StepTrace>,
) -> Result<Option<Timestamp>, DecodeError> {
    let (mut state, mut undo_started_at) = (A::State::default(), None);
    for commit in commits {
        for event in commit.envelopes::<A::Event>() {
            let event = event?;
            let was_parked = A::standing(&state).is_some_and(|before| before.is_parked);
            state = A::evolve(state, &event.data);
            let Some(now) = A::standing(&state) else { continue };
            if now.phase == Phase::Undoing && undo_started_at.is_none() {
                undo_started_at = Some(event.recorded_at);
            }
            let parked_at = A::parked_at(&state).filter(|_| now.is_parked && !was_parked);
            if let Some(step) = parked_at.and_then(S::named) {
                let trace = steps.entry(plan.undone_by(step)).or_default();
                trace.attempts.insert(now.attempt.to_string());
                trace.updated_at = trace.updated_at.max(Some(event.recorded_at));
            }
        }
    }
    Ok(undo_started_at)
}

/// The state of a stream, and the traces of the steps that it tells about.
type Followed<D, S> = (<D as Decider>::State, Vec<(S, StepTrace)>);

/// Folds a stream and notes each change of a step's progress.
fn follow<D: Decider, S: Copy>(
    steps: &[S],
    commits: &[Commit],
    progress: impl Fn(&D::State, S) -> Progress,
) -> Result<Followed<D, S>, DecodeError> {
    let mut state = D::State::default();
    let before = |state: &D::State| -> Vec<Progress> {
        steps.iter().map(|step| progress(state, *step)).collect()
    };
    let mut last = before(&state);
    let mut traces = vec![StepTrace::default(); steps.len()];
    for commit in commits {
        for event in commit.envelopes::<D::Event>() {
            let event = event?;
            state = D::evolve(state, &event.data);
            let now = before(&state);
            for ((trace, last), now) in traces.iter_mut().zip(&last).zip(&now) {
                if last != now {
                    let attempt = event.context.metadata.get("attempt").cloned();
                    note(trace, *now, event.recorded_at, attempt.unwrap_or_default());
                }
            }
            last = now;
        }
    }
    Ok((state, steps.iter().copied().zip(traces).collect()))
}

/// Notes that a step has this progress from now on.
fn note(trace: &mut StepTrace, progress: Progress, at: Timestamp, attempt: String) {
    trace.started_at = trace.started_at.or(Some(at));
    trace.updated_at = Some(at);
    trace.attempts.insert(attempt);
    trace.was_begun |= matches!(progress, Progress::UnderWay | Progress::Done | Progress::Refused);
    match progress {
        Progress::Done => trace.done_at = Some(at),
        Progress::Undone => trace.undone_at = Some(at),
        Progress::NotNeeded
        | Progress::Ahead
        | Progress::UnderWay
        | Progress::Refused
        | Progress::Undoing => {}
    }
}
