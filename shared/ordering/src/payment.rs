//! The payment of an order: authorized, and then captured or voided.
//!
//! Each call to the gateway is two events: what is about to be asked, and what came of it. So
//! whoever comes later knows that it may have been asked, and asks what became of it. The key it is
//! asked under and the amount are computed from the order.

use events::{
    AttemptKey, AuthorizationId, CategoryEvent, Money, PaymentAuthorizationRequested,
    PaymentAuthorized, PaymentCaptureRequested, PaymentCaptured, PaymentDeclined, PaymentEvent,
    PaymentRefundRequested, PaymentRefunded, PaymentVoidRequested, PaymentVoided,
};
use skald::decider::Decider;

/// The decider of category `payment`.
#[derive(Debug, Clone, Copy)]
pub struct Payment;

/// What is known of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PaymentState {
    /// The gateway was never asked for anything.
    #[default]
    Unasked,
    /// The gateway may hold the money for us.
    AuthorizationRequested,
    /// The gateway holds the money for us.
    Authorized,
    /// The gateway refused. Final.
    Declined {
        /// Why, in the gateway's words.
        reason: String,
    },
    /// The money may be ours.
    CaptureRequested,
    /// The money is ours.
    Captured,
    /// The gateway may hold the money no longer.
    VoidRequested,
    /// No money is held, and none will be. Final.
    Voided,
    /// The money may have been given back.
    RefundRequested,
    /// The money was given back. Final.
    Refunded,
}

/// What can be asked of a payment: what the gateway is about to be asked, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentCommand {
    /// The gateway is about to be asked to authorize it.
    Authorize {
        /// What it is asked under.
        attempt_key: AttemptKey,
        /// How much.
        amount: Money,
    },
    /// The gateway holds the money.
    RecordAuthorized {
        /// What the gateway calls it.
        authorization: AuthorizationId,
    },
    /// The gateway refused.
    RecordDeclined {
        /// Why, in the gateway's words. No personal data.
        reason: String,
    },
    /// The gateway is about to be asked for the money.
    Capture,
    /// The money is ours.
    RecordCaptured,
    /// Undo it: the gateway is about to be asked to let go of the money; if it was never asked to
    /// hold any, it never will.
    Void,
    /// The gateway holds no money, and never will.
    RecordVoided,
    /// The gateway is about to be asked to give the money back.
    Refund,
    /// The money was given back.
    RecordRefunded,
}

/// Why a payment does not do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PaymentRejection {
    /// It is, or is being, undone.
    #[error("the payment is undone")]
    Undone,
    /// The gateway was not asked for what is to be recorded.
    #[error("the gateway was not asked for this")]
    NotAsked,
    /// The gateway gave another answer before.
    #[error("the gateway answered otherwise before")]
    AnsweredOtherwise,
    /// No money is held that could be captured.
    #[error("no money is held")]
    NotAuthorized,
    /// The gateway was asked for the money: it can be given back, but no longer be let go.
    #[error("the gateway was asked for the money")]
    CaptureRequested,
    /// There is no money to give back.
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
            PaymentCommand::Capture | PaymentCommand::RecordCaptured => state.capture(command)?,
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
            PaymentEvent::VoidRequested(_) => PaymentState::VoidRequested,
            PaymentEvent::Voided(_) => PaymentState::Voided,
            PaymentEvent::RefundRequested(_) => PaymentState::RefundRequested,
            PaymentEvent::Refunded(_) => PaymentState::Refunded,
        }
    }
}

/// One event, or none if it is so already.
type Decided = Result<Option<PaymentEvent>, PaymentRejection>;

impl PaymentState {
    fn authorize(&self, command: &PaymentCommand) -> Decided {
        match (self, command) {
            (Self::Unasked, PaymentCommand::Authorize { attempt_key, amount }) => {
                let attempt_key = attempt_key.clone();
                Ok(Some(PaymentAuthorizationRequested { attempt_key, amount: *amount }.into()))
            }
            (Self::Unasked, _) => Err(PaymentRejection::NotAsked),
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
        let asks = *command == PaymentCommand::Capture;
        match self {
            Self::Authorized if asks => Ok(Some(PaymentCaptureRequested {}.into())),
            Self::Authorized => Err(PaymentRejection::NotAsked),
            Self::CaptureRequested if asks => Ok(None),
            Self::CaptureRequested => Ok(Some(PaymentCaptured {}.into())),
            Self::Captured | Self::RefundRequested | Self::Refunded => Ok(None),
            Self::Unasked | Self::AuthorizationRequested | Self::Declined { .. } => {
                Err(PaymentRejection::NotAuthorized)
            }
            Self::VoidRequested | Self::Voided => Err(PaymentRejection::Undone),
        }
    }

    fn void(&self, command: &PaymentCommand) -> Decided {
        let asks = *command == PaymentCommand::Void;
        match self {
            Self::Voided => Ok(None),
            Self::Unasked if asks => Ok(Some(PaymentVoided {}.into())),
            Self::AuthorizationRequested | Self::Authorized if asks => {
                Ok(Some(PaymentVoidRequested {}.into()))
            }
            Self::Declined { .. } if asks => Ok(None),
            Self::VoidRequested if asks => Ok(None),
            Self::VoidRequested => Ok(Some(PaymentVoided {}.into())),
            Self::Unasked
            | Self::AuthorizationRequested
            | Self::Authorized
            | Self::Declined { .. } => Err(PaymentRejection::NotAsked),
            Self::CaptureRequested | Self::Captured | Self::RefundRequested | Self::Refunded => {
                Err(PaymentRejection::CaptureRequested)
            }
        }
    }

    fn refund(&self, command: &PaymentCommand) -> Decided {
        let asks = *command == PaymentCommand::Refund;
        match self {
            Self::Captured if asks => Ok(Some(PaymentRefundRequested {}.into())),
            Self::Captured => Err(PaymentRejection::NotAsked),
            Self::RefundRequested if asks => Ok(None),
            Self::RefundRequested => Ok(Some(PaymentRefunded {}.into())),
            Self::Refunded => Ok(None),
            Self::Unasked
            | Self::AuthorizationRequested
            | Self::Authorized
            | Self::Declined { .. }
            | Self::CaptureRequested
            | Self::VoidRequested
            | Self::Voided => Err(PaymentRejection::NotCaptured),
        }
    }
}
