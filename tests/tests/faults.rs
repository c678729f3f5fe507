//! What breaks on the way: nothing is lost, and what cannot be applied stands in nobody's way.

use aws_sdk_sqs::types::Message;
use serde_json::json;
use system_tests::{LocalCloud, ThrottlingServer, eventually, order_body, scan};

/// The first message in this queue.
async fn first_message(cloud: &LocalCloud, queue_url: &str) -> Message {
    let client = aws_sdk_sqs::Client::new(&cloud.aws());
    eventually("a message in the dead-letter queue", || async {
        let receive = client.receive_message().queue_url(queue_url).message_attribute_names("All");
        receive.send().await.expect("the queue answers").messages.unwrap_or_default().into_iter().next()
    })
    .await
}

async fn send(cloud: &LocalCloud, group: &str, body: &str) {
    let client = aws_sdk_sqs::Client::new(&cloud.aws());
    let message = client.send_message().queue_url(cloud.output("OrderViewQueueUrl")).message_body(body);
    message.message_group_id(group).message_deduplication_id(group).send().await.expect("the queue takes the message");
}

fn reason(message: &Message) -> &str {
    let reason = message.message_attributes().and_then(|attributes| attributes.get("reason"));
    reason.and_then(|reason| reason.string_value()).unwrap_or_default()
}

#[tokio::test]
async fn a_message_that_is_none_ends_in_the_dead_letters_while_orders_flow() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 10).await;
    send(&cloud, "poison", "not a commit").await;
    for key in 0..5 {
        let placed = api.place(&format!("key-{key}"), &order_body("c-1", "MUG-01", 1)).await.expect(202);
        let _row = api.in_view("c-1", placed.body["order_id"].as_str().expect("an id"), 1).await;
    }
    let dead = first_message(&cloud, cloud.output("OrderViewDeadLettersUrl")).await;
    assert_eq!(dead.body(), Some("not a commit"), "as it was");
    assert!(reason(&dead).starts_with("not a commit message"), "{}", reason(&dead));
}

#[tokio::test]
async fn a_stream_that_cannot_be_applied_is_parked_while_others_flow() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 10).await;
    // A message that tells of an event which the event store does not have.
    let stream = "order-00000000-0000-4000-8000-000000000000";
    let lie = json!({ "tenant": "default", "stream": stream, "version": 7, "count": 1 }).to_string();
    send(&cloud, "lie", &lie).await;
    let dead = first_message(&cloud, cloud.output("OrderViewDeadLettersUrl")).await;
    assert_eq!(dead.body(), Some(lie.as_str()));
    assert!(reason(&dead).contains("ends at version 0"), "{}", reason(&dead));

    let client = aws_sdk_dynamodb::Client::new(&cloud.aws());
    let key = aws_sdk_dynamodb::types::AttributeValue::S(format!("default/{stream}"));
    let parked = eventually("the row is parked", || async {
        let row = client
            .get_item()
            .table_name(cloud.output("OrderViewTableName"))
            .key("pk", key.clone())
            .consistent_read(true);
        row.send().await.expect("the table answers").item?.remove("parked")
    });
    let parked = parked.await;
    let parked = parked.as_m().expect("why and since when");
    assert!(parked["reason"].as_s().is_ok_and(|reason| reason.contains("ends at version 0")), "{parked:?}");

    let placed = api.place("key-1", &order_body("c-1", "MUG-01", 1)).await.expect(202);
    let _row = api.in_view("c-1", placed.body["order_id"].as_str().expect("an id"), 1).await;
}

#[tokio::test]
async fn a_parked_order_is_still_answered_as_it_is() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 10).await;
    let placed = api.place("key-1", &order_body("c-1", "MUG-01", 1)).await.expect(202);
    let id = placed.body["order_id"].as_str().expect("an id").to_owned();
    let before = api.in_view("c-1", &id, 3).await;
    let lie = json!({ "tenant": "default", "stream": format!("order-{id}"), "version": 7, "count": 1 }).to_string();
    send(&cloud, "lie", &lie).await;
    let _dead = first_message(&cloud, cloud.output("OrderViewDeadLettersUrl")).await;
    assert_eq!(api.get(&format!("/orders/{id}?min_version=3")).await.expect(200).body, before);
    assert_eq!(api.get("/customers/c-1/orders").await.expect(200).body["orders"], json!([before]));
}

#[tokio::test]
async fn a_commit_that_is_overwritten_does_not_go_unnoticed() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 10).await;
    let client = aws_sdk_dynamodb::Client::new(&cloud.aws());
    let table = cloud.output("EventsTableName");
    let mut item = scan(&cloud, "EventsTableName").await.into_iter().next().expect("there are commits");
    let pk = item["pk"].as_s().expect("text").clone();
    item.insert("at".to_owned(), aws_sdk_dynamodb::types::AttributeValue::S("2020-01-01T00:00:00.000Z".to_owned()));
    client.put_item().table_name(table).set_item(Some(item)).send().await.expect("somebody else may do it");
    let told = first_message(&cloud, cloud.output("UnreadableQueueUrl")).await;
    let body = told.body().unwrap_or_default();
    assert!(body.contains("MODIFY") && body.contains(&pk), "{body}");
}

#[tokio::test]
async fn a_relay_that_fails_for_a_while_loses_nothing() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 100).await;
    let (relay, topic) = (cloud.output("EventRelayName"), cloud.output("EventsTopicArn"));
    cloud.set_variable(relay, "EVENTS_TOPIC_ARN", &format!("{topic}-that-is-wrong.fifo")).await;

    let mut placed = Vec::new();
    for key in 0..20 {
        let answer = api.place(&format!("key-{key}"), &order_body("c-1", "MUG-01", 1)).await.expect(202);
        placed.push(answer.body["order_id"].as_str().expect("an id").to_owned());
    }
    eventually("the relay fails", || async { cloud.log().contains("could not be published").then_some(()) }).await;
    // Nobody sees them in a list, and everybody who knows them can read them.
    assert_eq!(api.get("/customers/c-1/orders").await.expect(200).body, json!({ "orders": [] }));
    for id in &placed {
        let read = api.get(&format!("/orders/{id}?min_version=1")).await.expect(200);
        assert_eq!(read.body["order_id"], *id);
    }

    cloud.set_variable(relay, "EVENTS_TOPIC_ARN", topic).await;
    for id in &placed {
        let row = api.in_view("c-1", id, 3).await;
        assert_eq!(row["status"], "confirmed", "the saga starts late, and starts");
    }
}

#[tokio::test]
async fn a_throttled_store_is_tried_again_and_then_a_503_that_says_when_to_come_back() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 10).await;
    let throttling = ThrottlingServer::start().await;
    cloud.set_variable(cloud.output("OrderCommandsName"), "AWS_ENDPOINT_URL_DYNAMODB", &throttling.url()).await;
    let body = order_body("c-1", "MUG-01", 1);
    let refused = api.place("key-1", &body).await.expect(503);
    assert_eq!(refused.header("retry-after"), "1");
    // One stream is read, and tried more than once, with pauses, before the caller hears of it.
    assert!(throttling.requests() > 1, "{} requests", throttling.requests());

    // The same call with the same key, later: the order is placed, once.
    let cloud_itself = cloud.endpoint();
    cloud.set_variable(cloud.output("OrderCommandsName"), "AWS_ENDPOINT_URL_DYNAMODB", cloud_itself).await;
    let placed = api.place("key-1", &body).await.expect(202);
    assert_eq!(placed.header("idempotent-replayed"), "", "nothing was written when it was refused");
}
