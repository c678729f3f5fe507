//! `POST /orders/{id}/cancel` and `…/resume`.

use std::str::FromStr;

use events::{CancelReason, OrderId};
use ordering::order::{Order, OrderCommand, OrderRejection, OrderState};
use ordering::requests::{CancelRequest, Fault};
use ordering::streams;
use ordering::views::OrderStatus;
use serde_json::json;
use skald::commit::{Actor, CommitId};
use skald::decider::{Decider, Folded};
use skald::handle::{Handled, Handler, One};
use skald::personal::PersonKeys;
use skald::store::EventStore;
use skald::stream::Version;
use skald_lambda::clock::{RandomPause, new_id};
use skald_lambda::http::{Call, Problem, Reply, StatusCode, header};

use crate::{OrderCommands, SOURCE};

/// An error of changing an order.
#[derive(Debug, thiserror::Error)]
enum ChangeError {
    #[error("the order is at version {0}, which the request does not accept")]
    VersionMismatch(Version),
    #[error(transparent)]
    Rejected(#[from] OrderRejection),
}

impl<S: EventStore, K: PersonKeys> OrderCommands<S, K> {
    /// `POST /orders/{id}/cancel`: starts undoing the order and begins the attempt that undoes it.
    pub(crate) async fn cancel(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        CancelRequest::validate(&call.json()?).map_err(|faults| {
            Problem::invalid("The request body failed validation.")
                .with_errors(faults.into_iter().map(Fault::into_parts))
        })?;
        let reason = CancelReason::CustomerRequest;
        self.change(call, id, &OrderCommand::StartUndo { reason, note: None, attempt: None }).await
    }

    /// `POST /orders/{id}/resume`: begins the next attempt of an order that is not final, whether
    /// it is parked or not.
    pub(crate) async fn resume(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        self.change(call, id, &OrderCommand::Resume { extend_to: None }).await
    }

    async fn change(
        &self,
        call: &Call,
        id: &str,
        command: &OrderCommand,
    ) -> Result<Reply, Problem> {
        let order_id = OrderId::from_str(id).or(Err(no_such_order()))?;
        let stream = One::<Order>::new(streams::order(&self.tenant, order_id));
        let actor = Actor::new("caller").map_err(|error| Problem::internal(&error))?;
        let request = call.request(CommitId::new(new_id()), SOURCE, actor);
        let wanted = call.list_header("If-Match")?.filter(|tags| *tags != ["*"]);
        let decide = |order: &Folded<OrderState>| {
            let etag = format!("\"{}\"", order.version);
            if wanted.as_ref().is_some_and(|tags| !tags.contains(&etag.as_str())) {
                return Err(ChangeError::VersionMismatch(order.version));
            }
            Ok(Order::decide(&order.state, command)?)
        };
        let handled =
            Handler::new(&self.events, RandomPause).handle_all(&stream, &request, decide).await;
        let Handled { states, .. } =
            handled.map_err(|error| Problem::from_handle(error, change_problem))?;
        let version = states.version;
        let status = states
            .state
            .placed()
            .map_or(OrderStatus::Pending, |order| OrderStatus::of(order.phase));
        let body = json!({ "order_id": order_id, "status": status, "version": version });
        Ok(Reply::json(StatusCode::ACCEPTED, body)
            .with_header(header::ETAG, format!("\"{version}\"")))
    }
}

fn change_problem(error: ChangeError) -> Problem {
    match error {
        ChangeError::VersionMismatch(version) => Problem::precondition_failed(format!(
            "The order is at version {version}: read it again before changing it."
        )),
        ChangeError::Rejected(OrderRejection::NotPlaced) => no_such_order(),
        ChangeError::Rejected(rejection) => {
            Problem::conflict(format!("The order can no longer be changed: {rejection}."))
        }
    }
}

fn no_such_order() -> Problem {
    Problem::not_found("The order does not exist.")
}
