//! The entries that are published, their order, and the result of a batch whose entries the topic
//! rejects.

use std::sync::Mutex;

use serde_json::{Value, json};
use skald::message::CommitMessage;

use crate::{Batch, Entry, Outcome, PublishError, Relay, Topic, UNREADABLE};

/// A topic that records each request. Its fields configure failures.
#[derive(Default)]
struct RecordingTopic {
    unreachable: bool,
    /// The ids of commits that are not accepted now.
    failed: Vec<&'static str>,
    /// Entries that are never accepted: those of this size or larger, and those that match this
    /// predicate.
    rejected_bytes: Option<usize>,
    rejects: Option<fn(&Entry) -> bool>,
    /// Whether a rejected entry rejects its whole request.
    as_a_whole: bool,
    /// Returns no outcome for the entries from this index on.
    silent_from: Option<usize>,
    requests: Mutex<Vec<Vec<Entry>>>,
}

impl Topic for &RecordingTopic {
    async fn publish(&self, entries: &[Entry]) -> Result<Vec<Outcome>, PublishError> {
        self.requests.lock().unwrap().push(entries.to_vec());
        if self.unreachable {
            return Err(PublishError::Unavailable("no answer".to_owned()));
        }
        let is_rejected = |entry: &Entry| {
            self.rejects.is_some_and(|rejects| rejects(entry))
                || self.rejected_bytes.is_some_and(|size_bytes| entry.size_bytes() >= size_bytes)
        };
        if self.as_a_whole && entries.iter().any(is_rejected) {
            return Err(PublishError::Rejected("too long".to_owned()));
        }
        let outcome = |entry: &Entry| match entry {
            entry if is_rejected(entry) => Outcome::Rejected("too long".to_owned()),
            entry if self.failed.contains(&entry.deduplication_id.as_str()) => {
                Outcome::Failed("later".to_owned())
            }
            _ => Outcome::Accepted,
        };
        Ok(entries.iter().take(self.silent_from.unwrap_or(usize::MAX)).map(outcome).collect())
    }
}

impl RecordingTopic {
    /// The deduplication ids of each request.
    fn requests(&self) -> Vec<Vec<String>> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .map(|request| request.iter().map(|entry| entry.deduplication_id.clone()).collect())
            .collect()
    }

    fn entries(&self) -> Vec<Entry> {
        self.requests.lock().unwrap().concat()
    }
}

fn record(pk: &str, version: u64, data: &str) -> Value {
    let image = json!({
        "pk": { "S": pk }, "sk": { "N": version.to_string() },
        "at": { "S": "2026-11-21T08:15:30.250Z" },
        "body": { "S": format!(
            concat!(
                r#"{{"commit":"0198d2a0-0000-7000-8000-000000000001","source":"tests","#,
                r#""correlation_id":"corr-1","actor":"operator","#,
                r#""events":[{{"type":"order.placed","schema":1,"data":{}}}]}}"#
            ),
            data
        ) },
    });
    let keys = json!({ "pk": image["pk"], "sk": image["sk"] });
    json!({
        "awsRegion": "eu-central-1", "eventID": format!("{pk}-{version}"), "eventName": "INSERT",
        "dynamodb": {
            "ApproximateCreationDateTime": 1763712930.0, "Keys": keys, "NewImage": image,
            "SequenceNumber": "1", "SizeBytes": 100, "StreamViewType": "NEW_IMAGE",
        },
    })
}

fn batch(records: &[Value]) -> Batch {
    // The runtime delivers a batch in this form.
    let json = json!({ "Records": records }).to_string();
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(&json)).unwrap()
}

#[tokio::test]
async fn a_commit_is_published_unchanged_with_the_attributes_that_queues_filter_on() {
    let topic = RecordingTopic::default();
    // The data is valid JSON but not an `order.placed`: the relay does not decode it.
    Relay::new(&topic).forward(&batch(&[record("default/order-1", 1, "[ 1.50 ]")])).await.unwrap();
    let [entry] = topic.entries().try_into().unwrap();
    assert_eq!(
        (entry.group.as_str(), entry.deduplication_id.as_str()),
        ("default/order-1", "default/order-1@1")
    );
    assert_eq!(
        (entry.category.as_str(), entry.types.as_slice()),
        ("order", &["order.placed".to_owned()][..])
    );
    assert_eq!(
        (entry.tenant.as_deref(), entry.correlation_id.as_deref()),
        (Some("default"), Some("corr-1"))
    );
    let commit = CommitMessage::from_json(&entry.body).unwrap().commit.unwrap();
    assert_eq!(commit.events[0].data, b"[ 1.50 ]");
}

#[tokio::test]
async fn two_commits_of_a_stream_never_share_a_request_and_stay_in_order() {
    let topic = RecordingTopic::default();
    let records = [
        record("default/order-a", 1, "{}"),
        record("default/order-a", 2, "{}"),
        record("default/order-b", 1, "{}"),
        record("default/order-a", 3, "{}"),
    ];
    Relay::new(&topic).forward(&batch(&records)).await.unwrap();
    let expected: [&[&str]; 3] = [
        &["default/order-a@1", "default/order-b@1"],
        &["default/order-a@2"],
        &["default/order-a@3"],
    ];
    assert_eq!(topic.requests(), expected);
}

#[tokio::test]
async fn a_rejected_commit_stops_its_stream_and_fails_the_batch_while_other_streams_continue() {
    let topic = RecordingTopic { failed: vec!["default/order-a@1"], ..RecordingTopic::default() };
    let records = [
        record("default/order-a", 1, "{}"),
        record("default/order-a", 2, "{}"),
        record("default/order-b", 1, "{}"),
        record("default/order-b", 2, "{}"),
    ];
    let error = Relay::new(&topic).forward(&batch(&records)).await.unwrap_err();
    assert!(error.to_string().starts_with("2 of 4 commits were not published"), "{error}");
    let expected: [&[&str]; 2] =
        [&["default/order-a@1", "default/order-b@1"], &["default/order-b@2"]];
    assert_eq!(topic.requests(), expected);
}

#[tokio::test]
async fn a_topic_that_does_not_answer_is_called_once_and_the_batch_fails() {
    let topic = RecordingTopic { unreachable: true, ..RecordingTopic::default() };
    let records: Vec<Value> =
        (0..25).map(|n| record(&format!("default/order-{n}"), 1, "{}")).collect();
    let error = Relay::new(&topic).forward(&batch(&records)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "25 of 25 commits were not published; the first failure: no answer"
    );
    assert_eq!(topic.requests().len(), 1);
}

#[tokio::test]
async fn a_commit_that_was_changed_or_removed_is_published_as_unreadable() {
    for name in ["MODIFY", "REMOVE"] {
        let topic = RecordingTopic::default();
        let mut changed = record("default/order-a", 1, "{}");
        changed["eventName"] = name.into();
        Relay::new(&topic)
            .forward(&batch(&[changed, record("default/order-a", 2, "{}")]))
            .await
            .unwrap();
        let categories: Vec<String> =
            topic.entries().into_iter().map(|entry| entry.category).collect();
        assert_eq!(categories, [UNREADABLE, "order"]);
        assert!(topic.entries()[0].body.contains(name), "{}", topic.entries()[0].body);
    }
}

#[tokio::test]
async fn a_request_has_at_most_ten_entries_and_256_kib() {
    let topic = RecordingTopic::default();
    let small: Vec<Value> =
        (0..25).map(|n| record(&format!("default/order-{n}"), 1, "{}")).collect();
    Relay::new(&topic).forward(&batch(&small)).await.unwrap();
    assert_eq!(topic.requests().iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);

    let topic = RecordingTopic::default();
    let data = format!("\"{}\"", "A".repeat(75_000));
    let large: Vec<Value> =
        (0..5).map(|n| record(&format!("default/order-{n}"), 1, &data)).collect();
    Relay::new(&topic).forward(&batch(&large)).await.unwrap();
    assert_eq!(topic.requests().iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
}

#[tokio::test]
async fn a_commit_too_large_for_a_message_is_published_as_a_hint() {
    let topic = RecordingTopic::default();
    let record = record("default/order-a", 7, &format!("\"{}\"", "A".repeat(180_000)));
    Relay::new(&topic).forward(&batch(&[record])).await.unwrap();
    let message = CommitMessage::from_json(&topic.entries()[0].body).unwrap();
    assert_eq!((message.stream.name(), message.last.get(), message.commit), ("order-a", 7, None));
}

#[tokio::test]
async fn a_commit_that_cannot_be_read_is_published_as_a_hint() {
    let topic = RecordingTopic::default();
    let mut record = record("default/order-a", 7, "{}");
    record["dynamodb"]["NewImage"]["encoding"] = json!({ "S": "from the future" });
    Relay::new(&topic).forward(&batch(&[record])).await.unwrap();
    let [entry] = topic.entries().try_into().unwrap();
    assert_eq!(entry.category, "order");
    let message = CommitMessage::from_json(&entry.body).unwrap();
    assert_eq!((message.last.get(), message.commit), (7, None));
}

#[tokio::test]
async fn an_item_without_a_stream_is_published_as_unreadable_and_does_not_stop_others() {
    let topic = RecordingTopic::default();
    let records = [record("no stream's key", 1, "{}"), record("default/order-b", 1, "{}")];
    Relay::new(&topic).forward(&batch(&records)).await.unwrap();
    let categories: Vec<String> = topic.entries().into_iter().map(|entry| entry.category).collect();
    assert_eq!(categories, [UNREADABLE, "order"]);
    assert!(topic.entries()[0].body.contains("no stream's key"));
}

#[tokio::test]
async fn ids_that_are_too_long_for_the_topic_become_distinct_digests() {
    let topic = RecordingTopic::default();
    let pk = format!("{}/stock-{}", "t".repeat(64), "s".repeat(80));
    Relay::new(&topic)
        .forward(&batch(&[record(&pk, 1, "{}"), record(&pk, 2, "{}")]))
        .await
        .unwrap();
    let [first, second] = topic.entries().try_into().unwrap();
    assert_eq!(first.group, second.group);
    assert_ne!(first.deduplication_id, second.deduplication_id);
    assert!(first.group.len() <= 128 && first.deduplication_id.len() <= 128);
}

/// A record with an event type that is too long for any attribute.
fn overlong(pk: &str) -> Value {
    let mut record = record(pk, 1, "{}");
    let body = &mut record["dynamodb"]["NewImage"]["body"]["S"];
    *body = body.as_str().unwrap().replace("order.placed", &"x".repeat(270_000)).into();
    record
}

#[tokio::test]
async fn a_bare_hint_omits_a_type_that_is_too_long_for_a_message() {
    let topic = RecordingTopic { rejected_bytes: Some(256 * 1024), ..RecordingTopic::default() };
    Relay::new(&topic).forward(&batch(&[overlong("default/order-a")])).await.unwrap();
    let [entry] = topic.entries().try_into().unwrap();
    assert_eq!((entry.category.as_str(), entry.types.len()), ("order", 0));
    let message = CommitMessage::from_json(&entry.body).unwrap();
    assert_eq!((message.stream.name(), message.last.get(), message.commit), ("order-a", 1, None));
}

/// A predicate for the entries that the topic rejects, and the messages of the stream that still
/// arrive: the category of each, and whether it contains the commit.
type Case = (fn(&Entry) -> bool, &'static [(&'static str, bool)]);

#[tokio::test]
async fn an_entry_that_is_permanently_rejected_is_sent_in_a_plainer_form() {
    let records = || {
        let mut records =
            vec![record("default/order-a", 1, "{}"), record("default/order-a", 2, "{}")];
        records.extend((0..12).map(|n| record(&format!("default/stock-{n}"), 1, "{}")));
        batch(&records)
    };
    // Which messages of order-a arrive. All other commits arrive once.
    let cases: [Case; 4] = [
        (|_| false, &[("order", true), ("order", true)]),
        (
            |entry| entry.group == "default/order-a" && entry.tenant.is_some(),
            &[("order", false), ("order", false)],
        ),
        (
            |entry| entry.deduplication_id == "default/order-a@1" && entry.tenant.is_some(),
            &[("order", false), ("order", true)],
        ),
        (
            |entry| entry.deduplication_id == "default/order-a@1",
            &[("unreadable", false), ("order", true)],
        ),
    ];
    for (case, (rejects, arrived)) in cases.into_iter().enumerate() {
        for as_a_whole in [false, true] {
            let topic =
                RecordingTopic { rejects: Some(rejects), as_a_whole, ..RecordingTopic::default() };
            Relay::new(&topic).forward(&records()).await.unwrap();
            let requests = topic.requests.lock().unwrap();
            let sent =
                requests.iter().filter(|request| !as_a_whole || !request.iter().any(rejects));
            let accepted: Vec<&Entry> = sent.flatten().filter(|entry| !rejects(entry)).collect();
            let others = accepted.iter().filter(|entry| entry.category == "stock").count();
            assert_eq!((accepted.len(), others), (14, 12), "case {case}, {as_a_whole}");
            let whole = |entry: &Entry| {
                CommitMessage::from_json(&entry.body).is_ok_and(|message| message.commit.is_some())
            };
            let accepted = accepted.into_iter().filter(|entry| entry.category != "stock");
            let accepted: Vec<_> =
                accepted.map(|entry| (entry.category.as_str(), whole(entry))).collect();
            assert_eq!(accepted, arrived, "case {case}, {as_a_whole}");
            assert!(requests.len() < 20, "case {case}, {as_a_whole}: {} requests", requests.len());
        }
    }
}

#[tokio::test]
async fn a_topic_that_rejects_everything_fails_the_batch_after_a_few_requests() {
    for as_a_whole in [false, true] {
        let topic =
            RecordingTopic { rejects: Some(|_| true), as_a_whole, ..RecordingTopic::default() };
        let records: Vec<Value> =
            (0..50).map(|n| record(&format!("default/order-{n}"), 1, "{}")).collect();
        let error = Relay::new(&topic).forward(&batch(&records)).await.unwrap_err();
        assert!(error.to_string().starts_with("50 of 50 commits were not published"), "{error}");
        assert!(topic.requests().len() < 40, "{} requests", topic.requests().len());
    }
}

#[tokio::test]
async fn an_entry_without_an_outcome_counts_as_not_accepted() {
    let topic = RecordingTopic { silent_from: Some(1), ..RecordingTopic::default() };
    let records = [
        record("default/order-a", 1, "{}"),
        record("default/order-b", 1, "{}"),
        record("default/order-b", 2, "{}"),
    ];
    let error = Relay::new(&topic).forward(&batch(&records)).await.unwrap_err();
    assert!(error.to_string().starts_with("2 of 3 commits were not published"), "{error}");
    assert_eq!(topic.requests(), [["default/order-a@1", "default/order-b@1"]]);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_does_not_fail_others() {
    let topic = RecordingTopic::default();
    let mut malformed =
        vec![json!(null), json!(7), json!({}), json!({ "dynamodb": [] }), json!({ "eventID": 1 })];
    // The image of this record cannot be read, but its keys can.
    let mut image = record("default/order-a", 7, "{}");
    image["dynamodb"]["NewImage"]["body"] = json!({ "N": 5 });
    malformed.extend([image, record("default/order-b", 1, "{}")]);
    Relay::new(&topic).forward(&batch(&malformed)).await.unwrap();
    let mut categories: Vec<String> =
        topic.entries().into_iter().map(|entry| entry.category).collect();
    categories.sort();
    assert_eq!(
        categories,
        ["order", "order", UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE]
    );
    let ids: std::collections::BTreeSet<_> =
        topic.entries().into_iter().map(|entry| entry.deduplication_id).collect();
    assert_eq!(ids.len(), 7, "the topic drops a second entry with the same id");
}

#[tokio::test]
async fn an_entry_contains_only_characters_that_queues_accept() {
    let topic = RecordingTopic::default();
    let mut noncharacter = record("default/order-a", 1, "{}");
    let body = &mut noncharacter["dynamodb"]["NewImage"]["body"]["S"];
    *body = body
        .as_str()
        .unwrap()
        .replace("order.placed", "\u{ffff}")
        .replace("\"tests\"", "\"\u{fffe}\"")
        .into();
    let mut removed = record("dëfault/\u{ffff}", 1, "{}");
    removed["eventID"] = json!("with space");
    Relay::new(&topic).forward(&batch(&[noncharacter, removed])).await.unwrap();
    for entry in topic.entries() {
        let attributes: String =
            entry.attributes().into_iter().map(|(_, _, value)| value.into_owned()).collect();
        assert!(
            !format!("{}{attributes}", entry.body).contains(['\u{fffe}', '\u{ffff}']),
            "{entry:?}"
        );
        assert!(entry.deduplication_id.bytes().all(|byte| byte.is_ascii_graphic()), "{entry:?}");
        if entry.category == UNREADABLE {
            assert!(entry.body.is_ascii(), "{entry:?}");
            let body: Value = serde_json::from_str(&entry.body).unwrap();
            assert_eq!(body["keys"]["pk"]["S"], "dëfault/\u{ffff}");
        } else {
            let commit = CommitMessage::from_json(&entry.body).unwrap().commit.unwrap();
            assert_eq!(
                (commit.context.source.as_str(), entry.types.as_slice()),
                ("\u{fffe}", &["\u{ffff}".to_owned()][..])
            );
        }
    }
}
