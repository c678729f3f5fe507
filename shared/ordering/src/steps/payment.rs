//! The steps that call the gateway: authorize, capture, void or refund.

use events::{AttemptKey, CancelReason};
use skald::handle::Pause;
use skald::store::EventStore;
use skald::time::Timestamp;

use super::desk::Desk;
use super::errand::{Heard, run};
use super::way::{Move, Way, way};
use crate::order::OrderState;
use crate::payment::{Payment, PaymentCommand, PaymentState};
use crate::ports::{Gateway, GatewayCall, PaymentAtGateway};
use crate::saga::{Step, StepError, StepInput};
use crate::streams;

/// What one of these steps does next.
pub type PaymentMove = Move<PaymentCommand, GatewayCall>;

/// Performs one of these steps.
///
/// # Errors
/// See [`StepError`]. The step may be repeated after any error.
pub async fn perform<S: EventStore, P: Pause, G: Gateway>(
    store: &S,
    pause: &P,
    gateway: &G,
    input: &StepInput,
    at: Timestamp,
) -> Result<(), StepError> {
    let key = AttemptKey::payment(input.order_id);
    let stream = streams::payment(&input.tenant, input.order_id);
    let turn = |order: &OrderState,
                payment: &PaymentState,
                heard: &Heard<PaymentAtGateway>,
                at: Timestamp| { turn(input.step, &key, order, payment, at, heard) };
    let ask = |call: GatewayCall| async move { gateway.ask(&call).await };
    run::<Payment, _, _, _, _, _, _, _>(Desk::new(store, pause, input, at), &stream, turn, ask)
        .await
}

/// What a step does next, given the states of the order and the payment.
#[must_use]
pub fn turn(
    step: Step,
    key: &AttemptKey,
    order: &OrderState,
    payment: &PaymentState,
    at: Timestamp,
    heard: &Heard<PaymentAtGateway>,
) -> PaymentMove {
    let way = way(order, at);
    match step {
        Step::AuthorizePayment => authorize(key, way, payment, heard),
        Step::CapturePayment => capture(key, way, payment, heard),
        Step::VoidPayment => void(key, way, payment, heard),
        Step::ReserveStock
        | Step::CreateShipment
        | Step::CommitOrder
        | Step::ShipStock
        | Step::ConfirmOrder
        | Step::StartUndo
        | Step::CancelShipment
        | Step::ReleaseStock
        | Step::CancelOrder
        | Step::ParkOrder => Move::stuck(format!("{step} is not a step on a payment")),
    }
}

fn authorize(
    key: &AttemptKey,
    way: Way<'_>,
    payment: &PaymentState,
    heard: &Heard<PaymentAtGateway>,
) -> PaymentMove {
    // If the answer arrives after undoing, no other execution undoes its effect: the others may
    // have called the gateway before the effect existed.
    let undone = matches!(payment, PaymentState::VoidRequested | PaymentState::Voided);
    if undone && matches!(heard, Heard::Answer(PaymentAtGateway::Authorized { .. })) {
        return Move::Ask(GatewayCall::Void { key: key.clone() });
    }
    let placed = match way.before_pivot() {
        Ok(order) => &order.placed,
        Err(end) => return end,
    };
    match payment {
        PaymentState::Unrequested => Move::Append(PaymentCommand::Authorize {
            attempt_key: key.clone(),
            amount: placed.total,
        }),
        PaymentState::AuthorizationRequested => match heard {
            Heard::Nothing => Move::Ask(GatewayCall::Find { key: key.clone() }),
            Heard::Wrote | Heard::Answer(PaymentAtGateway::Absent) => {
                Move::Ask(GatewayCall::Authorize {
                    key: key.clone(),
                    token: placed.payment_token.clone(),
                    amount: placed.total,
                })
            }
            Heard::Answer(PaymentAtGateway::Authorized { authorization }) => {
                Move::Append(PaymentCommand::RecordAuthorized {
                    authorization: authorization.clone(),
                })
            }
            Heard::Answer(PaymentAtGateway::Declined { reason }) => {
                Move::Append(PaymentCommand::RecordDeclined { reason: reason.clone() })
            }
            // An earlier call may still be in flight. Undoing closes the key, and so covers its
            // effect.
            Heard::NotSent => Move::TurnRound(CancelReason::PaymentDeclined),
            Heard::Answer(other) => unexpected(other),
        },
        PaymentState::Declined { reason } => {
            Move::End(Err(StepError::Refused(format!("declined: {reason}"))))
        }
        PaymentState::VoidRequested | PaymentState::Voided => Move::End(Err(StepError::Undone)),
        PaymentState::Authorized
        | PaymentState::CaptureRequested
        | PaymentState::CaptureRefused { .. }
        | PaymentState::Captured
        | PaymentState::RefundRequested
        | PaymentState::Refunded => Move::End(Ok(())),
    }
}

fn capture(
    key: &AttemptKey,
    way: Way<'_>,
    payment: &PaymentState,
    heard: &Heard<PaymentAtGateway>,
) -> PaymentMove {
    if let Err(end) = way.after_pivot() {
        return end;
    }
    match payment {
        PaymentState::Authorized => Move::Append(PaymentCommand::Capture),
        PaymentState::CaptureRequested => match heard {
            Heard::Nothing => Move::Ask(GatewayCall::Find { key: key.clone() }),
            Heard::Wrote | Heard::Answer(PaymentAtGateway::Authorized { .. }) => {
                Move::Ask(GatewayCall::Capture { key: key.clone() })
            }
            Heard::Answer(PaymentAtGateway::Captured) => {
                Move::Append(PaymentCommand::RecordCaptured)
            }
            Heard::Answer(other) => unexpected(other),
            Heard::NotSent => not_sent(),
        },
        PaymentState::Captured | PaymentState::RefundRequested | PaymentState::Refunded => {
            Move::End(Ok(()))
        }
        PaymentState::Unrequested
        | PaymentState::AuthorizationRequested
        | PaymentState::Declined { .. }
        | PaymentState::VoidRequested
        | PaymentState::Voided => {
            Move::stuck("the order is committed, but no money is held for it")
        }
        PaymentState::CaptureRefused { reason } => {
            Move::stuck(format!("the gateway refused to capture the money: {reason}"))
        }
    }
}

/// Gives the money back: money that is held is voided, and money that was captured is refunded. If
/// the stream does not show which it is, the gateway is asked first.
fn void(
    key: &AttemptKey,
    way: Way<'_>,
    payment: &PaymentState,
    heard: &Heard<PaymentAtGateway>,
) -> PaymentMove {
    if let Err(end) = way.back() {
        return end;
    }
    match payment {
        PaymentState::Unrequested
        | PaymentState::AuthorizationRequested
        | PaymentState::Authorized
        | PaymentState::CaptureRefused { .. } => Move::Append(PaymentCommand::Void),
        PaymentState::CaptureRequested => match heard {
            Heard::Nothing | Heard::Wrote => Move::Ask(GatewayCall::Find { key: key.clone() }),
            Heard::Answer(PaymentAtGateway::Authorized { .. }) => {
                Move::Append(PaymentCommand::Void)
            }
            Heard::Answer(PaymentAtGateway::Captured) => {
                Move::Append(PaymentCommand::RecordCaptured)
            }
            Heard::Answer(other) => unexpected(other),
            Heard::NotSent => not_sent(),
        },
        PaymentState::VoidRequested => match heard {
            // The gateway answered that it holds the money before the void was requested.
            Heard::Nothing | Heard::Wrote | Heard::Answer(PaymentAtGateway::Authorized { .. }) => {
                Move::Ask(GatewayCall::Void { key: key.clone() })
            }
            Heard::Answer(PaymentAtGateway::Voided | PaymentAtGateway::Declined { .. }) => {
                Move::Append(PaymentCommand::RecordVoided)
            }
            // A capture that was still in flight was faster.
            Heard::Answer(PaymentAtGateway::Captured) => {
                Move::Append(PaymentCommand::RecordCaptured)
            }
            Heard::Answer(other) => unexpected(other),
            Heard::NotSent => not_sent(),
        },
        PaymentState::Captured => Move::Append(PaymentCommand::Refund),
        PaymentState::RefundRequested => match heard {
            // What the gateway answered before the refund was requested does not matter.
            Heard::Nothing
            | Heard::Wrote
            | Heard::Answer(PaymentAtGateway::Authorized { .. } | PaymentAtGateway::Captured) => {
                Move::Ask(GatewayCall::Refund { key: key.clone() })
            }
            Heard::Answer(PaymentAtGateway::Refunded) => {
                Move::Append(PaymentCommand::RecordRefunded)
            }
            Heard::Answer(other) => unexpected(other),
            Heard::NotSent => not_sent(),
        },
        PaymentState::Declined { .. } | PaymentState::Voided | PaymentState::Refunded => {
            Move::End(Ok(()))
        }
    }
}

/// Capturing, voiding and refunding send no personal data.
fn not_sent() -> PaymentMove {
    Move::stuck("a request without personal data was not sent to the gateway")
}

fn unexpected(answer: &PaymentAtGateway) -> PaymentMove {
    let status = match answer {
        PaymentAtGateway::Absent => "nothing",
        PaymentAtGateway::Declined { .. } => "a declined payment",
        PaymentAtGateway::Authorized { .. } => "an authorized payment",
        PaymentAtGateway::Captured => "a captured payment",
        PaymentAtGateway::Voided => "a voided payment",
        PaymentAtGateway::Refunded => "a refunded payment",
    };
    Move::stuck(format!(
        "the gateway has {status}, which contradicts the requests recorded in the payment's stream"
    ))
}
