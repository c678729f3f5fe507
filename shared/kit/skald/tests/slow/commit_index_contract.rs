//! The index in memory passes the contract of every index, and so does the follower with it.

use skald::memory::{InMemoryCommitIndex, InMemoryEventStore};
use skald_testkit::commit_index::CommitIndexFixture;

struct Fixture {
    store: InMemoryEventStore,
    index: InMemoryCommitIndex,
}

impl Fixture {
    fn new() -> Self {
        let store = InMemoryEventStore::default();
        Self { index: InMemoryCommitIndex::over(&store), store }
    }
}

impl CommitIndexFixture for Fixture {
    type Store = InMemoryEventStore;
    type Index = InMemoryCommitIndex;

    fn store(&self) -> &InMemoryEventStore {
        &self.store
    }

    fn index(&self) -> &InMemoryCommitIndex {
        &self.index
    }
}

skald_testkit::commit_index_contract!(
    #[tokio::test]
    Fixture::new()
);

#[tokio::test]
async fn a_hundred_interleavings_deliver_every_commit() {
    skald_testkit::commit_index::interleavings(Fixture::new, 1..=100).await;
}
