//! The functions of a world as an execution invokes them, and how an execution ends.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use skald::time::Timestamp;
use skald_saga::{Performer, Saga, StepError, StepInput, StepName};

use super::hooks::Hooks;
use super::point::Point;
use super::script::Fault;
use super::world::World;

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// `Err` if it stopped before the saga reached its end.
    pub(super) result: Result<(), StepError>,
    pub(super) transitions: u32,
}

/// The result of an invocation, as the state machine sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failed {
    Step(StepError),
    /// The function died.
    Died,
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
