//! Starts the saga of every order that is placed or resumed: one execution for each attempt, named
//! `<order>.<attempt>`.
//!
//! The message is only a hint. What the order needs is read from its stream: nothing, if it is
//! final or parked. An execution of the name that is there already counts as started if it runs. If
//! it ended while the order still needs it, the order is parked, for an operator to see: nobody is
//! at it, and another execution might end the same way, and so on for ever.

mod machine;
#[cfg(test)]
mod tests;

use ordering::order::Order;
use ordering::saga::{
    ErrorOutput, ExecutionInput, Failure, Next, Step, StepInput, execution_of, look, next,
};
use ordering::steps::{StepError, order};
use skald::decider::Decider;
use skald::message::CommitMessage;
use skald::store::EventStore;
use skald::stream::Category;
use skald_lambda::clock::RandomPause;
use skald_lambda::queue::MessageHandler;
use skald_lambda::{Error, clock};

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
    /// The order could not be read, or not be parked.
    #[error(transparent)]
    Order(#[from] StepError),
    /// The state machine did not answer. *Transient.*
    #[error("the state machine does not answer")]
    Machine(#[source] Error),
    /// The message tells of an order that does not exist. *Permanent.*
    #[error("there is no such order")]
    NotPlaced,
}

impl<S: EventStore, M: StateMachine> SagaStarter<S, M> {
    /// Starts executions of `machine` for the orders in `events`.
    pub const fn new(events: S, machine: M) -> Self {
        Self { events, machine }
    }

    /// Parks the order of an execution that has ended, at the step where it stands; unless it has
    /// come to its end, too.
    async fn leave_to_operator(&self, execution: &ExecutionInput) -> Result<(), StepError> {
        let name = execution.name();
        loop {
            let state = look(&self.events, &execution.tenant, execution.order_id).await?;
            let (Next::Do(step) | Next::Undo(step)) = next(&state) else { break };
            let cause = format!("the execution {name} ended before the order did");
            let failure =
                Some(Failure { step, error: ErrorOutput { error: "Ended".to_owned(), cause } });
            let park = StepInput { failure, ..StepInput::of(execution, Step::ParkOrder) };
            match order::perform(&self.events, &RandomPause, &park, clock::now()).await {
                Ok(()) => {
                    tracing::error!(name, %step, "ended before the order did, which is parked");
                    return Ok(());
                }
                // It was turned round since it was looked at, which happens once: now it stands at
                // a step back.
                Err(StepError::Undone) => {}
                // Somebody has brought it to its end since, or begun another attempt.
                Err(StepError::Settled) => break,
                Err(error) => return Err(error),
            }
        }
        tracing::info!(name, "ended meanwhile");
        Ok(())
    }
}

impl<S: EventStore, M: StateMachine> MessageHandler for SagaStarter<S, M> {
    const CATEGORY: &'static Category = Order::CATEGORY;
    type Failure = NotStarted;

    async fn read(&self, message: &CommitMessage) -> Result<(), NotStarted> {
        let commits =
            self.events.load(&message.stream, None).await.map_err(StepError::from)?.commits;
        if commits.is_empty() {
            return Err(NotStarted::NotPlaced);
        }
        let Some(input) = execution_of(&message.stream, &commits).map_err(StepError::from)? else {
            tracing::info!("needs no execution");
            return Ok(());
        };
        let name = input.name();
        match self.machine.start(&input).await.map_err(NotStarted::Machine)? {
            Execution::Started => tracing::info!(name, "started"),
            Execution::Runs => tracing::info!(name, "runs already"),
            Execution::Ended => self.leave_to_operator(&input).await?,
        }
        Ok(())
    }

    fn is_transient(failure: &NotStarted) -> bool {
        match failure {
            NotStarted::Order(error) => matches!(error, StepError::Transient(_)),
            NotStarted::Machine(_) => true,
            NotStarted::NotPlaced => false,
        }
    }
}
