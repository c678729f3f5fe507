//! Many clients place many orders, and a third of the orders cannot be completed. Each order ends
//! as expected, the ledgers agree, and the views are equal to a recount of the raw events.
//!
//! A client places its next order when its previous one has ended. More orders at once would only
//! measure how long they wait for the local cloud, which is a single process.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};
use system_tests::{
    Api, Item, Ledgers, LocalCloud, commit_body, eventually, number, order_body, scan, text,
};

const CLIENTS: usize = 16;
const ORDERS: usize = 200;
const PRODUCTS: usize = 10;
/// How long a client waits before it reads its order again.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How an order ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Confirmed,
    Declined,
    OutOfStock,
    NotServed,
}

/// A third of the orders cannot be completed, for three reasons in equal parts.
const fn end_of(order: usize) -> End {
    match order % 9 {
        0 => End::Declined,
        3 => End::OutOfStock,
        6 => End::NotServed,
        _ => End::Confirmed,
    }
}

/// The product of an order, unless the order is meant to end as `OutOfStock`.
fn product(order: usize) -> String {
    format!("MUG-{}", order % PRODUCTS)
}

const fn quantity(order: usize) -> u32 {
    1 + order as u32 % 7
}

/// The quantity of a product that was received before the first order.
fn received(product: usize) -> i64 {
    if product == 0 { (0..CLIENTS as i64).map(|client| 100 + client).sum() } else { 1000 }
}

fn body(client: usize, order: usize) -> Value {
    let sku = if end_of(order) == End::OutOfStock { "NONE-01" } else { &product(order) };
    let mut body = order_body(&format!("c-{client}"), sku, quantity(order));
    match end_of(order) {
        End::Declined => body["payment_token"] = json!("tok_declined"),
        End::NotServed => body["shipping_address"]["postal_code"] = json!("00000"),
        End::Confirmed | End::OutOfStock => {}
    }
    body
}

/// The row of an order that a recount of the events table expects.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Expected {
    version: u64,
    customer: String,
    total_minor: i64,
    placed_at: String,
    updated_at: String,
    status: String,
}

/// Computes the expected rows from the raw items. It shares no code with the projection, not even
/// the types of the events.
fn recount(items: &[Item]) -> BTreeMap<String, Expected> {
    let mut commits: Vec<&Item> =
        items.iter().filter(|item| text(item, "pk").contains("/order-")).collect();
    commits.sort_by_key(|item| number(item, "sk"));
    let mut orders: BTreeMap<String, Expected> = BTreeMap::new();
    for item in commits {
        let body = commit_body(item);
        let events = body["events"].as_array().expect("a list");
        let at = text(item, "at");
        if number(item, "sk") == 1 {
            let data = &events[0]["data"];
            let amount = |line: &Value| {
                line["unit_price"]["amount_minor"].as_i64().expect("an amount")
                    * line["quantity"].as_i64().expect("a quantity")
            };
            let order = Expected {
                version: 0,
                customer: data["customer_id"].as_str().expect("a customer").to_owned(),
                total_minor: data["lines"].as_array().expect("lines").iter().map(amount).sum(),
                placed_at: at.clone(),
                updated_at: String::new(),
                status: "pending".to_owned(),
            };
            orders.insert(text(item, "pk"), order);
        }
        let order =
            orders.get_mut(&text(item, "pk")).expect("an order begins with its first commit");
        order.version += events.len() as u64;
        order.updated_at = at;
        for event in events {
            match event["type"].as_str().expect("text") {
                "order.confirmed" => order.status = "confirmed".to_owned(),
                "order.cancelled" => order.status = "cancelled".to_owned(),
                _ => {}
            }
        }
    }
    orders
}

/// The rows of the view.
fn in_view(items: &[Item]) -> BTreeMap<String, Expected> {
    let rows = items.iter().map(|item| {
        let row: Value = serde_json::from_str(&text(item, "row")).expect("JSON");
        assert!(!item.contains_key("parked"), "{row}");
        assert_eq!(row["version"].as_u64(), Some(number(item, "version")));
        let member = |name: &str| row[name].as_str().expect("text").to_owned();
        let order = Expected {
            version: number(item, "version"),
            customer: member("customer_id"),
            total_minor: row["total"]["amount_minor"].as_i64().expect("an amount"),
            placed_at: member("placed_at"),
            updated_at: member("updated_at"),
            status: member("status"),
        };
        (text(item, "pk"), order)
    });
    rows.collect()
}

/// Runs `work` for all clients in parallel, and returns their results.
async fn each_client<T, F>(api: &Api, work: impl Fn(Api, usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let clients: Vec<_> =
        (0..CLIENTS).map(|client| tokio::spawn(work(api.clone(), client))).collect();
    let mut results = Vec::new();
    for client in clients {
        results.push(client.await.expect("the client's task does not panic"));
    }
    results
}

/// Places an order. On a busy machine the call is repeated. The ledgers show that a repeated call
/// does not place a second order.
async fn place(api: &Api, key: &str, body: &Value) -> String {
    api.place(key, body).await.expect(202).body["order_id"].as_str().expect("an id").to_owned()
}

/// Waits until the order has ended, and returns it. The clients poll slowly: otherwise most of the
/// load would be their polling.
async fn ended(api: &Api, order_id: &str) -> Value {
    eventually(&format!("order {order_id} is final or parked"), || async {
        tokio::time::sleep(POLL_INTERVAL).await;
        api.if_ended(order_id).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_orders_from_sixteen_clients_all_end_as_expected() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    api.list("NONE-01").await;
    // The clients run in parallel, so sixteen receipts compete for the head of one stock stream.
    let set_up = |api: Api, client: usize| async move {
        api.set_up(&format!("c-{client}"), "MUG-0", 100 + client as u32).await;
        if (1..PRODUCTS).contains(&client) {
            api.set_up(&format!("c-{client}"), &format!("MUG-{client}"), 1000).await;
        }
    };
    each_client(&api, set_up).await;
    let place_all = |api: Api, client: usize| async move {
        let mut rows = Vec::new();
        for order in (client..ORDERS).step_by(CLIENTS) {
            let order_id = place(&api, &format!("key-{order}"), &body(client, order)).await;
            rows.push((order, ended(&api, &order_id).await));
        }
        rows
    };
    let rows = each_client(&api, place_all).await.concat();
    assert_eq!(rows.len(), ORDERS);

    let mut durations_ms = Vec::new();
    for (order, row) in &rows {
        let expected = match end_of(*order) {
            End::Confirmed => ("confirmed", Value::Null),
            End::Declined => ("cancelled", json!("payment_declined")),
            End::OutOfStock => ("cancelled", json!("stock_unavailable")),
            End::NotServed => ("cancelled", json!("shipment_refused")),
        };
        assert_eq!(
            (row["status"].as_str(), &row["cancel_reason"]),
            (Some(expected.0), &expected.1),
            "{row:#}"
        );
        if end_of(*order) == End::Confirmed {
            durations_ms.push(instant_ms(&row["updated_at"]) - instant_ms(&row["placed_at"]));
        }
    }
    Ledgers::read(&cloud).await.assert_equal();
    assert_views(&cloud, &api).await;

    durations_ms.sort_unstable();
    let percentile =
        |percent: usize| durations_ms[(durations_ms.len() * percent).div_ceil(100) - 1];
    let summary = format!(
        "{ORDERS} orders from {CLIENTS} clients, {} confirmed: \
         placed to confirmed p50 {} ms, p95 {} ms",
        durations_ms.len(),
        percentile(50),
        percentile(95)
    );
    writeln!(std::io::stderr(), "{summary}").expect("standard error can be written");
}

fn instant_ms(time: &Value) -> i64 {
    let time: jiff::Timestamp = time.as_str().and_then(|time| time.parse().ok()).expect("a time");
    time.as_millisecond()
}

/// Asserts that the views are equal to a recount, and that there are no dead letters.
async fn assert_views(cloud: &LocalCloud, api: &Api) {
    let commits = scan(cloud, "EventsTable").await;
    let expected = recount(&commits);
    assert_eq!(expected.len(), ORDERS);
    assert_eq!(in_view(&scan(cloud, "OrderViewTable").await), expected);
    for (name, queue) in cloud.dead_letter_queues().await {
        assert_eq!(waiting(cloud, queue).await, "0", "messages in {name}");
    }

    // The stock stream of a product has a commit per receipt and two per order. So a commit that is
    // applied out of order, twice or never leads to a wrong row.
    for product_number in 0..PRODUCTS {
        let sku = format!("MUG-{product_number}");
        let stream = format!("default/stock-{sku}~0");
        let written: u64 =
            commits.iter().filter(|item| text(item, "pk") == stream).map(events_of).sum();
        let row = eventually(&format!("the stock view has all events of {sku}"), || async {
            let rows = scan(cloud, "StockViewTable").await;
            rows.into_iter()
                .find(|row| text(row, "pk") == stream && number(row, "version") == written)
        })
        .await;
        let row: Value = serde_json::from_str(&text(&row, "row")).expect("JSON");
        let of_product = |order: &usize| end_of(*order) == End::Confirmed && product(*order) == sku;
        let held: i64 =
            (0..ORDERS).filter(of_product).map(|order| i64::from(quantity(order))).sum();
        let on_hand = received(product_number);
        assert_eq!(
            (row["on_hand"].as_i64(), row["reserved"].as_i64()),
            (Some(on_hand), Some(held)),
            "{sku}"
        );
        assert_eq!(
            api.get(&format!("/stock/{sku}")).await.expect(200).body["on_hand"].as_i64(),
            Some(on_hand)
        );
    }
}

/// The number of events in a commit.
fn events_of(item: &Item) -> u64 {
    commit_body(item)["events"].as_array().expect("a list").len() as u64
}

/// The number of messages that wait in the queue with this URL.
async fn waiting(cloud: &LocalCloud, queue: &str) -> String {
    use aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages;
    let client = aws_sdk_sqs::Client::new(&cloud.aws());
    let attributes =
        client.get_queue_attributes().queue_url(queue).attribute_names(ApproximateNumberOfMessages);
    let attributes =
        attributes.send().await.expect("the queue answers").attributes.unwrap_or_default();
    attributes.get(&ApproximateNumberOfMessages).cloned().unwrap_or_default()
}
