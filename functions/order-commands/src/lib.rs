//! HTTP commands on orders and their parcels: place, cancel, resume, dispatch, deliver.

mod call_keys;
mod change;
mod parcel;
mod place;

use skald::personal::PersonKeys;
use skald::store::EventStore;
use skald::stream::Tenant;
use skald_lambda::http::{Call, Problem, Reply};

/// The name of this component in the commits that it writes.
const SOURCE: &str = "order-commands";

/// Handles commands on orders.
#[derive(Debug)]
pub struct OrderCommands<S, K> {
    events: S,
    keys: K,
    tenant: Tenant,
    time_limit_ms: u32,
}

impl<S: EventStore, K: PersonKeys> OrderCommands<S, K> {
    /// Handles commands on the orders in this event store, which seals personal data with these
    /// keys. An order that is not committed within the time limit is undone.
    pub fn new(events: S, keys: K, time_limit_ms: u32) -> Self {
        Self { events, keys, tenant: Tenant::default(), time_limit_ms }
    }

    /// Answers a call.
    ///
    /// # Errors
    /// The problem that the API documents for the failure.
    pub async fn respond(&self, call: &Call) -> Result<Reply, Problem> {
        call.query(&[])?;
        match (call.method.as_str(), call.segments().as_slice()) {
            ("POST", ["orders"]) => self.place(call).await,
            ("POST", ["orders", id, "cancel"]) => self.cancel(call, id).await,
            ("POST", ["orders", id, "resume"]) => self.resume(call, id).await,
            ("POST", ["shipments", id, "dispatch"]) => self.dispatch(call, id).await,
            ("POST", ["shipments", id, "deliver"]) => self.deliver(call, id).await,
            _ => Err(Problem::not_found("No resource exists at this path.")),
        }
    }
}

#[cfg(test)]
mod tests;
