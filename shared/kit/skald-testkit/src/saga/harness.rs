//! The harness: which scripts are run, and what is reported.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use skald_saga::{Saga, StepName};

use super::hooks::Hooks;
use super::machine::Machine;
use super::point::Point;
use super::random::RandomScripts;
use super::report::{Broken, Report};
use super::run::{Failure, Passed, RESUME, run};
use super::script::{Fault, InvalidScript, Runner, Script};
use super::world::{Command, End, Story, World};

/// A point that no run reaches: its commands are handled at the end.
const AT_END: u32 = 1_000_000_000;
/// More points than a run has.
const LATER: u32 = 1_000_000;

type Make<W> = Arc<dyn Fn(&Hooks) -> W + Send + Sync>;

/// Runs a saga under faults. See the [module](super).
pub struct Harness<G: Saga, W: World<G>> {
    worlds: Vec<(&'static str, Make<W>)>,
    commands: Vec<Command<W>>,
    runners: Vec<Runner>,
    is_wanted: fn(&Fault) -> bool,
    machine: OnceLock<Result<Machine, String>>,
    saga: std::marker::PhantomData<fn() -> G>,
}

impl<G: Saga, W: World<G>> fmt::Debug for Harness<G, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worlds: Vec<&str> = self.worlds.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Harness")
            .field("worlds", &worlds)
            .field("commands", &self.commands)
            .field("runners", &self.runners)
            .finish_non_exhaustive()
    }
}

impl<G: Saga, W: World<G>> Default for Harness<G, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<G: Saga, W: World<G>> Harness<G, W> {
    /// A harness without a world.
    #[must_use]
    pub fn new() -> Self {
        Self {
            worlds: Vec::new(),
            commands: Vec::new(),
            runners: Runner::ALL.to_vec(),
            is_wanted: |_| true,
            machine: OnceLock::new(),
            saga: std::marker::PhantomData,
        }
    }

    /// Adds a world: a scenario of the saga, such as one that is refused. `make` makes it anew for
    /// each run, with the saga just begun.
    #[must_use]
    pub fn world(
        mut self,
        name: &'static str,
        make: impl Fn(&Hooks) -> W + Send + Sync + 'static,
    ) -> Self {
        self.worlds.push((name, Arc::new(make)));
        self
    }

    /// Adds a command from outside.
    #[must_use]
    pub fn command(mut self, command: Command<W>) -> Self {
        self.commands.push(command);
        self
    }

    /// Leaves out the faults that `is_wanted` rejects. An external system that does not close keys,
    /// for example, is safe only as long as no execution dies.
    #[must_use]
    pub fn only(mut self, is_wanted: fn(&Fault) -> bool) -> Self {
        self.is_wanted = is_wanted;
        self
    }

    /// Runs executions with these runners only. By default with all.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn runners(mut self, runners: &[Runner]) -> Self {
        assert!(!runners.is_empty(), "a run needs a runner");
        self.runners = runners.to_vec();
        self
    }

    /// Runs every world without a fault, and with each fault at each point where it can happen.
    ///
    /// # Errors
    /// The first broken promise.
    pub fn singles(&self) -> Result<Report, Broken> {
        let faults = self.faults();
        let mut scripts = Vec::new();
        for (world, _) in &self.worlds {
            for &runner in &self.runners {
                let plain = script(world, &[runner], Vec::new());
                for (number, (point, in_step)) in (0..).zip(self.points(&plain)?) {
                    let here = faults.iter().filter(|fault| fault.happens_at(point, in_step));
                    scripts.extend(
                        here.map(|fault| script(world, &[runner], vec![(number, fault.clone())])),
                    );
                }
                // At the end, also two commands one after the other.
                let mut last: Vec<_> = self.commands().map(|command| vec![command]).collect();
                last.extend(
                    self.commands()
                        .flat_map(|one| self.commands().map(move |other| vec![one.clone(), other])),
                );
                let end = |fault| (AT_END, fault);
                scripts.extend(last.into_iter().map(|commands| {
                    script(world, &[runner], commands.into_iter().map(end).collect())
                }));
                scripts.push(plain);
            }
        }
        self.all(scripts.len(), &|index| (None, scripts[index].clone()))
    }

    /// Runs every world with two faults: at each call, its answer is lost, its effect comes late,
    /// or the execution is suspended; and at each of the next `window` points, a command is handled
    /// or the deadline passes.
    ///
    /// # Errors
    /// The first broken promise.
    pub fn pairs(&self, window: u32) -> Result<Report, Broken> {
        let doubts = [Fault::AnswerLost, Fault::CallLate(LATER), Fault::Switch];
        let events: Vec<Fault> = self.commands().chain([Fault::Expire]).collect();
        let is_wanted = |fault: &&Fault| (self.is_wanted)(fault);
        let mut scripts = Vec::new();
        for (world, _) in &self.worlds {
            for &runner in &self.runners {
                let plain = script(world, &[runner], Vec::new());
                let calls = (0..).zip(self.points(&plain)?);
                for (number, _) in calls.filter(|(_, (point, _))| *point == Point::Call) {
                    for doubt in doubts.iter().filter(is_wanted) {
                        for later in number..=number + window {
                            scripts.extend(events.iter().filter(is_wanted).map(|event| {
                                let faults = [(number, doubt.clone()), (later, event.clone())];
                                script(world, &[runner], faults.to_vec())
                            }));
                        }
                    }
                }
            }
        }
        self.all(scripts.len(), &|index| (None, scripts[index].clone()))
    }

    fn commands(&self) -> impl Iterator<Item = Fault> + Clone {
        self.commands.iter().map(|command| Fault::Do(command.name().to_owned()))
    }

    /// Runs two executions that are interleaved: the first is suspended at each point, and the
    /// other at each point of its own in steps of `stride`. Then the first continues to its end,
    /// and then the other.
    ///
    /// # Errors
    /// The first broken promise.
    ///
    /// # Panics
    /// If `stride` is 0.
    pub fn interleavings(&self, stride: u32) -> Result<Report, Broken> {
        let mut scripts = Vec::new();
        for (world, _) in &self.worlds {
            for &runner in &self.runners {
                let length = self.length(&script(world, &[runner], Vec::new()))?;
                for first in 0..length {
                    for second in (first % stride..length).step_by(stride as usize) {
                        let switches =
                            [first, first + second + 1].map(|point| (point, Fault::Switch));
                        scripts.push(script(world, &[runner], switches.to_vec()));
                    }
                }
            }
        }
        self.all(scripts.len(), &|index| (None, scripts[index].clone()))
    }

    /// Runs one random script for each seed: one to three faults at any points, one to three
    /// executions with any runners, some of them interleaved at random.
    ///
    /// # Errors
    /// The broken promise of the smallest seed.
    pub fn random(&self, seeds: Range<u64>) -> Result<Report, Broken> {
        let count = usize::try_from(seeds.end.saturating_sub(seeds.start)).unwrap_or(usize::MAX);
        let scripts = self.random_scripts()?;
        self.all(count, &|index| {
            let seed = seeds.start + index as u64;
            (Some(seed), scripts.of(seed))
        })
    }

    /// Runs the script of this seed again.
    ///
    /// # Errors
    /// The broken promise.
    pub fn replay(&self, seed: u64) -> Result<Story, Broken> {
        let script = self.random_scripts()?.of(seed);
        self.one(&script)
            .map(|passed| passed.story)
            .map_err(|failure| self.shorten(Some(seed), script, failure))
    }

    /// Runs this script. A failing run prints its script.
    ///
    /// # Errors
    /// The broken promise, or that the text is not a script.
    pub fn replay_script(&self, line: &str) -> Result<Story, Box<dyn std::error::Error>> {
        let script: Script = line.parse()?;
        if !self.worlds.iter().any(|(name, _)| *name == script.world) {
            return Err(InvalidScript::world(&script.world).into());
        }
        match self.one(&script) {
            Ok(passed) => Ok(passed.story),
            Err((what, story)) => Err(Broken { what, seed: None, story }.into()),
        }
    }

    fn faults(&self) -> Vec<Fault> {
        let commands: Vec<&str> = self.commands.iter().map(Command::name).collect();
        let steps: Vec<&str> = G::Step::ALL.iter().map(|step| step.name()).collect();
        Fault::all(&commands, &steps).into_iter().filter(self.is_wanted).collect()
    }

    fn random_scripts(&self) -> Result<RandomScripts, Broken> {
        let mut worlds = Vec::new();
        for (world, _) in &self.worlds {
            let length = self.length(&script(world, &self.runners[..1], Vec::new()))?;
            worlds.push((*world, length));
        }
        let can_resume = self.commands.iter().any(|command| command.name() == RESUME);
        let patience = G::PLAN.patience.transient.max_retries;
        let outage_below = can_resume.then_some(2 * patience);
        let runners = self.runners.clone();
        Ok(RandomScripts::new(worlds, runners, self.faults(), outage_below, self.is_wanted))
    }

    fn length(&self, script: &Script) -> Result<u32, Broken> {
        Ok(u32::try_from(self.points(script)?.len()).unwrap_or(u32::MAX))
    }

    fn points(&self, script: &Script) -> Result<Vec<(Point, bool)>, Broken> {
        match self.one(script) {
            Ok(passed) => Ok(passed.points),
            Err(failure) => Err(self.shorten(None, script.clone(), failure)),
        }
    }

    /// Runs scripts on all cores. The result does not depend on their number.
    fn all(
        &self,
        count: usize,
        script: &(dyn Fn(usize) -> (Option<u64>, Script) + Sync),
    ) -> Result<Report, Broken> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let (next, first_failed) = (AtomicUsize::new(0), AtomicUsize::new(usize::MAX));
        let failures = Mutex::new(BTreeMap::new());
        let total = Mutex::new(Report::default());
        let work = || {
            let mut report = Report::default();
            loop {
                let index = next.fetch_add(1, Ordering::SeqCst);
                if index >= count || index > first_failed.load(Ordering::SeqCst) {
                    break;
                }
                match self.one(&script(index).1) {
                    Ok(passed) => report.add(&passed.story),
                    Err(failure) => {
                        first_failed.fetch_min(index, Ordering::SeqCst);
                        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                        failures.insert(index, failure);
                    }
                }
            }
            total.lock().unwrap_or_else(PoisonError::into_inner).merge(report);
        };
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
        let mut failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
        match failures.pop_first() {
            Some((index, failure)) => {
                let (seed, script) = script(index);
                Err(self.shorten(seed, script, failure))
            }
            None => Ok(total.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Runs one script. A panic is a broken promise, too.
    fn one(&self, script: &Script) -> Result<Passed, Failure> {
        let failed = |why: String| {
            let story = Story {
                script: script.clone(),
                end: End::Parked,
                events: Vec::new(),
                faults: Vec::new(),
                accepted: Vec::new(),
                max_transitions: 0,
            };
            (why, Box::new(story))
        };
        let machine = self.machine.get_or_init(Machine::of::<G>).as_ref();
        let machine = machine.map_err(|why| failed(why.clone()))?;
        let Some((_, make)) = self.worlds.iter().find(|(name, _)| *name == script.world) else {
            return Err(failed(format!("there is no world called {}", script.world)));
        };
        let run = || run::<G, W>(&**make, &self.commands, machine, script);
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(failed(message(&*panic))))
    }

    /// Leaves out what is not needed to break a promise.
    fn shorten(&self, seed: Option<u64>, script: Script, failure: Failure) -> Broken {
        let (mut shortest, mut failure) = (script, failure);
        'shorter: loop {
            let without = (0..shortest.faults.len()).map(|index| {
                let mut shorter = shortest.clone();
                shorter.faults.remove(index);
                shorter
            });
            let unscattered =
                shortest.scatter.map(|_| Script { scatter: None, ..shortest.clone() });
            let fewer = (shortest.runners.len() > 1).then(|| {
                let runners = shortest.runners[..1].to_vec();
                Script { runners, ..shortest.clone() }
            });
            for shorter in without.chain(unscattered).chain(fewer).collect::<Vec<_>>() {
                if let Err(other) = self.one(&shorter) {
                    (shortest, failure) = (shorter, other);
                    continue 'shorter;
                }
            }
            let (what, story) = failure;
            return Broken { what, seed, story };
        }
    }
}

fn script(world: &str, runners: &[Runner], faults: Vec<(u32, Fault)>) -> Script {
    Script { world: world.to_owned(), runners: runners.to_vec(), scatter: None, faults }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
