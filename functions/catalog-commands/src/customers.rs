//! `PUT` and `DELETE /customers/{id}`.

use events::CustomerId;
use ordering::customer::{Customer, CustomerCommand, CustomerRejection, CustomerState};
use ordering::requests::CustomerRequest;
use ordering::streams;
use serde_json::json;
use skald::commit::{Actor, CommitId};
use skald::decider::decide_in_turn;
use skald::handle::{Handler, One, states};
use skald::personal::{Opening, Person, PersonKeys};
use skald::store::EventStore;
use skald_lambda::clock::{RandomPause, new_id};
use skald_lambda::http::{Call, Problem, Reply, StatusCode};

use crate::{CatalogCommands, SOURCE, malformed};

impl<S: EventStore + Clone, K: PersonKeys> CatalogCommands<S, K> {
    /// `PUT /customers/{id}`: registers a customer, or changes the fields that differ, in one
    /// commit.
    pub(crate) async fn put_customer(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let id = CustomerId::new(id)
            .map_err(|rule| Problem::invalid(format!("The id in the path {rule}.")))?;
        let wanted = CustomerRequest::validate(&id, &call.json()?).map_err(malformed)?;
        let (stream, commands) =
            (One::<Customer>::new(streams::customer(&self.tenant, &id)), wanted.commands());
        let request = call.request(CommitId::new(new_id()), SOURCE, actor(&id)?);
        let decide = |customer: &skald::decider::Folded<_>| {
            decide_in_turn::<Customer>(&customer.state, &commands)
        };
        // Only plain values can be compared with the request.
        let events = Opening::new(self.events.clone(), &self.keys);
        let handled =
            Handler::new(&events, RandomPause).handle_all(&stream, &request, decide).await;
        let handled = handled.map_err(|error| Problem::from_handle(error, customer_problem))?;

        let status = if handled.created() { StatusCode::CREATED } else { StatusCode::OK };
        let (name, email) = (wanted.name.reveal().ok(), wanted.email.reveal().ok());
        let version = handled.states.version;
        let body = json!({ "customer_id": id, "name": name, "email": email, "version": version });
        Ok(Reply::json(status, body))
    }

    /// `DELETE /customers/{id}`: erases the person.
    ///
    /// The key is destroyed before the erasure is recorded, so the recorded event is always true.
    /// If the call fails in between, the person is erased but the event is missing. Repeating the
    /// call records it.
    pub(crate) async fn erase_customer(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let id = CustomerId::new(id).or(Err(no_such_customer()))?;
        let stream = streams::customer(&self.tenant, &id);
        let customer = states(&self.events, &One::<Customer>::new(stream.clone())).await?;
        if customer.state == CustomerState::Unknown {
            return Err(no_such_customer());
        }
        self.keys.erase(&Person { tenant: self.tenant.clone(), id: id.person() }, call.at).await?;

        let request = call.request(CommitId::new(new_id()), SOURCE, actor(&id)?);
        let erased = Handler::new(&self.events, RandomPause)
            .handle::<Customer>(&stream, &CustomerCommand::Erase, &request)
            .await;
        erased.map_err(|error| Problem::from_handle(error, customer_problem))?;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }
}

/// Tokens are not checked yet: every caller acts as the customer in the path.
fn actor(id: &CustomerId) -> Result<Actor, Problem> {
    Actor::new(format!("customer:{id}")).map_err(|error| Problem::internal(&error))
}

fn customer_problem(rejection: CustomerRejection) -> Problem {
    match rejection {
        CustomerRejection::NotRegistered => no_such_customer(),
        CustomerRejection::Erased => Problem::conflict(
            "The customer was erased, and the id cannot be used again: register under another id.",
        ),
    }
}

fn no_such_customer() -> Problem {
    Problem::not_found("The customer does not exist.")
}
