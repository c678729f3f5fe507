//! A row of a view as an item of the view's table.
//!
//! | attribute | | |
//! |---|---|---|
//! | `pk` | S | tenant and stream: `default/order-0198…` |
//! | `version` | N | the last event in the row; 0 before the first |
//! | `at` | S | when that event was recorded: RFC 3339, UTC, milliseconds |
//! | `row` | S | the row as JSON, unless it was parked before its first event |
//! | `parked` | M | `reason` and `at` S, `announced` N (the last version that a message announced since), while it is parked |
//! | `list_group`, `list_sort` | S | key of the index `listing`, if the row is listed |
//! | `work_group`, `work_sort` | S | key of the index `worklist`, while the row waits |

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue as Value;
use serde::Deserialize;
use serde_dynamo::{AttributeValue, Item};
use skald::index::MalformedEntry;
use skald::store::Corruption;
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;
use skald::view::{ListEntry, Listing, Parked, ViewRow};

use crate::commit_item::{item, read_attributes};

#[derive(Deserialize)]
struct StoredRow {
    version: Version,
    at: Timestamp,
    row: Option<String>,
    parked: Option<StoredParked>,
    list_group: Option<String>,
    list_sort: Option<String>,
    work_group: Option<String>,
    work_sort: Option<String>,
}

#[derive(Deserialize)]
struct StoredParked {
    reason: String,
    at: Timestamp,
    /// A row that an earlier release parked has no announced version.
    #[serde(default)]
    announced: Version,
}

/// The key of a stream's row.
pub(crate) fn key(stream: &StreamId) -> HashMap<String, Value> {
    item([("pk", Value::S(stream.key()))])
}

/// An index of places in lists.
#[derive(Debug)]
pub(crate) struct ListIndex {
    /// The name of the index.
    pub(crate) name: &'static str,
    /// The attribute that holds the list's name.
    pub(crate) group: &'static str,
    /// The attribute that holds the place in the list.
    pub(crate) sort: &'static str,
}

/// The index of [`ViewRow::listing`].
pub(crate) const LISTING: ListIndex =
    ListIndex { name: "listing", group: "list_group", sort: "list_sort" };
/// The index of [`ViewRow::worklist`].
pub(crate) const WORKLIST: ListIndex =
    ListIndex { name: "worklist", group: "work_group", sort: "work_sort" };

/// The key of an entry in an index.
pub(crate) fn entry_key(
    index: &ListIndex,
    group: &str,
    entry: &ListEntry,
) -> HashMap<String, Value> {
    item([
        ("pk", Value::S(entry.stream.key())),
        (index.group, Value::S(group.to_owned())),
        (index.sort, Value::S(entry.sort.clone())),
    ])
}

/// The item of a row.
pub(crate) fn row_item(stream: &StreamId, row: &ViewRow) -> HashMap<String, Value> {
    let mut attributes = item([
        ("pk", Value::S(stream.key())),
        ("version", Value::N(row.version.to_string())),
        ("at", Value::S(row.at.to_string())),
    ]);
    if let Some(body) = &row.body {
        attributes.insert("row".to_owned(), Value::S(body.clone()));
    }
    for (index, place) in [(LISTING, &row.listing), (WORKLIST, &row.worklist)] {
        if let Some(Listing { group, sort }) = place {
            attributes.insert(index.group.to_owned(), Value::S(group.clone()));
            attributes.insert(index.sort.to_owned(), Value::S(sort.clone()));
        }
    }
    if let Some(Parked { reason, at, announced }) = &row.parked {
        let parked = item([
            ("reason", Value::S(reason.clone())),
            ("at", Value::S(at.to_string())),
            ("announced", Value::N(announced.to_string())),
        ]);
        attributes.insert("parked".to_owned(), Value::M(parked));
    }
    attributes
}

/// The row in an item.
///
/// # Errors
/// [`Corruption::Malformed`]
pub(crate) fn read_row(item: Item) -> Result<ViewRow, Corruption> {
    let version = match item.get("version") {
        Some(AttributeValue::N(number)) => number.parse().map_or(Version::START, Version::new),
        _ => Version::START,
    };
    let malformed = |fault| Corruption::Malformed { at: version, fault };
    let StoredRow { version, at, row, parked, list_group, list_sort, work_group, work_sort } =
        read_attributes(item).map_err(malformed)?;
    let place = |(group, sort)| Listing { group, sort };
    let listing = list_group.zip(list_sort).map(place);
    let worklist = work_group.zip(work_sort).map(place);
    let parked =
        parked.map(|StoredParked { reason, at, announced }| Parked { reason, at, announced });
    Ok(ViewRow { version, at, body: row, listing, worklist, parked })
}

/// The entry in an item of an index.
pub(crate) fn read_entry(index: &ListIndex, item: &Item) -> Result<ListEntry, MalformedEntry> {
    let key = match item.get("pk") {
        Some(AttributeValue::S(key)) => format!("pk {key:?}"),
        _ => "pk none".to_owned(),
    };
    let malformed = |fault| MalformedEntry { key: key.clone(), fault };
    let stream = read_stream(item).ok_or_else(|| malformed("`pk` is not the key of a stream"))?;
    match item.get(index.sort) {
        Some(AttributeValue::S(sort)) => Ok(ListEntry { stream, sort: sort.clone() }),
        _ => Err(malformed("the place in the list is missing or not text")),
    }
}

/// The stream of an item. `None` if the item's key is not that of a stream.
pub(crate) fn read_stream(item: &Item) -> Option<StreamId> {
    match item.get("pk") {
        Some(AttributeValue::S(key)) => key.parse().ok(),
        _ => None,
    }
}
