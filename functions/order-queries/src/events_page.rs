//! `GET /orders/{id}/events`: the envelopes of an order's stream, in order.

use events::OrderEvent;
use serde_json::{Value, json};
use skald::commit::Envelope;
use skald::event::{DecodeError, DomainEvent};
use skald::personal::{PersonKeys, reveal};
use skald::store::EventStore;
use skald::stream::Version;
use skald::view::ViewStore;
use skald_lambda::http::{Call, Problem, Reply, StatusCode};

use crate::{Queries, cursor, limit, no_such_order};

/// Fields that are not shown to callers: the payment token, and how a step failed.
const HIDDEN: [&str; 2] = ["payment_token", "error"];

impl<S: EventStore, V: ViewStore, K: PersonKeys> Queries<S, V, K> {
    /// `GET /orders/{id}/events`.
    pub(crate) async fn order_events(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let query = call.query(&["limit", "cursor"])?;
        let limit = limit(query)?;
        let after =
            query.get("cursor").map(cursor::read_version).transpose()?.unwrap_or(Version::START);
        let commits = self.opened.read(&self.order_stream(id)?, Version::START).await?;
        let end = commits.last().ok_or_else(no_such_order)?.last();

        let envelopes = commits.iter().flat_map(skald::commit::Commit::envelopes::<OrderEvent>);
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

/// An envelope as callers see it: personal data is plain, and the fields of [`HIDDEN`] are removed.
/// The data has today's shape, whatever shape is stored; `schema` is the number of the shape that
/// is shown.
fn shown(envelope: &Envelope<OrderEvent>) -> Result<Value, Problem> {
    let encoded = envelope.data.encode().map_err(|error| Problem::internal(&error))?;
    let mut data = reveal(&encoded.data).map_err(|error| Problem::internal(&error))?;
    if let Value::Object(fields) = &mut data {
        fields.retain(|name, _| !HIDDEN.contains(&name.as_str()));
    }
    let context = &envelope.context;
    Ok(json!({
        "event_id": envelope.event_id, "event_type": envelope.event_type, "schema": encoded.schema,
        "tenant": envelope.stream.tenant(), "stream": envelope.stream.name(),
        "version": envelope.version, "recorded_at": envelope.recorded_at,
        "source": context.source, "correlation_id": context.correlation_id,
        "causation_id": context.causation_id, "actor": context.actor,
        "metadata": context.metadata, "data": data,
    }))
}

#[cfg(test)]
mod tests {
    use events::{OrderId, OrderParked};
    use ordering::streams;
    use skald::commit::{Actor, Commit, CommitId, Context, CorrelationId};
    use skald::event::EventData;
    use skald::stream::Tenant;
    use skald::time::Timestamp;

    use super::*;

    /// These events as callers see them.
    fn seen(events: Vec<EventData>) -> Vec<Value> {
        let order_id: OrderId = "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873".parse().unwrap();
        let commit = Commit {
            id: CommitId::of(order_id.uuid(), "test"),
            stream: streams::order(&Tenant::default(), order_id),
            first: Version::new(1),
            at: Timestamp::EPOCH,
            context: Context {
                source: "test".to_owned(),
                correlation_id: CorrelationId::new("call-1").unwrap(),
                causation_id: None,
                actor: Actor::new("test").unwrap(),
                metadata: Default::default(),
            },
            events,
            snapshot: None,
        };
        commit
            .envelopes::<OrderEvent>()
            .map(|envelope| shown(&envelope.unwrap()).unwrap())
            .collect()
    }

    /// The data of these events, as callers see them.
    fn data(events: Vec<EventData>) -> Vec<Value> {
        seen(events).into_iter().map(|mut envelope| envelope["data"].take()).collect()
    }

    #[test]
    fn a_customer_sees_the_order_but_not_the_payment_token() {
        let golden = include_bytes!("../../../events/golden/order.placed.1.json").to_vec();
        let [placed] = data(vec![EventData {
            event_type: "order.placed".to_owned(),
            schema: 1,
            data: golden,
        }])
        .try_into()
        .unwrap();
        assert_eq!(placed["customer_name"], "Jane Doe");
        assert_eq!(placed.get("payment_token"), None);
    }

    #[test]
    fn an_event_of_an_older_shape_is_shown_in_todays_shape() {
        let golden = include_bytes!("../../../events/golden/order.placed.1.json").to_vec();
        let [placed] = seen(vec![EventData {
            event_type: "order.placed".to_owned(),
            schema: 1,
            data: golden,
        }])
        .try_into()
        .unwrap();
        let (_, newest) =
            OrderEvent::TYPES.iter().find(|(event_type, _)| *event_type == "order.placed").unwrap();
        assert_eq!(
            (&placed["schema"], &placed["data"]["request_hash"]["form"]),
            (&json!(newest), &json!(1))
        );
    }

    #[test]
    fn a_customer_sees_the_step_of_a_parked_order_but_not_the_error() {
        let error = "Transient: the event store failed: Query: throttled".to_owned();
        let parked = OrderEvent::from(OrderParked { step: "ship_stock".to_owned(), error });
        assert_eq!(data(vec![parked.encode().unwrap()]), [json!({ "step": "ship_stock" })]);
    }
}
