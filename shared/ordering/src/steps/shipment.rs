//! The steps that call the carrier: create, cancel.

use events::{AttemptKey, CancelReason};
use skald::handle::Pause;
use skald::store::EventStore;
use skald_saga::{
    Action, Instance, LastAnswer, Participant, Progress, Seen, StepContext, StepError, View,
    Worker, Written,
};

use crate::order::{Order, PlacedOrder};
use crate::ports::{CallOutcome, Carrier, CarrierCall, ParcelAtCarrier};
use crate::saga::ShipmentStep;
use crate::shipment::{Shipment, ShipmentCommand, ShipmentState};

impl Participant for ShipmentStep {
    type Arbiter = Order;
    type Decider = Shipment;

    fn progress(self, _: &Instance, shipment: &ShipmentState) -> Progress {
        match shipment {
            ShipmentState::Unrequested => Progress::Ahead,
            ShipmentState::Requested => Progress::UnderWay,
            ShipmentState::Created(_) | ShipmentState::Dispatched | ShipmentState::Delivered => {
                Progress::Done
            }
            ShipmentState::Refused { .. } => Progress::Refused,
            ShipmentState::CancelRequested => Progress::Undoing,
            ShipmentState::Cancelled => Progress::Undone,
        }
    }
}

/// Performs the steps on shipments, with this carrier.
#[derive(Debug, Clone, Copy)]
pub struct ShipmentWorker<'a, C> {
    carrier: &'a C,
}

impl<'a, C> ShipmentWorker<'a, C> {
    /// Calls this carrier.
    pub const fn new(carrier: &'a C) -> Self {
        Self { carrier }
    }
}

/// What the carrier answered.
pub type CarrierAnswer = CallOutcome<ParcelAtCarrier>;
/// What a step decides on.
pub type ShipmentView<'a> = View<'a, ShipmentStep, CarrierAnswer>;
/// What a step does next.
pub type ShipmentAction = Action<ShipmentCommand, CarrierCall, CancelReason>;

impl<C: Carrier> Worker for ShipmentWorker<'_, C> {
    type Steps = ShipmentStep;
    type Write = ShipmentCommand;
    type Call = CarrierCall;
    type Answer = CarrierAnswer;

    fn decide(&self, step: ShipmentStep, view: &ShipmentView<'_>) -> ShipmentAction {
        decide(step, view)
    }

    async fn call(&self, call: CarrierCall) -> Result<CarrierAnswer, StepError> {
        CallOutcome::of(self.carrier.ask(&call).await)
    }

    /// As with a payment: the cancellation may have reached the carrier before the parcel existed.
    fn undo_late_answer(
        &self,
        view: &ShipmentView<'_>,
        answer: &CarrierAnswer,
    ) -> Option<CarrierCall> {
        let is_cancelled =
            matches!(view.own, ShipmentState::CancelRequested | ShipmentState::Cancelled);
        match answer {
            CallOutcome::Answered(ParcelAtCarrier::Created { .. }) if is_cancelled => {
                let key = key(view.instance).ok()?;
                Some(CarrierCall::Cancel { key })
            }
            CallOutcome::Answered(_) | CallOutcome::NotSent | CallOutcome::Refused(_) => None,
        }
    }

    async fn write<S: EventStore, P: Pause>(
        &self,
        context: &StepContext<'_, S, P>,
        order: &Seen<Order, S::Head>,
        shipment: Seen<Shipment, S::Head>,
        command: &ShipmentCommand,
    ) -> Result<Written<Shipment, S::Head>, StepError> {
        context.append(shipment, command, order.last()).await
    }
}

/// What a step does next.
fn decide(step: ShipmentStep, view: &ShipmentView<'_>) -> ShipmentAction {
    let (Ok(key), Some(order)) = (key(view.instance), view.arbiter.placed()) else {
        return Action::Stuck("the saga is not that of an order".to_owned());
    };
    match step {
        ShipmentStep::Create => create(key, order, view),
        ShipmentStep::Cancel => cancel(key, view),
    }
}

fn create(key: AttemptKey, order: &PlacedOrder, view: &ShipmentView<'_>) -> ShipmentAction {
    match view.own {
        ShipmentState::Unrequested => Action::Write(ShipmentCommand::Create { attempt_key: key }),
        ShipmentState::Requested => match view.last {
            LastAnswer::Unknown => Action::Call(CarrierCall::Find { key }),
            LastAnswer::Recorded
            | LastAnswer::Answer(CallOutcome::Answered(ParcelAtCarrier::Absent)) => {
                let address = order.placed.shipping_address.clone();
                Action::Call(CarrierCall::Create { key, address })
            }
            LastAnswer::Answer(CallOutcome::Answered(ParcelAtCarrier::Created { parcel })) => {
                Action::Write(ShipmentCommand::RecordCreated { parcel: parcel.clone() })
            }
            LastAnswer::Answer(CallOutcome::Answered(ParcelAtCarrier::Refused { reason })) => {
                Action::Write(ShipmentCommand::RecordRefused { reason: reason.clone() })
            }
            LastAnswer::Answer(CallOutcome::Answered(ParcelAtCarrier::Cancelled)) => {
                stuck("the carrier cancelled a parcel that the order still needs")
            }
            // As with a payment, an earlier call may still be in flight.
            LastAnswer::Answer(CallOutcome::NotSent) => {
                Action::Refuse(CancelReason::CustomerErased)
            }
            LastAnswer::Answer(CallOutcome::Refused(why)) => stuck(&format!("refused: {why}")),
        },
        ShipmentState::Refused { .. } => Action::Refuse(CancelReason::ShipmentRefused),
        ShipmentState::CancelRequested | ShipmentState::Cancelled => Action::Undone,
        ShipmentState::Created(_) | ShipmentState::Dispatched | ShipmentState::Delivered => {
            Action::Done
        }
    }
}

fn cancel(key: AttemptKey, view: &ShipmentView<'_>) -> ShipmentAction {
    match view.own {
        ShipmentState::Unrequested | ShipmentState::Requested | ShipmentState::Created(_) => {
            Action::Write(ShipmentCommand::Cancel)
        }
        ShipmentState::CancelRequested => match view.last {
            LastAnswer::Unknown | LastAnswer::Recorded => Action::Call(CarrierCall::Cancel { key }),
            LastAnswer::Answer(CallOutcome::Answered(
                ParcelAtCarrier::Cancelled | ParcelAtCarrier::Refused { .. },
            )) => Action::Write(ShipmentCommand::RecordCancelled),
            LastAnswer::Answer(CallOutcome::Answered(
                ParcelAtCarrier::Absent | ParcelAtCarrier::Created { .. },
            )) => stuck("the carrier did not cancel the parcel"),
            LastAnswer::Answer(CallOutcome::NotSent) => {
                stuck("a request without personal data was not sent to the carrier")
            }
            LastAnswer::Answer(CallOutcome::Refused(why)) => stuck(&format!("refused: {why}")),
        },
        ShipmentState::Refused { .. } | ShipmentState::Cancelled => Action::Done,
        ShipmentState::Dispatched | ShipmentState::Delivered => {
            stuck("the order is being undone, but its parcel was already dispatched")
        }
    }
}

fn key(instance: &Instance) -> Result<AttemptKey, StepError> {
    super::order_id(instance).map(AttemptKey::parcel)
}

fn stuck(why: &str) -> ShipmentAction {
    Action::Stuck(why.to_owned())
}
