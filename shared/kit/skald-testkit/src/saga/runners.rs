//! Executions of a saga: each performs steps until the saga reaches its end.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use skald::decider::Decider;
use skald::handle::Pause;
use skald::store::EventStore;
use skald::stream::Version;
use skald::time::Timestamp;
use skald_saga::{
    ErrorOutput, ExecutionInput, Failure, Next, Performer, Retry, Saga, StepError, StepInput,
    StepName, drive, execution_of, look, next,
};

use super::hooks::{Hooks, Point};
use super::machine::{self, Machine};
use super::script::{Fault, Runner};
use super::world::{Failed, World};

/// More steps than any saga takes.
const MAX_STEPS: u32 = 200;

/// An execution that is polled by hand. Each poll runs to the next point.
pub(super) type Execution<'a> = Pin<Box<dyn Future<Output = Ended> + Send + 'a>>;

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// `Err` if it stopped before the saga reached its end.
    pub(super) result: Result<(), StepError>,
    pub(super) transitions: u32,
}

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

/// The functions of a world, with points before and after each step.
pub(super) struct Performing<'a, W>(pub(super) &'a W);

impl<W> Clone for Performing<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for Performing<'_, W> {}

impl<'a, W> Performing<'a, W> {
    /// Performs a step as a function does.
    pub(super) async fn invoke<G: Saga>(
        self,
        input: &StepInput<G::Step>,
        at: Timestamp,
    ) -> Result<(), Failed>
    where
        W: World<G>,
    {
        let Self(world) = self;
        let hooks = world.hooks();
        let step = input.step.name();
        hooks.begin(step, input.failure.as_ref().map(|failure| failure.step.to_string()));
        let inner = async {
            hooks.point(Point::Perform).await;
            let mut result = world.perform(input, at).await;
            if let Some(Fault::Twice) = hooks.point(Point::Performed).await {
                result = world.perform(input, hooks.now()).await;
            }
            result
        };
        match (Killable { hooks, inner: Box::pin(inner) }).await {
            Some(result) => {
                hooks.end(step, result.clone());
                result.map_err(Failed::Step)
            }
            None => Err(Failed::Died),
        }
    }
}

impl<G: Saga, W: World<G>> Performer<G> for Performing<'_, W> {
    async fn perform(&self, input: &StepInput<G::Step>, at: Timestamp) -> Result<(), StepError> {
        match self.invoke::<G>(input, at).await {
            Ok(()) => Ok(()),
            Err(Failed::Step(error)) => Err(error),
            Err(Failed::Died) => Err(StepError::transient("the function died")),
        }
    }
}

/// An invocation whose function may die; its output is `None` then.
struct Killable<'a, T> {
    hooks: &'a Hooks,
    inner: Pin<Box<dyn Future<Output = T> + Send + 'a>>,
}

impl<T> Future for Killable<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        match self.inner.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if self.hooks.take_killed() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
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
