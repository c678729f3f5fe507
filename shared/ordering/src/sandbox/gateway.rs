//! The simulated payment gateway. The token determines the outcome.
//!
//! | token | what happens |
//! |---|---|
//! | `tok_approved` | all goes well |
//! | `tok_declined`, `tok_insufficient_funds` | the payment is declined |
//! | `tok_timeout_once` | the first call under a key has no answer and no effect |
//! | `tok_timeout_always` | no call has an answer or an effect |
//! | `tok_timeout_but_authorized` | the payment is authorized, but that call has no answer |
//! | `tok_timeout_but_captured` | the money is captured, but that call has no answer |
//! | `tok_capture_fails` | the payment is authorized, but capturing it is refused |
//! | any other | the payment is declined |

use events::{AttemptKey, AuthorizationId, Money};
use serde::{Deserialize, Serialize};
use skald::personal::{Personal, SealedError};

use crate::ports::{GatewayCall, PaymentAtGateway, PortError};

/// The entry of the gateway's ledger under a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayEntry {
    /// The requested payment; `None` if it was voided before it was requested. The ledger stores it
    /// under the name `asked`.
    #[serde(rename = "asked")]
    pub requested: Option<RequestedPayment>,
    /// The payment's status.
    pub payment: PaymentAtGateway,
    /// The number of calls that changed something, or would have changed something if they had not
    /// timed out.
    pub calls: u32,
}

/// A payment as it was requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedPayment {
    /// The token.
    pub token: Personal<String>,
    /// The amount.
    pub amount: Money,
}

impl GatewayEntry {
    /// The amount that is held and not yet captured.
    #[must_use]
    pub fn open(&self) -> Option<Money> {
        self.amount().filter(|_| matches!(self.payment, PaymentAtGateway::Authorized { .. }))
    }

    /// The amount that is captured.
    #[must_use]
    pub fn captured(&self) -> Option<Money> {
        self.amount().filter(|_| self.payment == PaymentAtGateway::Captured)
    }

    fn amount(&self) -> Option<Money> {
        self.requested.as_ref().map(|requested| requested.amount)
    }

    fn token(&self) -> Option<&str> {
        self.requested
            .as_ref()
            .and_then(|requested| requested.token.reveal().ok())
            .map(String::as_str)
    }
}

/// The entry to store, if it changes, and the answer.
type Outcome = (Option<GatewayEntry>, Result<PaymentAtGateway, PortError>);

/// The gateway's reaction to a call, given the entry of its ledger under the call's key.
pub fn ask_gateway(entry: Option<&GatewayEntry>, call: &GatewayCall) -> Outcome {
    let absent = GatewayEntry { requested: None, payment: PaymentAtGateway::Absent, calls: 0 };
    let before = entry.cloned().unwrap_or(absent);
    if let GatewayCall::Authorize { key, token, amount } = call {
        return authorize(before, key, token, *amount);
    }
    if before.token() == Some("tok_timeout_always") {
        return (None, timed_out());
    }
    let after = match (call, &before.payment) {
        (GatewayCall::Capture { .. }, PaymentAtGateway::Authorized { .. }) => {
            match before.token() {
                Some("tok_capture_fails") => {
                    return (None, Err(PortError::Refused("capture_refused".to_owned())));
                }
                Some(_) | None => PaymentAtGateway::Captured,
            }
        }
        (
            GatewayCall::Void { .. },
            PaymentAtGateway::Absent | PaymentAtGateway::Authorized { .. },
        ) => PaymentAtGateway::Voided,
        (GatewayCall::Refund { .. }, PaymentAtGateway::Captured) => PaymentAtGateway::Refunded,
        (_, unchanged) => return (None, Ok(unchanged.clone())),
    };
    let lost =
        after == PaymentAtGateway::Captured && before.token() == Some("tok_timeout_but_captured");
    let answer = if lost { timed_out() } else { Ok(after.clone()) };
    (Some(GatewayEntry { payment: after, calls: before.calls.saturating_add(1), ..before }), answer)
}

fn authorize(
    before: GatewayEntry,
    key: &AttemptKey,
    token: &Personal<String>,
    amount: Money,
) -> Outcome {
    let charged = match token.reveal() {
        Ok(token) => token.as_str(),
        Err(hidden) => return (None, Err(PortError::Refused(hidden.to_string()))),
    };
    let requested = RequestedPayment { token: token.clone(), amount };
    match &before.requested {
        Some(earlier) if !is_repeat(earlier, &requested) => {
            return (
                None,
                Err(PortError::Refused(
                    "the key was already used for a different payment".to_owned(),
                )),
            );
        }
        Some(_) | None => {}
    }
    if before.payment != PaymentAtGateway::Absent {
        return (None, Ok(before.payment));
    }
    let authorized = PaymentAtGateway::Authorized { authorization: authorization(key) };
    let declined = |reason: &str| PaymentAtGateway::Declined { reason: reason.to_owned() };
    let timeout = PaymentAtGateway::Absent;
    let payment = match charged {
        "tok_approved"
        | "tok_capture_fails"
        | "tok_timeout_but_authorized"
        | "tok_timeout_but_captured" => authorized,
        "tok_declined" => declined("card_declined"),
        "tok_insufficient_funds" => declined("insufficient_funds"),
        "tok_timeout_once" if before.calls == 0 => timeout,
        "tok_timeout_once" => authorized,
        "tok_timeout_always" => timeout,
        _ => declined("unknown_token"),
    };
    let lost = payment == PaymentAtGateway::Absent || charged == "tok_timeout_but_authorized";
    let answer = if lost { timed_out() } else { Ok(payment.clone()) };
    (
        Some(GatewayEntry {
            requested: Some(requested),
            payment,
            calls: before.calls.saturating_add(1),
        }),
        answer,
    )
}

/// Whether this is the same payment. If the token was erased meanwhile it cannot be compared, and
/// the same key is enough.
fn is_repeat(earlier: &RequestedPayment, requested: &RequestedPayment) -> bool {
    earlier.amount == requested.amount
        && (earlier.token == requested.token || earlier.token.reveal() == Err(SealedError::Erased))
}

fn timed_out() -> Result<PaymentAtGateway, PortError> {
    Err(PortError::NoAnswer("the gateway timed out".to_owned()))
}

/// Derived from the key, so that it is always the same.
fn authorization(key: &AttemptKey) -> AuthorizationId {
    let key = key.as_str();
    AuthorizationId::new(format!("auth_{}", &key[..key.len().min(250)]))
        .expect("the text is visible ASCII and within the length limit")
}
