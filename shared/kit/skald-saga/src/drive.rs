//! Takes a saga to its end with [`next`] alone, without a state machine, from any state.

use std::future::Future;

use skald::decider::{Decider, fold};
use skald::handle::Pause;
use skald::store::EventStore;
use skald::stream::Version;
use skald::time::Timestamp;

use crate::error::StepError;
use crate::input::{ErrorOutput, Failure, Instance, StepInput};
use crate::look::execution_of;
use crate::names::StepName;
use crate::next::{Next, next};
use crate::plan::{Patience, Retry};
use crate::saga::Saga;

/// More steps than any saga takes, even with concurrent executions.
const MAX_STEPS: u32 = 100;

/// Performs any step of a saga: what the functions do together.
pub trait Performer<G: Saga>: Sync {
    /// Performs a step.
    ///
    /// # Errors
    /// See [`StepError`]. The step may be repeated after any error.
    fn perform(
        &self,
        input: &StepInput<G::Step>,
        at: Timestamp,
    ) -> impl Future<Output = Result<(), StepError>> + Send;
}

/// Takes a saga to its end: settled or parked. `clock` returns the current time.
///
/// A step is retried as often as `patience` says, such as that of the plan. `pause` waits before a
/// retry, and gets the number of the retry.
///
/// # Errors
/// [`StepError::Transient`] if the store does not answer, or the saga does not reach its end.
pub async fn drive<G: Saga, S: EventStore, P: Pause>(
    store: &S,
    pause: &P,
    steps: &impl Performer<G>,
    instance: &Instance,
    patience: &Patience,
    clock: &(impl Fn() -> Timestamp + Sync),
) -> Result<G::State, StepError> {
    let stream = G::Arbiter::stream(&instance.tenant, &instance.id)?;
    for _ in 0..MAX_STEPS {
        let commits = store.read(&stream, Version::START).await?;
        let arbiter = fold::<G::Arbiter>(&commits)?.state;
        let state = G::read_participants(store, instance, arbiter, G::Step::ALL).await?;
        let (Next::Do(step) | Next::Undo(step), Some(execution)) =
            (next::<G>(instance, &state), execution_of::<G::Arbiter>(&stream, &commits)?)
        else {
            return Ok(state);
        };
        let input = StepInput::new(execution, step);
        match persist::<G, P>(pause, steps, &input, patience, clock).await {
            // Whatever a step wrote, or found, is in the streams.
            Ok(()) | Err(StepError::Undone | StepError::Settled) => {}
            Err(error @ (StepError::Busy | StepError::Transient(_) | StepError::Permanent(_))) => {
                let error =
                    ErrorOutput { error: error.name().to_owned(), cause: error.to_string() };
                let failure = Some(Failure { step, error });
                let park = StepInput { step: G::PLAN.park, failure, ..input };
                match persist::<G, P>(pause, steps, &park, patience, clock).await {
                    Ok(()) | Err(StepError::Undone | StepError::Settled) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Err(StepError::transient("the saga did not reach its end within the allowed number of steps"))
}

/// Performs a step, with retries.
async fn persist<G: Saga, P: Pause>(
    pause: &P,
    steps: &impl Performer<G>,
    input: &StepInput<G::Step>,
    patience: &Patience,
    clock: &(impl Fn() -> Timestamp + Sync),
) -> Result<(), StepError> {
    let (mut transient, mut busy) = (0, 0);
    loop {
        let Err(error) = steps.perform(input, clock()).await else { return Ok(()) };
        let (failed, Retry { max_retries, .. }) = match &error {
            _ if input.step == G::PLAN.park && error.is_retried() => {
                (&mut transient, patience.endless)
            }
            StepError::Transient(_) => (&mut transient, patience.transient),
            StepError::Busy => (&mut busy, patience.busy),
            StepError::Undone | StepError::Settled | StepError::Permanent(_) => return Err(error),
        };
        if *failed == max_retries {
            return Err(error);
        }
        *failed += 1;
        pause.pause(*failed).await;
    }
}
