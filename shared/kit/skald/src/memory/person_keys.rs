//! Keys of persons in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

use super::lock::lock;
use crate::personal::{KeyEntry, Person, PersonKey, PersonKeys};
use crate::store::StoreError;
use crate::time::Timestamp;

/// Keys of persons in memory, for tests and examples. The keys are computed from the persons, so
/// they keep nothing secret. Clones share their keys.
///
/// # Examples
///
/// ```
/// use skald::memory::InMemoryPersonKeys;
/// use skald::personal::{KeyEntry, Person, PersonId, PersonKeys};
/// use skald::stream::Tenant;
/// use skald::time::Timestamp;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = InMemoryPersonKeys::default();
/// let ann = Person { tenant: Tenant::default(), id: PersonId::new("r-17")? };
/// keys.clone().erase(&ann, Timestamp::EPOCH).await?;
/// assert!(matches!(keys.to_open(&ann).await?, Some(KeyEntry::Erased)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct InMemoryPersonKeys(Arc<Mutex<BTreeMap<Person, KeyEntry>>>);

impl PersonKeys for InMemoryPersonKeys {
    async fn to_seal(&self, person: &Person) -> Result<KeyEntry, StoreError> {
        let new = || KeyEntry::Key(PersonKey::new(Sha256::digest(person.key()).into()));
        Ok(lock(&self.0).entry(person.clone()).or_insert_with(new).clone())
    }

    async fn to_open(&self, person: &Person) -> Result<Option<KeyEntry>, StoreError> {
        Ok(lock(&self.0).get(person).cloned())
    }

    async fn erase(&self, person: &Person, _: Timestamp) -> Result<(), StoreError> {
        lock(&self.0).insert(person.clone(), KeyEntry::Erased);
        Ok(())
    }
}
