//! Counting snapshots that were due and are left out.
//!
//! The count is a metric in `CloudWatch`, `SnapshotsLeftOut` in the namespace `Skald`, by category.
//! It is a log line in the embedded metric format (see "Embedding metrics within logs" in the
//! `CloudWatch` guide), which costs no call and needs no permission.

use serde_json::{Value, json};
use skald::{LeftOut, StreamId, Timestamp};

/// Logs and counts a commit that was appended to this stream without the snapshot that was due.
#[expect(clippy::print_stdout, reason = "CloudWatch finds a metric only in a line that holds nothing else")]
pub(crate) fn count(stream: &StreamId, why: LeftOut, now: Timestamp) {
    tracing::warn!(%stream, %why, "a snapshot is left out");
    println!("{}", metric(stream, why, now));
}

fn metric(stream: &StreamId, why: LeftOut, now: Timestamp) -> Value {
    let metrics = json!([{ "Name": "SnapshotsLeftOut", "Unit": "Count" }]);
    json!({
        "_aws": {
            "Timestamp": now.as_millis(),
            "CloudWatchMetrics": [{ "Namespace": "Skald", "Dimensions": [["Category"]], "Metrics": metrics }],
        },
        "Category": stream.category(),
        "SnapshotsLeftOut": 1,
        "stream": stream.key(),
        "why": why.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `CloudWatch` silently ignores a malformed line.
    #[test]
    fn a_snapshot_that_is_left_out_is_a_metric_by_category() {
        let stream = "default/stock-MUG-01~0".parse().unwrap();
        let line = metric(
            &stream,
            LeftOut::TooLarge { size_bytes: 70_000 },
            Timestamp::from_millis(1_795_000_000_000).unwrap(),
        );
        let declared = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(line["_aws"]["Timestamp"], json!(1_795_000_000_000_u64));
        assert_eq!(declared["Namespace"], "Skald");
        for name in [&declared["Dimensions"][0][0], &declared["Metrics"][0]["Name"]] {
            assert!(!line[name.as_str().unwrap()].is_null(), "{name} is declared and has no value");
        }
        assert_eq!((&line["Category"], &line["SnapshotsLeftOut"]), (&json!("stock"), &json!(1)));
        assert_eq!(line["why"], "the commit would be 70000 bytes with it: at most 65536 are kept");
    }
}
