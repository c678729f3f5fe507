//! Starts the saga of every order that is placed or resumed: one execution per attempt, named
//! `<order>.<attempt>`.
//!
//! The message is only a hint: the starter reads the order's stream to decide what the order needs.
//! A final or parked order needs no execution, and neither does an order whose execution is already
//! running. If that execution has ended although the order is not final, the order is parked for an
//! operator: every further execution might end in the same way.

mod machine;
#[cfg(test)]
mod tests;

use ordering::order::Order;
use ordering::saga::{ORDER_SAGA, OrderSaga};
use skald::decider::Decider;
use skald::message::CommitMessage;
use skald::store::EventStore;
use skald::stream::Category;
use skald_lambda::clock::RandomPause;
use skald_lambda::queue::MessageHandler;
use skald_lambda::{Error, clock};
use skald_saga::{
    ErrorOutput, ExecutionInput, Failure, Next, StepError, StepInput, execution_of, look, next,
    perform_on_arbiter,
};

pub use machine::{Execution, StateMachine, StepFunctions};

/// Starts sagas.
#[derive(Debug)]
pub struct SagaStarter<S, M> {
    events: S,
    machine: M,
}

/// An error of starting a saga.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The order could not be read or parked.
    #[error(transparent)]
    Order(#[from] StepError),
    /// The state machine did not answer. *Transient.*
    #[error("the state machine did not answer")]
    StateMachine(#[source] Error),
    /// The message names an order that does not exist. *Permanent.*
    #[error("the order does not exist")]
    OrderNotFound,
}

impl<S: EventStore, M: StateMachine> SagaStarter<S, M> {
    /// Starts executions of `machine` for the orders in `events`.
    pub const fn new(events: S, machine: M) -> Self {
        Self { events, machine }
    }

    /// Parks the order of an execution that has ended, at its current step, unless the order is
    /// final.
    async fn park_for_operator(&self, execution: &ExecutionInput) -> Result<(), StepError> {
        let name = execution.name();
        loop {
            let instance = &execution.instance;
            let state = look::<OrderSaga, _>(&self.events, instance).await?;
            let (Next::Do(step) | Next::Undo(step)) = next::<OrderSaga>(instance, &state) else {
                break;
            };
            let cause = format!("the execution {name} ended before the order was final");
            let failure =
                Some(Failure { step, error: ErrorOutput { error: "Ended".to_owned(), cause } });
            let park = StepInput { step: ORDER_SAGA.park, execution: execution.clone(), failure };
            let now = clock::now();
            match perform_on_arbiter::<OrderSaga, _, _>(&self.events, &RandomPause, &park, now)
                .await
            {
                Ok(()) => {
                    tracing::error!(
                        name,
                        %step,
                        "the execution ended before the order was final; the order was parked"
                    );
                    return Ok(());
                }
                // Undoing started after the order was read, which happens at most once. The next
                // pass parks the order at a backward step.
                Err(StepError::Undone) => {}
                // Meanwhile another execution finished the order, or another attempt began.
                Err(StepError::Settled) => break,
                Err(error) => return Err(error),
            }
        }
        tracing::info!(name, "the execution ended and the order needs no parking");
        Ok(())
    }
}

impl<S: EventStore, M: StateMachine> MessageHandler for SagaStarter<S, M> {
    const CATEGORY: &'static Category = Order::CATEGORY;
    type Failure = StartError;

    async fn handle(&self, message: &CommitMessage) -> Result<(), StartError> {
        let commits =
            self.events.load(&message.stream, None).await.map_err(StepError::from)?.commits;
        if commits.is_empty() {
            return Err(StartError::OrderNotFound);
        }
        let Some(input) =
            execution_of::<Order>(&message.stream, &commits).map_err(StepError::from)?
        else {
            tracing::info!("the order needs no execution");
            return Ok(());
        };
        let name = input.name();
        match self.machine.start(&input).await.map_err(StartError::StateMachine)? {
            Execution::Started => tracing::info!(name, "the execution was started"),
            Execution::Running => tracing::info!(name, "the execution is already running"),
            Execution::Ended => self.park_for_operator(&input).await?,
        }
        Ok(())
    }

    fn is_transient(failure: &StartError) -> bool {
        match failure {
            StartError::Order(error) => error.is_retried(),
            StartError::StateMachine(_) => true,
            StartError::OrderNotFound => false,
        }
    }
}
