//! A store that seals and opens personal data passes every contract of stores.

use skald::commit::Commit;
use skald::memory::{InMemoryEventStore, InMemoryPersonKeys, InMemoryViewStore};
use skald::personal::{Opening, Sealing};
use skald::stream::StreamId;
use skald::view::ViewRow;
use skald_testkit::event_store::{EventStoreFixture, PlantCommits};
use skald_testkit::view_store::ViewStoreFixture;

type Sealed = Sealing<InMemoryEventStore, InMemoryPersonKeys>;
type Private<S> = Opening<Sealing<S, InMemoryPersonKeys>, InMemoryPersonKeys>;

fn private<S>(store: S) -> Private<S> {
    let keys = InMemoryPersonKeys::default();
    Opening::new(Sealing::new(store, keys.clone()), keys)
}

struct Events {
    raw: InMemoryEventStore,
    store: Private<InMemoryEventStore>,
    foreign: Private<InMemoryEventStore>,
}

impl Events {
    fn new() -> Self {
        let raw = InMemoryEventStore::default();
        Self { store: private(raw.clone()), foreign: private(InMemoryEventStore::default()), raw }
    }
}

impl EventStoreFixture for Events {
    type Store = Private<InMemoryEventStore>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    fn foreign(&self) -> &Self::Store {
        &self.foreign
    }
}

impl PlantCommits for Events {
    async fn plant(&self, commit: Commit) {
        self.raw.plant(commit);
    }
}

/// A store that only seals: every personal value is sealed when it is read.
struct SealedEvents {
    raw: InMemoryEventStore,
    store: Sealed,
    foreign: Sealed,
}

impl SealedEvents {
    fn new() -> Self {
        let sealing = |store| Sealing::new(store, InMemoryPersonKeys::default());
        let raw = InMemoryEventStore::default();
        Self { store: sealing(raw.clone()), foreign: sealing(InMemoryEventStore::default()), raw }
    }
}

impl EventStoreFixture for SealedEvents {
    type Store = Sealed;

    fn store(&self) -> &Sealed {
        &self.store
    }

    fn foreign(&self) -> &Sealed {
        &self.foreign
    }
}

impl PlantCommits for SealedEvents {
    async fn plant(&self, commit: Commit) {
        self.raw.plant(commit);
    }
}

struct Rows {
    raw: InMemoryViewStore,
    store: Private<InMemoryViewStore>,
}

impl Rows {
    fn new() -> Self {
        let raw = InMemoryViewStore::default();
        Self { store: private(raw.clone()), raw }
    }
}

impl ViewStoreFixture for Rows {
    type Store = Private<InMemoryViewStore>;

    fn store(&self) -> &Self::Store {
        &self.store
    }

    async fn plant(&self, stream: &StreamId, row: ViewRow) {
        self.raw.plant(stream, row);
    }
}

mod events {
    use super::*;

    skald_testkit::event_store_contract!(#[tokio::test] Events::new(), plants: commits);
}

mod sealed_events {
    use super::*;

    skald_testkit::event_store_contract!(#[tokio::test] SealedEvents::new(), plants: commits);
}

mod rows {
    use super::*;

    skald_testkit::view_store_contract!(
        #[tokio::test]
        Rows::new()
    );
}
