//! `GET /customers/{id}/orders`: a customer's orders, newest first.

#[cfg(test)]
mod tests;

use events::CustomerId;
use ordering::views::{OrderRow, OrderStatus, orders_of};
use serde_json::json;
use skald::concurrency::try_concurrently;
use skald::index::MalformedEntry;
use skald::personal::PersonKeys;
use skald::store::EventStore;
use skald::view::{CatchUpError, ListEntry, ListPage, ViewRow, ViewStore};
use skald_lambda::http::{Call, Problem, Reply, StatusCode};

use crate::cursor::CUSTOMER_ORDERS;
use crate::order::{marked, shown};
use crate::{Queries, cursor, is_outage, limit, no_such_customer, stored};

/// The largest number of list entries that one call reads when it filters by status.
pub(crate) const MAX_SCANNED: usize = 1_000;
/// The number of list entries per page when filtering by status: as many as one request for rows
/// can ask for.
pub(crate) const SCANNED_AT_ONCE: usize = 100;
/// The largest number of orders that one call folds from their events, because their rows are
/// parked or cannot be read.
pub(crate) const MAX_FOLDS: usize = 64;

impl<S: EventStore, V: ViewStore, K: PersonKeys> Queries<S, V, K> {
    /// `GET /customers/{id}/orders`.
    pub(crate) async fn customer_orders(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let query = call.query(&["status", "limit", "cursor"])?;
        let limit = limit(query)?;
        let status = query.parse("status", STATUSES, status)?;
        let start = query
            .get("cursor")
            .map(|text| cursor::read_place(CUSTOMER_ORDERS, &self.tenant, text))
            .transpose()?;
        let customer = CustomerId::new(id).or(Err(no_such_customer()))?;

        // One more than the page holds, to know whether there is a next page.
        let mut found = self
            .matching(&orders_of(&self.tenant, &customer), start.clone(), status, limit + 1)
            .await?;
        if found.orders.is_empty() && start.is_none() && !self.is_registered(&customer).await? {
            return Err(no_such_customer());
        }
        if found.orders.len() > limit {
            found.orders.truncate(limit);
            found.next = found.orders.last().map(|(entry, _)| entry.clone());
        }
        let orders =
            found.orders.iter().map(|(_, row)| shown(row)).collect::<Result<Vec<_>, _>>()?;
        let mut body = json!({ "orders": orders });
        if let Some(next) = found.next {
            body["next_cursor"] = cursor::write_place(CUSTOMER_ORDERS, &next).into();
        }
        Ok(Reply::json(StatusCode::OK, body))
    }

    /// Up to `wanted` orders of this status, starting after `start`.
    async fn matching(
        &self,
        group: &str,
        start: Option<ListEntry>,
        status: Option<OrderStatus>,
        wanted: usize,
    ) -> Result<Found, Problem> {
        let mut found = Found { orders: Vec::new(), next: None };
        let mut before = start;
        let mut folds_left = MAX_FOLDS;
        // If a filter skips most entries, a few large pages are better than many small ones.
        let page_len = if status.is_some() { SCANNED_AT_ONCE } else { wanted };
        for _ in 0..MAX_SCANNED.div_ceil(page_len) {
            let ListPage { entries: page, malformed } =
                self.orders.list(group, before.as_ref(), page_len as u32).await?;
            report_malformed(malformed);
            let (read_entries, rows) = self.rows(&page, &mut folds_left).await?;
            for (entry, row) in rows {
                if found.orders.len() < wanted && status.is_none_or(|status| row.status == status) {
                    found.orders.push((entry, row));
                }
            }
            if found.orders.len() == wanted {
                return Ok(found);
            }
            before = read_entries.last().cloned().or(before);
            if read_entries.len() < page.len() {
                break;
            }
            if page.len() < page_len {
                return Ok(found);
            }
        }
        found.next = before;
        Ok(found)
    }

    /// The entries that were read, and their orders in the same order. An order that can be read
    /// neither from its row nor from its events is omitted and logged.
    ///
    /// After the largest number of folds, a parked row is shown as stored, and reading ends before
    /// a row that cannot be read.
    pub(crate) async fn rows<'a>(
        &self,
        entries: &'a [ListEntry],
        folds_left: &mut usize,
    ) -> Result<(&'a [ListEntry], Vec<(ListEntry, OrderRow)>), Problem> {
        let streams: Vec<_> = entries.iter().map(|entry| entry.stream.clone()).collect();
        let mut found = stored(&self.orders, &streams).await?;
        let mut reads = Vec::with_capacity(entries.len());
        for entry in entries {
            let read = found.remove(&entry.stream);
            let row = read.as_ref().and_then(Option::as_ref);
            let order = row.and_then(|row| row.decode::<OrderRow>(&entry.stream).ok().flatten());
            let is_live = row.is_some_and(|row| row.parked.is_none());
            reads.push(match order {
                Some(order) if is_live || *folds_left == 0 => {
                    Source::Row(Box::new(marked(order, row)))
                }
                None if *folds_left == 0 => break,
                Some(_) | None => {
                    *folds_left -= 1;
                    Source::Events(read)
                }
            });
        }
        let read_entries = &entries[..reads.len()];
        let orders =
            read_entries.iter().zip(reads).map(|(entry, source)| self.listed(entry, source));
        Ok((read_entries, try_concurrently(orders).await?.into_iter().flatten().collect()))
    }

    /// The order of this entry; `None` if it cannot be read.
    async fn listed(
        &self,
        entry: &ListEntry,
        source: Source,
    ) -> Result<Option<(ListEntry, OrderRow)>, CatchUpError> {
        let order = match source {
            Source::Row(order) => return Ok(Some((entry.clone(), *order))),
            Source::Events(Some(stored)) => self.order_row(&entry.stream, stored.as_ref()).await,
            // The list may be ahead of an eventually consistent read of the row. A strongly
            // consistent read has the row.
            Source::Events(None) => match self.orders.get(&entry.stream).await {
                Ok(None) => Ok(None),
                Ok(stored) => self.order_row(&entry.stream, stored.as_ref()).await,
                Err(error) => Err(error.into()),
            },
        };
        match order {
            Ok(order) => Ok(order.map(|order| (entry.clone(), order))),
            Err(error) if is_outage(&error) => Err(error),
            Err(error) => {
                tracing::error!(
                    counter = "unreadable_orders",
                    stream = %entry.stream,
                    %error,
                    "omitting an order from a list, because it cannot be read"
                );
                Ok(None)
            }
        }
    }
}

/// Logs the malformed entries of a page.
pub(crate) fn report_malformed(entries: Vec<MalformedEntry>) {
    for MalformedEntry { key, fault } in entries {
        tracing::error!(
            counter = "malformed_entries",
            key,
            fault,
            "skipping a malformed list entry"
        );
    }
}

/// What the query parameter `status` must be.
pub(crate) const STATUSES: &str =
    "pending, confirmed, cancelling, cancelled, dispatched or delivered";

/// The query parameter `status`.
pub(crate) fn status(text: &str) -> Option<OrderStatus> {
    serde_json::from_value(text.into()).ok()
}

/// The source from which an order of a list is read.
enum Source {
    /// Its stored row.
    Row(Box<OrderRow>),
    /// Its events, because its row is parked, could not be read (`Some(None)`), or was not found
    /// (`None`).
    Events(Option<Option<ViewRow>>),
}

/// The orders that were found, and the entry to continue after if there may be more.
struct Found {
    orders: Vec<(ListEntry, OrderRow)>,
    next: Option<ListEntry>,
}
