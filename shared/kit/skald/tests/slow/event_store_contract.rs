//! The event store in memory passes the contract of every event store.

use skald::commit::{Commit, CommitId, Draft};
use skald::event::DomainEvent;
use skald::memory::InMemoryEventStore;
use skald::reading::ReadFrom;
use skald::store::EventStore;
use skald::time::Timestamp;
use skald_testkit::event_store::{EventStoreFixture, PlantCommits};
use skald_testkit::sample::{AccountEvent, Deposited, account};
use uuid::Uuid;

use crate::support::context;

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

// The store keeps commits as they are, without an encoding that could be malformed.
skald_testkit::event_store_contract!(#[tokio::test] Fixture::default(), plants: commits);

#[tokio::test]
async fn a_hundred_races_with_faults_lose_nothing() {
    skald_testkit::event_store::races(Fixture::default, 1..=100).await;
}

/// The contract allows one more read; a store in memory does not need it.
#[tokio::test]
async fn the_last_page_is_marked_as_the_last() {
    let (store, stream) = (InMemoryEventStore::default(), account("a"));
    let event = AccountEvent::from(Deposited { amount: 1 }).encode().unwrap();
    let (commit_id, at) = (CommitId::new(Uuid::NAMESPACE_OID), Timestamp::EPOCH);
    let draft = Draft { commit_id, at, context: context(), events: vec![event], snapshot: None };
    store.append(&store.start(stream.clone()), draft).await.unwrap();
    for (limit, more) in [(0, true), (1, false), (2, false)] {
        let page = store.page(&stream, ReadFrom::End, limit).await.unwrap();
        assert_eq!((page.commits.len(), page.more), (limit.min(1) as usize, more), "limit {limit}");
    }
}
