//! Watches a saga: the order of its events, from the plan and the progress of each step alone.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use skald::commit::Draft;
use skald::decider::{Decider, fold};
use skald::implementing::Page;
use skald::memory::{InMemoryEventStore, InMemoryHead};
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{AppendError, Appended, EventStore, Loaded, StoreError};
use skald::stream::{StreamId, Version};
use skald_saga::{
    Arbiter, ExecutionInput, Instance, Phase, Place, Progress, Saga, Standing, StepError, StepName,
    execution_of,
};

use super::hooks::finish;
use super::shared::{Invocation, Returned, Write};

type ArbiterState<G> = <<G as Saga>::Arbiter as Decider>::State;

/// What is known about a saga, after each append.
pub(super) struct Watch<G: Saga> {
    store: InMemoryEventStore,
    instance: Instance,
    stream: StreamId,
    /// The steps that work on each stream.
    participants: BTreeMap<StreamId, Vec<G::Step>>,
    arbiter: ArbiterState<G>,
    pub(super) standing: Standing,
    progress: BTreeMap<G::Step, Progress>,
    has_passed_gate: bool,
}

impl<G: Saga> Watch<G> {
    /// Begins to watch a saga that has just begun.
    pub(super) fn begin(store: &InMemoryEventStore, instance: &Instance) -> Result<Self, String> {
        let stream = G::Arbiter::stream(&instance.tenant, &instance.id)
            .map_err(|error| error.to_string())?;
        let arbiter = arbiter::<G>(store, &stream)?;
        let standing =
            G::Arbiter::standing(&arbiter).ok_or("the world was made without its saga")?;
        let mut watch = Self {
            store: store.clone(),
            instance: instance.clone(),
            stream,
            participants: BTreeMap::new(),
            arbiter,
            standing,
            progress: BTreeMap::new(),
            has_passed_gate: false,
        };
        let in_plan: Vec<G::Step> =
            G::PLAN.forward().chain(G::PLAN.backward()).chain([G::PLAN.park]).collect();
        for &step in G::Step::ALL {
            if !in_plan.contains(&step) {
                return Err(format!("{step} is not in the plan"));
            }
            if G::PLAN.place(step) == Place::Arbiter {
                continue;
            }
            let tracing = Tracing { store, loaded: Mutex::default() };
            watch.read_through(&tracing, &[step])?;
            for stream in tracing.loaded.into_inner().unwrap_or_else(PoisonError::into_inner) {
                watch.participants.entry(stream).or_default().push(step);
            }
        }
        Ok(watch)
    }

    fn read_through(&mut self, store: &impl EventStore, of: &[G::Step]) -> Result<(), String> {
        let read = G::read_participants(store, &self.instance, self.arbiter.clone(), of);
        let state = finish(read).map_err(|error: StepError| error.to_string())?;
        for &step in of {
            self.progress.insert(step, G::progress(&self.instance, &state, step));
        }
        Ok(())
    }

    pub(super) const fn is_undoing(&self) -> bool {
        matches!(self.standing.phase, Phase::Undoing | Phase::Undone)
    }

    /// The execution that the saga needs now.
    pub(super) fn execution(&self) -> Result<Option<ExecutionInput>, String> {
        let commits =
            finish(self.store.read(&self.stream, Version::START)).map_err(|e| e.to_string())?;
        execution_of::<G::Arbiter>(&self.stream, &commits).map_err(|error| error.to_string())
    }

    pub(super) fn progress(&self, step: G::Step) -> Progress {
        self.progress.get(&step).copied().unwrap_or(Progress::Ahead)
    }

    /// Whether every step before this one is done, so that an execution would perform it now.
    pub(super) fn is_reached(&self, step: G::Step) -> bool {
        let is_through = G::PLAN.place(step) != Place::AfterGate || self.has_passed_gate;
        is_through && self.missing_before(step).is_none()
    }

    /// The first step before this one that is not done.
    fn missing_before(&self, step: G::Step) -> Option<G::Step> {
        let plan = G::PLAN;
        let mut before = plan.pairs().map(|pair| pair.action).take_while(|other| *other != step);
        before.find(|other| !self.progress(*other).is_done())
    }

    /// Observes an append.
    pub(super) fn observe(&mut self, write: &Write, by: Option<&Invocation>) -> Result<(), String> {
        let before = (self.standing, self.progress.clone());
        let types = write.types.join(", ");
        if write.streams.contains(&self.stream) {
            self.arbiter = arbiter::<G>(&self.store, &self.stream)?;
            self.standing = G::Arbiter::standing(&self.arbiter)
                .ok_or_else(|| format!("the saga was not begun any more, after {types}"))?;
        }
        let steps = write.streams.iter().filter_map(|stream| self.participants.get(stream));
        let steps: Vec<G::Step> = steps.flatten().copied().collect();
        if !steps.is_empty() {
            let store = self.store.clone();
            self.read_through(&store, &steps)?;
        }
        let writer = by.and_then(|by| G::Step::named(by.step));
        let who = writer.map_or_else(|| "a command from outside".to_owned(), |by| by.to_string());
        let checked = self
            .check_direction(before.0)
            .and_then(|()| self.check_writer(by, writer))
            .and_then(|()| self.check_steps(&before.1, &steps));
        checked.map_err(|why| format!("{why} ({who} wrote {types})"))
    }

    /// The saga goes in one direction, and the arbiter says only what is true.
    fn check_direction(&mut self, before: Standing) -> Result<(), String> {
        let (old, new) = (before.phase, self.standing.phase);
        if self.standing.attempt < before.attempt {
            return Err("the number of the attempt became smaller".to_owned());
        }
        let is_next = match (old, new) {
            (Phase::Open, Phase::PastGate) => G::PLAN.gate.is_some(),
            (Phase::Open, Phase::Completed) => G::PLAN.gate.is_none(),
            (Phase::PastGate, Phase::Completed)
            | (Phase::Open | Phase::PastGate | Phase::Completed, Phase::Undoing)
            | (Phase::Undoing, Phase::Undone) => true,
            _ => old == new,
        };
        if !is_next {
            return Err(format!("the saga went from {old:?} to {new:?}"));
        }
        if old == new {
            return Ok(());
        }
        let plan = G::PLAN;
        let mut pairs = plan.pairs().map(|pair| pair.action);
        let missing = match new {
            Phase::PastGate => {
                self.has_passed_gate = true;
                let before_gate = G::PLAN.before_gate.iter().map(|pair| pair.action);
                before_gate.into_iter().find(|step| !self.progress(*step).is_done())
            }
            Phase::Completed => pairs.find(|step| !self.progress(*step).is_done()),
            Phase::Undone => self.not_undone(),
            Phase::Open | Phase::Undoing => None,
        };
        missing.map_or(Ok(()), |step| {
            Err(format!("the saga is {new:?}, but {step} is {:?}", self.progress(step)))
        })
    }

    /// The first step or compensation that is not undone.
    fn not_undone(&self) -> Option<G::Step> {
        let plan = G::PLAN;
        let mut both = plan.pairs().flat_map(|pair| [pair.action, pair.compensation]);
        both.find(|step| !self.progress(*step).is_undone())
    }

    /// A step forward that began after undoing had started writes nothing, and a compensation
    /// writes only while the saga is being undone.
    fn check_writer(&self, by: Option<&Invocation>, writer: Option<G::Step>) -> Result<(), String> {
        let (Some(by), Some(step)) = (by, writer) else { return Ok(()) };
        if by.began_undoing && G::PLAN.is_forward(step) {
            return Err(format!("{step} began after undoing had started, and wrote"));
        }
        if G::PLAN.place(step) == Place::Compensation && !self.is_undoing() {
            return Err(format!("{step} wrote before undoing had started"));
        }
        Ok(())
    }

    /// Steps are done in the order of the plan, and undone in reverse. What is undone stays undone.
    fn check_steps(
        &self,
        before: &BTreeMap<G::Step, Progress>,
        steps: &[G::Step],
    ) -> Result<(), String> {
        for pair in G::PLAN.pairs().filter(|pair| steps.contains(&pair.action)) {
            let step = pair.action;
            let old = before.get(&step).copied().unwrap_or(Progress::Ahead);
            let new = self.progress(step);
            if old == new {
                continue;
            }
            match (old, new) {
                (Progress::Ahead | Progress::UnderWay, Progress::UnderWay | Progress::Done) => {
                    if let Some(missing) = self.missing_before(step) {
                        return Err(format!("{step} was begun, but {missing} is not done"));
                    }
                    if G::PLAN.place(step) == Place::AfterGate && !self.has_passed_gate {
                        return Err(format!("{step} was begun before the gate was passed"));
                    }
                }
                (Progress::Ahead | Progress::UnderWay, Progress::Refused) => {}
                (
                    Progress::Ahead
                    | Progress::UnderWay
                    | Progress::Done
                    | Progress::Refused
                    | Progress::Undoing,
                    Progress::Undoing | Progress::Undone,
                ) if old != Progress::Undoing || new == Progress::Undone => {
                    self.check_undoing(pair.compensation)?;
                }
                _ => return Err(format!("{step} was {old:?} and became {new:?}")),
            }
        }
        Ok(())
    }

    fn check_undoing(&self, compensation: G::Step) -> Result<(), String> {
        if !self.is_undoing() {
            return Err(format!("{compensation} began before undoing had started"));
        }
        let plan = G::PLAN;
        let mut earlier = plan.compensations().take_while(|other| *other != compensation);
        match earlier.find(|other| !self.progress(*other).is_undone()) {
            Some(other) => {
                Err(format!("{compensation} began, but {other} must be done before it and is not"))
            }
            None => Ok(()),
        }
    }

    /// A step that reports success is done, and one that reports undoing found it.
    pub(super) fn check_result(&self, returned: &Returned) -> Result<(), String> {
        let Some(step) = G::Step::named(returned.step) else { return Ok(()) };
        let phase = self.standing.phase;
        let (plan, is_undoing) = (G::PLAN, self.is_undoing());
        let is_gate = plan.gate.is_some_and(|gate| gate.pass == step);
        let is_true = match (&returned.result, plan.place(step)) {
            (Err(StepError::Undone), _) => is_undoing,
            (Err(_), _) => true,
            (Ok(()), Place::BeforeGate | Place::AfterGate) => {
                is_undoing || self.progress(step).is_done()
            }
            (Ok(()), Place::Compensation) => self.progress(step).is_undone(),
            (Ok(()), Place::Arbiter) if is_gate => phase != Phase::Open,
            (Ok(()), Place::Arbiter) if step == plan.complete => {
                is_undoing || phase == Phase::Completed
            }
            (Ok(()), Place::Arbiter) if step == plan.end_undo => phase == Phase::Undone,
            (Ok(()), Place::Arbiter) => true,
        };
        if is_true {
            return Ok(());
        }
        let (result, progress) = (&returned.result, self.progress(step));
        Err(format!("{step} returned {result:?}, but is {progress:?}, and the saga {phase:?}"))
    }

    /// Everything is done, or everything is undone.
    pub(super) fn check_end(&self) -> Result<(), String> {
        let phase = self.standing.phase;
        let plan = G::PLAN;
        let mut all = plan.pairs().map(|pair| pair.action);
        let wrong = match phase {
            Phase::Completed => all.find(|step| !self.progress(*step).is_done()),
            Phase::Undone => self.not_undone(),
            Phase::Open | Phase::PastGate | Phase::Undoing => None,
        };
        wrong.map_or(Ok(()), |step| {
            Err(format!("the saga is {phase:?}, but {step} is {:?}", self.progress(step)))
        })
    }
}

fn arbiter<G: Saga>(
    store: &InMemoryEventStore,
    stream: &StreamId,
) -> Result<ArbiterState<G>, String> {
    let commits = finish(store.read(stream, Version::START)).map_err(|error| error.to_string())?;
    Ok(fold::<G::Arbiter>(&commits).map_err(|error| error.to_string())?.state)
}

/// A store that records which streams are read.
struct Tracing<'a> {
    store: &'a InMemoryEventStore,
    loaded: Mutex<Vec<StreamId>>,
}

impl Tracing<'_> {
    fn record(&self, stream: &StreamId) {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).push(stream.clone());
    }
}

impl EventStore for Tracing<'_> {
    type Head = InMemoryHead;

    fn start(&self, stream: StreamId) -> InMemoryHead {
        self.store.start(stream)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        self.record(stream);
        self.store.page(stream, from, limit).await
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<InMemoryHead>, StoreError> {
        self.record(stream);
        self.store.load(stream, snapshots).await
    }

    async fn load_after(&self, head: &InMemoryHead) -> Result<Loaded<InMemoryHead>, StoreError> {
        self.store.load_after(head).await
    }

    async fn append(
        &self,
        head: &InMemoryHead,
        draft: Draft,
    ) -> Result<Appended<InMemoryHead>, AppendError<InMemoryHead>> {
        self.store.append(head, draft).await
    }

    async fn append_guarded(
        &self,
        parts: Vec<(InMemoryHead, Draft)>,
        guards: Vec<InMemoryHead>,
    ) -> Result<Vec<Appended<InMemoryHead>>, AppendError<InMemoryHead>> {
        self.store.append_guarded(parts, guards).await
    }
}
