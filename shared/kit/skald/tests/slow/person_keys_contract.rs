//! The keys in memory pass the contract of every store of keys.

use skald::memory::InMemoryPersonKeys;
use skald_testkit::person_keys::PersonKeysFixture;

struct Fixture {
    keys: InMemoryPersonKeys,
    clone: InMemoryPersonKeys,
}

impl Fixture {
    fn new() -> Self {
        let keys = InMemoryPersonKeys::default();
        Self { clone: keys.clone(), keys }
    }
}

impl PersonKeysFixture for Fixture {
    type Keys = InMemoryPersonKeys;

    fn keys(&self) -> &InMemoryPersonKeys {
        &self.keys
    }

    fn elsewhere(&self) -> &InMemoryPersonKeys {
        &self.clone
    }
}

skald_testkit::person_keys_contract!(
    #[tokio::test]
    Fixture::new()
);
