//! The event store in memory keeps the contract of every event store.

use skald::Commit;
use skald::memory::InMemoryEventStore;
use skald_testkit::event_store::{EventStoreFixture, PlantCommits};

#[derive(Default)]
struct Fixture {
    store: InMemoryEventStore,
    foreign: InMemoryEventStore,
}

impl EventStoreFixture for Fixture {
    type Store = InMemoryEventStore;

    fn store(&self) -> &InMemoryEventStore {
        &self.store
    }

    fn foreign(&self) -> &InMemoryEventStore {
        &self.foreign
    }
}

impl PlantCommits for Fixture {
    async fn plant(&self, commit: Commit) {
        self.store.plant(commit);
    }
}

// It keeps commits as they are, in no encoding that could be broken.
skald_testkit::event_store_contract!(#[tokio::test] Fixture::default(), plants: commits);

#[tokio::test]
async fn a_hundred_races_past_faults_lose_nothing() {
    skald_testkit::event_store::races(Fixture::default, 1..=100).await;
}
