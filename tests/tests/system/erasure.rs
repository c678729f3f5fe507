//! Personal data is never stored in the clear. After the person is erased, it is permanently gone,
//! from answers as well, and everything else is unchanged.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use system_tests::{Answer, LocalCloud, Traces, eventually, order_body};

/// The personal data of this test's customer. No other test uses these values.
const PERSONAL: [&str; 8] = [
    "Wilhelmina Zyx",
    "Wilhelmina",
    "wilhelmina@zyx.example",
    "zyx.example",
    "Nebelgasse 77",
    "Sturmhausen",
    "QX77Z",
    "tok_approved",
];

/// An order of this test's customer.
fn order_of_wilhelmina(sku: &str) -> Value {
    let mut body = order_body("c-wz", sku, 1);
    body["shipping_address"] = json!({
        "name": "Wilhelmina Zyx", "line1": "Nebelgasse 77", "city": "Sturmhausen",
        "postal_code": "QX77Z", "country": "DE",
    });
    body
}

async fn register(cloud: &LocalCloud) -> Answer {
    let person = json!({ "name": "Wilhelmina Zyx", "email": "wilhelmina@zyx.example" });
    cloud.api().put("/customers/c-wz", &person).await
}

async fn erase(cloud: &LocalCloud, customer: &str) -> Answer {
    cloud.api().send("DELETE", &format!("/customers/{customer}"), &[], None).await
}

/// Waits for messages in a queue, and returns them without removing them.
async fn waiting(cloud: &LocalCloud, queue: &str) -> Vec<String> {
    let client = aws_sdk_sqs::Client::new(&cloud.aws());
    eventually(&format!("a message in {queue}"), || async {
        let receive =
            client.receive_message().queue_url(cloud.resource(queue)).visibility_timeout(0);
        let messages =
            receive.max_number_of_messages(10).send().await.expect("the queue answers").messages;
        let bodies: Vec<String> =
            messages.unwrap_or_default().into_iter().filter_map(|message| message.body).collect();
        (!bodies.is_empty()).then_some(bodies)
    })
    .await
}

async fn send(cloud: &LocalCloud, group: &str, body: &Value) {
    let client = aws_sdk_sqs::Client::new(&cloud.aws());
    let message = client
        .send_message()
        .queue_url(cloud.resource("OrderViewQueue"))
        .message_body(body.to_string());
    message
        .message_group_id(group)
        .message_deduplication_id(group)
        .send()
        .await
        .expect("the message can be sent");
}

/// Asserts that no personal data is recorded anywhere. Also asserts that each of these places
/// contains the order's id, which shows that the search covers them.
#[track_caller]
fn assert_no_personal_data(traces: &Traces, order_id: &str, places: &[&str]) {
    for text in PERSONAL {
        assert_eq!(traces.places_with(text), [""; 0], "{text} is in the clear");
    }
    let found: BTreeSet<&str> = traces.places_with(order_id).into_iter().collect();
    let expected: BTreeSet<&str> = places.iter().copied().collect();
    assert!(found.is_superset(&expected), "the order id is only in {found:?}");
}

/// Places that contain the id of every order.
const PLACES: [&str; 6] =
    ["EventsTable", "EventsTable/commits", "OrderSaga", "OrderViewTable", "log", "messages"];

#[tokio::test]
async fn personal_data_is_never_in_the_clear_and_is_gone_after_the_erasure() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 10).await;
    let registered = register(&cloud).await.expect(201);
    assert_eq!(registered.body["name"], "Wilhelmina Zyx", "the answer shows the name");

    // While delivery is stopped, the view's messages can be read.
    cloud.deliver(cloud.resource("OrderView"), false).await;
    let placed = api.place("key-1", &order_of_wilhelmina("MUG-01")).await.expect(202);
    let id = placed.body["order_id"].as_str().expect("an id").to_owned();
    let messages = waiting(&cloud, "OrderViewQueue").await;
    // A message that cannot be applied becomes a dead letter unchanged. This one has the placed
    // order's events and names a stream that does not exist.
    let mut dead: Value = serde_json::from_str(&messages[0]).expect("JSON");
    assert_eq!(dead["commit"]["events"][0]["type"], "order.placed");
    dead["stream"] = json!("order-00000000-0000-4000-8000-000000000000");
    dead["version"] = json!(2);
    send(&cloud, "dead", &dead).await;
    cloud.deliver(cloud.resource("OrderView"), true).await;
    let dead_letters = waiting(&cloud, "OrderViewDeadLetters").await;
    let shown = api.in_view("c-wz", &id, 3).await;
    assert_eq!(
        (&shown["customer_name"], &shown["status"]),
        (&json!("Wilhelmina Zyx"), &json!("confirmed"))
    );
    let events = api.get(&format!("/orders/{id}/events")).await.expect(200).body;
    assert_eq!(events["events"][0]["data"]["shipping_address"]["line1"], "Nebelgasse 77");
    let read_if_changed = async || {
        let headers = [("if-none-match", "\"3\"")];
        api.send("GET", &format!("/orders/{id}"), &headers, None).await
    };
    let _unchanged = read_if_changed().await.expect(304);
    let mut other_address = order_of_wilhelmina("MUG-01");
    other_address["shipping_address"]["line1"] = json!("Nebelgasse 78");
    let _other = api.place("key-1", &other_address).await.expect(422);

    let traces = async || {
        let mut traces = Traces::read(&cloud).await;
        messages.iter().for_each(|message| traces.add_message("messages", message));
        dead_letters.iter().for_each(|message| traces.add_message("dead letters", message));
        traces
    };
    let before = traces().await;
    assert!(
        before.places_with("c-wz").contains(&"dead letters")
            && before.places_with("c-wz").contains(&"PersonKeysTable")
    );
    assert_no_personal_data(&before, &id, &PLACES);

    let erased = erase(&cloud, "c-wz").await.expect(204);
    assert_eq!(erased.body, Value::Null);
    assert_no_personal_data(&traces().await, &id, &PLACES);

    // Every read of the order (from the view, from the list, as a fold) shows it without the person
    // and otherwise unchanged.
    let mut nameless = shown;
    nameless["customer_name"] = Value::Null;
    assert_eq!(api.get(&format!("/orders/{id}")).await.expect(200).body, nameless);
    assert_eq!(
        read_if_changed().await.expect(200).body,
        nameless,
        "a client that has read the name is not answered with 304"
    );
    assert_eq!(api.get(&format!("/orders/{id}?as_of_version=3")).await.expect(200).body, nameless);
    assert_eq!(
        api.get("/customers/c-wz/orders").await.expect(200).body,
        json!({ "orders": [nameless] })
    );
    let mut nameless_events = events;
    for field in ["customer_name", "shipping_address"] {
        nameless_events["events"][0]["data"][field] = Value::Null;
    }
    assert_eq!(api.get(&format!("/orders/{id}/events")).await.expect(200).body, nameless_events);
    let repeated = api.place("key-1", &order_of_wilhelmina("MUG-01")).await.expect(202);
    assert_eq!(
        (repeated.header("idempotent-replayed"), &repeated.body),
        ("true", &placed.body),
        "a repeated request is still recognized"
    );

    // A rebuilt row does not have the person.
    let client = aws_sdk_dynamodb::Client::new(&cloud.aws());
    let (table, key) =
        (cloud.resource("OrderViewTable"), AttributeValue::S(format!("default/order-{id}")));
    client
        .delete_item()
        .table_name(table)
        .key("pk", key)
        .send()
        .await
        .expect("the row can be deleted");
    assert_eq!(api.get("/customers/c-wz/orders").await.expect(200).body, json!({ "orders": [] }));
    let hint =
        json!({ "tenant": "default", "stream": format!("order-{id}"), "version": 3, "count": 1 });
    send(&cloud, "rebuild", &hint).await;
    assert_eq!(api.in_view("c-wz", &id, 3).await, nameless);

    assert_erased_and_sound(&cloud).await;
}

/// Asserts that the erased id cannot be registered again, that other customers are not affected,
/// and that the store is sound.
async fn assert_erased_and_sound(cloud: &LocalCloud) {
    let api = cloud.api();
    let rejected = register(cloud).await.expect(409);
    assert!(
        rejected.body["detail"].as_str().is_some_and(|detail| detail.contains("another id")),
        "{:#}",
        rejected.body
    );
    let rejected = api.place("key-2", &order_of_wilhelmina("MUG-01")).await.expect(422);
    assert_eq!(rejected.pointers(), ["/customer_id"]);
    let _repeated = erase(cloud, "c-wz").await.expect(204);
    let _unknown = erase(cloud, "c-unknown").await.expect(404);
    let other = api.place("key-3", &order_body("c-1", "MUG-01", 1)).await.expect(202);
    let other = api.ended(other.body["order_id"].as_str().expect("an id")).await;
    assert_eq!(
        (&other["customer_name"], &other["status"]),
        (&json!("Jane Doe"), &json!("confirmed"))
    );
    let verified = cloud.skald(&["verify"]);
    assert_eq!(verified.status, 0, "{:#?}", verified.lines);
}

#[tokio::test]
async fn a_pending_order_is_cancelled_if_its_customer_is_erased() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-1", "MUG-01", 10).await;
    let _registered = register(&cloud).await.expect(201);
    cloud.deliver(cloud.resource("SagaStarter"), false).await;
    let placed = api.place("key-1", &order_of_wilhelmina("MUG-01")).await.expect(202);
    let id = placed.body["order_id"].as_str().expect("an id");
    let _erased = erase(&cloud, "c-wz").await.expect(204);
    cloud.deliver(cloud.resource("SagaStarter"), true).await;

    let order = api.ended(id).await;
    assert_eq!(
        (&order["status"], &order["cancel_reason"]),
        (&json!("cancelled"), &json!("customer_erased"))
    );
    assert_eq!(order["customer_name"], Value::Null);
    system_tests::Ledgers::read(&cloud).await.assert_equal();
    let stock = api.get("/stock/MUG-01").await.expect(200).body;
    assert_eq!((&stock["on_hand"], &stock["reserved"]), (&json!(10), &json!(0)));
}
