//! HTTP commands for the data that orders depend on: products, deliveries of stock, and customers.

mod customers;
mod products;
mod receipts;

use ordering::requests::Fault;
use skald::commit::Actor;
use skald::personal::PersonKeys;
use skald::store::EventStore;
use skald::stream::Tenant;
use skald_lambda::http::{Call, Problem, Reply};

/// The name of this component in the commits that it writes.
const SOURCE: &str = "catalog-commands";

/// Handles the catalogue's commands.
#[derive(Debug)]
pub struct CatalogCommands<S, K> {
    events: S,
    keys: K,
    tenant: Tenant,
}

impl<S: EventStore + Clone, K: PersonKeys> CatalogCommands<S, K> {
    /// Handles commands with this event store, which seals personal data, and these keys of
    /// customers.
    pub fn new(events: S, keys: K) -> Self {
        Self { events, keys, tenant: Tenant::default() }
    }

    /// Answers a call.
    ///
    /// # Errors
    /// The problem that the API documents for the failure.
    pub async fn respond(&self, call: &Call) -> Result<Reply, Problem> {
        call.query(&[])?;
        match (call.method.as_str(), call.segments().as_slice()) {
            ("PUT", ["products", sku]) => self.put_product(call, sku).await,
            ("DELETE", ["products", sku]) => self.withdraw_product(call, sku).await,
            ("POST", ["stock", sku, "receipts"]) => self.receive_stock(call, sku).await,
            ("PUT", ["customers", id]) => self.put_customer(call, id).await,
            ("DELETE", ["customers", id]) => self.erase_customer(call, id).await,
            _ => Err(Problem::not_found("No resource exists at this path.")),
        }
    }
}

/// Tokens are not checked yet: every caller acts as the operator.
fn operator() -> Result<Actor, Problem> {
    Actor::new("operator").map_err(|error| Problem::internal(&error))
}

fn malformed(faults: Vec<Fault>) -> Problem {
    Problem::invalid("The request body failed validation.")
        .with_errors(faults.into_iter().map(Fault::into_parts))
}

#[cfg(test)]
mod tests;
