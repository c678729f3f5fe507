//! What happens to the payment of an order. Whatever is asked of the gateway is written here first,
//! so that nobody has to guess later whether it was asked.
//!
//! What the gateway charges, the token, is not told again: it stands in `order.placed`.

use serde::{Deserialize, Serialize};
use skald::stream::Category;

use crate::{AttemptKey, AuthorizationId, CategoryEvent, Money};

/// The gateway is about to be asked to authorize the payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentAuthorizationRequested {
    /// What it is asked under.
    pub attempt_key: AttemptKey,
    /// How much.
    pub amount: Money,
}

/// The gateway holds the money for us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentAuthorized {
    /// What the gateway calls it.
    pub authorization: AuthorizationId,
}

/// The gateway refused to authorize the payment: no money is held. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentDeclined {
    /// Why, in the gateway's words. No personal data.
    pub reason: String,
}

/// The gateway is about to be asked for the money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentCaptureRequested {}

/// The money is ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentCaptured {}

/// The gateway is about to be asked to let go of the money, or never to hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentVoidRequested {}

/// No money is held, and none will be. Final. At version 1: the gateway was never asked for any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentVoided {}

/// The gateway is about to be asked to give the money back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentRefundRequested {}

/// The money was given back. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentRefunded {}

skald::domain_event! {
    /// What happens to the payment of an order.
    pub enum PaymentEvent {
        /// The gateway is about to be asked to authorize it.
        AuthorizationRequested(PaymentAuthorizationRequested) = "payment.authorization_requested" @ 1,
        /// The money is held for us.
        Authorized(PaymentAuthorized) = "payment.authorized" @ 1,
        /// The gateway refused.
        Declined(PaymentDeclined) = "payment.declined" @ 1,
        /// The gateway is about to be asked for the money.
        CaptureRequested(PaymentCaptureRequested) = "payment.capture_requested" @ 1,
        /// The money is ours.
        Captured(PaymentCaptured) = "payment.captured" @ 1,
        /// The gateway is about to be asked to let go of the money.
        VoidRequested(PaymentVoidRequested) = "payment.void_requested" @ 1,
        /// No money is held, and none will be.
        Voided(PaymentVoided) = "payment.voided" @ 1,
        /// The gateway is about to be asked to give the money back.
        RefundRequested(PaymentRefundRequested) = "payment.refund_requested" @ 1,
        /// The money was given back.
        Refunded(PaymentRefunded) = "payment.refunded" @ 1,
    }
}

impl CategoryEvent for PaymentEvent {
    const CATEGORY: &'static Category = "payment";
}
