//! What is published, in which order, and what becomes of a batch when the topic refuses.

use std::sync::Mutex;

use aws_lambda_events::dynamodb::Event;
use serde_json::{Value, json};
use skald::CommitMessage;
use skald_lambda::Error;

use crate::{Entry, Relay, Topic, UNREADABLE};

/// Takes entries and remembers each request; refuses those that `refused` names, and does not answer if `unreachable`.
#[derive(Default)]
struct RecordingTopic {
    unreachable: bool,
    refused: Vec<&'static str>,
    requests: Mutex<Vec<Vec<Entry>>>,
}

impl Topic for &RecordingTopic {
    async fn publish(&self, entries: &[Entry]) -> Result<Vec<Result<(), String>>, Error> {
        self.requests.lock().unwrap().push(entries.to_vec());
        if self.unreachable {
            return Err("nobody answers".into());
        }
        let refuse = |entry: &Entry| self.refused.contains(&entry.deduplication_id.as_str());
        Ok(entries.iter().map(|entry| if refuse(entry) { Err("refused".to_owned()) } else { Ok(()) }).collect())
    }
}

impl RecordingTopic {
    /// The deduplication ids of each request.
    fn requests(&self) -> Vec<Vec<String>> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|request| request.iter().map(|entry| entry.deduplication_id.clone()).collect()).collect()
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

fn batch(records: &[Value]) -> Event {
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

#[tokio::test]
async fn a_commit_is_published_as_it_is_with_what_queues_filter_on() {
    let topic = RecordingTopic::default();
    // No order at all: the relay does not care.
    Relay::new(&topic).forward(batch(&[record("default/order-1", 1, "[ 1.50 ]")])).await.unwrap();
    let [entry] = topic.entries().try_into().unwrap();
    assert_eq!((entry.group.as_str(), entry.deduplication_id.as_str()), ("default/order-1", "default/order-1@1"));
    assert_eq!((entry.category.as_str(), entry.types.as_slice()), ("order", &["order.placed".to_owned()][..]));
    assert_eq!((entry.tenant.as_deref(), entry.correlation_id.as_deref()), (Some("default"), Some("corr-1")));
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
    Relay::new(&topic).forward(batch(&records)).await.unwrap();
    let expected: [&[&str]; 3] =
        [&["default/order-a@1", "default/order-b@1"], &["default/order-a@2"], &["default/order-a@3"]];
    assert_eq!(topic.requests(), expected);
}

#[tokio::test]
async fn a_refused_commit_stops_its_stream_and_fails_the_batch_while_others_go_on() {
    let topic = RecordingTopic { refused: vec!["default/order-a@1"], ..RecordingTopic::default() };
    let records = [
        record("default/order-a", 1, "{}"),
        record("default/order-a", 2, "{}"),
        record("default/order-b", 1, "{}"),
        record("default/order-b", 2, "{}"),
    ];
    let error = Relay::new(&topic).forward(batch(&records)).await.unwrap_err();
    assert!(error.to_string().starts_with("2 of 4 commits could not be published"), "{error}");
    let expected: [&[&str]; 2] = [&["default/order-a@1", "default/order-b@1"], &["default/order-b@2"]];
    assert_eq!(topic.requests(), expected);
}

#[tokio::test]
async fn a_topic_that_does_not_answer_is_asked_once_and_the_batch_fails() {
    let topic = RecordingTopic { unreachable: true, ..RecordingTopic::default() };
    let records: Vec<Value> = (0..25).map(|n| record(&format!("default/order-{n}"), 1, "{}")).collect();
    let error = Relay::new(&topic).forward(batch(&records)).await.unwrap_err();
    assert_eq!(error.to_string(), "25 of 25 commits could not be published, the first because: nobody answers");
    assert_eq!(topic.requests().len(), 1);
}

#[tokio::test]
async fn a_commit_that_was_changed_or_removed_is_told_of_and_never_relayed_as_one() {
    for name in ["MODIFY", "REMOVE"] {
        let topic = RecordingTopic::default();
        let mut changed = record("default/order-a", 1, "{}");
        changed["eventName"] = name.into();
        Relay::new(&topic).forward(batch(&[changed, record("default/order-a", 2, "{}")])).await.unwrap();
        let categories: Vec<String> = topic.entries().into_iter().map(|entry| entry.category).collect();
        assert_eq!(categories, [UNREADABLE, "order"]);
        assert!(topic.entries()[0].body.contains(name), "{}", topic.entries()[0].body);
    }
}

#[tokio::test]
async fn a_request_has_at_most_ten_entries_and_256_kib() {
    let topic = RecordingTopic::default();
    let small: Vec<Value> = (0..25).map(|n| record(&format!("default/order-{n}"), 1, "{}")).collect();
    Relay::new(&topic).forward(batch(&small)).await.unwrap();
    assert_eq!(topic.requests().iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);

    let topic = RecordingTopic::default();
    let data = format!("\"{}\"", "A".repeat(75_000));
    let large: Vec<Value> = (0..5).map(|n| record(&format!("default/order-{n}"), 1, &data)).collect();
    Relay::new(&topic).forward(batch(&large)).await.unwrap();
    assert_eq!(topic.requests().iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
}

#[tokio::test]
async fn a_commit_too_large_for_a_message_goes_as_a_hint() {
    let topic = RecordingTopic::default();
    let record = record("default/order-a", 7, &format!("\"{}\"", "A".repeat(180_000)));
    Relay::new(&topic).forward(batch(&[record])).await.unwrap();
    let message = CommitMessage::from_json(&topic.entries()[0].body).unwrap();
    assert_eq!((message.stream.name(), message.last.get(), message.commit), ("order-a", 7, None));
}

#[tokio::test]
async fn a_commit_that_cannot_be_read_goes_as_a_hint() {
    let topic = RecordingTopic::default();
    let mut record = record("default/order-a", 7, "{}");
    record["dynamodb"]["NewImage"]["encoding"] = json!({ "S": "from the future" });
    Relay::new(&topic).forward(batch(&[record])).await.unwrap();
    let [entry] = topic.entries().try_into().unwrap();
    assert_eq!(entry.category, "order");
    let message = CommitMessage::from_json(&entry.body).unwrap();
    assert_eq!((message.last.get(), message.commit), (7, None));
}

#[tokio::test]
async fn an_item_of_no_stream_is_set_aside_and_stops_nobody() {
    let topic = RecordingTopic::default();
    let records = [record("no stream's key", 1, "{}"), record("default/order-b", 1, "{}")];
    Relay::new(&topic).forward(batch(&records)).await.unwrap();
    let categories: Vec<String> = topic.entries().into_iter().map(|entry| entry.category).collect();
    assert_eq!(categories, [UNREADABLE, "order"]);
    assert!(topic.entries()[0].body.contains("no stream's key"));
}

#[tokio::test]
async fn ids_that_are_too_long_for_the_topic_become_digests_that_stay_apart() {
    let topic = RecordingTopic::default();
    let pk = format!("{}/stock-{}", "t".repeat(64), "s".repeat(80));
    Relay::new(&topic).forward(batch(&[record(&pk, 1, "{}"), record(&pk, 2, "{}")])).await.unwrap();
    let [first, second] = topic.entries().try_into().unwrap();
    assert_eq!(first.group, second.group);
    assert_ne!(first.deduplication_id, second.deduplication_id);
    assert!(first.group.len() <= 128 && first.deduplication_id.len() <= 128);
}
