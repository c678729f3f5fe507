//! Starts the saga of every order that is placed or resumed: one execution for each attempt, named `<order>.<attempt>`.
//!
//! The message is only a hint. What the order needs is read from its stream: nothing, if it is final or parked. An
//! execution of the name that is there already counts as started if it runs; one that ended while the order still needs
//! one is a dead letter, because somebody has to look.

mod machine;

use ordering::order::Order;
use ordering::saga::ExecutionInput;
use ordering::streams;
use skald::{Category, CommitMessage, Decider, EventStore, One, StatesError, StreamId, states};
use skald_lambda::Error;
use skald_lambda::queue::Reader;

pub use machine::{Execution, StateMachine, StepFunctions};

/// Starts sagas.
#[derive(Debug)]
pub struct SagaStarter<S, M> {
    events: S,
    machine: M,
}

/// Why a saga was not started.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// The order could not be read.
    #[error(transparent)]
    Order(#[from] StatesError),
    /// The state machine did not answer. *Transient.*
    #[error("the state machine does not answer: {0}")]
    Machine(#[source] Error),
    /// The message tells of an order that does not exist. *Permanent.*
    #[error("there is no such order")]
    NotPlaced,
    /// The execution of this attempt ended, and the order is neither final nor parked. *Permanent.*
    #[error("the execution {0} ended before the order did")]
    Ended(String),
}

impl<S: EventStore, M: StateMachine> SagaStarter<S, M> {
    /// Starts executions of `machine` for the orders in `events`.
    pub const fn new(events: S, machine: M) -> Self {
        Self { events, machine }
    }

    /// What the order needs now: an execution of this attempt, or nothing.
    async fn needed(&self, stream: &StreamId) -> Result<Option<ExecutionInput>, NotStarted> {
        let order = states(&self.events, &One::<Order>::new(stream.clone())).await?;
        let (Some(order), Some(order_id)) = (order.state.placed(), streams::order_of(stream)) else {
            return Err(NotStarted::NotPlaced);
        };
        let needs_one = !order.phase.is_final() && order.parked.is_none();
        Ok(needs_one.then(|| ExecutionInput { order_id, tenant: stream.tenant().clone(), attempt: order.attempt }))
    }
}

impl<S: EventStore, M: StateMachine> Reader for SagaStarter<S, M> {
    const CATEGORY: &'static Category = Order::CATEGORY;
    type Failure = NotStarted;

    async fn read(&self, message: &CommitMessage) -> Result<(), NotStarted> {
        let Some(input) = self.needed(&message.stream).await? else {
            tracing::info!("needs no execution");
            return Ok(());
        };
        let name = input.name();
        match self.machine.start(&input).await.map_err(NotStarted::Machine)? {
            Execution::Started => tracing::info!(name, "started"),
            Execution::Runs => tracing::info!(name, "runs already"),
            // It may have ended well since the order was read.
            Execution::Ended => match self.needed(&message.stream).await? {
                Some(still) if still.attempt == input.attempt => return Err(NotStarted::Ended(name)),
                Some(_) | None => tracing::info!(name, "ended meanwhile"),
            },
        }
        Ok(())
    }

    fn is_transient(failure: &NotStarted) -> bool {
        match failure {
            NotStarted::Order(StatesError::Store(error)) => error.is_transient(),
            NotStarted::Order(StatesError::Decode(error)) => error.is_transient(),
            NotStarted::Machine(_) => true,
            NotStarted::NotPlaced | NotStarted::Ended(_) => false,
        }
    }
}
