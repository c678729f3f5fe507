//! `POST /orders/{id}/cancel` and `…/resume`.

use std::str::FromStr;

use events::OrderId;
use ordering::order::{Order, OrderCommand, OrderRejection, OrderState};
use ordering::requests::{CancelRequest, CancelledBy, Fault, IdempotencyKey, ResumeRequest};
use ordering::streams;
use ordering::values::Note;
use ordering::views::OrderStatus;
use serde_json::json;
use skald::commit::{Actor, CommitId};
use skald::decider::{Decider, Folded};
use skald::handle::{HandleError, Handled, Handler, One};
use skald::personal::{PersonKeys, Personal};
use skald::store::{EventStore, StoreError};
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
        let CancelRequest { note, cancelled_by } =
            CancelRequest::validate(&call.json()?).map_err(invalid)?;
        let commit_id = CommitId::new(new_id());
        let start_undo = |order: &OrderState, note: Option<&Note>| {
            let customer = order.placed().map(|order| order.placed.customer_id.person());
            let note = customer.zip(note);
            OrderCommand::StartUndo {
                reason: cancelled_by.reason(),
                note: note.map(|(person, note)| Personal::of(person, note.to_string())),
                attempt: None,
            }
        };
        let by = cancelled_by.name();
        let with_note = |order: &OrderState| start_undo(order, Some(&note));
        match self.change(call, id, by, commit_id, with_note).await? {
            // Nothing about an erased person is kept, but their order can still be cancelled.
            Err(StoreError::PersonErased(_)) => {
                let without_note = |order: &OrderState| start_undo(order, None);
                self.change(call, id, by, commit_id, without_note).await?.map_err(Problem::from)
            }
            done => done.map_err(Problem::from),
        }
    }

    /// `POST /orders/{id}/resume`: begins the next attempt of an order of which a step is left,
    /// whether it is parked or not.
    pub(crate) async fn resume(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let body = call.json_if_any()?.unwrap_or_else(|| json!({}));
        let request = ResumeRequest::validate(&body).map_err(invalid)?;
        let key = call.single_header("Idempotency-Key")?.map(IdempotencyKey::new).transpose();
        let key =
            key.map_err(|rule| Problem::invalid(format!("The header Idempotency-Key {rule}.")))?;
        // A repeat with the same key is the same commit.
        let commit_id = match (key, OrderId::from_str(id)) {
            (Some(key), Ok(order_id)) => CommitId::of(order_id.uuid(), &format!("resume.{key}")),
            (_, _) => CommitId::new(new_id()),
        };
        let resume =
            |_: &OrderState| OrderCommand::Resume { extend_to: request.extend_to(call.at) };
        let by = CancelledBy::Operator.name();
        self.change(call, id, by, commit_id, resume).await?.map_err(Problem::from)
    }

    /// Decides the command that `command` makes of the order, and answers with the order's status.
    /// An error of the store is returned apart.
    async fn change(
        &self,
        call: &Call,
        id: &str,
        actor: &str,
        commit_id: CommitId,
        command: impl Fn(&OrderState) -> OrderCommand + Sync,
    ) -> Result<Result<Reply, StoreError>, Problem> {
        let order_id = OrderId::from_str(id).or(Err(no_such_order()))?;
        let stream = One::<Order>::new(streams::order(&self.tenant, order_id));
        let actor = Actor::new(actor).map_err(|error| Problem::internal(&error))?;
        let request = call.request(commit_id, SOURCE, actor);
        let wanted = call.list_header("If-Match")?.filter(|tags| *tags != ["*"]);
        let decide = |order: &Folded<OrderState>| {
            let etag = format!("\"{}\"", order.version);
            if wanted.as_ref().is_some_and(|tags| !tags.contains(&etag.as_str())) {
                return Err(ChangeError::VersionMismatch(order.version));
            }
            Ok(Order::decide(&order.state, &command(&order.state))?)
        };
        let handler = Handler::new(&self.events, RandomPause);
        match handler.handle_all(&stream, &request, decide).await {
            Ok(Handled { states, .. }) => Ok(Ok(accepted(order_id, &states))),
            Err(HandleError::Store(error)) => Ok(Err(error)),
            Err(error) => Err(Problem::from_handle(error, change_problem)),
        }
    }
}

/// The answer to a request that changed an order, or found it changed already.
pub(crate) fn accepted(order_id: OrderId, order: &Folded<OrderState>) -> Reply {
    let version = order.version;
    let status =
        order.state.placed().map_or(OrderStatus::Pending, |order| OrderStatus::of(order.phase));
    let body = json!({ "order_id": order_id, "status": status, "version": version });
    Reply::json(StatusCode::ACCEPTED, body).with_header(header::ETAG, format!("\"{version}\""))
}

/// The problem for a body that failed validation.
pub(crate) fn invalid(faults: Vec<Fault>) -> Problem {
    Problem::invalid("The request body failed validation.")
        .with_errors(faults.into_iter().map(Fault::into_parts))
}

fn change_problem(error: ChangeError) -> Problem {
    match error {
        ChangeError::VersionMismatch(version) => Problem::precondition_failed(format!(
            "The order is at version {version}: read it again before changing it."
        )),
        ChangeError::Rejected(OrderRejection::NotPlaced) => no_such_order(),
        ChangeError::Rejected(rejection) => {
            Problem::conflict(format!("The request does not fit the order: {rejection}."))
        }
    }
}

pub(crate) fn no_such_order() -> Problem {
    Problem::not_found("The order does not exist.")
}
