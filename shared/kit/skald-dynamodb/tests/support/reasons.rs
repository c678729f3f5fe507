//! The reasons that a cancelled transaction gives.

use serde_json::{Value, json};
use skald::stream::StreamId;

use super::calls::{draft, streams};
use super::proxy::error_body;

/// A reason for which a transaction was cancelled.
#[derive(Debug, Clone, Copy)]
pub enum Reason {
    Code(&'static str),
    /// This command has taken the position; the reason contains the item.
    Taken(&'static str),
    /// The position is taken; its item must be read.
    TakenBySomething,
}

impl Reason {
    fn body(self, stream: &StreamId) -> Value {
        match self {
            Self::Code("None") => json!({ "Code": "None" }),
            Self::Code(code) => json!({ "Code": code, "Message": "for a test" }),
            Self::TakenBySomething => {
                json!({ "Code": "ConditionalCheckFailed", "Message": "for a test" })
            }
            Self::Taken(by) => {
                json!({ "Code": "ConditionalCheckFailed", "Message": "for a test", "Item": {
                "pk": { "S": stream.key() }, "sk": { "N": "1" },
                "at": { "S": "2026-11-21T08:15:30.250Z" },
                "body": { "S": json!({
                    "commit": draft(by).commit_id, "source": "t",
                    "correlation_id": "t", "actor": "t",
                    "events": [{ "type": "account.noted", "schema": 1, "data": {} }],
                }).to_string() },
            } })
            }
        }
    }
}

/// The answer for a transaction of which two parts were cancelled for these reasons.
pub fn cancelled(reasons: &[Reason]) -> Value {
    let mut body = error_body("TransactionCanceledException");
    let reasons: Vec<Value> =
        reasons.iter().zip(streams()).map(|(reason, stream)| reason.body(&stream)).collect();
    body["CancellationReasons"] = reasons.into();
    body
}
