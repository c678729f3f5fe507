//! `GET /orders/{id}/events`: the envelopes of an order's stream, in order.

use events::OrderEvent;
use serde_json::{Value, json};
use skald::{DecodeError, DomainEvent, Envelope, EventStore, Version, ViewStore, reveal};
use skald_lambda::http::{Call, Problem, Reply, StatusCode};

use crate::{Queries, cursor, limit, no_such_order};

impl<S: EventStore, V: ViewStore> Queries<S, V> {
    /// `GET /orders/{id}/events`.
    pub(crate) async fn order_events(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let query = call.query(&["limit", "cursor"])?;
        let limit = limit(query)?;
        let after = query.get("cursor").map(cursor::read_version).transpose()?.unwrap_or(Version::START);
        let commits = self.events.read(&self.order_stream(id)?, Version::START).await?;
        let end = commits.last().ok_or_else(no_such_order)?.last();

        let envelopes = commits.iter().flat_map(skald::Commit::envelopes::<OrderEvent>);
        let page = envelopes
            .filter(|envelope| envelope.as_ref().map_or(true, |envelope| envelope.version > after))
            .take(limit)
            .collect::<Result<Vec<_>, DecodeError>>()?;
        let last = page.last().map_or(end, |envelope| envelope.version);
        let shown = page.iter().map(shown).collect::<Result<Vec<_>, _>>()?;
        let mut body = json!({ "events": shown });
        if last < end {
            body["next_cursor"] = cursor::write_version(last).into();
        }
        Ok(Reply::json(StatusCode::OK, body))
    }
}

/// An envelope as callers see it: personal data in the clear, but never the payment token.
fn shown(envelope: &Envelope<OrderEvent>) -> Result<Value, Problem> {
    let encoded = envelope.data.encode().map_err(|error| Problem::internal(&error))?;
    let data: Value = serde_json::from_slice(&encoded.data).map_err(|error| Problem::internal(&error))?;
    let mut data = reveal(data);
    if let Value::Object(fields) = &mut data {
        fields.remove("payment_token");
    }
    let context = &envelope.context;
    Ok(json!({
        "event_id": envelope.event_id, "event_type": envelope.event_type, "schema": envelope.schema,
        "tenant": envelope.stream.tenant(), "stream": envelope.stream.name(), "version": envelope.version,
        "recorded_at": envelope.recorded_at, "source": context.source, "correlation_id": context.correlation_id,
        "causation_id": context.causation_id, "actor": context.actor, "metadata": context.metadata, "data": data,
    }))
}
