//! The steps that call the gateway: authorize, capture, void or refund.

use events::{AttemptKey, CancelReason};
use skald::handle::Pause;
use skald::store::EventStore;
use skald_saga::{
    Action, Instance, LastAnswer, Participant, Progress, Seen, StepContext, StepError, View,
    Worker, Written,
};

use crate::order::{Order, PlacedOrder};
use crate::payment::{Payment, PaymentCommand, PaymentState};
use crate::ports::{CallOutcome, Gateway, GatewayCall, PaymentAtGateway};
use crate::saga::PaymentStep;

impl Participant for PaymentStep {
    type Arbiter = Order;
    type Decider = Payment;

    fn progress(self, _: &Instance, payment: &PaymentState) -> Progress {
        match (self, payment) {
            (Self::Authorize | Self::Void, PaymentState::Unrequested) => Progress::Ahead,
            (Self::Authorize | Self::Void, PaymentState::AuthorizationRequested) => {
                Progress::UnderWay
            }
            (
                Self::Authorize | Self::Void,
                PaymentState::Authorized
                | PaymentState::CaptureRequested
                | PaymentState::CaptureRefused { .. }
                | PaymentState::Captured,
            ) => Progress::Done,
            (Self::Authorize | Self::Void, PaymentState::Declined { .. }) => Progress::Refused,
            (
                Self::Capture,
                PaymentState::Unrequested
                | PaymentState::AuthorizationRequested
                | PaymentState::Authorized
                | PaymentState::Declined { .. },
            ) => Progress::Ahead,
            (Self::Capture, PaymentState::CaptureRequested) => Progress::UnderWay,
            (Self::Capture, PaymentState::CaptureRefused { .. }) => Progress::Refused,
            (Self::Capture, PaymentState::Captured) => Progress::Done,
            (_, PaymentState::VoidRequested | PaymentState::RefundRequested) => Progress::Undoing,
            (_, PaymentState::Voided | PaymentState::Refunded) => Progress::Undone,
        }
    }
}

/// Performs the steps on payments, with this gateway.
#[derive(Debug, Clone, Copy)]
pub struct PaymentWorker<'a, G> {
    gateway: &'a G,
}

impl<'a, G> PaymentWorker<'a, G> {
    /// Calls this gateway.
    pub const fn new(gateway: &'a G) -> Self {
        Self { gateway }
    }
}

/// What the gateway answered.
pub type GatewayAnswer = CallOutcome<PaymentAtGateway>;
/// What a step decides on.
pub type PaymentView<'a> = View<'a, PaymentStep, GatewayAnswer>;
/// What a step does next.
pub type PaymentAction = Action<PaymentCommand, GatewayCall, CancelReason>;

impl<G: Gateway> Worker for PaymentWorker<'_, G> {
    type Steps = PaymentStep;
    type Write = PaymentCommand;
    type Call = GatewayCall;
    type Answer = GatewayAnswer;

    fn decide(&self, step: PaymentStep, view: &PaymentView<'_>) -> PaymentAction {
        decide(step, view)
    }

    async fn call(&self, call: GatewayCall) -> Result<GatewayAnswer, StepError> {
        CallOutcome::of(self.gateway.ask(&call).await)
    }

    /// If the answer to an authorization arrives after the payment was voided, the void may have
    /// reached the gateway before the money was held.
    fn undo_late_answer(
        &self,
        view: &PaymentView<'_>,
        answer: &GatewayAnswer,
    ) -> Option<GatewayCall> {
        let is_voided = matches!(view.own, PaymentState::VoidRequested | PaymentState::Voided);
        match answer {
            CallOutcome::Answered(PaymentAtGateway::Authorized { .. }) if is_voided => {
                let key = key(view.instance).ok()?;
                Some(GatewayCall::Void { key })
            }
            CallOutcome::Answered(_) | CallOutcome::NotSent | CallOutcome::Refused(_) => None,
        }
    }

    async fn write<S: EventStore, P: Pause>(
        &self,
        context: &StepContext<'_, S, P>,
        order: &Seen<Order, S::Head>,
        payment: Seen<Payment, S::Head>,
        command: &PaymentCommand,
    ) -> Result<Written<Payment, S::Head>, StepError> {
        context.append(payment, command, order.last()).await
    }
}

/// What a step does next.
fn decide(step: PaymentStep, view: &PaymentView<'_>) -> PaymentAction {
    let (Ok(key), Some(order)) = (key(view.instance), view.arbiter.placed()) else {
        return Action::Stuck("the saga is not that of an order".to_owned());
    };
    match step {
        PaymentStep::Authorize => authorize(key, order, view),
        PaymentStep::Capture => capture(key, view),
        PaymentStep::Void => void(key, view),
    }
}

fn authorize(key: AttemptKey, order: &PlacedOrder, view: &PaymentView<'_>) -> PaymentAction {
    let placed = &order.placed;
    match view.own {
        PaymentState::Unrequested => {
            Action::Write(PaymentCommand::Authorize { attempt_key: key, amount: placed.total })
        }
        PaymentState::AuthorizationRequested => match view.last {
            LastAnswer::Unknown => Action::Call(GatewayCall::Find { key }),
            LastAnswer::Recorded
            | LastAnswer::Answer(CallOutcome::Answered(PaymentAtGateway::Absent)) => {
                Action::Call(GatewayCall::Authorize {
                    key,
                    token: placed.payment_token.clone(),
                    amount: placed.total,
                })
            }
            LastAnswer::Answer(CallOutcome::Answered(PaymentAtGateway::Authorized {
                authorization,
            })) => Action::Write(PaymentCommand::RecordAuthorized {
                authorization: authorization.clone(),
            }),
            LastAnswer::Answer(CallOutcome::Answered(PaymentAtGateway::Declined { reason })) => {
                Action::Write(PaymentCommand::RecordDeclined { reason: reason.clone() })
            }
            // An earlier call may still be in flight. Undoing closes the key, and so covers its
            // effect.
            LastAnswer::Answer(CallOutcome::NotSent) => {
                Action::Refuse(CancelReason::CustomerErased)
            }
            LastAnswer::Answer(other) => unexpected(other),
        },
        PaymentState::Declined { .. } => Action::Refuse(CancelReason::PaymentDeclined),
        PaymentState::VoidRequested
        | PaymentState::Voided
        | PaymentState::RefundRequested
        | PaymentState::Refunded => Action::Undone,
        PaymentState::Authorized
        | PaymentState::CaptureRequested
        | PaymentState::CaptureRefused { .. }
        | PaymentState::Captured => Action::Done,
    }
}

fn capture(key: AttemptKey, view: &PaymentView<'_>) -> PaymentAction {
    match view.own {
        PaymentState::Authorized => Action::Write(PaymentCommand::Capture),
        PaymentState::CaptureRequested => match view.last {
            LastAnswer::Unknown => Action::Call(GatewayCall::Find { key }),
            LastAnswer::Recorded
            | LastAnswer::Answer(CallOutcome::Answered(PaymentAtGateway::Authorized { .. })) => {
                Action::Call(GatewayCall::Capture { key })
            }
            LastAnswer::Answer(CallOutcome::Answered(PaymentAtGateway::Captured)) => {
                Action::Write(PaymentCommand::RecordCaptured)
            }
            LastAnswer::Answer(CallOutcome::Refused(reason)) => {
                Action::Write(PaymentCommand::RecordCaptureRefused { reason: reason.clone() })
            }
            LastAnswer::Answer(other) => unexpected(other),
        },
        PaymentState::CaptureRefused { .. } => Action::Refuse(CancelReason::CaptureFailed),
        PaymentState::Captured => Action::Done,
        PaymentState::VoidRequested
        | PaymentState::Voided
        | PaymentState::RefundRequested
        | PaymentState::Refunded => Action::Undone,
        PaymentState::Unrequested
        | PaymentState::AuthorizationRequested
        | PaymentState::Declined { .. } => {
            Action::Stuck("the order is committed, but no money is held for it".to_owned())
        }
    }
}

/// Gives the money back: money that is held is voided, and money that was captured is refunded. If
/// the stream does not show which it is, the gateway is asked first.
fn void(key: AttemptKey, view: &PaymentView<'_>) -> PaymentAction {
    let answer = match view.last {
        LastAnswer::Unknown | LastAnswer::Recorded => None,
        LastAnswer::Answer(CallOutcome::Answered(answer)) => Some(answer),
        LastAnswer::Answer(other) => return unexpected(other),
    };
    match view.own {
        PaymentState::Unrequested
        | PaymentState::AuthorizationRequested
        | PaymentState::Authorized
        | PaymentState::CaptureRefused { .. } => Action::Write(PaymentCommand::Void),
        PaymentState::CaptureRequested => match answer {
            None => Action::Call(GatewayCall::Find { key }),
            Some(PaymentAtGateway::Authorized { .. }) => Action::Write(PaymentCommand::Void),
            Some(PaymentAtGateway::Captured) => Action::Write(PaymentCommand::RecordCaptured),
            Some(other) => contradicts(other),
        },
        PaymentState::VoidRequested => match answer {
            // The gateway answered that it holds the money before the void was requested.
            None | Some(PaymentAtGateway::Authorized { .. }) => {
                Action::Call(GatewayCall::Void { key })
            }
            Some(PaymentAtGateway::Voided | PaymentAtGateway::Declined { .. }) => {
                Action::Write(PaymentCommand::RecordVoided)
            }
            // A capture that was still in flight was faster.
            Some(PaymentAtGateway::Captured) => Action::Write(PaymentCommand::RecordCaptured),
            Some(other) => contradicts(other),
        },
        PaymentState::Captured => Action::Write(PaymentCommand::Refund),
        PaymentState::RefundRequested => match answer {
            // What the gateway answered before the refund was requested does not matter.
            None | Some(PaymentAtGateway::Authorized { .. } | PaymentAtGateway::Captured) => {
                Action::Call(GatewayCall::Refund { key })
            }
            Some(PaymentAtGateway::Refunded) => Action::Write(PaymentCommand::RecordRefunded),
            Some(other) => contradicts(other),
        },
        PaymentState::Declined { .. } | PaymentState::Voided | PaymentState::Refunded => {
            Action::Done
        }
    }
}

fn key(instance: &Instance) -> Result<AttemptKey, StepError> {
    super::order_id(instance).map(AttemptKey::payment)
}

fn unexpected(answer: &GatewayAnswer) -> PaymentAction {
    match answer {
        CallOutcome::Answered(answer) => contradicts(answer),
        CallOutcome::NotSent => {
            Action::Stuck("a request without personal data was not sent to the gateway".to_owned())
        }
        CallOutcome::Refused(why) => Action::Stuck(format!("refused: {why}")),
    }
}

fn contradicts(answer: &PaymentAtGateway) -> PaymentAction {
    let status = match answer {
        PaymentAtGateway::Absent => "nothing",
        PaymentAtGateway::Declined { .. } => "a declined payment",
        PaymentAtGateway::Authorized { .. } => "an authorized payment",
        PaymentAtGateway::Captured => "a captured payment",
        PaymentAtGateway::Voided => "a voided payment",
        PaymentAtGateway::Refunded => "a refunded payment",
    };
    Action::Stuck(format!(
        "the gateway has {status}, which contradicts the requests recorded in the payment's stream"
    ))
}
