//! `GET /orders/{id}/saga`: the steps of an order's saga, folded from its streams.

use std::str::FromStr;

use events::OrderId;
use futures_util::future::try_join4;
use ordering::streams;
use ordering::views::{SagaCommits, saga_of};
use skald::personal::PersonKeys;
use skald::store::EventStore;
use skald::stream::Version;
use skald::view::ViewStore;
use skald_lambda::http::{Call, Problem, Reply, StatusCode};

use crate::{Queries, no_such_order};

impl<S: EventStore, V: ViewStore, K: PersonKeys> Queries<S, V, K> {
    /// `GET /orders/{id}/saga`.
    pub(crate) async fn saga(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        call.query(&[])?;
        let order_id = OrderId::from_str(id).or(Err(no_such_order()))?;
        let tenant = &self.tenant;
        let read = |stream| async move { self.events.read(&stream, Version::START).await };
        let (order, reservation, payment, shipment) = try_join4(
            read(streams::order(tenant, order_id)),
            read(streams::reservation(tenant, order_id)),
            read(streams::payment(tenant, order_id)),
            read(streams::shipment(tenant, order_id)),
        )
        .await?;
        let commits = SagaCommits {
            order: &order,
            reservation: &reservation,
            payment: &payment,
            shipment: &shipment,
        };
        let saga = saga_of(order_id, &commits)?.ok_or_else(no_such_order)?;
        let body = serde_json::to_value(saga).map_err(|error| Problem::internal(&error))?;
        Ok(Reply::json(StatusCode::OK, body))
    }
}
