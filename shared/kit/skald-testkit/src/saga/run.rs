//! One run: polls the executions of a saga by its script, and checks what they do.

use std::task::{Context, Poll, Waker};

use skald_saga::{ExecutionInput, Phase, Place, Saga, StepError, StepInput, StepName};

use super::hooks::{Hooks, finish};
use super::machine::Machine;
use super::performing::Performing;
use super::point::Point;
use super::runners::{Execution, start};
use super::script::{Fault, Script};
use super::shared::Signal;
use super::watch::Watch;
use super::world::{Command, End, Moment, Story, World};
use crate::SeededRng;

/// More polls than any run needs.
const MAX_POLLS: usize = 400_000;
/// More executions than any run needs.
const MAX_EXECUTIONS: usize = 30;
/// What acts from outside of every execution.
const OUTSIDE: usize = usize::MAX;
/// The command that resumes a parked saga.
pub(super) const RESUME: &str = "resume";

/// A broken promise, and what happened until then.
pub(super) type Failure = (String, Box<Story>);

/// A run that ended well.
pub(super) struct Passed {
    pub(super) story: Story,
    /// The kinds of all points, and whether a step was being performed at each.
    pub(super) points: Vec<(Point, bool)>,
}

/// Runs a script.
pub(super) fn run<G: Saga, W: World<G>>(
    make: &(dyn Fn(&Hooks) -> W + Send + Sync),
    commands: &[Command<W>],
    machine: &Machine,
    script: &Script,
) -> Result<Passed, Failure> {
    let hooks = Hooks::with(script.faults.clone());
    let world = hooks.at_once(async { make(&hooks) });
    let story = Story {
        script: script.clone(),
        end: End::Parked,
        events: Vec::new(),
        faults: Vec::new(),
        accepted: Vec::new(),
        max_transitions: 0,
    };
    let seen = hooks.shared().writes.len();
    let watch = match Watch::<G>::begin(hooks.plain_store(), world.instance()) {
        Ok(watch) => watch,
        Err(why) => return Err((why, Box::new(story))),
    };
    let mut run = Run {
        hooks: &hooks,
        world: &world,
        machine,
        commands,
        watch,
        live: Vec::new(),
        current: 0,
        started: 0,
        started_attempt: 0,
        scatter: script.scatter.map(|seed| SeededRng::new(seed | 1)),
        seen,
        story,
    };
    let result = run.complete();
    let mut story = run.story;
    let shared = hooks.shared();
    story.events = shared.writes.iter().flat_map(|write| write.types.clone()).collect();
    story.faults.clone_from(&shared.happened);
    match result {
        Ok(()) => Ok(Passed { story, points: shared.points.clone() }),
        Err(why) => Err((why, Box::new(story))),
    }
}

struct Live<'a> {
    number: usize,
    attempt: u32,
    execution: Execution<'a>,
}

struct Run<'a, G: Saga, W> {
    hooks: &'a Hooks,
    world: &'a W,
    machine: &'a Machine,
    commands: &'a [Command<W>],
    watch: Watch<G>,
    live: Vec<Live<'a>>,
    current: usize,
    started: usize,
    started_attempt: u32,
    scatter: Option<SeededRng>,
    /// How many writes were observed.
    seen: usize,
    story: Story,
}

impl<G: Saga, W: World<G>> Run<'_, G, W> {
    fn complete(&mut self) -> Result<(), String> {
        let first = self.watch.execution()?.ok_or("the saga of a new world needs no execution")?;
        self.start()?;
        if self.scatter.is_some() {
            self.start()?;
        }
        let mut resumed = 0;
        loop {
            self.execute()?;
            if !self.must_resume()? {
                break;
            }
            resumed += 1;
            if resumed > 3 {
                return Err("the saga is parked again and again".to_owned());
            }
            self.hooks.shared().recover();
            self.handle(RESUME)?;
        }
        self.story.end = match self.watch.standing.phase {
            Phase::Completed => End::Completed,
            Phase::Undone => End::Undone,
            Phase::Open | Phase::PastGate | Phase::Undoing => End::Parked,
        };
        self.watch.check_end()?;
        self.check_world("at the end")?;
        if self.story.end == End::Parked { Ok(()) } else { self.repeat_everything(&first) }
    }

    /// Polls until no execution is left and none is needed.
    fn execute(&mut self) -> Result<(), String> {
        for _ in 0..MAX_POLLS {
            if self.live.is_empty() && !self.start()? {
                self.hooks.shared().executing = OUTSIDE;
                finish(self.hooks.deliver(true));
                self.observe()?;
                if !self.start()? {
                    let Some(name) = self.next_command() else { return Ok(()) };
                    self.handle(&name)?;
                    continue;
                }
            }
            if let Some(rng) = &mut self.scatter {
                self.current = rng.below(self.live.len() as u64) as usize;
            }
            self.poll()?;
        }
        Err("the executions do not end".to_owned())
    }

    /// The next command of the script that no point was left for: it is handled at the end.
    fn next_command(&self) -> Option<String> {
        let mut shared = self.hooks.shared();
        let at = u32::try_from(shared.points.len()).unwrap_or(u32::MAX);
        let next = shared.faults.iter().position(|(_, fault)| matches!(fault, Fault::Do(_)))?;
        let (_, fault) = shared.faults.remove(next);
        shared.happened.push((at, fault.clone()));
        if let Fault::Do(name) = fault { Some(name) } else { None }
    }

    /// Starts another execution, if one is needed. It does not run yet.
    fn start(&mut self) -> Result<bool, String> {
        let Some(execution) = self.watch.execution()? else { return Ok(false) };
        if self.started >= MAX_EXECUTIONS {
            return Err("the saga does not end, however often an execution is started".to_owned());
        }
        let runners = &self.story.script.runners;
        let runner = runners[self.started.min(runners.len() - 1)];
        let (number, attempt) = (self.started, execution.attempt);
        let execution = start::<G, W>(runner, self.world, self.machine, execution);
        self.live.push(Live { number, attempt, execution });
        self.started += 1;
        self.started_attempt = self.started_attempt.max(attempt);
        Ok(true)
    }

    /// Polls the current execution to its next point.
    fn poll(&mut self) -> Result<(), String> {
        self.current = self.current.min(self.live.len() - 1);
        let live = &mut self.live[self.current];
        self.hooks.shared().executing = live.number;
        let mut context = Context::from_waker(Waker::noop());
        let polled = live.execution.as_mut().poll(&mut context);
        self.observe()?;
        if let Poll::Ready(ended) = polled {
            let Live { attempt, .. } = self.live.remove(self.current);
            self.story.max_transitions = self.story.max_transitions.max(ended.transitions);
            self.current = self.current.saturating_sub(1);
            match ended.result {
                Ok(()) => self.check_stranded(attempt)?,
                Err(StepError::Permanent(why)) => {
                    return Err(format!("an execution failed permanently: {why}"));
                }
                // It died for want of the store. Another one is started.
                Err(_) => {}
            }
        }
        self.react()
    }

    /// An execution that ended by itself leaves nothing to do, unless another one does it.
    fn check_stranded(&self, attempt: u32) -> Result<(), String> {
        let needed = self.watch.execution()?.map(|needed| needed.attempt);
        let is_left =
            needed == Some(attempt) && !self.live.iter().any(|live| live.attempt == attempt);
        if is_left {
            let phase = self.watch.standing.phase;
            return Err(format!(
                "an execution ended while the saga is {phase:?}, and none is left"
            ));
        }
        Ok(())
    }

    /// Observes what was written and returned.
    fn observe(&mut self) -> Result<(), String> {
        let (writes, invocations, returned) = {
            let mut shared = self.hooks.shared();
            let returned = std::mem::take(&mut shared.returned);
            if shared.writes.len() == self.seen && returned.is_empty() {
                return Ok(());
            }
            let writes = shared.writes[self.seen..].to_vec();
            self.seen = shared.writes.len();
            (writes, shared.invocations.clone(), returned)
        };
        for write in &writes {
            self.watch.observe(write, write.by.and_then(|by| invocations.get(by)))?;
        }
        self.hooks.shared().is_undoing = self.watch.is_undoing();
        returned.iter().try_for_each(|returned| self.watch.check_result(returned))?;
        if self.watch.standing.attempt > self.started_attempt {
            self.start()?;
        }
        Ok(())
    }

    /// Does what the faults of the last poll ask for.
    fn react(&mut self) -> Result<(), String> {
        let signals = std::mem::take(&mut self.hooks.shared().signals);
        for signal in signals {
            match signal {
                Signal::Die => {
                    if self.current < self.live.len() {
                        self.live.remove(self.current);
                    }
                }
                Signal::Switch => {
                    if self.live.len() < 2 {
                        self.start()?;
                    }
                    self.current = (self.current + 1) % self.live.len().max(1);
                }
                Signal::Expire => {
                    if let Some(deadline) = self.watch.standing.deadline {
                        self.hooks.advance_to(deadline);
                    }
                }
                Signal::Do(name) => self.handle(&name)?,
                Signal::Stray(name) => self.stray(&name)?,
            }
        }
        Ok(())
    }

    /// Handles a command from outside.
    fn handle(&mut self, name: &str) -> Result<(), String> {
        let Some(command) = self.commands.iter().find(|command| command.name() == name) else {
            return Err(format!("there is no command called {name}"));
        };
        let moment = Moment { standing: self.watch.standing, accepted: &self.story.accepted };
        let may_succeed = command.may_succeed(&moment);
        self.hooks.shared().executing = OUTSIDE;
        let is_accepted = self.hooks.at_once(command.handle(self.world));
        if is_accepted && !may_succeed {
            let standing = self.watch.standing;
            return Err(format!("{name} was accepted, but must not be: {standing:?}"));
        }
        if is_accepted {
            self.story.accepted.push(name.to_owned());
        }
        self.observe()
    }

    /// Performs a step out of turn.
    fn stray(&mut self, name: &str) -> Result<(), String> {
        let Some(step) = G::Step::named(name) else {
            return Err(format!("there is no step called {name}"));
        };
        let is_skipped = match G::PLAN.place(step) {
            Place::BeforeGate | Place::AfterGate => {
                let phase = self.watch.standing.phase;
                !phase.is_settled() && phase != Phase::Undoing && !self.watch.is_reached(step)
            }
            Place::Compensation => self.watch.standing.phase == Phase::Undoing,
            Place::Arbiter => step == G::PLAN.park,
        };
        let Some(execution) = self.watch.execution()?.filter(|_| !is_skipped) else {
            return Ok(());
        };
        self.perform_at_once(execution, step);
        self.observe()
    }

    fn perform_at_once(&self, execution: ExecutionInput, step: G::Step) {
        self.hooks.shared().executing = OUTSIDE;
        let input = StepInput::new(execution, step);
        let invoked = Performing(self.world).invoke::<G>(&input, self.hooks.now());
        // Its result was recorded.
        drop(self.hooks.at_once(invoked));
    }

    /// Whether the saga is parked because of an outage that is over. Fails if it is parked for
    /// another reason, or has not reached an end.
    fn must_resume(&self) -> Result<bool, String> {
        let (standing, plan) = (self.watch.standing, G::PLAN);
        if standing.phase.is_settled() {
            return Ok(false);
        }
        if !standing.is_parked {
            return Err(format!("the saga is {:?} at the end, and not parked", standing.phase));
        }
        let (failed, happened) = {
            let shared = self.hooks.shared();
            (shared.failed_step.clone().unwrap_or_default(), shared.happened.clone())
        };
        let step = G::Step::named(&failed);
        if standing.phase == Phase::Undoing && step.is_some_and(|step| plan.is_forward(step)) {
            return Err(format!("the saga is being undone, but parked at {failed}"));
        }
        if step.is_some_and(|step| self.world.may_park(step)) {
            return Ok(false);
        }
        let patience = plan.patience.transient.max_retries;
        let outlasts = |fault: &Fault| matches!(fault, Fault::Outage(calls) if *calls >= patience);
        if happened.iter().any(|(_, fault)| outlasts(fault)) {
            return Ok(true);
        }
        Err(format!("the saga is parked at {failed}, {:?}", standing.phase))
    }

    fn check_world(&mut self, when: &str) -> Result<(), String> {
        self.story.events =
            self.hooks.shared().writes.iter().flat_map(|write| write.types.clone()).collect();
        self.world.check(&self.story).map_err(|why| format!("{why} ({when})"))
    }

    /// Every step of a settled saga is harmless when it is performed once more.
    fn repeat_everything(&mut self, first: &ExecutionInput) -> Result<(), String> {
        for &step in G::Step::ALL.iter().filter(|step| **step != G::PLAN.park) {
            let attempt = self.watch.standing.attempt;
            self.perform_at_once(ExecutionInput { attempt, ..first.clone() }, step);
            let written = self.hooks.shared().writes[self.seen..].first().cloned();
            if let Some(write) = written {
                let types = write.types.join(", ");
                return Err(format!("{step} wrote {types} when it was repeated at the end"));
            }
            self.observe()?;
        }
        self.check_world("after every step was repeated at the end")
    }
}
