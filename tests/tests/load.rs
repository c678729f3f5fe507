//! Many orders from many clients: every one in the view, with its final version.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;
use system_tests::{LocalCloud, eventually, order_body};

const CLIENTS: usize = 16;
const ORDERS: usize = 200;

type Item = std::collections::HashMap<String, AttributeValue>;

async fn scan(cloud: &LocalCloud, table: &str) -> Vec<Item> {
    let client = aws_sdk_dynamodb::Client::new(&cloud.aws());
    let mut pages = client.scan().table_name(cloud.output(table)).consistent_read(true).into_paginator().send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        items.extend(page.expect("the table can be scanned").items.unwrap_or_default());
    }
    items
}

fn text(item: &Item, name: &str) -> String {
    item[name].as_s().expect("text").clone()
}

fn number(item: &Item, name: &str) -> u64 {
    item[name].as_n().expect("a number").parse().expect("a whole number")
}

/// What an order must look like, counted from the raw items of the events table.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Expected {
    version: u64,
    customer: String,
    total_minor: i64,
    placed_at: String,
    status: String,
}

/// Counts the raw items: shares nothing with the projection, not even the shapes of the events.
fn recount(items: &[Item]) -> BTreeMap<String, Expected> {
    let mut orders = BTreeMap::new();
    for item in items.iter().filter(|item| text(item, "pk").contains("/order-")) {
        let events = item["events"].as_l().expect("a list");
        let last = number(item, "sk") + events.len() as u64 - 1;
        let first = events[0].as_m().expect("a map");
        let data = first["data"].as_b().expect("bytes");
        let data: Value = serde_json::from_slice(data.as_ref()).expect("JSON");
        let lines = data["lines"].as_array().expect("lines");
        let amount = |line: &Value| {
            line["unit_price"]["amount_minor"].as_i64().expect("an amount")
                * line["quantity"].as_i64().expect("a quantity")
        };
        let order = Expected {
            version: last,
            customer: data["customer_id"].as_str().expect("a customer").to_owned(),
            total_minor: lines.iter().map(amount).sum(),
            placed_at: text(item, "at"),
            status: "pending".to_owned(),
        };
        assert!(orders.insert(text(item, "pk"), order).is_none(), "one commit per order so far");
    }
    orders
}

/// What the view says.
fn in_view(items: &[Item]) -> BTreeMap<String, Expected> {
    let rows = items.iter().map(|item| {
        let row: Value = serde_json::from_str(&text(item, "row")).expect("JSON");
        assert!(!item.contains_key("parked"), "{row}");
        assert_eq!(row["version"].as_u64(), Some(number(item, "version")));
        let order = Expected {
            version: number(item, "version"),
            customer: row["customer_id"].as_str().expect("a customer").to_owned(),
            total_minor: row["total"]["amount_minor"].as_i64().expect("an amount"),
            placed_at: row["placed_at"].as_str().expect("a time").to_owned(),
            status: row["status"].as_str().expect("a status").to_owned(),
        };
        (text(item, "pk"), order)
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_orders_from_sixteen_clients_all_appear_once() {
    let cloud = LocalCloud::start(&[]);
    let api = cloud.api();
    // All at once: sixteen receipts race for the head of one stock stream.
    let setting_up = (0..CLIENTS).map(|client| {
        let api = api.clone();
        tokio::spawn(async move { api.set_up(&format!("c-{client}"), "MUG-01", 100 + client as u32).await })
    });
    for client in setting_up.collect::<Vec<_>>() {
        client.await.expect("the client gets its answers");
    }
    let clients = (0..CLIENTS).map(|client| {
        let api = api.clone();
        tokio::spawn(async move {
            for order in (client..ORDERS).step_by(CLIENTS) {
                let body = order_body(&format!("c-{client}"), "MUG-01", 1 + order as u32 % 7);
                let _placed = api.place(&format!("key-{order}"), &body).await.expect(202);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("the client gets its answers");
    }

    let expected = recount(&scan(&cloud, "EventsTableName").await);
    assert_eq!(expected.len(), ORDERS);
    eventually("all orders in the view", || async {
        (scan(&cloud, "OrderViewTableName").await.len() >= ORDERS).then_some(())
    })
    .await;
    assert_eq!(in_view(&scan(&cloud, "OrderViewTableName").await), expected);
    for queue in ["OrderViewDeadLettersUrl", "StockViewDeadLettersUrl", "UnreadableQueueUrl"] {
        assert_eq!(waiting(&cloud, queue).await, "0", "{queue}");
    }

    // The stock of one product is one stream with a commit per receipt: here order, gaps and doubles would show.
    let stock_commits: Vec<Item> = scan(&cloud, "EventsTableName").await.into_iter().filter(is_stock).collect();
    assert_eq!(stock_commits.len(), CLIENTS);
    let received = stock_commits.iter().map(received).sum::<u64>();
    let shard = eventually("all receipts in the stock view", || async {
        let rows = scan(&cloud, "StockViewTableName").await;
        rows.into_iter().find(|row| number(row, "version") >= CLIENTS as u64)
    })
    .await;
    let row: Value = serde_json::from_str(&text(&shard, "row")).expect("JSON");
    assert_eq!((number(&shard, "version"), row["on_hand"].as_u64()), (CLIENTS as u64, Some(received)));
    assert_eq!(api.get("/stock/MUG-01").await.expect(200).body["on_hand"].as_u64(), Some(received));
}

fn is_stock(item: &Item) -> bool {
    text(item, "pk").contains("/stock-")
}

/// How many goods a commit of a stock stream brought.
fn received(item: &Item) -> u64 {
    let events = item["events"].as_l().expect("a list").iter();
    let data = events.map(|event| event.as_m().expect("a map")["data"].as_b().expect("bytes"));
    let quantities =
        data.map(|data| serde_json::from_slice::<Value>(data.as_ref()).expect("JSON")["quantity"].as_u64());
    quantities.map(|quantity| quantity.expect("a quantity")).sum()
}

/// How many messages wait in this queue, as the queue says.
async fn waiting(cloud: &LocalCloud, queue: &str) -> String {
    use aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages;
    let client = aws_sdk_sqs::Client::new(&cloud.aws());
    let attributes =
        client.get_queue_attributes().queue_url(cloud.output(queue)).attribute_names(ApproximateNumberOfMessages);
    let attributes = attributes.send().await.expect("the queue answers").attributes.unwrap_or_default();
    attributes.get(&ApproximateNumberOfMessages).cloned().unwrap_or_default()
}
