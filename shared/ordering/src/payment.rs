//! The payment of an order: authorized, then captured, and undone by voiding or refunding.
//!
//! Which of the two undoes it depends on the gateway: money that is held is voided, and money that
//! was captured is refunded. While a capture is requested, the stream does not show which it is.
//! Whoever undoes the payment then asks the gateway first, and records that the money was captured,
//! or requests that it is voided. If the capture nevertheless takes effect before the void, the
//! gateway answers that the money is captured, and this is recorded and refunded.
//!
//! Each call to the gateway is two events: the request before the call, and the result after it. A
//! later reader therefore knows that a request may have been sent, and asks the gateway for its
//! result. The idempotency key and the amount are computed from the order.

use events::{
    AttemptKey, AuthorizationId, CategoryEvent, Money, PaymentAuthorizationRequested,
    PaymentAuthorized, PaymentCaptureRefused, PaymentCaptureRequested, PaymentCaptured,
    PaymentDeclined, PaymentEvent, PaymentRefundRequested, PaymentRefunded, PaymentVoidRequested,
    PaymentVoided,
};
use skald::decider::Decider;

/// The decider of category `payment`.
#[derive(Debug, Clone, Copy)]
pub struct Payment;

/// The state of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PaymentState {
    /// Nothing was requested from the gateway.
    #[default]
    Unrequested,
    /// The gateway may hold the money.
    AuthorizationRequested,
    /// The gateway holds the money.
    Authorized,
    /// The gateway declined. Final.
    Declined {
        /// The reason, in the gateway's words.
        reason: String,
    },
    /// The gateway may have captured the money.
    CaptureRequested,
    /// The gateway refused to capture the money. It still holds it.
    CaptureRefused {
        /// The reason, in the gateway's words.
        reason: String,
    },
    /// The gateway captured the money.
    Captured,
    /// The gateway may have released the money.
    VoidRequested,
    /// No money is held, and none will be. Final.
    Voided,
    /// The money may have been refunded.
    RefundRequested,
    /// The money was refunded. Final.
    Refunded,
}

/// The commands on a payment. They record each request to the gateway before it is sent, and each
/// answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentCommand {
    /// Record that the gateway is about to be asked to authorize the payment.
    Authorize {
        /// The idempotency key of the request.
        attempt_key: AttemptKey,
        /// The amount.
        amount: Money,
    },
    /// Record that the gateway holds the money.
    RecordAuthorized {
        /// The gateway's id of the authorization.
        authorization: AuthorizationId,
    },
    /// Record that the gateway declined.
    RecordDeclined {
        /// The reason, in the gateway's words. It contains no personal data.
        reason: String,
    },
    /// Record that the gateway is about to be asked to capture the money.
    Capture,
    /// Record that the gateway captured the money.
    RecordCaptured,
    /// Record that the gateway refused to capture the money, and will refuse it again.
    RecordCaptureRefused {
        /// The reason, in the gateway's words. It contains no personal data.
        reason: String,
    },
    /// Undo the payment: record that the gateway is about to be asked to release the money. If it
    /// was never asked to hold any, the payment is voided at once. While a capture is requested,
    /// only if the gateway answered that it has not captured the money.
    Void,
    /// Record that the gateway holds no money and never will.
    RecordVoided,
    /// Record that the gateway is about to be asked to refund the money.
    Refund,
    /// Record that the money was refunded.
    RecordRefunded,
}

/// Why a command on a payment is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PaymentRejection {
    /// The payment is undone or being undone.
    #[error("the payment is undone")]
    Undone,
    /// The request whose result is to be recorded was never recorded.
    #[error("no request to the gateway is recorded for this result")]
    NotRequested,
    /// A different answer of the gateway is recorded.
    #[error("the recorded answer of the gateway is a different one")]
    AnsweredOtherwise,
    /// No money is held that could be captured.
    #[error("no money is held")]
    NotAuthorized,
    /// The money was captured: it can be refunded, but no longer released.
    #[error("the money was already captured")]
    Captured,
    /// No money was captured that could be refunded.
    #[error("no money was captured")]
    NotCaptured,
}

impl Decider for Payment {
    const CATEGORY: &'static str = PaymentEvent::CATEGORY;
    type State = PaymentState;
    type Command = PaymentCommand;
    type Event = PaymentEvent;
    type Rejection = PaymentRejection;

    fn decide(
        state: &PaymentState,
        command: &PaymentCommand,
    ) -> Result<Vec<PaymentEvent>, PaymentRejection> {
        let event = match command {
            PaymentCommand::Authorize { .. }
            | PaymentCommand::RecordAuthorized { .. }
            | PaymentCommand::RecordDeclined { .. } => state.authorize(command)?,
            PaymentCommand::Capture
            | PaymentCommand::RecordCaptured
            | PaymentCommand::RecordCaptureRefused { .. } => state.capture(command)?,
            PaymentCommand::Void | PaymentCommand::RecordVoided => state.void(command)?,
            PaymentCommand::Refund | PaymentCommand::RecordRefunded => state.refund(command)?,
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(_: PaymentState, event: &PaymentEvent) -> PaymentState {
        match event {
            PaymentEvent::AuthorizationRequested(_) => PaymentState::AuthorizationRequested,
            PaymentEvent::Authorized(_) => PaymentState::Authorized,
            PaymentEvent::Declined(declined) => {
                PaymentState::Declined { reason: declined.reason.clone() }
            }
            PaymentEvent::CaptureRequested(_) => PaymentState::CaptureRequested,
            PaymentEvent::Captured(_) => PaymentState::Captured,
            PaymentEvent::CaptureRefused(refused) => {
                PaymentState::CaptureRefused { reason: refused.reason.clone() }
            }
            PaymentEvent::VoidRequested(_) => PaymentState::VoidRequested,
            PaymentEvent::Voided(_) => PaymentState::Voided,
            PaymentEvent::RefundRequested(_) => PaymentState::RefundRequested,
            PaymentEvent::Refunded(_) => PaymentState::Refunded,
        }
    }
}

/// The event, or no event if the state is already the wanted one.
type Decided = Result<Option<PaymentEvent>, PaymentRejection>;

impl PaymentState {
    fn authorize(&self, command: &PaymentCommand) -> Decided {
        match (self, command) {
            (Self::Unrequested, PaymentCommand::Authorize { attempt_key, amount }) => {
                let attempt_key = attempt_key.clone();
                Ok(Some(PaymentAuthorizationRequested { attempt_key, amount: *amount }.into()))
            }
            (Self::Unrequested, _) => Err(PaymentRejection::NotRequested),
            (Self::AuthorizationRequested, PaymentCommand::RecordAuthorized { authorization }) => {
                Ok(Some(PaymentAuthorized { authorization: authorization.clone() }.into()))
            }
            (Self::AuthorizationRequested, PaymentCommand::RecordDeclined { reason }) => {
                Ok(Some(PaymentDeclined { reason: reason.clone() }.into()))
            }
            (Self::Declined { .. }, PaymentCommand::RecordAuthorized { .. })
            | (
                Self::Authorized
                | Self::CaptureRequested
                | Self::CaptureRefused { .. }
                | Self::Captured
                | Self::RefundRequested
                | Self::Refunded,
                PaymentCommand::RecordDeclined { .. },
            ) => Err(PaymentRejection::AnsweredOtherwise),
            (Self::VoidRequested | Self::Voided, _) => Err(PaymentRejection::Undone),
            (_, _) => Ok(None),
        }
    }

    fn capture(&self, command: &PaymentCommand) -> Decided {
        match (self, command) {
            (Self::Authorized, PaymentCommand::Capture) => {
                Ok(Some(PaymentCaptureRequested {}.into()))
            }
            (Self::Authorized, _) => Err(PaymentRejection::NotRequested),
            // The capture took effect before the void: the money must be refunded.
            (Self::CaptureRequested | Self::VoidRequested, PaymentCommand::RecordCaptured) => {
                Ok(Some(PaymentCaptured {}.into()))
            }
            (Self::CaptureRequested, PaymentCommand::RecordCaptureRefused { reason }) => {
                Ok(Some(PaymentCaptureRefused { reason: reason.clone() }.into()))
            }
            (Self::CaptureRefused { .. }, PaymentCommand::RecordCaptured)
            | (
                Self::Captured | Self::RefundRequested | Self::Refunded,
                PaymentCommand::RecordCaptureRefused { .. },
            ) => Err(PaymentRejection::AnsweredOtherwise),
            (Self::Unrequested | Self::AuthorizationRequested | Self::Declined { .. }, _) => {
                Err(PaymentRejection::NotAuthorized)
            }
            (Self::VoidRequested | Self::Voided, _) => Err(PaymentRejection::Undone),
            (_, _) => Ok(None),
        }
    }

    fn void(&self, command: &PaymentCommand) -> Decided {
        let is_request = *command == PaymentCommand::Void;
        match self {
            Self::Voided => Ok(None),
            Self::Unrequested if is_request => Ok(Some(PaymentVoided {}.into())),
            Self::AuthorizationRequested
            | Self::Authorized
            | Self::CaptureRequested
            | Self::CaptureRefused { .. }
                if is_request =>
            {
                Ok(Some(PaymentVoidRequested {}.into()))
            }
            Self::Declined { .. } if is_request => Ok(None),
            Self::VoidRequested if is_request => Ok(None),
            Self::VoidRequested => Ok(Some(PaymentVoided {}.into())),
            Self::Unrequested
            | Self::AuthorizationRequested
            | Self::Authorized
            | Self::CaptureRequested
            | Self::CaptureRefused { .. }
            | Self::Declined { .. } => Err(PaymentRejection::NotRequested),
            Self::Captured | Self::RefundRequested | Self::Refunded => {
                Err(PaymentRejection::Captured)
            }
        }
    }

    fn refund(&self, command: &PaymentCommand) -> Decided {
        let is_request = *command == PaymentCommand::Refund;
        match self {
            Self::Captured if is_request => Ok(Some(PaymentRefundRequested {}.into())),
            Self::Captured => Err(PaymentRejection::NotRequested),
            Self::RefundRequested if is_request => Ok(None),
            Self::RefundRequested => Ok(Some(PaymentRefunded {}.into())),
            Self::Refunded => Ok(None),
            Self::Unrequested
            | Self::AuthorizationRequested
            | Self::Authorized
            | Self::Declined { .. }
            | Self::CaptureRequested
            | Self::CaptureRefused { .. }
            | Self::VoidRequested
            | Self::Voided => Err(PaymentRejection::NotCaptured),
        }
    }
}
