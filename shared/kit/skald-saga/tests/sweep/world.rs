//! The world around a sweeper: time, stores, an index that may lag, and a state machine.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::SeqCst};

use skald::commit::{Commit, CommitId, Draft};
use skald::decider::fold;
use skald::event::EventData;
use skald::handle::Pause;
use skald::implementing::Page;
use skald::index::{CommitIndex, IndexKey, IndexPage, SlicePosition};
use skald::memory::{InMemoryCommitIndex, InMemoryEventStore, InMemoryHead, InMemoryViewStore};
use skald::prelude::*;
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{AppendError, Appended, EventStore, Loaded, StoreError};
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;
use skald::view::{ListEntry, ListPage, Put, Rows, ViewRow, ViewStore};
use skald_saga::sweep::{SweepError, SweepOptions, Sweeper, Swept};
use skald_saga::{
    Change, Execution, ExecutionInput, ExecutionStarter, Executions, NoAnswer, Phase, Standing,
};
use skald_testkit::yield_now;

use crate::job::{Job, JobCommand, job};

pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const DELAY: i64 = 2 * MINUTE;
pub(crate) const OVERLAP: i64 = MINUTE;
/// The deadline of a job that [`World::begin`] begins, after its beginning.
pub(crate) const DEADLINE: i64 = 60 * MINUTE;
pub(crate) const GRACE: i64 = 15 * MINUTE;

/// All ports of the sweeper. Each call yields, is counted, and may fail.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) events: InMemoryEventStore,
    pub(crate) rows: InMemoryViewStore,
    /// Milliseconds since the epoch.
    now: AtomicI64,
    /// The entries that are not in the index before a time.
    late: Mutex<HashMap<IndexKey, Timestamp>>,
    /// The executions by name, and whether each runs.
    executions: Mutex<BTreeMap<String, (ExecutionInput, bool)>>,
    /// What happens to a saga during the call to the state machine.
    pub(crate) while_starting: Mutex<Option<(StreamId, Change<()>)>>,
    /// Whether the state machine does not answer.
    pub(crate) is_mute: Mutex<bool>,
    /// How many calls succeed before all others fail; `usize::MAX` for all.
    pub(crate) budget: AtomicUsize,
    calls: Mutex<BTreeMap<&'static str, u64>>,
    running: AtomicU64,
    max_running: AtomicU64,
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self { budget: AtomicUsize::new(usize::MAX), ..Self::default() };
        world.wait(1_700_000_000 * SECOND);
        world
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(SeqCst)).unwrap()
    }

    pub(crate) fn wait(&self, ms: i64) {
        self.now.fetch_add(ms, SeqCst);
    }

    pub(crate) async fn handle(&self, stream: &StreamId, command: JobCommand) -> Commit {
        let name = format!("{command:?} {:?}", self.now());
        let id = CommitId::of(uuid::Uuid::nil(), &format!("{stream:?} {name}"));
        let request = Request::new(id, self.now(), "test", Actor::new("test").unwrap());
        let handler = Handler::new(&self.events, skald_testkit::NoPause);
        handler.handle::<Job>(stream, &command, &request).await.unwrap();
        self.events.load(stream, None).await.unwrap().commits.pop().unwrap()
    }

    pub(crate) async fn change(&self, stream: &StreamId, change: Change<()>) -> Commit {
        self.handle(stream, JobCommand::Change(change)).await
    }

    /// Begins a job, and loses the message that would start it.
    pub(crate) async fn begin(&self, id: impl ToString) -> StreamId {
        let stream = job(id);
        let deadline = self.now().plus_millis(DEADLINE);
        self.handle(&stream, JobCommand::Begin { deadline }).await;
        stream
    }

    /// Begins a job whose execution is started, and runs.
    pub(crate) async fn begin_and_start(&self, id: impl ToString) -> StreamId {
        let stream = self.begin(id).await;
        self.starter().start::<Job>(&stream, self.now()).await.unwrap();
        stream
    }

    /// Appends an event that no build can read.
    pub(crate) async fn poison(&self, stream: &StreamId) {
        let head = self.events.load(stream, None).await.unwrap().head;
        let event =
            EventData { event_type: "job.begun".to_owned(), schema: 1, data: b"{}".to_vec() };
        let context = Request::new(
            CommitId::of(uuid::Uuid::nil(), "poison"),
            self.now(),
            "test",
            Actor::new("test").unwrap(),
        );
        self.events.append(&head, context.draft(vec![event], None)).await.unwrap();
    }

    /// Hides the index entry of a commit until `at`.
    pub(crate) fn hide(&self, commit: &Commit, at: Timestamp) {
        self.late.lock().unwrap().insert(IndexKey::of(commit), at);
    }

    pub(crate) async fn standing(&self, stream: &StreamId) -> Standing {
        let commits = self.events.load(stream, None).await.unwrap().commits;
        fold::<Job>(&commits).unwrap().state.unwrap()
    }

    pub(crate) fn starter(&self) -> ExecutionStarter<&Self, &Self, &Self> {
        ExecutionStarter::new(self, self, self, "sweeper")
    }

    pub(crate) fn sweeper(&self) -> Sweeper<&Self, &Self, &Self, &Self, &Self> {
        let options = SweepOptions {
            name: "jobs".to_owned(),
            delay_ms: u32::try_from(DELAY).unwrap(),
            overlap_ms: u32::try_from(OVERLAP).unwrap(),
            time_limit_ms: 40_000,
            grace_ms: u32::try_from(GRACE).unwrap(),
        };
        Sweeper::new(self.starter(), self, self, options)
    }

    pub(crate) async fn try_sweep(&self) -> Result<Swept, SweepError> {
        self.sweeper().sweep::<Job>("run", self.now()).await
    }

    pub(crate) async fn sweep(&self) -> Swept {
        self.try_sweep().await.unwrap()
    }

    /// Sweeps every minute for this long, from now on.
    pub(crate) async fn sweep_for(&self, minutes: u32) -> Swept {
        let mut all = self.sweep().await;
        for _ in 1..minutes {
            self.wait(MINUTE);
            let swept = self.sweep().await;
            all = Swept {
                looked: all.looked + swept.looked,
                started: all.started + swept.started,
                resumed: all.resumed + swept.resumed,
                ..swept
            };
        }
        all
    }

    /// The names of all executions, in order.
    pub(crate) fn executions(&self) -> Vec<String> {
        self.executions.lock().unwrap().keys().cloned().collect()
    }

    /// Ends an execution without an effect.
    pub(crate) fn abort(&self, name: &str) {
        self.executions.lock().unwrap().get_mut(name).expect("the execution exists").1 = false;
    }

    /// Takes all running executions to their end. The steps of a job past its deadline undo it.
    pub(crate) async fn run_executions(&self) {
        let running: Vec<ExecutionInput> = {
            let mut executions = self.executions.lock().unwrap();
            let running = executions.values_mut().filter(|(_, runs)| *runs);
            running.map(|(input, runs)| (std::mem::take(runs), input.clone()).1).collect()
        };
        for input in running {
            let stream = job(&input.instance.id);
            let standing = self.standing(&stream).await;
            if standing.phase.is_settled() {
                continue;
            }
            let is_late = standing.deadline.is_some_and(|deadline| self.now() >= deadline);
            if standing.phase == Phase::Open && is_late {
                let start_undo = Change::StartUndo { reason: (), attempt: input.attempt };
                self.change(&stream, start_undo).await;
            }
            let undoes = self.standing(&stream).await.phase == Phase::Undoing;
            let end = if undoes { Change::EndUndo } else { Change::Complete };
            self.change(&stream, end).await;
        }
    }

    /// The number of calls of each kind since the last time.
    pub(crate) fn take_calls(&self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    /// The largest number of concurrent calls so far.
    pub(crate) fn max_concurrent(&self) -> u64 {
        self.max_running.load(SeqCst)
    }

    async fn call<T>(
        &self,
        kind: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        *self.calls.lock().unwrap().entry(kind).or_default() += 1;
        let budget = self.budget.load(SeqCst);
        if budget == 0 {
            return Err(StoreError::Unavailable { operation: kind, source: "no answer".into() });
        }
        if budget != usize::MAX {
            self.budget.fetch_sub(1, SeqCst);
        }
        let running = self.running.fetch_add(1, SeqCst) + 1;
        self.max_running.fetch_max(running, SeqCst);
        yield_now().await;
        let answer = call.await;
        self.running.fetch_sub(1, SeqCst);
        answer
    }
}

impl Pause for World {
    fn now(&self, earlier: Timestamp) -> Timestamp {
        self.now().max(earlier)
    }

    async fn pause(&self, _attempt: u32) {
        yield_now().await;
    }
}

impl Executions for World {
    async fn start(&self, input: &ExecutionInput) -> Result<Execution, NoAnswer> {
        self.call("start", async { Ok(()) }).await.map_err(NoAnswer::new)?;
        if *self.is_mute.lock().unwrap() {
            return Err(NoAnswer::new("mute"));
        }
        let found = {
            let mut executions = self.executions.lock().unwrap();
            match executions.get(&input.name()) {
                Some((_, true)) => Execution::Running,
                Some((_, false)) => Execution::Ended,
                None => {
                    executions.insert(input.name(), (input.clone(), true));
                    Execution::Started
                }
            }
        };
        let change = self.while_starting.lock().unwrap().take();
        if let Some((stream, change)) = change {
            self.change(&stream, change).await;
        }
        Ok(found)
    }
}

impl EventStore for World {
    type Head = InMemoryHead;

    fn start(&self, stream: StreamId) -> InMemoryHead {
        self.events.start(stream)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        self.call("load", self.events.page(stream, from, limit)).await
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<InMemoryHead>, StoreError> {
        self.call("load", self.events.load(stream, snapshots)).await
    }

    async fn load_after(&self, head: &InMemoryHead) -> Result<Loaded<InMemoryHead>, StoreError> {
        self.call("load", self.events.load_after(head)).await
    }

    async fn append(
        &self,
        head: &InMemoryHead,
        draft: Draft,
    ) -> Result<Appended<InMemoryHead>, AppendError<InMemoryHead>> {
        self.call("append", async { Ok(()) }).await?;
        self.events.append(head, draft).await
    }

    async fn append_guarded(
        &self,
        parts: Vec<(InMemoryHead, Draft)>,
        guards: Vec<InMemoryHead>,
    ) -> Result<Vec<Appended<InMemoryHead>>, AppendError<InMemoryHead>> {
        self.call("append", async { Ok(()) }).await?;
        self.events.append_guarded(parts, guards).await
    }
}

impl CommitIndex for World {
    const SLICES: u8 = InMemoryCommitIndex::SLICES;

    async fn read(
        &self,
        slice: u8,
        after: &SlicePosition,
        until: Timestamp,
        limit: u32,
    ) -> Result<IndexPage, StoreError> {
        let index = InMemoryCommitIndex::over(&self.events);
        let mut page = self.call("index", index.read(slice, after, until, limit)).await?;
        let (late, now) = (self.late.lock().unwrap(), self.now());
        *self.calls.lock().unwrap().entry("entries").or_default() += page.entries.len() as u64;
        page.entries.retain(|entry| late.get(&entry.key).is_none_or(|at| *at <= now));
        Ok(page)
    }

    async fn commit(&self, entry: &IndexKey) -> Result<Option<Commit>, StoreError> {
        InMemoryCommitIndex::over(&self.events).commit(entry).await
    }
}

impl ViewStore for World {
    async fn get(&self, stream: &StreamId) -> Result<Option<ViewRow>, StoreError> {
        self.call("get", self.rows.get(stream)).await
    }

    async fn get_many(&self, streams: &[StreamId]) -> Result<Rows, StoreError> {
        self.call("get many", self.rows.get_many(streams)).await
    }

    async fn put(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        let kind = if row.listing.is_some() { "put listed" } else { "put" };
        self.call(kind, self.rows.put(stream, expected, row)).await
    }

    async fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        self.call("put", self.rows.put_over_parked(stream, parked, row)).await
    }

    async fn list(
        &self,
        group: &str,
        before: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.call("list", self.rows.list(group, before, limit)).await
    }

    async fn worklist(
        &self,
        group: &str,
        after: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.call("worklist", self.rows.worklist(group, after, limit)).await
    }
}
