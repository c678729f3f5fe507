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
    /// `PUT /customers/{id}`: registers a customer, or changes what differs. One commit, whatever
    /// it takes.
    pub(crate) async fn put_customer(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let id = CustomerId::new(id)
            .map_err(|rule| Problem::invalid(format!("The id in the path {rule}.")))?;
        let asked = CustomerRequest::validate(&id, &call.json()?).map_err(malformed)?;
        let (stream, commands) =
            (One::<Customer>::new(streams::customer(&self.tenant, &id)), asked.commands());
        let request = call.request(CommitId::new(new_id()), SOURCE, actor(&id)?);
        let decide = |customer: &skald::decider::Folded<_>| {
            decide_in_turn::<Customer>(&customer.state, &commands)
        };
        // Whether something differs can only be told of what is plain.
        let events = Opening::new(self.events.clone(), &self.keys);
        let handled =
            Handler::new(&events, RandomPause).handle_all(&stream, &request, decide).await;
        let handled = handled.map_err(|error| Problem::from_handle(error, not_changed))?;

        let status = if handled.created() { StatusCode::CREATED } else { StatusCode::OK };
        let (name, email) = (asked.name.reveal().ok(), asked.email.reveal().ok());
        let body = json!({ "customer_id": id, "name": name, "email": email, "version": handled.states.version });
        Ok(Reply::json(status, body))
    }

    /// `DELETE /customers/{id}`: erases the person.
    ///
    /// The key goes first, and only then is it written down that it went: what is recorded is true.
    /// Whoever dies in between leaves a person who is erased and not yet recorded; the same call,
    /// repeated, makes up for it.
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
        erased.map_err(|error| Problem::from_handle(error, not_changed))?;
        Ok(Reply::empty(StatusCode::NO_CONTENT))
    }
}

/// Until tokens are checked, a customer speaks for themselves.
fn actor(id: &CustomerId) -> Result<Actor, Problem> {
    Actor::new(format!("customer:{id}")).map_err(|error| Problem::internal(&error))
}

fn not_changed(rejection: CustomerRejection) -> Problem {
    match rejection {
        CustomerRejection::NotRegistered => no_such_customer(),
        CustomerRejection::Erased => Problem::conflict(
            "The customer was erased, and nobody takes their place: register under another id.",
        ),
    }
}

fn no_such_customer() -> Problem {
    Problem::not_found("There is no such customer.")
}
