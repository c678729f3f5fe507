//! HTTP queries: orders, their events, a customer's orders, the worklist, stock and health. Also
//! handles `$default`, the calls that match no route of the API.
//!
//! Answers come from the views, at half the price of a strongly consistent read. If a view is
//! behind what the caller must see, the answer is folded from the event store, so a caller that
//! follows the `Location` of their own order never gets 404.

mod cursor;
mod events_page;
mod order;
mod orders_page;
mod routes;
mod saga;
mod stock;
mod worklist;

use std::collections::BTreeMap;
use std::slice;

use events::CustomerId;
use futures_util::{TryStreamExt, pin_mut};
use ordering::streams;
use serde_json::json;
use skald::personal::{Opening, PersonKeys};
use skald::reading::ReadFrom;
use skald::reading::commits;
use skald::store::{EventStore, StoreError};
use skald::stream::{StreamId, Tenant, Version};
use skald::view::{CatchUpError, MalformedRow, Projection, Rows, ViewRow, ViewStore, project};
use skald_lambda::http::{Call, Problem, Query, Reply, StatusCode};

/// The number of entries on a page if the caller does not choose one.
const DEFAULT_LIMIT: usize = 20;
/// The largest number of entries on a page.
const MAX_LIMIT: usize = 100;

/// The stores of the views that queries read.
#[derive(Debug, Clone, Default)]
pub struct Views<V> {
    /// The rows of [`OrderView`](ordering::views::OrderView).
    pub orders: V,
    /// The rows of [`StockView`](ordering::views::StockView).
    pub stock: V,
}

/// Answers queries.
#[derive(Debug)]
pub struct Queries<S, V, K> {
    /// The events as stored, for queries without personal data.
    events: S,
    /// The same events with personal data decrypted.
    opened: Opening<S, K>,
    orders: Opening<V, K>,
    stock: V,
    build: String,
    tenant: Tenant,
}

impl<S: EventStore, V: ViewStore, K: PersonKeys> Queries<S, V, K> {
    /// Answers from this event store and these views, and decrypts personal data with these keys.
    /// The health check reports `build` as the version.
    pub fn new(events: S, views: Views<V>, keys: K, build: String) -> Self
    where
        S: Clone,
        K: Clone,
    {
        let Views { orders, stock } = views;
        let (opened, orders) =
            (Opening::new(events.clone(), keys.clone()), Opening::new(orders, keys));
        Self { events, opened, orders, stock, build, tenant: Tenant::default() }
    }

    /// Answers a call.
    ///
    /// # Errors
    /// The problem that the API documents for the failure.
    pub async fn respond(&self, call: &Call) -> Result<Reply, Problem> {
        let sent = call.segments();
        let segments = if call.is_head { routes::end(&sent) } else { &sent };
        match (call.method.as_str(), segments) {
            ("GET", ["health"]) => self.health(call),
            ("GET", ["orders"]) => self.worklist(call).await,
            ("GET", ["orders", id]) => self.order(call, id).await,
            ("GET", ["orders", id, "saga"]) => self.saga(call, id).await,
            ("GET", ["orders", id, "events"]) => self.order_events(call, id).await,
            ("GET", ["customers", id, "orders"]) => self.customer_orders(call, id).await,
            ("GET", ["stock", sku]) => self.stock(call, sku).await,
            (method, segments) => Err(routes::no_route(method, segments)),
        }
    }

    fn health(&self, call: &Call) -> Result<Reply, Problem> {
        call.query(&[])?;
        Ok(Reply::json(StatusCode::OK, json!({ "status": "ok", "version": self.build })))
    }
}

impl<S: EventStore, V: ViewStore, K: PersonKeys> Queries<S, V, K> {
    async fn is_registered(&self, customer: &CustomerId) -> Result<bool, Problem> {
        let stream = streams::customer(&self.tenant, customer);
        let commits = self.events.read(&stream, Version::START).await?;
        Ok(!commits.is_empty())
    }

    /// The row that the view stored, or the row folded from the event store if the stored one
    /// cannot be read (`None`). A parked row does not follow its stream, so it is folded too, and
    /// the stored row is used only if folding fails.
    async fn row<P: Projection>(
        &self,
        stream: &StreamId,
        stored: Option<&ViewRow>,
    ) -> Result<Option<P::Row>, CatchUpError> {
        let decoded = stored.and_then(|stored| match stored.decode::<P::Row>(stream) {
            Ok(row) => Some(row),
            Err(error) => {
                tracing::error!(
                    counter = "malformed_rows",
                    %stream,
                    %error,
                    "the stored row is malformed; folding it from its events instead"
                );
                None
            }
        });
        if stored.is_some_and(|stored| stored.parked.is_none())
            && let Some(row) = decoded
        {
            return Ok(row);
        }
        match (self.folded::<P>(stream).await, decoded) {
            (Err(error), Some(row)) if !is_outage(&error) => {
                tracing::warn!(
                    %stream,
                    %error,
                    "folding a parked row failed; showing the stored row, which may be out of date"
                );
                Ok(row)
            }
            (folded, _) => folded,
        }
    }

    /// The row after all events of the stream, folded page by page from the event store.
    async fn folded<P: Projection>(
        &self,
        stream: &StreamId,
    ) -> Result<Option<P::Row>, CatchUpError> {
        let commits = commits(&self.opened, stream, ReadFrom::After(Version::START));
        pin_mut!(commits);
        let mut row = None;
        while let Some(commit) = commits.try_next().await? {
            row = project::<P>(stream, row, slice::from_ref(&commit), |_| true)?;
        }
        Ok(row)
    }
}

/// The rows of these streams; `None` for a malformed row, which is logged.
async fn stored<V: ViewStore>(
    views: &V,
    streams: &[StreamId],
) -> Result<BTreeMap<StreamId, Option<ViewRow>>, StoreError> {
    let Rows { rows, malformed } = views.get_many(streams).await?;
    for MalformedRow { stream, fault } in &malformed {
        tracing::error!(
            counter = "malformed_rows",
            %stream,
            fault,
            "the stored row is malformed; folding it from its events instead"
        );
    }
    let malformed = malformed.into_iter().map(|malformed| (malformed.stream, None));
    Ok(rows.into_iter().map(|(stream, row)| (stream, Some(row))).chain(malformed).collect())
}

/// Whether a store did not answer, so that the same call may succeed later.
const fn is_outage(error: &CatchUpError) -> bool {
    use StoreError::{Denied, Throttled, Unavailable};
    matches!(error, CatchUpError::Store(Throttled { .. } | Unavailable { .. } | Denied { .. }))
}

/// The query parameter `limit`: the number of entries that the caller wants on a page.
fn limit(query: Query<'_>) -> Result<usize, Problem> {
    let expected = format!("a whole number from 1 to {MAX_LIMIT}");
    let limit = query.parse("limit", &expected, |text| {
        text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit))
    });
    Ok(limit?.unwrap_or(DEFAULT_LIMIT))
}

fn no_such_customer() -> Problem {
    Problem::not_found("The customer does not exist.")
}

fn no_such_order() -> Problem {
    Problem::not_found("The order does not exist.")
}
