//! The keys of persons during one call.

use skald::personal::{KeyEntry, Person, PersonKeys};
use skald::store::StoreError;
use skald::time::Timestamp;
use tokio::sync::OnceCell;

/// The keys of persons during one call, which reads the key of its customer once.
///
/// The key can thus be read together with the streams, before it is known what must be sealed. If
/// the customer is erased after that read, nobody can open what is sealed with the key. This value
/// must not outlive its call: later calls must find that the customer is erased.
pub(crate) struct CallKeys<'a, K> {
    keys: &'a K,
    customer: Person,
    /// The customer's key, once it was read. `None` in it if the customer never had a key.
    read: OnceCell<Option<KeyEntry>>,
}

impl<'a, K: PersonKeys> CallKeys<'a, K> {
    /// Begins a call that concerns this customer.
    pub(crate) fn new(keys: &'a K, customer: Person) -> Self {
        Self { keys, customer, read: OnceCell::new() }
    }

    /// Reads the customer's key, unless it was read before.
    pub(crate) async fn read(&self) -> Result<(), StoreError> {
        self.customers().await.map(drop)
    }

    /// The customer's key. A failed read is repeated by the next caller.
    async fn customers(&self) -> Result<Option<KeyEntry>, StoreError> {
        self.read.get_or_try_init(|| self.keys.to_open(&self.customer)).await.cloned()
    }
}

impl<K: PersonKeys> PersonKeys for CallKeys<'_, K> {
    async fn to_seal(&self, person: &Person) -> Result<KeyEntry, StoreError> {
        match self.to_open(person).await? {
            Some(entry) => Ok(entry),
            None => self.keys.to_seal(person).await,
        }
    }

    async fn to_open(&self, person: &Person) -> Result<Option<KeyEntry>, StoreError> {
        if *person == self.customer {
            self.customers().await
        } else {
            self.keys.to_open(person).await
        }
    }

    async fn erase(&self, person: &Person, at: Timestamp) -> Result<(), StoreError> {
        self.keys.erase(person, at).await
    }
}
