//! The steps that call the carrier: create, cancel.

use events::{AttemptKey, CancelReason};
use skald::handle::Pause;
use skald::store::EventStore;
use skald::time::Timestamp;

use super::desk::Desk;
use super::errand::{Heard, run};
use super::way::{Move, Way, way};
use crate::order::OrderState;
use crate::ports::{Carrier, CarrierCall, ParcelAtCarrier};
use crate::saga::{Step, StepError, StepInput};
use crate::shipment::{Shipment, ShipmentCommand, ShipmentState};
use crate::streams;

/// What one of these steps does next.
pub type ShipmentMove = Move<ShipmentCommand, CarrierCall>;

/// Performs one of these steps.
///
/// # Errors
/// See [`StepError`]. The step may be repeated after any error.
pub async fn perform<S: EventStore, P: Pause, C: Carrier>(
    store: &S,
    pause: &P,
    carrier: &C,
    input: &StepInput,
    at: Timestamp,
) -> Result<(), StepError> {
    let key = AttemptKey::parcel(input.order_id);
    let stream = streams::shipment(&input.tenant, input.order_id);
    let turn =
        |order: &OrderState,
         shipment: &ShipmentState,
         heard: &Heard<ParcelAtCarrier>,
         at: Timestamp| { turn(input.step, &key, order, shipment, at, heard) };
    let ask = |call: CarrierCall| async move { carrier.ask(&call).await };
    run::<Shipment, _, _, _, _, _, _, _>(Desk::new(store, pause, input, at), &stream, turn, ask)
        .await
}

/// What a step does next, given the states of the order and the shipment.
#[must_use]
pub fn turn(
    step: Step,
    key: &AttemptKey,
    order: &OrderState,
    shipment: &ShipmentState,
    at: Timestamp,
    heard: &Heard<ParcelAtCarrier>,
) -> ShipmentMove {
    let way = way(order, at);
    match step {
        Step::CreateShipment => create(key, way, shipment, heard),
        Step::CancelShipment => cancel(key, way, shipment, heard),
        Step::ReserveStock
        | Step::AuthorizePayment
        | Step::CommitOrder
        | Step::CapturePayment
        | Step::ShipStock
        | Step::ConfirmOrder
        | Step::StartUndo
        | Step::VoidPayment
        | Step::ReleaseStock
        | Step::CancelOrder
        | Step::ParkOrder => Move::stuck(format!("{step} is not a step on a shipment")),
    }
}

fn create(
    key: &AttemptKey,
    way: Way<'_>,
    shipment: &ShipmentState,
    heard: &Heard<ParcelAtCarrier>,
) -> ShipmentMove {
    // As with a payment, no other execution undoes the effect of an answer that arrives after
    // undoing.
    let undone = matches!(shipment, ShipmentState::CancelRequested | ShipmentState::Cancelled);
    if undone && matches!(heard, Heard::Answer(ParcelAtCarrier::Created { .. })) {
        return Move::Ask(CarrierCall::Cancel { key: key.clone() });
    }
    let placed = match way.before_pivot() {
        Ok(order) => &order.placed,
        Err(end) => return end,
    };
    match shipment {
        ShipmentState::Unrequested => {
            Move::Append(ShipmentCommand::Create { attempt_key: key.clone() })
        }
        ShipmentState::Requested => match heard {
            Heard::Nothing => Move::Ask(CarrierCall::Find { key: key.clone() }),
            Heard::Wrote | Heard::Answer(ParcelAtCarrier::Absent) => {
                Move::Ask(CarrierCall::Create {
                    key: key.clone(),
                    address: placed.shipping_address.clone(),
                })
            }
            Heard::Answer(ParcelAtCarrier::Created { parcel }) => {
                Move::Append(ShipmentCommand::RecordCreated { parcel: parcel.clone() })
            }
            Heard::Answer(ParcelAtCarrier::Refused { reason }) => {
                Move::Append(ShipmentCommand::RecordRefused { reason: reason.clone() })
            }
            Heard::Answer(ParcelAtCarrier::Cancelled) => {
                Move::stuck("the carrier cancelled a parcel that the order still needs")
            }
            // As with a payment, an earlier call may still be in flight.
            Heard::NotSent => Move::TurnRound(CancelReason::ShipmentRefused),
        },
        ShipmentState::Refused { reason } => {
            Move::End(Err(StepError::Refused(format!("refused: {reason}"))))
        }
        ShipmentState::CancelRequested | ShipmentState::Cancelled => {
            Move::End(Err(StepError::Undone))
        }
        ShipmentState::Created(_) | ShipmentState::Dispatched | ShipmentState::Delivered => {
            Move::End(Ok(()))
        }
    }
}

fn cancel(
    key: &AttemptKey,
    way: Way<'_>,
    shipment: &ShipmentState,
    heard: &Heard<ParcelAtCarrier>,
) -> ShipmentMove {
    if let Err(end) = way.back() {
        return end;
    }
    match shipment {
        ShipmentState::Unrequested | ShipmentState::Requested | ShipmentState::Created(_) => {
            Move::Append(ShipmentCommand::Cancel)
        }
        ShipmentState::CancelRequested => match heard {
            Heard::Nothing | Heard::Wrote => Move::Ask(CarrierCall::Cancel { key: key.clone() }),
            Heard::Answer(ParcelAtCarrier::Cancelled | ParcelAtCarrier::Refused { .. }) => {
                Move::Append(ShipmentCommand::RecordCancelled)
            }
            Heard::Answer(ParcelAtCarrier::Absent | ParcelAtCarrier::Created { .. }) => {
                Move::stuck("the carrier did not cancel the parcel")
            }
            Heard::NotSent => {
                Move::stuck("a request without personal data was not sent to the carrier")
            }
        },
        ShipmentState::Refused { .. } | ShipmentState::Cancelled => Move::End(Ok(())),
        ShipmentState::Dispatched | ShipmentState::Delivered => {
            Move::stuck("the order is being undone, but its parcel was already dispatched")
        }
    }
}
