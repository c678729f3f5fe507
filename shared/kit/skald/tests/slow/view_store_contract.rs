//! The view store in memory passes the contract of every view store, and so does the projection's
//! `catch_up` with it.

use skald::memory::InMemoryViewStore;
use skald::stream::StreamId;
use skald::view::ViewRow;
use skald_testkit::view_store::ViewStoreFixture;

#[derive(Default)]
struct Fixture(InMemoryViewStore);

impl ViewStoreFixture for Fixture {
    type Store = InMemoryViewStore;

    fn store(&self) -> &InMemoryViewStore {
        &self.0
    }

    async fn plant(&self, stream: &StreamId, row: ViewRow) {
        self.0.plant(stream, row);
    }
}

skald_testkit::view_store_contract!(
    #[tokio::test]
    Fixture::default()
);
