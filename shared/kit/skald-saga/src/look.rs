//! Reads a saga from the store: the states of its streams, and the execution that it needs now.

use skald::commit::Commit;
use skald::decider::{Decider, fold};
use skald::event::DecodeError;
use skald::handle::{One, states};
use skald::store::EventStore;
use skald::stream::StreamId;
use skald::time::Timestamp;

use crate::error::StepError;
use crate::input::{ExecutionInput, Instance};
use crate::names::StepName;
use crate::saga::{Arbiter, Participant, Saga};

/// The current state of a saga.
///
/// # Errors
/// [`StepError`] if the store does not answer or a stream cannot be read.
pub async fn look<G: Saga, S: EventStore>(
    store: &S,
    instance: &Instance,
) -> Result<G::State, StepError> {
    let stream = G::Arbiter::stream(&instance.tenant, &instance.id)?;
    let arbiter = states(store, &One::<G::Arbiter>::new(stream)).await?.state;
    G::read_participants(store, instance, arbiter, G::Step::ALL).await
}

/// The current state of one participant. Used by [`saga!`](crate::saga).
///
/// # Errors
/// As [`look`].
#[doc(hidden)]
pub async fn participant<W: Participant, S: EventStore>(
    store: &S,
    instance: &Instance,
    arbiter: &<W::Arbiter as Decider>::State,
    is_wanted: bool,
) -> Result<<W::Decider as Decider>::State, StepError> {
    if !is_wanted || !W::ALL.iter().any(|step| step.is_needed(arbiter)) {
        return Ok(Default::default());
    }
    match W::stream(instance, arbiter)? {
        Some(stream) => Ok(states(store, &One::<W::Decider>::new(stream)).await?.state),
        None => Ok(Default::default()),
    }
}

/// The execution that a saga needs now, given all commits of its arbiter; `None` if the saga is
/// settled, parked, or was never begun. The result stays the same until another attempt begins.
///
/// # Errors
/// [`DecodeError`] at the first event that this build cannot read.
pub fn execution_of<A: Arbiter>(
    stream: &StreamId,
    commits: &[Commit],
) -> Result<Option<ExecutionInput>, DecodeError> {
    Ok(current_attempt::<A>(stream, commits)?.map(|attempt| attempt.input))
}

/// The attempt that needs an execution.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// The input of its execution.
    pub(crate) input: ExecutionInput,
    /// When it began.
    pub(crate) begun_at: Timestamp,
}

/// As [`execution_of`], with the time.
pub(crate) fn current_attempt<A: Arbiter>(
    stream: &StreamId,
    commits: &[Commit],
) -> Result<Option<Attempt>, DecodeError> {
    let Some(standing) = A::standing(&fold::<A>(commits)?.state) else { return Ok(None) };
    if standing.phase.is_settled() || standing.is_parked {
        return Ok(None);
    }
    for commit in commits.iter().rev() {
        for event in commit.envelopes::<A::Event>() {
            if A::begins_attempt(&event?.data) {
                let input = ExecutionInput {
                    instance: Instance {
                        tenant: stream.tenant().clone(),
                        id: stream.id().to_owned(),
                    },
                    attempt: standing.attempt,
                    correlation_id: commit.context.correlation_id.clone(),
                };
                return Ok(Some(Attempt { input, begun_at: commit.at }));
            }
        }
    }
    Ok(None)
}
