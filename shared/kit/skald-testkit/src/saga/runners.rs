//! Executions of a saga: each performs steps until the saga reaches its end.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use skald::decider::Decider;
use skald::handle::Pause;
use skald::store::EventStore;
use skald::stream::Version;
use skald::time::Timestamp;
use skald_saga::{
    ErrorOutput, ExecutionInput, Failure, Next, Performer, Retry, Saga, StepError, StepInput,
    drive, execution_of, look, next,
};

use super::hooks::Hooks;
use super::machine::{self, Machine};
use super::performing::{Ended, Performing};
use super::point::Point;
use super::script::Runner;
use super::world::World;

/// More steps than any saga takes.
const MAX_STEPS: u32 = 200;

/// An execution that is polled by hand. Each poll runs to the next point.
pub(super) type Execution<'a> = Pin<Box<dyn Future<Output = Ended> + Send + 'a>>;

/// Starts an execution.
pub(super) fn start<'a, G: Saga, W: World<G>>(
    runner: Runner,
    world: &'a W,
    machine: &'a Machine,
    execution: ExecutionInput,
) -> Execution<'a> {
    match runner {
        Runner::Drive => Box::pin(async move {
            let hooks = world.hooks();
            let (performing, waits) = (Performing(world), Waits::<G>(hooks, PhantomData));
            let (store, instance) = (hooks.store(), &execution.instance);
            let clock = || hooks.now();
            let patience = &G::PLAN.patience;
            let result =
                drive::<G, _, _>(&store, &waits, &performing, instance, patience, &clock).await;
            Ended { result: result.map(drop), transitions: 0 }
        }),
        Runner::Machine => {
            Box::pin(machine::execute::<G, W>(machine, Performing(world), execution))
        }
        Runner::Single => Box::pin(async move {
            let result = single::<G, W>(world, &execution).await;
            Ended { result, transitions: 0 }
        }),
    }
}

/// Performs the next step, again and again, without retries.
async fn single<G: Saga, W: World<G>>(
    world: &W,
    execution: &ExecutionInput,
) -> Result<(), StepError> {
    let (hooks, performing) = (world.hooks(), Performing(world));
    let store = hooks.store();
    let stream = G::Arbiter::stream(&execution.instance.tenant, &execution.instance.id)?;
    for _ in 0..MAX_STEPS {
        let state = look::<G, _>(&store, &execution.instance).await?;
        let commits = store.read(&stream, Version::START).await?;
        let (Next::Do(step) | Next::Undo(step), Some(execution)) = (
            next::<G>(&execution.instance, &state),
            execution_of::<G::Arbiter>(&stream, &commits)?,
        ) else {
            return Ok(());
        };
        let input = StepInput::new(execution, step);
        if let Err(error @ StepError::Permanent(_)) =
            Performer::<G>::perform(&performing, &input, hooks.now()).await
        {
            let error = ErrorOutput { error: error.name().to_owned(), cause: error.to_string() };
            let failure = Some(Failure { step, error });
            let park = StepInput { step: G::PLAN.park, failure, ..input };
            drop(Performer::<G>::perform(&performing, &park, hooks.now()).await);
        }
    }
    Err(StepError::transient("the saga did not reach its end"))
}

/// The waits of `drive`: those of the plan, in simulated time.
struct Waits<'a, G>(&'a Hooks, PhantomData<fn() -> G>);

impl<G: Saga> Pause for Waits<'_, G> {
    fn now(&self, earlier: Timestamp) -> Timestamp {
        earlier.max(self.0.now())
    }

    async fn pause(&self, attempt: u32) {
        self.0.advance_ms(1000 * i64::from(wait_s(G::PLAN.patience.transient, attempt)));
        self.0.point(Point::Wait).await;
    }
}

/// The wait before this retry, in seconds.
pub(super) fn wait_s(retry: Retry, number: u32) -> u32 {
    let grown = retry.backoff.checked_pow(number.saturating_sub(1));
    grown
        .and_then(|factor| retry.first_s.checked_mul(factor))
        .map_or(retry.max_delay_s, |wait| wait.min(retry.max_delay_s))
}
