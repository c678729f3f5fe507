//! Queries over HTTP: orders, their events, a customer's orders, stock, health; and `$default`,
//! every call that is no route of the API.
//!
//! Answers come from the views, at half the price of a strong read. Where a view is behind what the
//! caller must see, the answer is folded from the event store: following one's own `Location` never
//! gives 404.

mod cursor;
mod events_page;
mod order;
mod orders_page;
mod routes;
mod saga;
mod stock;

use std::collections::BTreeMap;
use std::slice;

use futures_util::{TryStreamExt, pin_mut};
use serde_json::json;
use skald::personal::{Opening, PersonKeys};
use skald::reading::ReadFrom;
use skald::reading::commits;
use skald::store::{EventStore, StoreError};
use skald::stream::{StreamId, Tenant, Version};
use skald::view::{CatchUpError, MalformedRow, Projection, Rows, ViewRow, ViewStore, project};
use skald_lambda::http::{Call, Problem, Query, Reply, StatusCode};

/// Entries on a page if the caller does not say.
const DEFAULT_LIMIT: usize = 20;
/// Entries on a page at most.
const MAX_LIMIT: usize = 100;

/// Answers queries.
#[derive(Debug)]
pub struct Queries<S, V, K> {
    /// As they are stored: for what says nothing about a person.
    events: S,
    /// The same, with what is about persons plain.
    opened: Opening<S, K>,
    orders: Opening<V, K>,
    stock: V,
    build: String,
    tenant: Tenant,
}

impl<S: EventStore, V: ViewStore, K: PersonKeys> Queries<S, V, K> {
    /// Answers from this event store, order view and stock view, opening with these keys what is
    /// about persons; `build` is what the health check says of itself.
    pub fn new(events: S, orders: V, stock: V, keys: K, build: String) -> Self
    where
        S: Clone,
        K: Clone,
    {
        let (opened, orders) =
            (Opening::new(events.clone(), keys.clone()), Opening::new(orders, keys));
        Self { events, opened, orders, stock, build, tenant: Tenant::default() }
    }

    /// Answers a call.
    ///
    /// # Errors
    /// The problem that the API names.
    pub async fn respond(&self, call: &Call) -> Result<Reply, Problem> {
        let sent = call.segments();
        let segments = if call.is_head { routes::end(&sent) } else { &sent };
        match (call.method.as_str(), segments) {
            ("GET", ["health"]) => self.health(call),
            ("GET", ["orders", id]) => self.order(call, id).await,
            ("GET", ["orders", id, "saga"]) => self.saga(call, id).await,
            ("GET", ["orders", id, "events"]) => self.order_events(call, id).await,
            ("GET", ["customers", id, "orders"]) => self.customer_orders(call, id).await,
            ("GET", ["stock", sku]) => self.stock(call, sku).await,
            (method, segments) => Err(routes::refuse(method, segments)),
        }
    }

    fn health(&self, call: &Call) -> Result<Reply, Problem> {
        call.query(&[])?;
        Ok(Reply::json(StatusCode::OK, json!({ "status": "ok", "version": self.build })))
    }
}

impl<S: EventStore, V: ViewStore, K: PersonKeys> Queries<S, V, K> {
    /// The row that the view has stored; `None` if it cannot be read, and it is then folded from
    /// the event store. A parked row does not follow its stream, so it is folded too, and shown as
    /// stored only if that fails.
    async fn row<P: Projection>(
        &self,
        stream: &StreamId,
        stored: Option<&ViewRow>,
    ) -> Result<Option<P::Row>, CatchUpError> {
        let decoded = stored.and_then(|stored| match stored.decode::<P::Row>(stream) {
            Ok(row) => Some(row),
            Err(error) => {
                tracing::error!(counter = "odd_rows", %stream, %error, "a row is folded from its events instead");
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
                tracing::warn!(%stream, %error, "a parked row is shown as it stands");
                Ok(row)
            }
            (folded, _) => folded,
        }
    }

    /// The row after all events of the stream, folded from the event store page by page.
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

/// The rows of these streams; `None` for one that cannot be read, which the log names.
async fn stored<V: ViewStore>(
    views: &V,
    streams: &[StreamId],
) -> Result<BTreeMap<StreamId, Option<ViewRow>>, StoreError> {
    let Rows { rows, malformed } = views.get_many(streams).await?;
    for MalformedRow { stream, fault } in &malformed {
        tracing::error!(counter = "odd_rows", %stream, fault, "a row is folded from its events instead");
    }
    let malformed = malformed.into_iter().map(|malformed| (malformed.stream, None));
    Ok(rows.into_iter().map(|(stream, row)| (stream, Some(row))).chain(malformed).collect())
}

/// Whether a store did not answer, so the same call may succeed later.
const fn is_outage(error: &CatchUpError) -> bool {
    use StoreError::{Denied, Throttled, Unavailable};
    matches!(error, CatchUpError::Store(Throttled { .. } | Unavailable { .. } | Denied { .. }))
}

/// The query's `limit`: how many entries the caller wants on a page.
fn limit(query: Query<'_>) -> Result<usize, Problem> {
    let expected = format!("a whole number from 1 to {MAX_LIMIT}");
    let limit = query.parse("limit", &expected, |text| {
        text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit))
    });
    Ok(limit?.unwrap_or(DEFAULT_LIMIT))
}

fn no_such_order() -> Problem {
    Problem::not_found("There is no such order.")
}
