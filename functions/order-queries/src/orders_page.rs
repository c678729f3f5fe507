//! `GET /customers/{id}/orders`: a customer's orders, newest first.

#[cfg(test)]
mod tests;

use events::CustomerId;
use ordering::streams;
use ordering::views::{OrderRow, OrderStatus, orders_of};
use serde_json::json;
use skald::concurrency::try_concurrently;
use skald::index::MalformedEntry;
use skald::personal::PersonKeys;
use skald::store::EventStore;
use skald::stream::Version;
use skald::view::{CatchUpError, ListEntry, ListPage, ViewRow, ViewStore};
use skald_lambda::http::{Call, Problem, Reply, StatusCode};

use crate::order::{marked, shown};
use crate::{Queries, cursor, is_outage, limit, stored};

/// Entries that are looked at in one call, at most, when few of them have the status that is asked
/// for.
const MAX_SCANNED: usize = 1_000;
/// Entries that are looked at together then: what one request for rows can ask for.
const SCANNED_AT_ONCE: usize = 100;
/// Orders that are folded from their events in one call, at most, because their rows are parked or
/// cannot be read.
const MAX_FOLDS: usize = 64;

impl<S: EventStore, V: ViewStore, K: PersonKeys> Queries<S, V, K> {
    /// `GET /customers/{id}/orders`.
    pub(crate) async fn customer_orders(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let query = call.query(&["status", "limit", "cursor"])?;
        let limit = limit(query)?;
        let status = query.parse("status", "pending, confirmed or cancelled", status)?;
        let start =
            query.get("cursor").map(|text| cursor::read_place(&self.tenant, text)).transpose()?;
        let customer = CustomerId::new(id).or(Err(no_such_customer()))?;

        // One more than wanted says whether there is a next page.
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
            body["next_cursor"] = cursor::write_place(&next).into();
        }
        Ok(Reply::json(StatusCode::OK, body))
    }

    /// Up to `wanted` orders of this status, from before `start` on.
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
        // Where most entries are passed over, few large pages are better than many small ones.
        let page_len = if status.is_some() { SCANNED_AT_ONCE } else { wanted };
        for _ in 0..MAX_SCANNED.div_ceil(page_len) {
            let ListPage { entries: page, malformed } =
                self.orders.list(group, before.as_ref(), page_len as u32).await?;
            for MalformedEntry { key, fault } in malformed {
                tracing::error!(
                    counter = "odd_entries",
                    key,
                    fault,
                    "a malformed list entry is skipped"
                );
            }
            let (looked_at, rows) = self.rows(&page, &mut folds_left).await?;
            for (entry, row) in rows {
                if found.orders.len() < wanted && status.is_none_or(|status| row.status == status) {
                    found.orders.push((entry, row));
                }
            }
            if found.orders.len() == wanted {
                return Ok(found);
            }
            before = looked_at.last().cloned().or(before);
            if looked_at.len() < page.len() {
                break;
            }
            if page.len() < page_len {
                return Ok(found);
            }
        }
        found.next = before;
        Ok(found)
    }

    /// The entries that were looked at, and their orders, in their order. One that can be read
    /// neither from its row nor from its events is left out, and the log names it.
    ///
    /// When no folds are left, a parked row is shown as it stands, and before one that cannot be
    /// read the look ends.
    async fn rows<'a>(
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
        let looked_at = &entries[..reads.len()];
        let orders = looked_at.iter().zip(reads).map(|(entry, source)| self.listed(entry, source));
        Ok((looked_at, try_concurrently(orders).await?.into_iter().flatten().collect()))
    }

    /// The order of this entry, if there is one that can be read.
    async fn listed(
        &self,
        entry: &ListEntry,
        source: Source,
    ) -> Result<Option<(ListEntry, OrderRow)>, CatchUpError> {
        let order = match source {
            Source::Row(order) => return Ok(Some((entry.clone(), *order))),
            Source::Events(Some(stored)) => self.order_row(&entry.stream, stored.as_ref()).await,
            // The list may be ahead of a cheap read of the row; then the strong one has it.
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
                tracing::error!(counter = "unreadable_orders", stream = %entry.stream, %error, "an order is left out of a list");
                Ok(None)
            }
        }
    }

    async fn is_registered(&self, customer: &CustomerId) -> Result<bool, Problem> {
        let commits =
            self.events.read(&streams::customer(&self.tenant, customer), Version::START).await?;
        Ok(!commits.is_empty())
    }
}

fn status(text: &str) -> Option<OrderStatus> {
    serde_json::from_value(text.into()).ok()
}

/// Where an order of a list is read.
enum Source {
    /// In its row, as it stands.
    Row(Box<OrderRow>),
    /// In its events: its row is parked, could not be read (`Some(None)`), or was not among those
    /// that were found (`None`).
    Events(Option<Option<ViewRow>>),
}

/// Orders that were found, and where to go on if there may be more.
struct Found {
    orders: Vec<(ListEntry, OrderRow)>,
    next: Option<ListEntry>,
}

fn no_such_customer() -> Problem {
    Problem::not_found("There is no such customer.")
}
