//! Reads and writes the raw items of tables, without the code under test.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use crate::LocalCloud;

/// An item of a table.
pub type Item = HashMap<String, AttributeValue>;

/// Every item of the table with this logical id.
///
/// # Panics
/// If the table cannot be read.
pub async fn scan(cloud: &LocalCloud, table: &str) -> Vec<Item> {
    let scan =
        Client::new(&cloud.aws()).scan().table_name(cloud.resource(table)).consistent_read(true);
    all(scan).await
}

/// The item of the commit with this first version. `stream` is the stream's name.
///
/// # Panics
/// If there is no such commit.
pub async fn commit(cloud: &LocalCloud, stream: &str, version: u64) -> Item {
    let get = Client::new(&cloud.aws())
        .get_item()
        .table_name(cloud.resource("EventsTable"))
        .key("pk", AttributeValue::S(format!("default/{stream}")))
        .key("sk", AttributeValue::N(version.to_string()));
    get.send().await.expect("the table answers").item.expect("the commit is stored")
}

/// Writes this item to the events table, unconditionally.
///
/// # Panics
/// If the item cannot be put.
pub async fn put_commit(cloud: &LocalCloud, item: Item) {
    let put = Client::new(&cloud.aws()).put_item().table_name(cloud.resource("EventsTable"));
    put.set_item(Some(item)).send().await.expect("the item can be put");
}

/// Every entry of an index of the table with this logical id.
///
/// # Panics
/// If the index cannot be read.
pub async fn scan_index(cloud: &LocalCloud, table: &str, index: &str) -> Vec<Item> {
    let scan = Client::new(&cloud.aws()).scan().table_name(cloud.resource(table)).index_name(index);
    all(scan).await
}

/// The names of the global indexes of the table with this logical id.
///
/// # Panics
/// If the table cannot be described.
pub(crate) async fn indexes(cloud: &LocalCloud, table: &str) -> Vec<String> {
    let client = Client::new(&cloud.aws());
    let found = client.describe_table().table_name(cloud.resource(table)).send().await;
    let found = found.expect("the table exists").table.expect("it is described");
    let indexes = found.global_secondary_indexes.unwrap_or_default();
    indexes.into_iter().filter_map(|index| index.index_name).collect()
}

async fn all(scan: ScanFluentBuilder) -> Vec<Item> {
    let mut pages = scan.into_paginator().send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        items.extend(page.expect("the table can be scanned").items.unwrap_or_default());
    }
    items
}

/// The text in this attribute of an item.
///
/// # Panics
/// If the attribute does not exist or is not text.
#[must_use]
#[track_caller]
pub fn text(item: &Item, name: &str) -> String {
    item[name].as_s().expect("text").clone()
}

/// The whole number in this attribute of an item.
///
/// # Panics
/// If the attribute does not exist or is not a whole number.
#[must_use]
#[track_caller]
pub fn number(item: &Item, name: &str) -> u64 {
    item[name].as_n().expect("a number").parse().expect("a whole number")
}

/// The commit in an item of the events table, without its key and time.
///
/// # Panics
/// If the item is not a commit.
#[must_use]
#[track_caller]
pub fn commit_body(item: &Item) -> Value {
    let unpacked = match item.get("encoding") {
        None => text(item, "body").into_bytes(),
        Some(packed) if packed.as_s().is_ok_and(|encoding| encoding == "json+zstd") => {
            let packed = item["body"].as_b().expect("bytes");
            zstd::stream::decode_all(packed.as_ref()).expect("a frame of Zstandard")
        }
        Some(other) => panic!("extend this function to read a body with the encoding {other:?}"),
    };
    serde_json::from_slice(&unpacked).expect("JSON")
}

/// Changes the commit in an item of the events table.
///
/// # Panics
/// If the item is not a commit.
#[track_caller]
pub fn change_body(item: &mut Item, change: impl FnOnce(&mut Value)) {
    let mut body = commit_body(item);
    change(&mut body);
    item.remove("encoding");
    item.insert("body".to_owned(), AttributeValue::S(body.to_string()));
}
