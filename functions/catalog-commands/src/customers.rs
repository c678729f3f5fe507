//! `PUT /customers/{id}`.

use events::CustomerId;
use ordering::customer::Customer;
use ordering::requests::CustomerRequest;
use ordering::streams;
use serde_json::json;
use skald::{Actor, CommitId, EventStore, One, decide_in_turn, handle_all};
use skald_lambda::clock::{RandomPause, new_id};
use skald_lambda::http::{Call, Problem, Reply, StatusCode};

use crate::{CatalogCommands, SOURCE, malformed};

impl<S: EventStore> CatalogCommands<S> {
    /// `PUT /customers/{id}`: registers a customer, or changes what differs. One commit, whatever it takes.
    pub(crate) async fn put_customer(&self, call: &Call, id: &str) -> Result<Reply, Problem> {
        let id = CustomerId::new(id).map_err(|rule| Problem::invalid(format!("The id in the path {rule}.")))?;
        let commands = CustomerRequest::validate(&call.json()?).map_err(malformed)?.commands();
        let stream = One::<Customer>::new(streams::customer(&self.tenant, &id));
        let actor = Actor::new(format!("customer:{id}")).map_err(|error| Problem::internal(&error))?;
        let request = call.request(CommitId::new(new_id()), SOURCE, actor);
        let decide = |customer: &skald::Folded<_>| decide_in_turn::<Customer>(&customer.state, &commands);
        let handled = handle_all(&self.events, &RandomPause, &stream, &request, decide).await;
        let handled =
            handled.map_err(|error| Problem::from_handle(error, |rejection| Problem::internal(&rejection)))?;

        let status = if handled.created() { StatusCode::CREATED } else { StatusCode::OK };
        let customer = handled.states.state.registered();
        let body = json!({
            "customer_id": id, "name": customer.map(|customer| customer.name.reveal()),
            "email": customer.map(|customer| customer.email.reveal()), "version": handled.states.version,
        });
        Ok(Reply::json(status, body))
    }
}
