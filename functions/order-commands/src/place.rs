//! `POST /orders`.
//!
//! An order's id is computed from tenant, caller and idempotency key. Version 1 of its stream
//! therefore *is* the idempotency record: a repeated call finds it and is answered from it alone.
//!
//! A call waits for one round of concurrent requests, for two if the customer's key must be
//! unwrapped, and then for the put. The order, the customer, the products and the customer's key
//! are read at the same time, although a repeated call needs only the order and the key: most calls
//! are not repeated. (At most [`MAX_CONCURRENT`](skald::concurrency::MAX_CONCURRENT) of the
//! customer and the products are read at a time, so an order of more products takes further
//! rounds.)

use events::{OrderEvent, OrderId, OrderPlaced};
use ordering::customer::Customer;
use ordering::order::{
    ComparisonError, Order, OrderCommand, OrderRejection, OrderState, RequestedOrder,
};
use ordering::placing::{PlacingRejection, price};
use ordering::product::Product;
use ordering::requests::{Caller, Fault, IdempotencyKey, order_id};
use ordering::streams;
use serde_json::json;
use skald::commit::{Actor, Commit, CommitId};
use skald::decider::Decider;
use skald::event::DomainEvent;
use skald::handle::{Many, One, Pause, states};
use skald::personal::{Opening, Person, PersonKeys, Sealing};
use skald::store::{AppendError, EventStore, StoreError};
use skald::stream::Version;
use skald_lambda::clock::{RandomPause, new_id};
use skald_lambda::http::{Call, IDEMPOTENT_REPLAYED, Problem, Reply, StatusCode, header};
use tokio::join;

use crate::call_keys::CallKeys;
use crate::{OrderCommands, SOURCE};

impl<S: EventStore, K: PersonKeys> OrderCommands<S, K> {
    /// `POST /orders`.
    pub(crate) async fn place(&self, call: &Call) -> Result<Reply, Problem> {
        let key = IdempotencyKey::new(call.single_header("Idempotency-Key")?.unwrap_or_default())
            .map_err(|rule| {
            Problem::invalid(format!("The header Idempotency-Key is required: it {rule}."))
        })?;
        let request = RequestedOrder::validate(&call.json()?).map_err(|faults| {
            Problem::invalid("The order failed validation.")
                .with_errors(faults.into_iter().map(Fault::into_parts))
        })?;
        let caller = Caller::customer(request.customer_id());
        let order_id = order_id(&self.tenant, &caller, &key);
        let stream = streams::order(&self.tenant, order_id);

        let person = request.customer_id().person();
        let keys = CallKeys::new(&self.keys, Person { tenant: self.tenant.clone(), id: person });
        // Only an existing order is decrypted: a repeated request is recognized by all of its data.
        let orders = Opening::new(&self.events, &keys);
        let (loaded, key, decided) =
            join!(orders.load(&stream, None), keys.read(), self.decide(call, &request));
        let loaded = loaded?;
        // The answer to a repeated call must not depend on the current customer and products.
        if let Some(first) = loaded.commits.first() {
            return replay(order_id, first, &request);
        }
        let events = decided?;
        key?;
        let actor = Actor::new(caller.as_str()).map_err(|error| Problem::internal(&error))?;
        let encoded = events.iter().map(OrderEvent::encode).collect::<Result<_, _>>();
        let encoded = encoded.map_err(|error| Problem::internal(&error))?;
        // Only this call uses the commit's id. So a commit with this id was written by this call,
        // even if its answer was lost and the store's client sent it again.
        let mut draft = call.request(CommitId::new(new_id()), SOURCE, actor).draft(encoded, None);
        // The time of writing, which may be seconds after the call arrived. The index of all
        // commits must not receive entries that lie far in the past.
        draft.at = RandomPause.now(call.at);
        let appended = Sealing::new(&self.events, &keys).append(&loaded.head, draft).await;
        match appended.inspect_err(|error| error.report([&stream])) {
            Ok(appended) => Ok(accepted(order_id, &placed(&appended.commit)?)),
            // Another call with the same key was faster. Its order is the one that the key
            // identifies.
            Err(AppendError::Conflict { .. } | AppendError::RepeatedInPart { .. }) => {
                let commits = orders.read(&stream, Version::START).await?;
                replay(order_id, commits.first().ok_or_else(Problem::unavailable)?, &request)
            }
            Err(AppendError::Contended) => Err(Problem::unavailable()),
            // The customer was erased after they were read.
            Err(AppendError::Store(StoreError::PersonErased(_))) => {
                Err(placing_problem(PlacingRejection::Unknown {
                    customer: true,
                    items: Vec::new(),
                }))
            }
            Err(AppendError::Store(error)) => Err(error.into()),
            Err(AppendError::Invalid(invalid)) => Err(Problem::internal(&invalid)),
        }
    }

    /// The events of a new order, with the names and prices that are current now.
    async fn decide(
        &self,
        call: &Call,
        request: &RequestedOrder,
    ) -> Result<Vec<OrderEvent>, Problem> {
        let customer = One::<Customer>::new(streams::customer(&self.tenant, request.customer_id()));
        let products = request.items().iter().map(|item| streams::product(&self.tenant, &item.sku));
        let streams = (customer, Many::<Product>::new(products.collect()));
        let (customer, products) = states(&self.events, &streams).await?;
        let products: Vec<_> =
            products.into_iter().map(|product| (product.state, product.version)).collect();
        let command = price(request, &customer.state, &products, call.at, self.time_limit_ms)
            .map_err(placing_problem)?;
        let decided =
            Order::decide(&OrderState::default(), &OrderCommand::Place(Box::new(command)));
        decided.map_err(|rejection| Problem::internal(&rejection))
    }
}

/// The answer to a request whose order already exists: the first answer again, or a problem if the
/// existing order is a different one.
fn replay(order_id: OrderId, first: &Commit, request: &RequestedOrder) -> Result<Reply, Problem> {
    let placed = placed(first)?;
    match request.is_that_of(&placed) {
        Ok(true) => Ok(accepted(order_id, &placed).with_header(IDEMPOTENT_REPLAYED, "true")),
        Ok(false) => {
            let detail =
                "The Idempotency-Key was used for another order: choose a new one for a new order.";
            Err(Problem::unprocessable(detail))
        }
        // A newer release placed the order, and is about to replace this one.
        Err(ComparisonError::UnknownForm(_)) => Err(Problem::unavailable()),
        Err(sealed @ ComparisonError::Sealed) => Err(Problem::internal(&sealed)),
    }
}

/// The content of the first event of an order's stream.
fn placed(first: &Commit) -> Result<OrderPlaced, Problem> {
    match first.envelopes::<OrderEvent>().next().transpose()?.map(|envelope| envelope.data) {
        Some(OrderEvent::Placed(placed)) => Ok(placed),
        Some(_) | None => Err(Problem::internal(&OrderRejection::NotPlaced)),
    }
}

/// The answer to an order. It is built from the order's first event, so a repeated request gets the
/// same answer.
fn accepted(order_id: OrderId, placed: &OrderPlaced) -> Reply {
    let first = Version::START.next();
    let total = placed.total;
    let body =
        json!({ "order_id": order_id, "status": "pending", "version": first, "total": total });
    Reply::json(StatusCode::ACCEPTED, body)
        .with_header(header::LOCATION, format!("/orders/{order_id}"))
        .with_header(header::ETAG, format!("\"{first}\""))
}

fn placing_problem(rejection: PlacingRejection) -> Problem {
    let problem = match &rejection {
        PlacingRejection::Unknown { .. } => {
            Problem::unprocessable("The customer is not registered, or a product is not on sale.")
        }
        PlacingRejection::MixedCurrencies { .. } => {
            Problem::invalid("All prices of an order must be in one currency.")
        }
        PlacingRejection::TotalOverflow { .. } => Problem::invalid("The total is too large."),
        PlacingRejection::PriceChanged { actual, .. } => {
            Problem::conflict("The total differs from the expected total.")
                .with_member("total", json!(actual))
        }
    };
    problem.with_errors(rejection.faults().into_iter().map(Fault::into_parts))
}
