//! The index of all commits in memory: it shows the commits of its event store immediately.

use uuid::Uuid;

use super::event_store::InMemoryEventStore;
use super::lock::lock;
use crate::commit::Commit;
use crate::index::{CommitIndex, IndexEntry, IndexKey, IndexPage, SlicePosition};
use crate::store::StoreError;
use crate::stream::StreamId;
use crate::time::Timestamp;

/// The index over an event store in memory.
///
/// # Examples
///
/// ```
/// use skald::index::{CommitIndex, IndexKey};
/// use skald::memory::{InMemoryCommitIndex, InMemoryEventStore};
/// use skald::stream::Version;
/// # use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountCommand, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// # let events = InMemoryEventStore::default();
/// # let deposit = AccountCommand::Deposit(5);
/// # Handler::new(&events, NoPause).handle::<Account>(&account("1"), &deposit, &request).await?;
/// let index = InMemoryCommitIndex::over(&events);
/// let key = IndexKey::new(request.at, account("1"), Version::new(1));
/// assert!(index.commit(&key).await?.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct InMemoryCommitIndex {
    store: InMemoryEventStore,
}

impl InMemoryCommitIndex {
    /// The index of this store and its clones.
    #[must_use]
    pub fn over(store: &InMemoryEventStore) -> Self {
        Self { store: store.clone() }
    }
}

fn slice_of(stream: &StreamId) -> u8 {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, stream.key().as_bytes()).as_bytes()[0]
        % InMemoryCommitIndex::SLICES
}

fn entry(commit: &Commit) -> IndexEntry {
    let mut types: Vec<String> = Vec::new();
    for event in &commit.events {
        if !types.contains(&event.event_type) {
            types.push(event.event_type.clone());
        }
    }
    IndexEntry { key: IndexKey::of(commit), types }
}

impl CommitIndex for InMemoryCommitIndex {
    const SLICES: u8 = 16;

    async fn read(
        &self,
        slice: u8,
        after: &SlicePosition,
        until: Timestamp,
        limit: u32,
    ) -> Result<IndexPage, StoreError> {
        let mut entries: Vec<IndexEntry> = {
            let streams = lock(&self.store.streams);
            let commits = streams
                .iter()
                .filter(|(stream, _)| slice_of(stream) == slice)
                .flat_map(|(_, commits)| commits);
            commits.filter(|commit| (after.at()..=until).contains(&commit.at)).map(entry).collect()
        };
        entries.retain(|entry| !after.covers(&entry.key));
        entries.sort_by(|one, other| one.key.cmp(&other.key));
        entries.truncate(limit as usize);
        Ok(IndexPage { entries, malformed: vec![] })
    }

    async fn commit(&self, entry: &IndexKey) -> Result<Option<Commit>, StoreError> {
        let streams = lock(&self.store.streams);
        let mut commits = streams.get(entry.stream()).into_iter().flatten();
        Ok(commits.find(|commit| commit.first == entry.first()).cloned())
    }
}
