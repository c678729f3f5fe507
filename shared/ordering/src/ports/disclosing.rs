//! What the outside must know of a person, told to it and to nobody on the way.
//!
//! The steps handle payment tokens and addresses sealed, as they stand in the order's stream. Here, at the last moment
//! before the call, the value is opened. If the person was erased meanwhile there is nothing to be told; then the key is
//! closed at the gateway or carrier, so that an earlier call which is still on its way has no effect either, and the
//! answer is a refusal: the order is undone.

use events::Address;
use serde::Serialize;
use serde::de::DeserializeOwned;
use skald::{Hidden, PersonKeys, Personal, StoreError, Tenant, open, with_causes};

use super::{Carrier, CarrierCall, Gateway, GatewayCall, ParcelAtCarrier, PaymentAtGateway, PortError};

/// Why an order of an erased customer is refused.
const ERASED: &str = "customer_erased";

/// A gateway or carrier that is told what is sealed in the calls about one tenant's orders.
#[derive(Debug, Clone)]
pub struct Disclosing<'a, P, K> {
    port: &'a P,
    keys: &'a K,
    tenant: Tenant,
}

impl<'a, P, K: PersonKeys> Disclosing<'a, P, K> {
    /// Opens with these keys what this port is to be told about persons of this tenant.
    pub const fn new(port: &'a P, keys: &'a K, tenant: Tenant) -> Self {
        Self { port, keys, tenant }
    }

    /// The value, plain; none if the person was erased.
    async fn plain<T>(&self, value: &Personal<T>) -> Result<Option<Personal<T>>, PortError>
    where
        T: Clone + Serialize + DeserializeOwned + Send + Sync,
    {
        let opened = open(self.keys, &self.tenant, value.clone()).await.map_err(|error| not_opened(&error))?;
        match opened.reveal() {
            Ok(_) => Ok(Some(opened)),
            Err(Hidden::Erased) => Ok(None),
            Err(hidden @ Hidden::Sealed) => Err(PortError::Refused(hidden.to_string())),
        }
    }
}

/// Nothing was asked of the outside yet.
fn not_opened(error: &StoreError) -> PortError {
    let told = with_causes(error);
    if error.is_transient() { PortError::NoAnswer(told) } else { PortError::Refused(told) }
}

impl<G: Gateway, K: PersonKeys> Gateway for Disclosing<'_, G, K> {
    async fn ask(&self, call: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
        let GatewayCall::Authorize { key, token, amount } = call else { return self.port.ask(call).await };
        if let Some(token) = self.plain::<String>(token).await? {
            return self.port.ask(&GatewayCall::Authorize { key: key.clone(), token, amount: *amount }).await;
        }
        match self.port.ask(&GatewayCall::Void { key: key.clone() }).await? {
            PaymentAtGateway::Voided => Ok(PaymentAtGateway::Declined { reason: ERASED.to_owned() }),
            other @ (PaymentAtGateway::Absent
            | PaymentAtGateway::Declined { .. }
            | PaymentAtGateway::Authorized { .. }
            | PaymentAtGateway::Captured
            | PaymentAtGateway::Refunded) => Ok(other),
        }
    }
}

impl<C: Carrier, K: PersonKeys> Carrier for Disclosing<'_, C, K> {
    async fn ask(&self, call: &CarrierCall) -> Result<ParcelAtCarrier, PortError> {
        let CarrierCall::Create { key, address } = call else { return self.port.ask(call).await };
        if let Some(address) = self.plain::<Address>(address).await? {
            return self.port.ask(&CarrierCall::Create { key: key.clone(), address }).await;
        }
        match self.port.ask(&CarrierCall::Cancel { key: key.clone() }).await? {
            ParcelAtCarrier::Cancelled => Ok(ParcelAtCarrier::Refused { reason: ERASED.to_owned() }),
            other @ (ParcelAtCarrier::Absent | ParcelAtCarrier::Refused { .. } | ParcelAtCarrier::Created { .. }) => {
                Ok(other)
            }
        }
    }
}
