//! Compares opaque keys by what they seal.

use skald::memory::InMemoryViewStore;
use skald::personal::{KeyEntry, Opening, Person, PersonId, PersonKeys, Sealing};
use skald::store::StoreError;
use skald::stream::{StreamId, Tenant, Version};
use skald::time::Timestamp;
use skald::view::{Put, ViewRow, ViewStore};

use crate::fixtures::at;
use crate::sample::account;

/// The effect of a key. Two values are equal if and only if the keys are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// A fixed value, sealed with the key in a fixed row.
    Key(String),
    /// The person was erased.
    Erased,
}

pub(super) fn person(id: &str) -> Person {
    Person { tenant: Tenant::default(), id: PersonId::new(id).expect("a valid id") }
}

/// The key that seals this person's values.
pub(super) async fn to_seal<K: PersonKeys>(keys: &K, person: &Person) -> Shown {
    let entry = keys
        .to_seal(person)
        .await
        .unwrap_or_else(|error| panic!("to seal for {}: {error}", person.key()));
    shown(entry).await
}

/// The key that opens this person's values.
pub(super) async fn to_open<K: PersonKeys>(keys: &K, person: &Person) -> Option<Shown> {
    let entry = keys
        .to_open(person)
        .await
        .unwrap_or_else(|error| panic!("to open for {}: {error}", person.key()));
    match entry {
        Some(entry) => Some(shown(entry).await),
        None => None,
    }
}

/// Erases the person at this many seconds.
pub(super) async fn erase<K: PersonKeys>(keys: &K, person: &Person, seconds: i64) {
    keys.erase(person, at(seconds))
        .await
        .unwrap_or_else(|error| panic!("erase {}: {error}", person.key()));
}

/// The effect of this key.
///
/// # Examples
///
/// ```
/// use skald::memory::InMemoryPersonKeys;
/// use skald::personal::{Person, PersonId, PersonKeys};
/// use skald::stream::Tenant;
/// use skald::time::Timestamp;
/// use skald_testkit::person_keys::{Shown, shown};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = InMemoryPersonKeys::default();
/// let ann = Person { tenant: Tenant::default(), id: PersonId::new("r-17")? };
/// let first = shown(keys.to_seal(&ann).await?).await;
/// assert_eq!(shown(keys.to_seal(&ann).await?).await, first, "a person has one key");
///
/// keys.erase(&ann, Timestamp::EPOCH).await?;
/// assert_eq!(shown(keys.to_seal(&ann).await?).await, Shown::Erased);
/// # Ok(())
/// # }
/// ```
pub async fn shown(entry: KeyEntry) -> Shown {
    let erased = matches!(entry, KeyEntry::Erased);
    let rows = InMemoryViewStore::default();
    let sealed = written(&Sealing::new(rows.clone(), Only(entry)), &rows, "anybody").await;
    if erased { Shown::Erased } else { Shown::Key(sealed) }
}

/// Keys with one entry for every person.
struct Only(KeyEntry);

impl PersonKeys for Only {
    async fn to_seal(&self, _: &Person) -> Result<KeyEntry, StoreError> {
        Ok(self.0.clone())
    }

    async fn to_open(&self, _: &Person) -> Result<Option<KeyEntry>, StoreError> {
        Ok(Some(self.0.clone()))
    }

    async fn erase(&self, _: &Person, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}

/// The stream of the row that [`written`] writes.
fn stream() -> StreamId {
    account("sealed")
}

/// Writes a row with a value about this person, and returns the row's body as stored.
pub(super) async fn written(
    sealing: &impl ViewStore,
    rows: &InMemoryViewStore,
    of: &str,
) -> String {
    let body = Some(plain(of));
    let row = ViewRow {
        version: Version::new(1),
        at: at(0),
        body,
        listing: None,
        worklist: None,
        parked: None,
    };
    let put = sealing.put(&stream(), Version::START, &row).await;
    assert_eq!(put.unwrap_or_else(|error| panic!("seal for {of}: {error}")), Put::Stored);
    body_in(rows).await
}

/// The body of the row, with sealed values opened by these keys.
pub(super) async fn opened<K: PersonKeys>(rows: &InMemoryViewStore, keys: &K) -> String {
    body_in(&Opening::new(rows.clone(), Same(keys))).await
}

/// The body that [`written`] writes, in plain text.
pub(super) fn plain(of: &str) -> String {
    format!(r#"{{"$person":"{of}","plain":"Jane Doe"}}"#)
}

async fn body_in(rows: &impl ViewStore) -> String {
    let row = rows.get(&stream()).await.unwrap_or_else(|error| panic!("open: {error}"));
    row.and_then(|row| row.body).expect("the row that was written")
}

/// The same keys, borrowed.
pub(super) struct Same<'a, K>(pub(super) &'a K);

impl<K: PersonKeys> PersonKeys for Same<'_, K> {
    async fn to_seal(&self, person: &Person) -> Result<KeyEntry, StoreError> {
        self.0.to_seal(person).await
    }

    async fn to_open(&self, person: &Person) -> Result<Option<KeyEntry>, StoreError> {
        self.0.to_open(person).await
    }

    async fn erase(&self, person: &Person, at: Timestamp) -> Result<(), StoreError> {
        self.0.erase(person, at).await
    }
}
