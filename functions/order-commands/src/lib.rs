//! Commands on orders, over HTTP: `POST /orders`.
//!
//! An order's id is computed from tenant, caller and idempotency key, so its stream at version 1 *is* the idempotency
//! record: a repeat finds it there, whoever sends it and whenever.

use events::{Caller, CustomerEvent, IdempotencyKey, OrderEvent, OrderId, OrderPlaced, ProductEvent};
use ordering::customer::{Customer, CustomerState};
use ordering::order::{Order, OrderCommand, OrderRejection, OrderState};
use ordering::placing::{Refused, price};
use ordering::product::{Product, ProductState};
use ordering::requests::{Fault, OrderRequest};
use ordering::streams;
use serde_json::json;
use skald::{Actor, CommitId, Decider, EventStore, Folded, Many, One, Outcome, Tenant, Timestamp, Version, handle_all};
use skald_lambda::clock::RandomPause;
use skald_lambda::http::{Call, IDEMPOTENT_REPLAYED, Problem, Reply, StatusCode, header};

/// The name of this component in the commits that it writes.
const SOURCE: &str = "order-commands";
/// How long an order may take from placing to confirmation, in milliseconds; after that it is undone.
const TIME_LIMIT_MS: u32 = 15 * 60 * 1000;

/// Takes orders.
#[derive(Debug)]
pub struct OrderCommands<S> {
    events: S,
    tenant: Tenant,
}

/// The states that placing an order decides on: the order's, the customer's, and those of the products of its items.
type States = (Folded<OrderState>, (Folded<CustomerState>, Vec<Folded<ProductState>>));
/// What placing an order adds to each of these streams: something to the order's, nothing to the others.
type Decided = (Vec<OrderEvent>, (Vec<CustomerEvent>, Vec<Vec<ProductEvent>>));

/// Why an order was not placed.
#[derive(Debug, thiserror::Error)]
enum NotPlaced {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Rejected(#[from] OrderRejection),
}

impl<S: EventStore> OrderCommands<S> {
    /// Takes orders into this event store.
    pub fn new(events: S) -> Self {
        Self { events, tenant: Tenant::default() }
    }

    /// Answers a call.
    ///
    /// # Errors
    /// The problem that the API names.
    pub async fn respond(&self, call: &Call) -> Result<Reply, Problem> {
        match (call.method.as_str(), call.segments().as_slice()) {
            ("POST", ["orders"]) => self.place(call).await,
            _ => Err(Problem::not_found("There is nothing at this path.")),
        }
    }

    /// `POST /orders`: reads the order, the customer and the products at once, decides, and appends to the order alone.
    async fn place(&self, call: &Call) -> Result<Reply, Problem> {
        call.query(&[])?;
        let key = call.header("idempotency-key").unwrap_or_default();
        let key = IdempotencyKey::new(key)
            .map_err(|rule| Problem::invalid(format!("The header Idempotency-Key is required: it {rule}.")))?;
        let request = OrderRequest::validate(&call.json()?).map_err(|faults| {
            Problem::invalid("The order is not what it must be.").with_errors(faults.into_iter().map(Fault::into_parts))
        })?;

        let caller = Caller::customer(request.customer_id());
        let order_id = OrderId::of(&self.tenant, &caller, &key);
        let order = One::<Order>::new(streams::order(&self.tenant, order_id));
        let customer = One::<Customer>::new(streams::customer(&self.tenant, request.customer_id()));
        let skus = request.items().iter().map(|item| streams::product(&self.tenant, &item.sku));
        let products = Many::<Product>::new(skus.collect());

        // The id names the request, so that its repeat is recognised and another request under the same key is not.
        let commit_id = CommitId::of(order_id.uuid(), &request.hash());
        let actor = Actor::new(caller.as_str()).map_err(|error| Problem::internal(&error))?;
        let command = call.request(commit_id, SOURCE, actor);
        let decide = |states: &States| decide(&request, states, call.at);
        let handled = handle_all(&self.events, &RandomPause, &(order, (customer, products)), &command, decide).await;
        let handled = handled.map_err(|error| Problem::from_handle(error, not_placed))?;

        let (order, _) = &handled.states;
        let placed = order.state.placed().map(|order| &order.placed);
        let placed = placed.ok_or_else(|| Problem::not_found("There is no such order."))?;
        Ok(accepted(order_id, placed, !matches!(handled.outcome, Outcome::Appended(_))))
    }
}

/// A new order gets the names and prices of this moment. One that is there was placed by another request: the same one
/// would have been recognised by its id.
fn decide(
    request: &OrderRequest,
    (order, (customer, products)): &States,
    now: Timestamp,
) -> Result<Decided, NotPlaced> {
    if order.state.placed().is_some() {
        return Err(OrderRejection::KeyReused.into());
    }
    let products: Vec<_> = products.iter().map(|product| (product.state.clone(), product.version)).collect();
    let command = price(request, &customer.state, &products, now, TIME_LIMIT_MS)?;
    let placed = Order::decide(&order.state, &OrderCommand::Place(Box::new(command)))?;
    Ok((placed, (Vec::new(), vec![Vec::new(); products.len()])))
}

fn not_placed(reason: NotPlaced) -> Problem {
    let refused = match reason {
        NotPlaced::Refused(refused) => refused,
        NotPlaced::Rejected(OrderRejection::KeyReused) => {
            return Problem::refused(
                "The Idempotency-Key was used for another order: choose a new one for a new order.",
            );
        }
        NotPlaced::Rejected(other) => return Problem::internal(&other),
    };
    let problem = match &refused {
        Refused::Unknown { .. } => Problem::refused("The customer is not registered, or a product is not on sale."),
        Refused::MixedCurrencies { .. } => Problem::invalid("One order has one currency."),
        Refused::TotalOverflow { .. } => Problem::invalid("The total is too large."),
        Refused::PriceChanged { actual, .. } => {
            Problem::conflict("The total is not the expected one.").with_member("total", json!(actual))
        }
    };
    problem.with_errors(refused.faults().into_iter().map(Fault::into_parts))
}

/// The first answer to this order, and the same for every repeat: made of what its first event says.
fn accepted(order_id: OrderId, placed: &OrderPlaced, replayed: bool) -> Reply {
    let first = Version::START.next();
    let body = json!({ "order_id": order_id, "status": "pending", "version": first, "total": placed.total });
    let reply = Reply::json(StatusCode::ACCEPTED, body)
        .with_header(header::LOCATION, format!("/orders/{order_id}"))
        .with_header(header::ETAG, format!("\"{first}\""));
    if replayed { reply.with_header(IDEMPOTENT_REPLAYED, "true") } else { reply }
}
