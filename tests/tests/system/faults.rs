//! Faults between the event store and the views: nothing is lost, and a message that cannot be
//! applied does not block others.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::Message;
use serde_json::json;
use system_tests::{
    LocalCloud, ThrottlingServer, change_body, commit, eventually, order_body, put_commit,
};

use crate::SHARED;

/// The maximum number of messages that a queue returns at once.
const MAX_MESSAGES: i32 = 10;

/// All messages in this queue. They stay in it for the other tests.
async fn messages(cloud: &LocalCloud, queue: &str) -> Vec<Message> {
    let client = aws_sdk_sqs::Client::new(&cloud.aws());
    let receive = client.receive_message().queue_url(cloud.resource(queue)).visibility_timeout(0);
    let receive = receive.max_number_of_messages(MAX_MESSAGES).message_attribute_names("All");
    let received = receive.send().await.expect("the queue answers").messages.unwrap_or_default();
    let is_all = received.len() < MAX_MESSAGES as usize;
    assert!(is_all, "{queue} may have more messages: give a test a cloud of its own");
    received
}

/// Waits for the message that `wanted` selects in this queue, and returns it.
async fn message(cloud: &LocalCloud, queue: &str, wanted: impl Fn(&Message) -> bool) -> Message {
    eventually(&format!("the message is in {queue}"), || async {
        messages(cloud, queue).await.into_iter().find(&wanted)
    })
    .await
}

/// Waits until a message with this body is among the dead letters of the order view, and returns
/// it.
async fn dead_letter(cloud: &LocalCloud, body: &str) -> Message {
    message(cloud, "OrderViewDeadLetters", |message| message.body() == Some(body)).await
}

async fn send(cloud: &LocalCloud, group: &str, body: &str) {
    let client = aws_sdk_sqs::Client::new(&cloud.aws());
    let message =
        client.send_message().queue_url(cloud.resource("OrderViewQueue")).message_body(body);
    message
        .message_group_id(group)
        .message_deduplication_id(group)
        .send()
        .await
        .expect("the message can be sent");
}

fn reason(message: &Message) -> &str {
    let reason = message.message_attributes().and_then(|attributes| attributes.get("reason"));
    reason.and_then(|reason| reason.string_value()).unwrap_or_default()
}

#[tokio::test]
async fn a_malformed_message_becomes_a_dead_letter_and_does_not_block_orders() {
    let cloud = SHARED.get().await;
    let api = cloud.api();
    api.set_up("c-poison", "MUG-POISON", 10).await;
    send(&cloud, "poison", "not a commit").await;
    for key in 0..5 {
        let placed = api
            .place(&format!("key-{key}"), &order_body("c-poison", "MUG-POISON", 1))
            .await
            .expect(202);
        let _row =
            api.in_view("c-poison", placed.body["order_id"].as_str().expect("an id"), 1).await;
    }
    let dead = dead_letter(&cloud, "not a commit").await;
    assert!(reason(&dead).starts_with("not a commit message"), "{}", reason(&dead));
}

/// The id of the order that `c-1` places with the key `key-1`. It depends on nothing else.
const ORDER: &str = "d7fb8aa7-48b3-5987-9978-7214c9b47c48";

fn hint(stream: &str, version: u64) -> String {
    json!({ "tenant": "default", "stream": stream, "version": version, "count": 1 }).to_string()
}

#[tokio::test]
async fn a_message_about_an_order_that_is_not_placed_yet_does_not_hide_it() {
    let cloud = SHARED.get().await;
    let api = cloud.api();
    api.set_up("c-1", "MUG-EARLY", 10).await;
    let premature = hint(&format!("order-{ORDER}"), 1);
    send(&cloud, "premature", &premature).await;
    let dead = dead_letter(&cloud, &premature).await;
    assert!(reason(&dead).contains("ends at version 0"), "{}", reason(&dead));

    let placed = api.place("key-1", &order_body("c-1", "MUG-EARLY", 1)).await.expect(202);
    assert_eq!(placed.body["order_id"], ORDER);
    let shown = api.in_view("c-1", ORDER, 3).await;
    assert_eq!((&shown["status"], shown.get("parked")), (&json!("confirmed"), None));

    // A message about a version that does not exist changes nothing either.
    let premature = hint(&format!("order-{ORDER}"), 9);
    send(&cloud, "premature-again", &premature).await;
    let _dead = dead_letter(&cloud, &premature).await;
    assert_eq!(api.get(&format!("/orders/{ORDER}")).await.expect(200).body, shown);
}

#[tokio::test]
async fn a_message_of_another_category_is_acknowledged_and_counted() {
    let cloud = SHARED.get().await;
    let foreign = hint("stock-MUG-01~0", 1);
    send(&cloud, "foreign", &foreign).await;
    eventually("the message is logged and counted", || async {
        let log = cloud.log();
        let has = |words: [&str; 2]| {
            log.lines().any(|line| words.into_iter().all(|word| line.contains(word)))
        };
        let is_logged = has(["WARN", "a category that this function does not follow"]);
        (is_logged && has(["CloudWatchMetrics", "ForeignMessages"])).then_some(())
    })
    .await;
    // The message is not a dead letter: only the message that is sent after it is one.
    send(&cloud, "after-foreign", "no commit either").await;
    let _dead = dead_letter(&cloud, "no commit either").await;
    let dead = messages(&cloud, "OrderViewDeadLetters").await;
    assert!(dead.iter().all(|message| message.body() != Some(foreign.as_str())), "{dead:?}");
}

#[tokio::test]
async fn an_order_that_cannot_be_applied_is_shown_as_parked_and_does_not_block_others() {
    let cloud = SHARED.get().await;
    let api = cloud.api();
    api.set_up("c-parked", "MUG-PARKED", 10).await;
    let placed = api.place("key-1", &order_body("c-parked", "MUG-PARKED", 1)).await.expect(202);
    let order_id = placed.body["order_id"].as_str().expect("an id");
    let before = api.in_view("c-parked", order_id, 3).await;

    // Write an event that the decider does not allow directly to the table.
    let mut item = commit(&cloud, &format!("order-{order_id}"), 3).await;
    let committed = json!([{ "type": "order.committed", "schema": 1, "data": {} }]);
    change_body(&mut item, |body| body["events"] = committed);
    item.insert("sk".to_owned(), AttributeValue::N("4".to_owned()));
    put_commit(&cloud, item).await;

    let _dead = message(&cloud, "OrderViewDeadLetters", |message| {
        reason(message).contains("order.committed at version 4")
    })
    .await;
    let parked = eventually("the order is shown as parked", || async {
        let mut page = api.get("/customers/c-parked/orders").await.expect(200).body;
        let order = page["orders"][0].take();
        order.get("parked").is_some().then_some(order)
    });
    let mut parked = parked.await;
    assert_eq!(api.get(&format!("/orders/{order_id}")).await.expect(200).body, parked);
    let mark = parked.as_object_mut().and_then(|order| order.remove("parked")).expect("a mark");
    assert_eq!(mark["step"], "order_view");
    assert!(mark["since"].is_string(), "{mark}");
    assert_eq!(parked, before, "unchanged otherwise");

    let placed = api.place("key-2", &order_body("c-parked", "MUG-PARKED", 1)).await.expect(202);
    let _row = api.in_view("c-parked", placed.body["order_id"].as_str().expect("an id"), 1).await;
}

#[tokio::test]
async fn an_overwritten_commit_is_reported() {
    let cloud = SHARED.get().await;
    let api = cloud.api();
    api.set_up("c-over", "MUG-OVER", 10).await;
    let mut item = commit(&cloud, "product-MUG-OVER", 1).await;
    let pk = item["pk"].as_s().expect("text").clone();
    item.insert("at".to_owned(), AttributeValue::S("2020-01-01T00:00:00.000Z".to_owned()));
    put_commit(&cloud, item).await;
    let _reported = message(&cloud, "UnreadableQueue", |message| {
        message.body().is_some_and(|body| body.contains("MODIFY") && body.contains(&pk))
    })
    .await;
}

#[tokio::test]
async fn a_relay_that_fails_temporarily_loses_no_event() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 100).await;
    let (relay, topic) = (cloud.resource("EventRelay"), cloud.resource("EventsTopic"));
    cloud.set_variable(relay, "EVENTS_TOPIC_ARN", &format!("{topic}-that-is-wrong.fifo")).await;

    let mut placed = Vec::new();
    for key in 0..20 {
        let answer =
            api.place(&format!("key-{key}"), &order_body("c-1", "MUG-01", 1)).await.expect(202);
        placed.push(answer.body["order_id"].as_str().expect("an id").to_owned());
    }
    eventually("the relay fails", || async {
        cloud.log().contains("were not published").then_some(())
    })
    .await;
    // The list does not show the orders yet, but they can be read by id.
    assert_eq!(api.get("/customers/c-1/orders").await.expect(200).body, json!({ "orders": [] }));
    for id in &placed {
        let read = api.get(&format!("/orders/{id}?min_version=1")).await.expect(200);
        assert_eq!(read.body["order_id"], *id);
    }

    cloud.set_variable(relay, "EVENTS_TOPIC_ARN", topic).await;
    for id in &placed {
        let row = api.in_view("c-1", id, 3).await;
        assert_eq!(row["status"], "confirmed", "the saga starts after the relay works again");
    }
}

#[tokio::test]
async fn a_throttled_store_is_retried_and_then_answered_with_503_and_retry_after() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 10).await;
    let throttling = ThrottlingServer::start().await;
    cloud
        .set_variable(
            cloud.resource("OrderCommands"),
            "AWS_ENDPOINT_URL_DYNAMODB",
            &throttling.url(),
        )
        .await;
    let body = order_body("c-1", "MUG-01", 1);
    let unavailable = api.place_once("key-1", &body).await.expect(503);
    assert_eq!(unavailable.header("retry-after"), "1");
    // The read of one stream is retried before the caller gets an answer.
    assert!(throttling.requests() > 1, "{} requests", throttling.requests());

    // The same call with the same key later places the order.
    let endpoint = cloud.endpoint();
    cloud
        .set_variable(cloud.resource("OrderCommands"), "AWS_ENDPOINT_URL_DYNAMODB", endpoint)
        .await;
    let placed = api.place("key-1", &body).await.expect(202);
    assert_eq!(placed.header("idempotent-replayed"), "", "the 503 wrote nothing");
}

#[tokio::test]
async fn an_item_that_is_too_large_for_the_topic_does_not_block_others() {
    let cloud = SHARED.get().await;
    let api = cloud.api();
    api.set_up("c-large", "MUG-LARGE", 10).await;
    // The type of this event is too long for a message and for an attribute. No other commit is in
    // its stream.
    let mut item = commit(&cloud, "product-MUG-LARGE", 1).await;
    change_body(&mut item, |body| body["events"][0]["type"] = "x".repeat(270_000).into());
    let key = "default/payment-00000000-0000-4000-8000-000000000000";
    item.insert("pk".to_owned(), AttributeValue::S(key.to_owned()));
    put_commit(&cloud, item).await;

    let placed = api.place("key-1", &order_body("c-large", "MUG-LARGE", 1)).await.expect(202);
    let _row = api.in_view("c-large", placed.body["order_id"].as_str().expect("an id"), 1).await;
    let log = cloud.log();
    let relayed = log.lines().find(|line| line.contains("relayed") && line.contains(key));
    assert!(relayed.is_some(), "the item was not relayed");
}
