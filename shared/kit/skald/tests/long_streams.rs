//! A view of a stream of 100,000 events: memory is bounded, and a function that crashes keeps its
//! progress. This is a test binary of its own, because it measures the memory of its process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use skald::commit::{Commit, CommitId, Draft};
use skald::event::DomainEvent;
use skald::implementing::Page;
use skald::memory::{InMemoryEventStore, InMemoryHead, InMemoryViewStore};
use skald::message::CommitMessage;
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{AppendError, Appended, EventStore, Loaded, StoreError};
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;
use skald::view::{CaughtUp, ViewStore, catch_up, park, redrive};
use skald_testkit::sample::{AccountEvent, Noted, Statement, Statements, account};
use uuid::Uuid;

use support::context;

/// The number of events of the stream; each is a commit of its own.
const EVENTS: u64 = 100_000;
/// The size of each event, in bytes.
const EVENT_BYTES: usize = 200;
/// How much the process may grow: a small part of the size of all commits.
const MAX_KB: u64 = 10_000;
/// The number of events after which the row is stored at the latest.
const MAX_UNSTORED: u64 = 6_000;

/// An event store with one long stream, which is generated when it is read.
#[derive(Default)]
struct LongStream {
    /// An empty store, which provides heads.
    empty: InMemoryEventStore,
    /// The number of commits read so far.
    read: AtomicU64,
    /// The number of commits after which reads no longer return; 0 for never.
    crashes_after: AtomicU64,
}

impl LongStream {
    fn commit(stream: &StreamId, version: u64) -> Commit {
        let text = format!("{version:0EVENT_BYTES$}");
        Commit {
            id: CommitId::new(Uuid::from_u128(version.into())),
            stream: stream.clone(),
            first: Version::new(version),
            at: Timestamp::EPOCH,
            context: context(),
            events: vec![AccountEvent::from(Noted { text }).encode().unwrap()],
            snapshot: None,
        }
    }
}

impl EventStore for LongStream {
    type Head = InMemoryHead;

    fn start(&self, stream: StreamId) -> InMemoryHead {
        self.empty.start(stream)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let ReadFrom::After(after) = from else { panic!("read backwards") };
        let crashes_after = self.crashes_after.load(Ordering::Relaxed);
        if crashes_after > 0 && self.read.load(Ordering::Relaxed) >= crashes_after {
            std::future::pending::<()>().await;
        }
        let last = EVENTS.min(after.get() + u64::from(limit));
        self.read.fetch_add(last - after.get(), Ordering::Relaxed);
        let commits =
            (after.get() + 1..=last).map(|version| Self::commit(stream, version)).collect();
        Ok(Page { commits, more: last < EVENTS })
    }

    async fn load(
        &self,
        _: &StreamId,
        _: Option<SnapshotKind>,
    ) -> Result<Loaded<InMemoryHead>, StoreError> {
        panic!("loaded whole")
    }

    async fn load_after(&self, head: &InMemoryHead) -> Result<Loaded<InMemoryHead>, StoreError> {
        self.empty.load_after(head).await
    }

    async fn append(
        &self,
        head: &InMemoryHead,
        draft: Draft,
    ) -> Result<Appended<InMemoryHead>, AppendError<InMemoryHead>> {
        self.empty.append(head, draft).await
    }

    async fn append_guarded(
        &self,
        parts: Vec<(InMemoryHead, Draft)>,
        guards: Vec<InMemoryHead>,
    ) -> Result<Vec<Appended<InMemoryHead>>, AppendError<InMemoryHead>> {
        self.empty.append_guarded(parts, guards).await
    }
}

/// The peak memory of this process, in KB. `None` if the system does not report it.
fn peak_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().trim_end_matches(" kB").parse().ok()
}

fn hint(stream: &StreamId) -> CommitMessage {
    CommitMessage { stream: stream.clone(), last: Version::new(EVENTS), commit: None }
}

async fn assert_whole(views: &InMemoryViewStore, stream: &StreamId) {
    let row = views.get(stream).await.unwrap().unwrap();
    assert_eq!((row.version, &row.parked), (Version::new(EVENTS), &None));
    assert_eq!(row.decode::<Statement>(stream).unwrap().unwrap().entries, EVENTS);
}

#[tokio::test]
async fn folding_a_view_needs_the_memory_of_one_page() {
    let (events, views) = (LongStream::default(), InMemoryViewStore::default());
    let (caught_up, redriven) = (account("caught-up"), account("redriven"));
    let before = peak_kb();

    let caught = catch_up::<Statements, _, _>(&events, &views, &hint(&caught_up)).await.unwrap();
    assert_eq!(caught, CaughtUp::To(Version::new(EVENTS)));
    assert_whole(&views, &caught_up).await;

    park(&views, &redriven, None, "wrong data", Timestamp::EPOCH).await.unwrap();
    let caught = redrive::<Statements, _, _>(&events, &views, &redriven).await.unwrap();
    assert_eq!(caught, CaughtUp::To(Version::new(EVENTS)));
    assert_whole(&views, &redriven).await;

    if let (Some(before), Some(after)) = (before, peak_kb()) {
        assert!(after - before < MAX_KB, "the process grew by {} KB", after - before);
    }
}

#[tokio::test]
async fn a_function_continues_where_a_crashed_one_stopped() {
    let (events, views, stream) =
        (LongStream::default(), InMemoryViewStore::default(), account("crashes"));
    let mut crashes = 0;
    loop {
        let stored = views.get(&stream).await.unwrap().map_or(0, |row| row.version.get());
        let read = events.read.swap(0, Ordering::Relaxed);
        assert!(
            read <= 20_100 && (crashes == 0 || stored > 0),
            "no row is stored after {read} events"
        );
        events.crashes_after.store(20_000, Ordering::Relaxed);
        match catch_up::<Statements, _, _>(&events, &views, &hint(&stream)).now_or_never() {
            Some(caught) => {
                assert_eq!(caught.unwrap(), CaughtUp::To(Version::new(EVENTS)));
                break;
            }
            None => crashes += 1,
        }
        let progress =
            views.get(&stream).await.unwrap().map_or(0, |row| row.version.get()) - stored;
        assert!(progress + MAX_UNSTORED > 20_000, "{progress} of 20,000 events are stored");
        assert!(crashes < 20, "the function never finishes");
    }
    assert!(crashes >= 4, "the function crashed only {crashes} times");
    assert_whole(&views, &stream).await;
}
