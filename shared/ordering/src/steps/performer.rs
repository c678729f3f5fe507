//! All steps together, for tests and for everything that runs the saga without a state machine.

use skald::handle::Pause;
use skald::store::EventStore;
use skald::time::Timestamp;
use skald_saga::{Performer, StepError, StepInput, perform, perform_on_arbiter};

use super::payment::PaymentWorker;
use super::reservation::ReservationWorker;
use super::shipment::ShipmentWorker;
use crate::ports::{Carrier, Gateway};
use crate::saga::{OrderSaga, Step};

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

impl<S, P, G, C> Performer<OrderSaga> for Ports<'_, S, P, G, C>
where
    S: EventStore,
    P: Pause,
    G: Gateway,
    C: Carrier,
{
    async fn perform(&self, input: &StepInput<Step>, at: Timestamp) -> Result<(), StepError> {
        let Self { store, pause, gateway, carrier } = *self;
        match input.step {
            Step::Order(_) | Step::Retired(_) => {
                perform_on_arbiter::<OrderSaga, _, _>(store, pause, input, at).await
            }
            Step::Reservation(_) => {
                perform::<OrderSaga, _, _, _>(&ReservationWorker, store, pause, input, at).await
            }
            Step::Payment(_) => {
                let worker = PaymentWorker::new(gateway);
                perform::<OrderSaga, _, _, _>(&worker, store, pause, input, at).await
            }
            Step::Shipment(_) => {
                let worker = ShipmentWorker::new(carrier);
                perform::<OrderSaga, _, _, _>(&worker, store, pause, input, at).await
            }
        }
    }
}
