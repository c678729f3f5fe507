//! The ports to the external systems: the payment gateway and the carrier.
//!
//! Calls to both carry an attempt key, and both keep two promises that the saga relies on. If a
//! provider does not give these promises, its adapter must.
//!
//! - **A key identifies one request.** A request repeated under the same key changes nothing and
//!   gets the same answer.
//! - **Undoing closes the key.** Once a key is voided or cancelled, nothing is or will be held
//!   under it, even if the key was unknown and the call that would have created it is still in
//!   flight. (A provider that first creates and then confirms payments has this property: create
//!   one under the key, and cancel it. Otherwise: authorize and void.) Without this promise, a
//!   delayed call whose sender has died would hold money for a cancelled order forever.
//!
//! A call returns what exists under its key afterwards. The functions wrap every adapter in
//! [`TimeLimited`], so a call never takes longer than the saga allows.

mod disclosing;
mod time_limited;

use std::future::Future;

use events::{Address, AttemptKey, AuthorizationId, Money, ParcelId};
use serde::{Deserialize, Serialize};
use skald::personal::Personal;
use skald_saga::StepError;

pub use disclosing::Disclosing;
pub use time_limited::TimeLimited;

/// The payment gateway.
pub trait Gateway: Sync {
    /// Sends a request to the gateway.
    ///
    /// # Errors
    /// [`PortError`] if there is no answer, or if the gateway rejects the request permanently.
    fn ask(
        &self,
        call: &GatewayCall,
    ) -> impl Future<Output = Result<PaymentAtGateway, PortError>> + Send;
}

/// The requests to the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GatewayCall {
    /// Hold this amount.
    Authorize {
        /// The idempotency key.
        key: AttemptKey,
        /// The token to charge.
        token: Personal<String>,
        /// The amount.
        amount: Money,
    },
    /// Return what exists under the key. Changes nothing.
    Find {
        /// The idempotency key of the payment.
        key: AttemptKey,
    },
    /// Capture the money.
    Capture {
        /// The idempotency key of the payment.
        key: AttemptKey,
    },
    /// Release the money and never hold any. Has no effect on captured money.
    Void {
        /// The idempotency key of the payment.
        key: AttemptKey,
    },
    /// Refund the money.
    Refund {
        /// The idempotency key of the payment.
        key: AttemptKey,
    },
}

impl GatewayCall {
    /// The key of the request.
    #[must_use]
    pub const fn key(&self) -> &AttemptKey {
        match self {
            Self::Authorize { key, .. }
            | Self::Find { key }
            | Self::Capture { key }
            | Self::Void { key }
            | Self::Refund { key } => key,
        }
    }
}

/// What exists at the gateway under a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum PaymentAtGateway {
    /// The key is unknown.
    Absent,
    /// The gateway declined to hold the money.
    Declined {
        /// The reason. It contains no personal data.
        reason: String,
    },
    /// The gateway holds the money.
    Authorized {
        /// The gateway's id of the authorization.
        authorization: AuthorizationId,
    },
    /// The gateway captured the money.
    Captured,
    /// The gateway holds no money and never will.
    Voided,
    /// The gateway refunded the money.
    Refunded,
}

/// The carrier.
pub trait Carrier: Sync {
    /// Sends a request to the carrier.
    ///
    /// # Errors
    /// [`PortError`] if there is no answer, or if the carrier rejects the request permanently.
    fn ask(
        &self,
        call: &CarrierCall,
    ) -> impl Future<Output = Result<ParcelAtCarrier, PortError>> + Send;
}

/// The requests to the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarrierCall {
    /// Take a parcel.
    Create {
        /// The idempotency key.
        key: AttemptKey,
        /// The address that the parcel goes to.
        address: Personal<Address>,
    },
    /// Return what exists under the key. Changes nothing.
    Find {
        /// The idempotency key of the parcel.
        key: AttemptKey,
    },
    /// Cancel the parcel and never take one.
    Cancel {
        /// The idempotency key of the parcel.
        key: AttemptKey,
    },
}

impl CarrierCall {
    /// The key of the request.
    #[must_use]
    pub const fn key(&self) -> &AttemptKey {
        match self {
            Self::Create { key, .. } | Self::Find { key } | Self::Cancel { key } => key,
        }
    }
}

/// What exists at the carrier under a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum ParcelAtCarrier {
    /// The key is unknown.
    Absent,
    /// The carrier refused the parcel.
    Refused {
        /// The reason. It contains no personal data.
        reason: String,
    },
    /// The carrier accepted, and may have collected, the parcel.
    Created {
        /// The carrier's id of the parcel.
        parcel: ParcelId,
    },
    /// The carrier has no parcel and never will.
    Cancelled,
}

/// Why a call has no result. Contains no personal data, because it is logged and stored in the
/// order's stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// The external system did not answer in time, or does not know the result: the call may have
    /// had its effect. *Transient.*
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// The request contains data about a person who was erased, so it was not sent.
    #[error("the request was not sent: the person was erased")]
    PersonErased,
    /// The external system rejected the request, and will reject it again: the call had no effect.
    /// *Permanent.*
    #[error("refused: {0}")]
    Refused(String),
}

/// The outcome of a call that a step decides on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallOutcome<Answer> {
    /// The external system answered.
    Answered(Answer),
    /// The request contains data about a person who was erased, so it was not sent.
    NotSent,
    /// The external system rejected the request, and will reject it again: the call had no effect.
    Refused(String),
}

impl<Answer> CallOutcome<Answer> {
    /// The outcome of this result.
    ///
    /// # Errors
    /// [`StepError::Transient`] if there was no answer.
    pub(crate) fn of(result: Result<Answer, PortError>) -> Result<Self, StepError> {
        match result {
            Ok(answer) => Ok(Self::Answered(answer)),
            Err(PortError::PersonErased) => Ok(Self::NotSent),
            Err(PortError::Refused(why)) => Ok(Self::Refused(why)),
            Err(none @ PortError::NoAnswer(_)) => Err(StepError::transient(none)),
        }
    }
}
