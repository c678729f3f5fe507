//! `GET /orders/{id}/saga`: the steps of an order's saga, folded from its streams.

use std::str::FromStr;

use events::OrderId;
use ordering::views::saga_of;
use skald::personal::PersonKeys;
use skald::store::EventStore;
use skald::view::ViewStore;
use skald_lambda::http::{Call, Problem, Reply, StatusCode};
use skald_saga::{Instance, StepError, trace};

use crate::{Queries, no_such_order};

impl<S: EventStore, V: ViewStore, K: PersonKeys> Queries<S, V, K> {
    /// `GET /orders/{id}/saga`.
    pub(crate) async fn saga(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        call.query(&[])?;
        let order_id = OrderId::from_str(id).or(Err(no_such_order()))?;
        let instance = Instance { tenant: self.tenant.clone(), id: order_id.to_string() };
        let traced = trace(&self.events, &instance).await.map_err(|error| unread(&error))?;
        let saga = traced
            .and_then(|traced| saga_of(order_id, &instance, &traced))
            .ok_or_else(no_such_order)?;
        let body = serde_json::to_value(saga).map_err(|error| Problem::internal(&error))?;
        Ok(Reply::json(StatusCode::OK, body))
    }
}

fn unread(error: &StepError) -> Problem {
    if error.is_retried() { Problem::unavailable() } else { Problem::internal(error) }
}
