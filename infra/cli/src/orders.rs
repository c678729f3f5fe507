//! `skald orders`: lists orders, and those that wait for a person.

use std::collections::HashSet;
use std::error::Error;

use serde_json::Value;
use skald::time::Timestamp;

use crate::api::Api;
use crate::arguments::{OrdersArguments, Print};
use crate::order::Order;
use crate::table;

/// The number of orders in one answer of the API.
const PAGE: usize = 100;

/// Lists the orders.
///
/// # Errors
/// What went wrong, and what to do.
pub(crate) async fn run(
    api: &Api,
    arguments: &OrdersArguments,
    now: Timestamp,
    print: Print<'_>,
) -> Result<(), Box<dyn Error>> {
    let OrdersArguments { status, parked, overdue, since, limit, json, .. } = arguments;
    let filters = [
        status.as_ref().map(|status| format!("status={}", encoded(status))),
        parked.then(|| "parked=true".to_owned()),
        overdue.then(|| "overdue=true".to_owned()),
        since.as_ref().map(|since| format!("since={}", encoded(since))),
    ];
    let filters: Vec<String> = filters.into_iter().flatten().collect();
    let (orders, has_more) = if filters.is_empty() {
        waiting(api, *limit).await?
    } else {
        all(api, &filters.join("&"), *limit).await?
    };
    if *json {
        return orders.iter().try_for_each(|order| print(&format!("{order}\n")));
    }
    let orders: Vec<Order> =
        orders.into_iter().map(serde_json::from_value).collect::<Result<_, _>>()?;
    if orders.is_empty() {
        return print(if filters.is_empty() {
            "No order waits for a person: none is parked, and none is overdue.\n"
        } else {
            "There is no such order.\n"
        });
    }
    print(&table::of(&orders, now))?;
    if has_more { print(&format!("There are more: use --limit, now {limit}.\n")) } else { Ok(()) }
}

/// The orders that wait for a person, parked or overdue, the earliest deadline first; at most
/// `limit`, and whether there are more.
async fn waiting(api: &Api, limit: usize) -> Result<(Vec<Value>, bool), Box<dyn Error>> {
    let (mut orders, more_parked) = all(api, "parked=true", limit).await?;
    let (overdue, more_overdue) = all(api, "overdue=true", limit).await?;
    orders.extend(overdue);
    let mut seen = HashSet::new();
    orders.retain(|order| seen.insert(order["order_id"].to_string()));
    orders.sort_by_key(|order| order["deadline"].to_string());
    let has_more = more_parked || more_overdue || orders.len() > limit;
    orders.truncate(limit);
    Ok((orders, has_more))
}

/// The orders that `filter` selects, from all pages; at most `limit`, and whether there are more.
///
/// # Errors
/// If the API does not answer or rejects the filter.
pub(crate) async fn all(
    api: &Api,
    filter: &str,
    limit: usize,
) -> Result<(Vec<Value>, bool), Box<dyn Error>> {
    let (mut orders, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/orders?{filter}&limit={PAGE}{cursor}");
        let page = api.get(&path).await?;
        let Some(found) = page["orders"].as_array() else {
            return Err(format!("GET {path} was answered with something other than orders").into());
        };
        orders.extend(found.iter().cloned());
        let next = page["next_cursor"].as_str();
        if orders.len() > limit || (orders.len() == limit && next.is_some()) {
            orders.truncate(limit);
            return Ok((orders, true));
        }
        let Some(next) = next else { return Ok((orders, false)) };
        cursor = format!("&cursor={}", encoded(next));
    }
}

/// The text as part of a URL.
pub(crate) fn encoded(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}
