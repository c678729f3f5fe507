//! The path of an order: placed over HTTP, stored, relayed, completed, visible in the view.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use system_tests::{Ledgers, LocalCloud, change_body, commit, eventually, order_body, put_commit};

use crate::SHARED;

/// The types of the events on this page.
fn types(page: &Value) -> Vec<&str> {
    let events = page["events"].as_array().into_iter().flatten();
    events.filter_map(|event| event["event_type"].as_str()).collect()
}

#[tokio::test]
async fn the_order_of_the_demo_is_completed() {
    let cloud = SHARED.get().await;
    let api = cloud.api();
    api.set_up("c-demo", "MUG-DEMO", 10).await;
    let mut body = order_body("c-demo", "MUG-DEMO", 2);
    body["expected_total"] = json!({ "amount_minor": 2500, "currency": "EUR" });
    let headers = [("idempotency-key", "demo"), ("x-correlation-id", "demo-1")];
    let placed = api.send("POST", "/orders", &headers, Some(body.to_string())).await.expect(202);

    let id = placed.body["order_id"].as_str().expect("an order id").to_owned();
    let total = json!({ "amount_minor": 2500, "currency": "EUR" });
    assert_eq!(
        placed.body,
        json!({ "order_id": id, "status": "pending", "version": 1, "total": total })
    );
    assert_eq!(placed.header("location"), format!("/orders/{id}"));
    assert_eq!(placed.header("etag"), "\"1\"");
    assert_eq!(placed.header("x-correlation-id"), "demo-1");
    assert_eq!(placed.header("idempotent-replayed"), "");

    // A read of the Location never gives 404, even if the view does not have the order yet.
    let _read = api.get(placed.header("location")).await.expect(200);
    let in_view = api.in_view("c-demo", &id, 3).await;
    let fold = api.get(&format!("/orders/{id}?as_of_version=3")).await.expect(200);
    assert_eq!(fold.body, in_view, "the fold and the view show the same order");
    assert_eq!(in_view["customer_name"], "Jane Doe");
    assert_eq!(in_view["status"], "confirmed");
    assert_eq!(in_view["cancel_reason"], Value::Null);
    let unit_price = json!({ "amount_minor": 1250, "currency": "EUR" });
    let line = json!({
        "sku": "MUG-DEMO", "name": "Product MUG-DEMO", "quantity": 2,
        "unit_price": unit_price, "line_total": total,
    });
    assert_eq!(in_view["items"], json!([line]));

    let events = api.get(&format!("/orders/{id}/events")).await.expect(200).body;
    assert_eq!(types(&events), ["order.placed", "order.committed", "order.confirmed"]);
    let correlation_ids = events["events"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| event["correlation_id"].as_str());
    assert!(
        correlation_ids.into_iter().all(|id| id == Some("demo-1")),
        "not the caller's correlation id: {events}"
    );
    let event = &events["events"][0];
    assert_eq!(event["stream"], format!("order-{id}"));
    assert_eq!(event["data"]["shipping_address"]["city"], "Berlin");
    assert!(
        !events.to_string().contains("tok_approved"),
        "the answer contains a payment token: {events}"
    );
    assert_eq!(events.get("next_cursor"), None);

    let stock = eventually("the goods are held", || async {
        Some(api.get("/stock/MUG-DEMO").await.expect(200).body)
            .filter(|stock| stock["reserved"] == 2)
    });
    assert_eq!(
        stock.await,
        json!({ "sku": "MUG-DEMO", "on_hand": 10, "reserved": 2, "available": 8 })
    );

    // The log shows the whole path under the caller's correlation id, and contains no personal
    // data.
    for word in ["answered", "relayed", "applied"] {
        let line = |line: &str| line.contains("demo-1") && line.contains(word);
        eventually(&format!("the log has a line of the call with {word}"), || async {
            cloud.log().lines().any(line).then_some(())
        })
        .await;
    }
    let log = cloud.log();
    for personal in ["tok_approved", "Jane", "Am Ufer", "jane@example.com"] {
        assert!(!log.contains(personal), "{personal} is in the log");
    }
}

#[tokio::test]
async fn a_repeated_request_reads_only_its_order() {
    let cloud = SHARED.get().await;
    let api = cloud.api();
    api.set_up("c-again", "MUG-AGAIN", 10).await;
    let body = order_body("c-again", "MUG-AGAIN", 2);
    let first = api.place("key-1", &body).await.expect(202);
    let id = first.body["order_id"].as_str().expect("an id").to_owned();
    // A newer release has appended events that this release does not know to the product and to the
    // order.
    let last = api.ended(&id).await["version"].as_u64().expect("a version");
    for (stream, version) in
        [("product-MUG-AGAIN".to_owned(), 2), (format!("order-{id}"), last + 1)]
    {
        let mut item = commit(&cloud, &stream, 1).await;
        item.insert("sk".to_owned(), AttributeValue::N(version.to_string()));
        change_body(&mut item, |body| {
            body["events"][0]["type"] = json!("order.from_the_future");
            // A state that this release knows would replace the event.
            body.as_object_mut().expect("an object").remove("snapshot");
        });
        put_commit(&cloud, item).await;
    }
    let again = api.place("key-1", &body).await.expect(202);
    assert_eq!(
        (again.body, again.headers["idempotent-replayed"].as_bytes()),
        (first.body, &b"true"[..])
    );
    let new = api.place_once("key-2", &body).await.expect(503);
    assert_eq!(
        new.header("retry-after"),
        "1",
        "a new order needs the product, which this release cannot read"
    );
}

#[tokio::test]
async fn an_idempotency_key_identifies_one_order() {
    let cloud = SHARED.get().await;
    let api = cloud.api();
    api.set_up("c-key", "MUG-KEY", 10).await;
    api.set_up("c-other", "TEE-KEY", 10).await;
    let body = order_body("c-key", "MUG-KEY", 2);

    // Repeated concurrently.
    let calls = (0..8).map(|_| {
        let (api, body) = (api.clone(), body.clone());
        tokio::spawn(async move { api.place("key-1", &body).await.expect(202) })
    });
    let mut answers = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answers.push(call.await.expect("the call ends"));
    }
    let bodies: BTreeSet<String> = answers.iter().map(|answer| answer.body.to_string()).collect();
    assert_eq!(bodies.len(), 1, "the answers are for one order: {bodies:?}");
    let first = answers.iter().filter(|answer| answer.header("idempotent-replayed").is_empty());
    assert_eq!(first.count(), 1, "all answers but one are repeats");

    // Repeated after the price has changed and the product is withdrawn.
    let price = json!({ "amount_minor": 9900, "currency": "EUR" });
    let _repriced = api
        .put("/products/MUG-KEY", &json!({ "name": "Expensive mug", "unit_price": price }))
        .await
        .expect(200);
    let _withdrawn = api.send("DELETE", "/products/MUG-KEY", &[], None).await.expect(204);
    let later = api.place("key-1", &body).await.expect(202);
    assert_eq!(later.body, answers[0].body);
    assert_eq!(later.header("idempotent-replayed"), "true");
    assert_eq!(later.header("location"), answers[0].header("location"));
    assert_eq!(later.header("etag"), "\"1\"");

    // The same content in another format is the same request.
    let spaced = serde_json::to_string_pretty(&body).expect("JSON");
    let same = api
        .send("POST", "/orders", &[("idempotency-key", "key-1")], Some(spaced))
        .await
        .expect(202);
    assert_eq!(same.body, answers[0].body);

    // A request with another body is rejected, and the order is unchanged.
    let _other = api.place("key-1", &order_body("c-key", "MUG-KEY", 3)).await.expect(422);
    let id = answers[0].body["order_id"].as_str().expect("an order id");
    let events = api.get(&format!("/orders/{id}/events")).await.expect(200).body;
    assert_eq!(types(&events).iter().filter(|name| **name == "order.placed").count(), 1);

    // The same key of another customer is a different key.
    let others = api.place("key-1", &order_body("c-other", "TEE-KEY", 2)).await.expect(202);
    assert_ne!(others.body["order_id"], answers[0].body["order_id"]);
}

#[tokio::test]
async fn a_rejected_request_can_be_repeated_with_the_same_key() {
    let cloud = SHARED.get().await;
    let api = cloud.api();
    api.set_up("c-new", "MUG-OLD", 10).await;
    let body = order_body("c-new", "NEW-01", 1);
    let rejected = api.place("key-1", &body).await.expect(422);
    assert_eq!(rejected.pointers(), ["/items/0/sku"]);
    api.set_up("c-new", "NEW-01", 1).await;
    let placed = api.place("key-1", &body).await.expect(202);
    assert_eq!(placed.header("idempotent-replayed"), "");
}

#[tokio::test]
async fn an_order_can_be_read_at_any_version_and_listed_in_pages() {
    let cloud = SHARED.get().await;
    let api = cloud.api();
    api.set_up("c-pages", "MUG-PAGES", 10).await;
    let before = "2020-01-01T00:00:00Z";
    let mut placed = Vec::new();
    for key in 0..7 {
        let answer = api
            .place(&format!("key-{key}"), &order_body("c-pages", "MUG-PAGES", 1))
            .await
            .expect(202);
        placed.push(answer.body["order_id"].as_str().expect("an order id").to_owned());
    }
    for id in &placed {
        let _row = api.in_view("c-pages", id, 3).await;
    }
    let path = format!("/orders/{}", placed[0]);

    let read = api.get(&path).await.expect(200);
    assert_eq!((read.header("etag"), &read.body["status"]), ("\"3\"", &json!("confirmed")));
    let unchanged =
        api.send("GET", &path, &[("if-none-match", "\"7\", \"3\"")], None).await.expect(304);
    assert_eq!((&unchanged.body, unchanged.header("etag")), (&Value::Null, "\"3\""));
    let _changed = api.send("GET", &path, &[("if-none-match", "\"7\"")], None).await.expect(200);
    assert_eq!(api.get(&format!("{path}?min_version=3")).await.expect(200).body, read.body);
    let _ahead = api.get(&format!("{path}?min_version=4")).await.expect(409);
    assert_eq!(api.get(&format!("{path}?as_of_version=3")).await.expect(200).body, read.body);
    let _not_placed = api.get(&format!("{path}?as_of_version=0")).await.expect(404);
    let _not_placed = api.get(&format!("{path}?as_of={before}")).await.expect(404);
    let first = api.get(&format!("{path}?as_of_version=1")).await.expect(200);
    assert_eq!((first.header("etag"), &first.body["status"]), ("\"1\"", &json!("pending")));
    let placed_at = read.body["placed_at"].as_str().expect("a time");
    assert_eq!(api.get(&format!("{path}?as_of={placed_at}")).await.expect(200).body, first.body);
    let updated_at = read.body["updated_at"].as_str().expect("a time");
    assert_eq!(api.get(&format!("{path}?as_of={updated_at}")).await.expect(200).body, read.body);
    let _both = api.get(&format!("{path}?as_of_version=1&as_of={before}")).await.expect(400);
    let _nonsense = api.get(&format!("{path}?min_version=two")).await.expect(400);
    let _unknown = api.get("/orders/00000000-0000-4000-8000-000000000000").await.expect(404);
    let _invalid_id = api.get("/orders/17").await.expect(404);

    let (mut listed, mut path) =
        (Vec::new(), "/customers/c-pages/orders?status=confirmed&limit=3".to_owned());
    let mut pages = 0;
    loop {
        let page = api.get(&path).await.expect(200).body;
        pages += 1;
        let orders = page["orders"].as_array().expect("orders");
        listed.extend(
            orders.iter().map(|order| order["order_id"].as_str().expect("an id").to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/customers/c-pages/orders?status=confirmed&limit=3&cursor={cursor}");
    }
    placed.reverse();
    assert_eq!((listed, pages), (placed, 3), "the newest order is first, and each is listed once");
    let none = api.get("/customers/c-pages/orders?status=pending").await.expect(200).body;
    assert_eq!(none, json!({ "orders": [] }));
    let _unknown = api.get("/customers/unknown/orders").await.expect(404);
    for query in [
        "limit=0",
        "limit=101",
        "limit=x",
        "status=lost",
        "cursor=made-up",
        "cursor=bzEvMQ",
        "colour=red",
    ] {
        let rejected = api.get(&format!("/customers/c-pages/orders?{query}")).await;
        assert_eq!(rejected.status, 400, "{query}: {:#}", rejected.body);
    }
}

#[tokio::test]
async fn a_repeated_receipt_of_stock_is_counted_once() {
    let cloud = SHARED.get().await;
    let api = cloud.api();
    let price = json!({ "amount_minor": 1250, "currency": "EUR" });
    let product = json!({ "name": "Mug", "unit_price": price, "stock_shards": 4 });
    let _listed = api.put("/products/MUG-NOTE", &product).await.expect(201);
    let _again = api.put("/products/MUG-NOTE", &product).await.expect(200);
    let receipt = json!({ "quantity": 10, "reference": "note-1" });
    let calls = (0..6).map(|_| {
        let (api, receipt) = (api.clone(), receipt.clone());
        tokio::spawn(
            async move { api.post("/stock/MUG-NOTE/receipts", &receipt).await.expect(201) },
        )
    });
    for call in calls.collect::<Vec<_>>() {
        let _received = call.await.expect("the call ends");
    }
    let _second = api
        .post("/stock/MUG-NOTE/receipts", &json!({ "quantity": 5, "reference": "note-2" }))
        .await
        .expect(201);
    // A key may be sent, but the reference identifies the receipt.
    let keyed = [("idempotency-key", "receipt-key")];
    let repeated = api
        .send("POST", "/stock/MUG-NOTE/receipts", &keyed, Some(receipt.to_string()))
        .await
        .expect(201);
    assert_eq!(repeated.header("idempotent-replayed"), "true");
    let other = api
        .post("/stock/MUG-NOTE/receipts", &json!({ "quantity": 11, "reference": "note-1" }))
        .await;
    assert_eq!(other.status, 422, "{:#}", other.body);
    // The same delivery note has a receipt of another product.
    api.list("TEE-NOTE").await;
    let second = json!({ "quantity": 7, "reference": "note-1" });
    let received = api.post("/stock/TEE-NOTE/receipts", &second).await.expect(201);
    assert_eq!(
        received.header("idempotent-replayed"),
        "",
        "a receipt of another product is not a repeat"
    );
    let _repeated = api.post("/stock/TEE-NOTE/receipts", &second).await.expect(201);
    let tees = eventually("7 in stock", || async {
        let stock = api.get("/stock/TEE-NOTE").await.expect(200).body;
        (stock["on_hand"].as_u64() >= Some(7)).then_some(stock)
    });
    assert_eq!(tees.await["on_hand"], 7);
    let _unknown = api
        .post("/stock/NONE/receipts", &json!({ "quantity": 1, "reference": "note-3" }))
        .await
        .expect(404);
    let stock = eventually("15 in stock", || async {
        let stock = api.get("/stock/MUG-NOTE").await.expect(200).body;
        (stock["on_hand"].as_u64() >= Some(15)).then_some(stock)
    });
    assert_eq!(
        stock.await,
        json!({ "sku": "MUG-NOTE", "on_hand": 15, "reserved": 0, "available": 15 })
    );
    let _unknown = api.get("/stock/NONE").await.expect(404);
}

/// 105 shards do not fit one transaction. The order must not be cancelled as out of stock.
#[tokio::test]
async fn an_order_from_more_shards_than_a_transaction_holds_is_confirmed() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.set_up("c-shards", "SKU-0", 1).await;
    let price = json!({ "amount_minor": 1250, "currency": "EUR" });
    let skus: Vec<String> = (1..=7).map(|number| format!("SKU-{number}")).collect();
    for sku in &skus {
        let product = json!({ "name": sku, "unit_price": price, "stock_shards": 16 });
        let _listed = api.put(&format!("/products/{sku}"), &product).await.expect(201);
        let receipt = json!({ "quantity": 16, "reference": "note-1" });
        let _received = api.post(&format!("/stock/{sku}/receipts"), &receipt).await.expect(201);
    }
    let mut body = order_body("c-shards", "SKU-1", 15);
    body["items"] = skus.iter().map(|sku| json!({ "sku": sku, "quantity": 15 })).collect();
    let placed = api.place("key-1", &body).await.expect(202);
    let id = placed.body["order_id"].as_str().expect("an id");
    let ended = api.ended(id).await;
    assert_eq!(
        (&ended["status"], &ended["cancel_reason"]),
        (&json!("confirmed"), &Value::Null),
        "{ended:#}"
    );
    for sku in &skus {
        let stock = eventually("the goods are held", || async {
            let stock = api.get(&format!("/stock/{sku}")).await.expect(200).body;
            (stock["on_hand"] == 16 && stock["reserved"] == 15).then_some(stock)
        });
        assert_eq!(stock.await["available"], 1, "{sku}");
    }
    Ledgers::read(&cloud).await.assert_equal();
}
