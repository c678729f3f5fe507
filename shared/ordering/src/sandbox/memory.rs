//! Ledgers in memory, for tests, examples and simulations.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use events::AttemptKey;

use super::{CarrierEntry, GatewayEntry, ask_carrier, ask_gateway};
use crate::ports::{
    Carrier, CarrierCall, Gateway, GatewayCall, ParcelAtCarrier, PaymentAtGateway, PortError,
};

/// The entries of a ledger, by key. Clones share them.
#[derive(Debug, Clone)]
pub struct Ledger<E>(Arc<Mutex<BTreeMap<AttemptKey, E>>>);

impl<E> Default for Ledger<E> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<E: Clone> Ledger<E> {
    /// All entries, by key.
    #[must_use]
    pub fn entries(&self) -> BTreeMap<AttemptKey, E> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stores an entry unchecked, so that tests can begin with an earlier ledger.
    pub fn plant(&self, key: AttemptKey, entry: E) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, entry);
    }

    /// Performs a call atomically: reads the entry, and stores the new one.
    fn ask<A>(&self, key: &AttemptKey, answer: impl FnOnce(Option<&E>) -> (Option<E>, A)) -> A {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (entry, answer) = answer(entries.get(key));
        if let Some(entry) = entry {
            entries.insert(key.clone(), entry);
        }
        answer
    }
}

/// The gateway's ledger.
pub type GatewayLedger = Ledger<GatewayEntry>;
/// The carrier's ledger.
pub type CarrierLedger = Ledger<CarrierEntry>;

impl Gateway for GatewayLedger {
    async fn ask(&self, call: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
        self.ask(call.key(), |entry| ask_gateway(entry, call))
    }
}

impl Carrier for CarrierLedger {
    async fn ask(&self, call: &CarrierCall) -> Result<ParcelAtCarrier, PortError> {
        self.ask(call.key(), |entry| ask_carrier(entry, call))
    }
}
