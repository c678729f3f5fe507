//! Counts the calls of a store: how many, how much they read, and how many run at the same time.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use skald::commit::Draft;
use skald::implementing::{Page, read_back};
use skald::personal::{KeyEntry, Person, PersonKeys};
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{AppendError, Appended, EventStore, Head, Loaded, StoreError};
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;

use crate::pause::yield_now;

/// A store, of events or of persons' keys, whose calls are counted. Each call yields to other tasks
/// before it is made.
///
/// # Examples
///
/// ```
/// use skald::memory::InMemoryEventStore;
/// use skald::store::EventStore;
/// use skald_testkit::counting::Counting;
/// use skald_testkit::sample::account;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Counting::new(InMemoryEventStore::default());
/// store.load(&account("1"), None).await?;
/// assert_eq!((store.take_pages(), store.take_commits()), (1, 0));
/// assert_eq!((store.take_calls(), store.take_calls()), (1, 0));
/// assert_eq!(store.take_max_concurrent(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Counting<S> {
    /// The store, for calls that are not to be counted.
    pub store: S,
    calls: AtomicUsize,
    pages: AtomicUsize,
    commits: AtomicUsize,
    running: AtomicUsize,
    max_running: AtomicUsize,
}

impl<S> Counting<S> {
    /// Wraps this store. All counts are 0.
    pub fn new(store: S) -> Self {
        let [calls, pages, commits, running, max_running] = Default::default();
        Self { store, calls, pages, commits, running, max_running }
    }

    /// How many calls of any kind were made since the last call of this method.
    pub fn take_calls(&self) -> usize {
        self.calls.swap(0, SeqCst)
    }

    /// How many pages were read since the last call of this method. Each page is a request to a
    /// service.
    pub fn take_pages(&self) -> usize {
        self.pages.swap(0, SeqCst)
    }

    /// How many commits were read since the last call of this method.
    pub fn take_commits(&self) -> usize {
        self.commits.swap(0, SeqCst)
    }

    /// The largest number of concurrent calls since the last call of this method.
    pub fn take_max_concurrent(&self) -> usize {
        self.max_running.swap(0, SeqCst)
    }

    /// Makes a call, and counts it as running until it ends.
    async fn call<T>(&self, call: impl Future<Output = T>) -> T {
        self.calls.fetch_add(1, SeqCst);
        let running = self.running.fetch_add(1, SeqCst) + 1;
        self.max_running.fetch_max(running, SeqCst);
        yield_now().await;
        let answer = call.await;
        self.running.fetch_sub(1, SeqCst);
        answer
    }
}

impl<S> fmt::Debug for Counting<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counting")
            .field("pages", &self.pages)
            .field("commits", &self.commits)
            .finish_non_exhaustive()
    }
}

impl<S: EventStore> EventStore for Counting<S> {
    type Head = S::Head;

    fn start(&self, stream: StreamId) -> S::Head {
        self.store.start(stream)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let page = self.call(self.store.page(stream, from, limit)).await?;
        self.pages.fetch_add(1, SeqCst);
        self.commits.fetch_add(page.commits.len(), SeqCst);
        Ok(page)
    }

    async fn load(
        &self,
        stream: &StreamId,
        kind: Option<SnapshotKind>,
    ) -> Result<Loaded<S::Head>, StoreError> {
        let head = self.store.load(stream, None).await?.head;
        let commits = match kind {
            Some(kind) => read_back(self, stream, kind).await?,
            None => self.read(stream, Version::START).await?,
        };
        Ok(Loaded { head, commits })
    }

    async fn load_after(&self, head: &S::Head) -> Result<Loaded<S::Head>, StoreError> {
        let commits = self.read(head.stream(), head.version()).await?;
        let head = self.store.load_after(head).await?.head;
        Ok(Loaded { head, commits })
    }

    async fn append(
        &self,
        head: &S::Head,
        draft: Draft,
    ) -> Result<Appended<S::Head>, AppendError<S::Head>> {
        self.call(self.store.append(head, draft)).await
    }

    async fn append_guarded(
        &self,
        parts: Vec<(S::Head, Draft)>,
        guards: Vec<S::Head>,
    ) -> Result<Vec<Appended<S::Head>>, AppendError<S::Head>> {
        self.call(self.store.append_guarded(parts, guards)).await
    }
}

impl<K: PersonKeys> PersonKeys for Counting<K> {
    async fn to_seal(&self, person: &Person) -> Result<KeyEntry, StoreError> {
        self.call(self.store.to_seal(person)).await
    }

    async fn to_open(&self, person: &Person) -> Result<Option<KeyEntry>, StoreError> {
        self.call(self.store.to_open(person)).await
    }

    async fn erase(&self, person: &Person, at: Timestamp) -> Result<(), StoreError> {
        self.call(self.store.erase(person, at)).await
    }
}
