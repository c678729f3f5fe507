//! Counting conditions that do not fail anything, but need attention if they last.
//!
//! A count is a metric in `CloudWatch`, in the namespace `Skald`. It is a log line in the embedded
//! metric format (see "Embedding metrics within logs" in the `CloudWatch` guide), which costs no
//! call and needs no permission.

use serde_json::{Value, json};
use skald::message::CommitMessage;
use skald::snapshot::SnapshotError;
use skald::stream::{Category, StreamId};
use skald::time::Timestamp;

use crate::{clock, config};

/// Logs and counts a commit that was appended to this stream without the snapshot that was due:
/// `OmittedSnapshots`, by category.
pub(crate) fn snapshot_left_out(stream: &StreamId, why: SnapshotError) {
    tracing::warn!(counter = "snapshots_left_out", %stream, %why, "a snapshot is left out");
    print(&left_out(stream, why, clock::now()));
}

/// Logs and counts a message of a category that is not followed here: `ForeignMessages`, by
/// function.
pub(crate) fn foreign_message(message: &CommitMessage, followed: &Category) {
    let category = message.category();
    tracing::warn!(
        counter = "foreign_messages",
        category,
        followed,
        "is of a category that is not followed here"
    );
    // Lambda sets the variable; where it does not run, nobody reads metrics.
    let function = config::optional("AWS_LAMBDA_FUNCTION_NAME");
    print(&foreign(function.as_deref().unwrap_or("none"), message, clock::now()));
}

fn left_out(stream: &StreamId, why: SnapshotError, now: Timestamp) -> Value {
    let facts = json!({ "stream": stream.key(), "why": why.to_string() });
    metric("OmittedSnapshots", ("Category", stream.category()), facts, now)
}

fn foreign(function: &str, message: &CommitMessage, now: Timestamp) -> Value {
    metric(
        "ForeignMessages",
        ("FunctionName", function),
        json!({ "category": message.category() }),
        now,
    )
}

/// One count of this name, with a dimension and its value. `line` has the other fields of the line.
fn metric(name: &str, (dimension, value): (&str, &str), mut line: Value, now: Timestamp) -> Value {
    let metrics = json!([{ "Name": name, "Unit": "Count" }]);
    line["_aws"] = json!({
        "Timestamp": now.as_millis(),
        "CloudWatchMetrics": [{ "Namespace": "Skald", "Dimensions": [[dimension]], "Metrics": metrics }],
    });
    line[dimension] = json!(value);
    line[name] = json!(1);
    line
}

#[expect(
    clippy::print_stdout,
    reason = "CloudWatch finds a metric only in a line that holds nothing else"
)]
fn print(line: &Value) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_millis(1_795_000_000_000).unwrap()
    }

    /// `CloudWatch` silently ignores a malformed line.
    #[track_caller]
    fn declares(line: &Value, metric: &str, dimension: &str) {
        let declared = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(line["_aws"]["Timestamp"], json!(1_795_000_000_000_u64));
        assert_eq!(declared["Namespace"], "Skald");
        assert_eq!(declared["Dimensions"], json!([[dimension]]));
        assert_eq!(declared["Metrics"], json!([{ "Name": metric, "Unit": "Count" }]));
        assert_eq!(line[metric], json!(1));
        assert!(line[dimension].is_string(), "{dimension} is declared and has no value");
    }

    #[test]
    fn a_snapshot_that_is_left_out_is_a_metric_by_category() {
        let stream = "default/stock-MUG-01~0".parse().unwrap();
        let line = left_out(&stream, SnapshotError::TooLarge { size_bytes: 70_000 }, now());
        declares(&line, "OmittedSnapshots", "Category");
        assert_eq!(line["Category"], "stock");
        assert_eq!(line["why"], "the commit would be 70000 bytes with it: at most 65536 are kept");
    }

    /// The alarms in the template are on this name and dimension.
    #[test]
    fn a_message_of_another_category_is_a_metric_by_function() {
        let message =
            json!({ "tenant": "default", "stream": "stock-MUG-01~0", "version": 1, "count": 1 })
                .to_string();
        let line = foreign("order-view-1", &CommitMessage::from_json(&message).unwrap(), now());
        declares(&line, "ForeignMessages", "FunctionName");
        assert_eq!(
            (&line["FunctionName"], &line["category"]),
            (&json!("order-view-1"), &json!("stock"))
        );
    }
}
