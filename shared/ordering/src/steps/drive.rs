//! Takes an order to its end with [`next`] alone, without a state machine, from any state.

use events::OrderId;
use futures_util::future::try_join;
use skald::decider::fold;
use skald::handle::Pause;
use skald::store::EventStore;
use skald::stream::{Tenant, Version};
use skald::time::Timestamp;

use super::{order, payment, reservation, shipment};
use crate::order::Order;
use crate::ports::{Carrier, Gateway};
use crate::saga::{
    ErrorOutput, Failure, Next, ORDER_SAGA, SagaState, Step, StepError, StepInput, Worker,
    execution_of, look_beside, next,
};
use crate::streams;

/// More steps than any order takes, even with concurrent executions.
const MAX_STEPS: u32 = 100;

/// The ports of all steps.
#[derive(Debug, Clone, Copy)]
pub struct Ports<'a, S, P, G, C> {
    /// The event store.
    pub store: &'a S,
    /// Waits after a conflict, and before a step is retried.
    pub pause: &'a P,
    /// The payment gateway.
    pub gateway: &'a G,
    /// The carrier.
    pub carrier: &'a C,
}

impl<S: EventStore, P: Pause, G: Gateway, C: Carrier> Ports<'_, S, P, G, C> {
    /// Performs one step.
    ///
    /// # Errors
    /// See [`StepError`].
    pub async fn perform(&self, input: &StepInput, at: Timestamp) -> Result<(), StepError> {
        match input.step.worker() {
            Worker::ReservationSteps => {
                reservation::perform(self.store, self.pause, input, at).await
            }
            Worker::PaymentSteps => {
                payment::perform(self.store, self.pause, self.gateway, input, at).await
            }
            Worker::ShipmentSteps => {
                shipment::perform(self.store, self.pause, self.carrier, input, at).await
            }
            Worker::OrderSteps => order::perform(self.store, self.pause, input, at).await,
        }
    }

    /// Takes an order to its end: final or parked. `clock` returns the current time.
    ///
    /// # Errors
    /// [`StepError::Transient`] if the store does not answer, or the order does not reach its end.
    pub async fn drive<K>(
        &self,
        tenant: &Tenant,
        order_id: OrderId,
        clock: &K,
    ) -> Result<SagaState, StepError>
    where
        K: Fn() -> Timestamp + Sync,
    {
        let stream = streams::order(tenant, order_id);
        for _ in 0..MAX_STEPS {
            let commits = async { Ok(self.store.read(&stream, Version::START).await?) };
            let (commits, beside) =
                try_join(commits, look_beside(self.store, tenant, order_id)).await?;
            let state = SagaState { order: fold::<Order>(&commits)?.state, ..beside };
            let (Next::Do(step) | Next::Undo(step), Some(execution)) =
                (next(&state), execution_of(&stream, &commits)?)
            else {
                return Ok(state);
            };
            let input = StepInput::of(&execution, step);
            match self.persist(&input, clock).await {
                // Whatever a step wrote, or found, is in the streams.
                Ok(()) | Err(StepError::Refused(_) | StepError::Undone | StepError::Settled) => {}
                Err(error @ (StepError::Transient(_) | StepError::Permanent(_))) => {
                    let error =
                        ErrorOutput { error: error.name().to_owned(), cause: error.to_string() };
                    let failure = Some(Failure { step, error });
                    match self
                        .persist(&StepInput { step: Step::ParkOrder, failure, ..input }, clock)
                        .await
                    {
                        Ok(()) | Err(StepError::Undone | StepError::Settled) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        Err(StepError::Transient(
            "the order did not reach its end within the allowed number of steps".to_owned(),
        ))
    }

    /// Performs a step, with the retries of the saga.
    async fn persist<K>(&self, input: &StepInput, clock: &K) -> Result<(), StepError>
    where
        K: Fn() -> Timestamp + Sync,
    {
        let max_retries = ORDER_SAGA.retry(input.step).max_retries;
        let mut failed = 0;
        loop {
            match self.perform(input, clock()).await {
                Err(StepError::Transient(_)) if failed < max_retries => failed += 1,
                done => return done,
            }
            self.pause.pause(failed).await;
        }
    }
}
