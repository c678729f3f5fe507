//! Starts the saga of every order that is placed or resumed: one execution per attempt, named
//! `<order>.<attempt>`.
//!
//! The message is only a hint: the starter reads the order's stream to decide what the order needs.
//! A settled or parked order needs no execution, and neither does an order whose execution is
//! running. If that execution has ended although the order is not settled, the next attempt begins.
//! An attempt that would begin too soon after the last one is left to the sweeper.

#[cfg(test)]
mod tests;

use ordering::order::Order;
use skald::decider::Decider;
use skald::message::CommitMessage;
use skald::store::EventStore;
use skald::stream::Category;
use skald_lambda::clock;
use skald_lambda::clock::RandomPause;
use skald_lambda::queue::MessageHandler;
use skald_saga::{ExecutionStarter, Executions, Outcome};

/// The source of the starter's commits.
const SOURCE: &str = "saga-starter";

/// Starts sagas.
#[derive(Debug)]
pub struct SagaStarter<S, X> {
    starter: ExecutionStarter<S, X, RandomPause>,
}

/// An error of starting a saga.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The order could not be read or resumed, or the state machine did not answer.
    #[error(transparent)]
    Saga(#[from] skald_saga::StartError),
    /// The message names an order that does not exist. *Permanent.*
    #[error("the order does not exist")]
    OrderNotFound,
}

impl<S: EventStore, X: Executions> SagaStarter<S, X> {
    /// Starts executions for the orders in `events`.
    pub const fn new(events: S, executions: X) -> Self {
        Self { starter: ExecutionStarter::new(events, executions, RandomPause, SOURCE) }
    }
}

impl<S: EventStore, X: Executions> MessageHandler for SagaStarter<S, X> {
    const CATEGORY: &'static Category = Order::CATEGORY;
    type Failure = StartError;

    async fn handle(&self, message: &CommitMessage) -> Result<(), StartError> {
        let ensured = self.starter.start::<Order>(&message.stream, clock::now()).await?;
        if ensured.standing.is_none() {
            return Err(StartError::OrderNotFound);
        }
        match ensured.what {
            Outcome::NotNeeded | Outcome::Parked => tracing::info!("the order needs no execution"),
            Outcome::Started => tracing::info!("the execution was started"),
            Outcome::Running => tracing::info!("the execution is already running"),
            Outcome::Resumed => tracing::info!("the execution had ended; the next one was started"),
            Outcome::Ended { resumed_from } => {
                tracing::warn!(%resumed_from, "the execution has ended; the sweeper resumes the order");
            }
        }
        Ok(())
    }

    fn is_transient(failure: &StartError) -> bool {
        match failure {
            StartError::Saga(error) => error.is_transient(),
            StartError::OrderNotFound => false,
        }
    }
}
