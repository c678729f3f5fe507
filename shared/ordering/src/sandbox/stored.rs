//! Ledgers in a table, through the port that views use: an entry is a row, and its version counts
//! its changes.

use events::AttemptKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use skald::store::StoreError;
use skald::stream::{StreamId, Tenant, Version};
use skald::time::Timestamp;
use skald::view::{Put, ViewRow, ViewStore};

use super::{CarrierEntry, GatewayEntry, ask_carrier, ask_gateway};
use crate::ports::{
    Carrier, CarrierCall, Gateway, GatewayCall, ParcelAtCarrier, PaymentAtGateway, PortError,
};

/// How often an entry is read again because a concurrent call changed it.
const ATTEMPTS: u32 = 10;

/// A sandbox with its ledger in a table of its own.
#[derive(Debug, Clone)]
pub struct StoredSandbox<V> {
    ledger: V,
    tenant: Tenant,
}

impl<V: ViewStore> StoredSandbox<V> {
    /// A sandbox with this ledger, for orders of this tenant.
    pub const fn new(ledger: V, tenant: Tenant) -> Self {
        Self { ledger, tenant }
    }

    /// Performs a call: reads the entry, and stores the new one unless a concurrent call changed
    /// it.
    async fn ask<E, A>(
        &self,
        key: &AttemptKey,
        answer: impl Fn(Option<&E>) -> (Option<E>, Result<A, PortError>) + Sync,
    ) -> Result<A, PortError>
    where
        E: Serialize + DeserializeOwned + Send,
        A: Send,
    {
        let place = StreamId::new(&self.tenant, "ledger", key.as_str());
        let place = place.map_err(|error| PortError::Refused(error.to_string()))?;
        for _ in 0..ATTEMPTS {
            let row = self.ledger.get(&place).await.map_err(|error| no_answer(&error))?;
            let (version, entry) = match &row {
                Some(row) => (
                    row.version,
                    row.decode(&place).map_err(|error| PortError::Refused(error.to_string()))?,
                ),
                None => (Version::START, None),
            };
            let (changed, answer) = answer(entry.as_ref());
            let Some(changed) = changed else { return answer };
            let body = serde_json::to_string(&changed)
                .map_err(|error| PortError::Refused(error.to_string()))?;
            let row = ViewRow {
                version: version.next(),
                at: Timestamp::EPOCH, // A sandbox does not use time.
                body: Some(body),
                listing: None,
                worklist: None,
                parked: None,
            };
            if self.ledger.put(&place, version, &row).await.map_err(|error| no_answer(&error))?
                == Put::Stored
            {
                return answer;
            }
        }
        Err(PortError::NoAnswer("concurrent calls kept changing the ledger's entry".to_owned()))
    }
}

/// The ledger may or may not have stored the entry, as with a gateway that does not answer.
fn no_answer(error: &StoreError) -> PortError {
    PortError::NoAnswer(error.to_string())
}

impl<V: ViewStore> Gateway for StoredSandbox<V> {
    async fn ask(&self, call: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
        self.ask(call.key(), |entry: Option<&GatewayEntry>| ask_gateway(entry, call)).await
    }
}

impl<V: ViewStore> Carrier for StoredSandbox<V> {
    async fn ask(&self, call: &CarrierCall) -> Result<ParcelAtCarrier, PortError> {
        self.ask(call.key(), |entry: Option<&CarrierEntry>| ask_carrier(entry, call)).await
    }
}
