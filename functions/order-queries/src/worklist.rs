//! `GET /orders`: the operators' worklist, the earliest deadline first.

#[cfg(test)]
mod tests;

use ordering::order::Order;
use ordering::views::{OrderRow, OrderStatus, Worklist};
use serde_json::{Value, json};
use skald::concurrency::try_concurrently;
use skald::decider::Decider;
use skald::personal::PersonKeys;
use skald::store::EventStore;
use skald::stream::{StreamId, Tenant};
use skald::time::Timestamp;
use skald::view::{ListEntry, ViewStore};
use skald_lambda::http::{Call, Problem, Query, Reply, StatusCode};

use crate::cursor::WORKLIST;
use crate::order::VIEW;
use crate::orders_page::{
    MAX_FOLDS, MAX_SCANNED, SCANNED_AT_ONCE, STATUSES, report_malformed, status,
};
use crate::{Queries, cursor, limit};

/// The orders that the caller wants.
#[derive(Debug)]
struct Filter {
    status: Option<OrderStatus>,
    is_parked: Option<bool>,
    is_overdue: Option<bool>,
    /// Only orders that were placed then or later.
    since: Option<Timestamp>,
    /// The time of the call.
    now: Timestamp,
}

/// A page of the worklist.
struct Page {
    entries: Vec<ListEntry>,
    is_last: bool,
}

impl Filter {
    fn of(query: Query<'_>, now: Timestamp) -> Result<Self, Problem> {
        let flag = |text: &str| text.parse().ok();
        let time = |text: &str| text.parse().ok();
        let a_time = "a time in RFC 3339 form, such as 2026-11-21T08:15:30.250Z";
        Ok(Self {
            status: query.parse("status", STATUSES, status)?,
            is_parked: query.parse("parked", "true or false", flag)?,
            is_overdue: query.parse("overdue", "true or false", flag)?,
            since: query.parse("since", a_time, time)?,
            now,
        })
    }

    /// The lists in which these orders are.
    fn lists(&self) -> impl Iterator<Item = Worklist> {
        let of_status = self.status.map_or(Worklist::ALL.as_slice(), OrderStatus::worklists);
        of_status.iter().copied().filter(|list| {
            let is_parked = *list == Worklist::Parked;
            let can_be_overdue = matches!(list, Worklist::Open | Worklist::Parked);
            self.is_parked.is_none_or(|wanted| wanted == is_parked)
                && (can_be_overdue || self.is_overdue != Some(true))
        })
    }

    /// The entry after which to begin. A deadline is not before the order was placed, so no order
    /// that was placed later is before this entry.
    fn start(&self, tenant: &Tenant) -> Result<Option<ListEntry>, Problem> {
        // The stream only completes the key: no order's place is a time alone.
        let stream = StreamId::new(tenant, Order::CATEGORY, "none");
        let stream = stream.map_err(|error| Problem::internal(&error))?;
        Ok(self.since.map(|since| ListEntry { stream, sort: since.to_string() }))
    }

    /// Whether this entry and all after it are beyond the orders that the caller wants.
    fn is_beyond(&self, entry: &ListEntry) -> bool {
        self.is_overdue == Some(true) && entry.sort >= self.now.to_string()
    }

    /// Whether the caller wants this order. Its entry may be out of date.
    fn admits(&self, row: &OrderRow) -> bool {
        self.status.is_none_or(|wanted| wanted == row.status)
            && self.is_parked.is_none_or(|wanted| wanted == is_parked(row))
            && self.is_overdue.is_none_or(|wanted| wanted == row.is_overdue(self.now))
            && self.since.is_none_or(|since| since <= row.placed_at)
    }
}

/// Whether the order waits for an operator. A parked row of the view does not say that.
fn is_parked(row: &OrderRow) -> bool {
    row.parked.as_ref().is_some_and(|parked| parked.step != VIEW)
}

impl<S: EventStore, V: ViewStore, K: PersonKeys> Queries<S, V, K> {
    /// `GET /orders`.
    pub(crate) async fn worklist(&self, call: &Call) -> Result<Reply, Problem> {
        let known = ["status", "parked", "overdue", "since", "limit", "cursor"];
        let query = call.query(&known)?;
        let limit = limit(query)?;
        let filter = Filter::of(query, call.at)?;
        let start = match query.get("cursor") {
            Some(text) => Some(cursor::read_place(WORKLIST, &self.tenant, text)?),
            None => filter.start(&self.tenant)?,
        };

        let (orders, next) = self.waiting(&filter, start, limit).await?;
        let orders: Vec<Value> = orders.iter().map(|row| item(row, filter.now)).collect();
        let mut body = json!({ "orders": orders });
        if let Some(next) = next {
            body["next_cursor"] = cursor::write_place(WORKLIST, &next).into();
        }
        Ok(Reply::json(StatusCode::OK, body))
    }

    /// Up to `limit` orders after `start`, and the entry to continue after if there may be more.
    async fn waiting(
        &self,
        filter: &Filter,
        start: Option<ListEntry>,
        limit: usize,
    ) -> Result<(Vec<OrderRow>, Option<ListEntry>), Problem> {
        let groups: Vec<String> =
            filter.lists().flat_map(|list| list.groups(&self.tenant)).collect();
        let (mut orders, mut last) = (Vec::new(), None);
        let (mut after, mut folds_left) = (start, MAX_FOLDS);
        for _ in 0..MAX_SCANNED / SCANNED_AT_ONCE {
            let Page { mut entries, mut is_last } = self.page(&groups, after.as_ref()).await?;
            if let Some(end) = entries.iter().position(|entry| filter.is_beyond(entry)) {
                entries.truncate(end);
                is_last = true;
            }
            let (read_entries, rows) = self.rows(&entries, &mut folds_left).await?;
            for (entry, row) in rows.into_iter().filter(|(_, row)| filter.admits(row)) {
                if orders.len() == limit {
                    return Ok((orders, last));
                }
                orders.push(row);
                last = Some(entry);
            }
            after = read_entries.last().cloned().or(after);
            if read_entries.len() < entries.len() {
                break;
            }
            if is_last {
                return Ok((orders, None));
            }
        }
        Ok((orders, after))
    }

    /// The first entries of all these groups together, after this entry. An order that moves
    /// between two groups may be in both for a moment.
    async fn page(&self, groups: &[String], after: Option<&ListEntry>) -> Result<Page, Problem> {
        let reads =
            groups.iter().map(|group| self.orders.worklist(group, after, SCANNED_AT_ONCE as u32));
        let pages = try_concurrently(reads).await?;
        let mut is_last = pages.iter().all(|page| page.entries.len() < SCANNED_AT_ONCE);
        let mut entries = Vec::new();
        for page in pages {
            report_malformed(page.malformed);
            entries.extend(page.entries);
        }
        entries.sort_by(|one, other| (&one.sort, &one.stream).cmp(&(&other.sort, &other.stream)));
        entries.dedup();
        is_last &= entries.len() <= SCANNED_AT_ONCE;
        entries.truncate(SCANNED_AT_ONCE);
        Ok(Page { entries, is_last })
    }
}

/// An order as operators see it in the worklist.
fn item(row: &OrderRow, now: Timestamp) -> Value {
    let mut item = json!({
        "order_id": row.order_id,
        "status": row.status,
        "customer_id": row.customer_id,
        "total": row.total,
        "placed_at": row.placed_at,
        "updated_at": row.updated_at,
        "deadline": row.deadline,
        "overdue": row.is_overdue(now),
    });
    if let Some(parked) = &row.parked {
        item["parked"] = json!(parked);
    }
    item
}
