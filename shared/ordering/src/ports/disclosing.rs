//! Opens personal data right before a call to the gateway or the carrier.
//!
//! The steps handle payment tokens and addresses sealed, as they are stored in the order's stream.
//! The value is opened here, right before the call. If the person was erased meanwhile, the call is
//! not made, and the order's stream decides how the order ends.

use serde::de::DeserializeOwned;
use skald::personal::{PersonKeys, Personal, SealedError, open};
use skald::store::StoreError;
use skald::stream::Tenant;
use skald::text::with_causes;

use super::{
    Carrier, CarrierCall, Gateway, GatewayCall, ParcelAtCarrier, PaymentAtGateway, PortError,
};

/// A gateway or carrier that receives the opened values of the calls about one tenant's orders.
#[derive(Debug, Clone)]
pub struct Disclosing<P, K> {
    port: P,
    keys: K,
    tenant: Tenant,
}

impl<P: Sync, K: PersonKeys> Disclosing<P, K> {
    /// Opens the personal data in this port's calls with these keys, for persons of this tenant.
    pub const fn new(port: P, keys: K, tenant: Tenant) -> Self {
        Self { port, keys, tenant }
    }

    async fn plain<T>(&self, value: &Personal<T>) -> Result<Personal<T>, PortError>
    where
        T: Clone + DeserializeOwned + Send + Sync,
    {
        let opened = open(&self.keys, &self.tenant, value.clone())
            .await
            .map_err(|error| not_opened(&error))?;
        match opened.reveal() {
            Ok(_) => Ok(opened),
            Err(SealedError::Erased) => Err(PortError::PersonErased),
            Err(hidden @ SealedError::Sealed) => Err(PortError::Refused(hidden.to_string())),
        }
    }
}

/// An error that occurred before the call was made.
fn not_opened(error: &StoreError) -> PortError {
    let message = with_causes(error);
    if error.is_transient() { PortError::NoAnswer(message) } else { PortError::Refused(message) }
}

impl<G: Gateway, K: PersonKeys> Gateway for Disclosing<G, K> {
    async fn ask(&self, call: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
        let GatewayCall::Authorize { key, token, amount } = call else {
            return self.port.ask(call).await;
        };
        let token = self.plain(token).await?;
        self.port.ask(&GatewayCall::Authorize { key: key.clone(), token, amount: *amount }).await
    }
}

impl<C: Carrier, K: PersonKeys> Carrier for Disclosing<C, K> {
    async fn ask(&self, call: &CarrierCall) -> Result<ParcelAtCarrier, PortError> {
        let CarrierCall::Create { key, address } = call else { return self.port.ask(call).await };
        let address = self.plain(address).await?;
        self.port.ask(&CarrierCall::Create { key: key.clone(), address }).await
    }
}
