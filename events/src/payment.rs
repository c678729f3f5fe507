//! The events of an order's payment. Each request to the gateway is recorded here before it is
//! sent, so it is always known whether the gateway may have received it.
//!
//! The token that the gateway charges is not repeated here: it is in `order.placed`.

use serde::{Deserialize, Serialize};
use skald::stream::Category;

use crate::{AttemptKey, AuthorizationId, CategoryEvent, Money};

/// The gateway is about to be asked to authorize the payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentAuthorizationRequested {
    /// The idempotency key of the request to the gateway.
    pub attempt_key: AttemptKey,
    /// The amount.
    pub amount: Money,
}

/// The gateway authorized the payment and holds the money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentAuthorized {
    /// The gateway's id of the authorization.
    pub authorization: AuthorizationId,
}

/// The gateway declined to authorize the payment: no money is held. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentDeclined {
    /// The reason, in the gateway's words. It contains no personal data.
    pub reason: String,
}

/// The gateway is about to be asked to capture the money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentCaptureRequested {}

/// The gateway captured the money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentCaptured {}

/// The gateway refused to capture the money and will refuse it again. The money is still held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentCaptureRefused {
    /// The reason, in the gateway's words. It contains no personal data.
    pub reason: String,
}

/// The gateway is about to be asked to release the money, or never to hold it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentVoidRequested {}

/// No money is held, and none will be. Final. If this is the stream's first event, the gateway was
/// never asked to hold any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentVoided {}

/// The gateway is about to be asked to refund the money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentRefundRequested {}

/// The money was refunded. Final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentRefunded {}

skald::domain_event! {
    /// The events of an order's payment.
    pub enum PaymentEvent {
        /// The gateway is about to be asked to authorize the payment.
        AuthorizationRequested(PaymentAuthorizationRequested) = "payment.authorization_requested" @ 1,
        /// The gateway holds the money.
        Authorized(PaymentAuthorized) = "payment.authorized" @ 1,
        /// The gateway declined.
        Declined(PaymentDeclined) = "payment.declined" @ 1,
        /// The gateway is about to be asked to capture the money.
        CaptureRequested(PaymentCaptureRequested) = "payment.capture_requested" @ 1,
        /// The gateway captured the money.
        Captured(PaymentCaptured) = "payment.captured" @ 1,
        /// The gateway refused to capture the money, and still holds it.
        CaptureRefused(PaymentCaptureRefused) = "payment.capture_refused" @ 1,
        /// The gateway is about to be asked to release the money.
        VoidRequested(PaymentVoidRequested) = "payment.void_requested" @ 1,
        /// No money is held, and none will be.
        Voided(PaymentVoided) = "payment.voided" @ 1,
        /// The gateway is about to be asked to refund the money.
        RefundRequested(PaymentRefundRequested) = "payment.refund_requested" @ 1,
        /// The money was refunded.
        Refunded(PaymentRefunded) = "payment.refunded" @ 1,
    }
}

impl CategoryEvent for PaymentEvent {
    const CATEGORY: &'static Category = "payment";
}
