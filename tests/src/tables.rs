//! Tables as they lie there: raw items, read past everything that is tested.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use crate::LocalCloud;

/// An item of a table.
pub type Item = HashMap<String, AttributeValue>;

/// Every item of the table that this output of the template names.
///
/// # Panics
/// If it cannot be read.
pub async fn scan(cloud: &LocalCloud, table: &str) -> Vec<Item> {
    let scan =
        Client::new(&cloud.aws()).scan().table_name(cloud.output(table)).consistent_read(true);
    all(scan).await
}

/// Every entry of an index of the table that this output of the template names.
///
/// # Panics
/// If it cannot be read.
pub async fn scan_index(cloud: &LocalCloud, table: &str, index: &str) -> Vec<Item> {
    let scan = Client::new(&cloud.aws()).scan().table_name(cloud.output(table)).index_name(index);
    all(scan).await
}

async fn all(scan: ScanFluentBuilder) -> Vec<Item> {
    let mut pages = scan.into_paginator().send();
    let mut items = Vec::new();
    while let Some(page) = pages.next().await {
        items.extend(page.expect("it can be scanned").items.unwrap_or_default());
    }
    items
}

/// A text in an item.
///
/// # Panics
/// If there is none of this name.
#[must_use]
#[track_caller]
pub fn text(item: &Item, name: &str) -> String {
    item[name].as_s().expect("text").clone()
}

/// A whole number in an item.
///
/// # Panics
/// If there is none of this name.
#[must_use]
#[track_caller]
pub fn number(item: &Item, name: &str) -> u64 {
    item[name].as_n().expect("a number").parse().expect("a whole number")
}

/// All that an item of the events table says of its commit, but for its place and time.
///
/// # Panics
/// If it is no commit.
#[must_use]
#[track_caller]
pub fn commit_body(item: &Item) -> Value {
    let unpacked = match item.get("encoding") {
        None => text(item, "body").into_bytes(),
        Some(packed) if packed.as_s().is_ok_and(|encoding| encoding == "json+zstd") => {
            let packed = item["body"].as_b().expect("bytes");
            zstd::stream::decode_all(packed.as_ref()).expect("a frame of Zstandard")
        }
        Some(other) => panic!("say here how to read {other:?}"),
    };
    serde_json::from_slice(&unpacked).expect("JSON")
}

/// Changes what an item of the events table says of its commit.
///
/// # Panics
/// If it is no commit.
#[track_caller]
pub fn change_body(item: &mut Item, change: impl FnOnce(&mut Value)) {
    let mut body = commit_body(item);
    change(&mut body);
    item.remove("encoding");
    item.insert("body".to_owned(), AttributeValue::S(body.to_string()));
}
