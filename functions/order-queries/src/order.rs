//! `GET /orders/{id}`: an order's current or earlier state.

use std::str::FromStr;

use events::{OrderEvent, OrderId};
use ordering::streams;
use ordering::views::{OrderRow, OrderView, ParkedOrder};
use serde_json::Value;
use skald::commit::{Commit, Envelope};
use skald::personal::{PersonKeys, reveal};
use skald::reading::commits_as_of;
use skald::store::EventStore;
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;
use skald::view::{CatchUpError, ViewRow, ViewStore, project};
use skald_lambda::http::{Call, Problem, Query, Reply, StatusCode, header};

use crate::{Queries, no_such_order, stored};

/// The `step` that marks an order whose row in the view is parked. No step of the saga has this
/// name.
pub(crate) const VIEW: &str = "order_view";

/// The state of the order that the caller wants.
enum Wanted {
    /// At least this version.
    NotBefore(Version),
    /// The state at this version.
    AsOfVersion(Version),
    /// The state at this time.
    AsOf(Timestamp),
}

impl Wanted {
    fn of(query: Query<'_>) -> Result<Self, Problem> {
        let version = |text: &str| text.parse().ok().map(Version::new);
        let min_version =
            query.parse("min_version", "a version, a whole number from 0", version)?;
        let as_of_version =
            query.parse("as_of_version", "a version, a whole number from 0", version)?;
        let time = |text: &str| Timestamp::from_str(text).ok();
        let as_of = query.parse(
            "as_of",
            "a time in RFC 3339 form, such as 2026-11-21T08:15:30.250Z",
            time,
        )?;
        match (min_version, as_of_version, as_of) {
            (at_least, None, None) => Ok(Self::NotBefore(at_least.unwrap_or(Version::START))),
            (None, Some(version), None) => Ok(Self::AsOfVersion(version)),
            (None, None, Some(time)) => Ok(Self::AsOf(time)),
            _ => Err(Problem::invalid("Use only one of min_version, as_of_version and as_of.")),
        }
    }
}

impl<S: EventStore, V: ViewStore, K: PersonKeys> Queries<S, V, K> {
    /// `GET /orders/{id}`.
    pub(crate) async fn order(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let wanted = Wanted::of(call.query(&["min_version", "as_of_version", "as_of"])?)?;
        let stream = self.order_stream(id)?;
        let row = match wanted {
            Wanted::NotBefore(version) => self.order_at_least(&stream, version).await?,
            Wanted::AsOfVersion(version) => {
                let commits = self.opened.read(&stream, Version::START).await?;
                reaches(&commits, version)?;
                folded(&stream, &commits, |event| event.version <= version)?
            }
            Wanted::AsOf(time) => {
                let commits = self.opened.read(&stream, Version::START).await?;
                folded(&stream, commits_as_of(&commits, time), |_| true)?
            }
        };
        reply(call, &row)
    }

    /// The stream of the order with this id. Text that is not an id names no order.
    pub(crate) fn order_stream(&self, id: &str) -> Result<StreamId, Problem> {
        let id = OrderId::from_str(id).or(Err(no_such_order()))?;
        Ok(streams::order(&self.tenant, id))
    }

    /// The order from the view if its row has this version, else from the event store.
    async fn order_at_least(
        &self,
        stream: &StreamId,
        version: Version,
    ) -> Result<OrderRow, Problem> {
        let stored =
            stored(&self.orders, std::slice::from_ref(stream)).await?.remove(stream).flatten();
        if let Some(stored) = stored.as_ref().filter(|row| row.version >= version)
            && let Some(row) = self.order_row(stream, Some(stored)).await?
        {
            return Ok(row);
        }
        let commits = self.opened.read(stream, Version::START).await?;
        reaches(&commits, version)?;
        Ok(marked(folded(stream, &commits, |_| true)?, stored.as_ref()))
    }

    /// The order from the view's row, read by [`row`](Self::row), and marked if the row is parked.
    pub(crate) async fn order_row(
        &self,
        stream: &StreamId,
        stored: Option<&ViewRow>,
    ) -> Result<Option<OrderRow>, CatchUpError> {
        Ok(self.row::<OrderView>(stream, stored).await?.map(|row| marked(row, stored)))
    }
}

/// Marks an order whose row is parked, because the row may be out of date. An order that its saga
/// parked is already marked.
pub(crate) fn marked(row: OrderRow, stored: Option<&ViewRow>) -> OrderRow {
    let parked = stored.and_then(|stored| stored.parked.as_ref());
    let mark = parked.map(|parked| ParkedOrder {
        step: VIEW.to_owned(),
        since: parked.at,
        reason: Some(parked.reason.clone()),
    });
    OrderRow { parked: row.parked.or(mark), ..row }
}

/// Fails with 404 if the order does not exist, and with 409 if it has not reached the version.
fn reaches(commits: &[Commit], version: Version) -> Result<(), Problem> {
    let end = commits.last().ok_or_else(no_such_order)?.last();
    if version > end {
        return Err(Problem::conflict(format!(
            "The order is at version {end} and has not reached version {version}."
        )));
    }
    Ok(())
}

fn folded(
    stream: &StreamId,
    commits: &[Commit],
    wanted: impl Fn(&Envelope<OrderEvent>) -> bool,
) -> Result<OrderRow, Problem> {
    project::<OrderView>(stream, None, commits, wanted)?.ok_or_else(no_such_order)
}

/// An order as callers see it: the customer's name is `null` once they are erased, and why the
/// order is parked is for operators only.
pub(crate) fn shown(row: &OrderRow) -> Result<Value, Problem> {
    let parked = row.parked.clone().map(|parked| ParkedOrder { reason: None, ..parked });
    let row = OrderRow { parked, ..row.clone() };
    let json = serde_json::to_vec(&row).map_err(|error| Problem::internal(&error))?;
    reveal(&json).map_err(|error| Problem::internal(&error))
}

fn reply(call: &Call, row: &OrderRow) -> Result<Reply, Problem> {
    let etag = format!("\"{}\"", row.version);
    let known = call.list_header("If-None-Match")?.unwrap_or_default();
    let unchanged =
        known.iter().map(|tag| tag.trim_start_matches("W/")).any(|tag| tag == etag || tag == "*");
    // The mark is set and removed without a new version, so a marked answer gets no validator.
    if row.parked.as_ref().is_some_and(|parked| parked.step == VIEW) {
        return Ok(Reply::json(StatusCode::OK, shown(row)?));
    }
    // The name also changes without a new version, when the customer is erased.
    let unchanged = unchanged && row.customer_name.reveal().is_ok();
    let reply = if unchanged {
        Reply::empty(StatusCode::NOT_MODIFIED)
    } else {
        Reply::json(StatusCode::OK, shown(row)?)
    };
    Ok(reply.with_header(header::ETAG, etag))
}
