//! The event store of a run: every call is a point, at which it may fail.

use skald::commit::Draft;
use skald::implementing::Page;
use skald::memory::InMemoryHead;
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{AppendError, Appended, EventStore, Head, Loaded, Moved, StoreError};
use skald::stream::StreamId;

use super::hooks::Hooks;
use super::point::Point;
use super::script::Fault;
use super::shared::Write;

const APPEND: &str = "append";
const READ: &str = "read";

type Parts = Vec<(InMemoryHead, Draft)>;
type Result<T> = std::result::Result<T, AppendError<InMemoryHead>>;

/// The event store of a run. See [`Hooks::store`].
///
/// # Examples
///
/// ```
/// use skald::handle::Handler;
/// use skald_testkit::saga::{Hooks, HookedStore};
/// use skald_testkit::sample::{Account, AccountCommand, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// let hooks = Hooks::new();
/// let store: HookedStore = hooks.store();
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, hooks.now(), "example", Actor::new("c-1")?);
/// let handler = Handler::new(&store, &hooks);
/// handler.handle::<Account>(&account("1"), &AccountCommand::Deposit(5), &request).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct HookedStore {
    hooks: Hooks,
}

impl Hooks {
    /// The event store of the run. Every call is a point.
    #[must_use]
    pub fn store(&self) -> HookedStore {
        HookedStore { hooks: self.clone() }
    }
}

impl HookedStore {
    async fn before_read(&self) -> std::result::Result<(), StoreError> {
        match self.hooks.point(Point::Read).await {
            Some(Fault::ReadFails) => Err(no_answer(READ)),
            _ => Ok(()),
        }
    }

    /// Appends, and records what was appended by this invocation.
    async fn send(
        &self,
        parts: Parts,
        guards: Vec<InMemoryHead>,
        by: Option<usize>,
    ) -> Result<Vec<Appended<InMemoryHead>>> {
        let appended = self.hooks.plain_store().append_guarded(parts, guards).await?;
        let new: Vec<_> = appended.iter().filter(|appended| !appended.repeated).collect();
        if !new.is_empty() {
            let streams = new.iter().map(|appended| appended.commit.stream.clone()).collect();
            let events = new.iter().flat_map(|appended| &appended.commit.events);
            let types = events.map(|event| event.event_type.clone()).collect();
            self.hooks.shared().writes.push(Write { streams, types, by });
        }
        Ok(appended)
    }

    async fn append_at_point(
        &self,
        parts: Parts,
        guards: Vec<InMemoryHead>,
    ) -> Result<Vec<Appended<InMemoryHead>>> {
        let by = self.hooks.invocation();
        let answer = match self.hooks.point(Point::Append).await {
            Some(Fault::Throttled) => return Err(throttled(APPEND).into()),
            Some(Fault::AppendLost) => return Err(no_answer(APPEND).into()),
            Some(Fault::Contended) => return Err(AppendError::Contended),
            Some(Fault::Conflict) => {
                let moved = parts
                    .iter()
                    .map(|(head, _)| Moved { stream: head.stream().clone(), found: None });
                return Err(AppendError::Conflict { moved: moved.collect() });
            }
            Some(Fault::AppendLate(points)) => {
                let store = self.clone();
                self.hooks.send_late(points, async move {
                    drop(store.send(parts, guards, by).await);
                });
                return Err(no_answer(APPEND).into());
            }
            Some(Fault::AppendAnswerLost) => {
                drop(self.send(parts, guards, by).await);
                Err(no_answer(APPEND).into())
            }
            Some(Fault::AppendTwice) => {
                drop(self.send(parts.clone(), guards.clone(), by).await);
                // Anything may happen between the two.
                self.hooks.point(Point::Appended).await;
                self.send(parts, guards, by).await
            }
            _ => self.send(parts, guards, by).await,
        };
        self.hooks.point(Point::Appended).await;
        answer
    }
}

impl EventStore for HookedStore {
    type Head = InMemoryHead;

    fn start(&self, stream: StreamId) -> InMemoryHead {
        self.hooks.plain_store().start(stream)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> std::result::Result<Page, StoreError> {
        self.before_read().await?;
        self.hooks.plain_store().page(stream, from, limit).await
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> std::result::Result<Loaded<InMemoryHead>, StoreError> {
        self.before_read().await?;
        self.hooks.plain_store().load(stream, snapshots).await
    }

    async fn load_after(
        &self,
        head: &InMemoryHead,
    ) -> std::result::Result<Loaded<InMemoryHead>, StoreError> {
        self.before_read().await?;
        self.hooks.plain_store().load_after(head).await
    }

    async fn append(&self, head: &InMemoryHead, draft: Draft) -> Result<Appended<InMemoryHead>> {
        let mut appended = self.append_at_point(vec![(head.clone(), draft)], Vec::new()).await?;
        Ok(appended.remove(0))
    }

    async fn append_guarded(
        &self,
        parts: Parts,
        guards: Vec<InMemoryHead>,
    ) -> Result<Vec<Appended<InMemoryHead>>> {
        self.append_at_point(parts, guards).await
    }
}

fn throttled(operation: &'static str) -> StoreError {
    StoreError::Throttled { operation, source: "by script".into() }
}

fn no_answer(operation: &'static str) -> StoreError {
    StoreError::Unavailable { operation, source: "by script".into() }
}
