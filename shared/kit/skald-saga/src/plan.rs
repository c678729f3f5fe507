//! The plan of a saga: its steps in order, their compensations, retries and time limits.

use std::time::Duration;

use crate::names::StepName;

/// The steps of a saga, in order.
///
/// The steps before the gate run until the saga's deadline; then the saga is undone. The arbiter
/// records when the gate is passed. From then on the deadline has no effect, and each step is
/// retried for as long as [`Patience`] says. Every step can be undone until the pivot: the event of
/// the arbiter that excludes undoing. The pivot is a command on the arbiter, outside of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan<S: 'static> {
    /// The steps that run until the deadline, in order.
    pub before_gate: &'static [Compensable<S>],
    /// The step that passes the gate, and the steps after it. `None` for a saga without a gate: its
    /// deadline applies until it is complete.
    pub gate: Option<Gate<S>>,
    /// The step that records on the arbiter that every step is done.
    pub complete: S,
    /// The step that records on the arbiter that everything is undone.
    pub end_undo: S,
    /// The step that parks the saga for an operator.
    pub park: S,
    /// How long each step is retried.
    pub patience: Patience,
    /// The time limits.
    pub limits: TimeLimits,
}

/// The gate of a saga, and the steps after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate<S: 'static> {
    /// The step that records on the arbiter that the gate is passed.
    pub pass: S,
    /// The steps that run after the gate, in order.
    pub after: &'static [Compensable<S>],
}

/// A step and its compensation.
///
/// Several steps may name the same compensation. It then undoes all of them, in the place of the
/// first.
///
/// A step without a compensation does not compile:
///
/// ```
/// use skald_saga::Compensable;
///
/// Compensable { action: "hold_room", compensation: "release_room" };
/// ```
///
/// ```compile_fail
/// use skald_saga::Compensable;
///
/// Compensable { action: "hold_room" };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compensable<S> {
    /// The step.
    pub action: S,
    /// The step that undoes it, whether it was done, is under way, or was never begun.
    pub compensation: S,
}

/// How long a step is retried before the saga is parked.
///
/// A retry of a state machine is a billed transition, so the number of retries bounds the price of
/// a saga that is stuck: see [`Patience::max_transitions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The retry after a transient error: no answer, throttling, a function that died.
    pub transient: Retry,
    /// The retry after contention that outlived the retries in the function.
    pub busy: Retry,
    /// The retry of a function that Lambda did not invoke, and of parking.
    pub endless: Retry,
}

/// How often, and after which time, a step is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// The largest number of retries.
    pub max_retries: u32,
    /// The time before the first retry, in seconds.
    pub first_s: u32,
    /// The factor by which each later wait is longer.
    pub backoff: u32,
    /// The longest wait, in seconds.
    pub max_delay_s: u32,
}

/// The time limits. Each leaves room for those inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// One call to an external system, in milliseconds.
    pub call_ms: u32,
    /// One invocation of a step's function, in seconds.
    pub function_s: u32,
    /// One task of the state machine, in seconds.
    pub task_s: u32,
}

/// The largest number of external calls in one invocation of a step: to find an earlier request, to
/// send it, and to undo it if its answer came too late. Each call may take
/// [`TimeLimits::call_ms`].
pub const MAX_CALLS: u32 = 3;

impl Patience {
    /// Retries for a day, with waits that grow to five minutes.
    ///
    /// The state machine shortens each wait at random, by half on average, so that sagas that were
    /// stopped by one outage do not continue at the same moment.
    pub const A_DAY: Self = Self {
        transient: Retry { max_retries: 590, first_s: 1, backoff: 2, max_delay_s: 300 },
        busy: Retry { max_retries: 590, first_s: 1, backoff: 2, max_delay_s: 300 },
        endless: Retry { max_retries: 5000, first_s: 1, backoff: 2, max_delay_s: 300 },
    };

    /// The largest number of transitions that a step may cost before the saga is parked at it, if
    /// Lambda invokes its function.
    #[must_use]
    pub const fn max_transitions(&self) -> u32 {
        self.transient.max_retries + self.busy.max_retries + 1
    }
}

impl Retry {
    /// The sum of all waits, in seconds, if none is shortened.
    #[must_use]
    pub fn longest_s(&self) -> u64 {
        let mut wait = u64::from(self.first_s);
        (0..self.max_retries).fold(0, |sum, _| {
            let waited = wait.min(u64::from(self.max_delay_s));
            wait = waited.saturating_mul(u64::from(self.backoff));
            sum + waited
        })
    }
}

impl TimeLimits {
    /// One call to an external system.
    #[must_use]
    pub const fn call(&self) -> Duration {
        Duration::from_millis(self.call_ms as u64)
    }
}

/// The place of a step in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A step that runs until the deadline.
    BeforeGate,
    /// A step that runs after the gate.
    AfterGate,
    /// A compensation.
    Compensation,
    /// A step on the arbiter.
    Arbiter,
}

impl<S: StepName> Plan<S> {
    /// The steps that complete a saga, in order, with those on the arbiter.
    pub fn forward(&self) -> impl Iterator<Item = S> {
        let gate = self.gate.iter().flat_map(|gate| {
            [gate.pass].into_iter().chain(gate.after.iter().map(|pair| pair.action))
        });
        self.before_gate.iter().map(|pair| pair.action).chain(gate).chain([self.complete])
    }

    /// The compensations in the order in which they run: that of the last step first.
    pub fn compensations(&self) -> impl Iterator<Item = S> {
        let pairs = || self.pairs().enumerate();
        let first = move |compensation| {
            let mut same = pairs().filter(move |(_, pair)| pair.compensation == compensation);
            same.next().map(|(place, _)| place)
        };
        let pairs: Vec<_> = self.pairs().enumerate().collect();
        pairs
            .into_iter()
            .rev()
            .filter(move |(place, pair)| first(pair.compensation) == Some(*place))
            .map(|(_, pair)| pair.compensation)
    }

    /// The steps that undo a saga, in order, with the one on the arbiter.
    pub fn backward(&self) -> impl Iterator<Item = S> {
        self.compensations().chain([self.end_undo])
    }

    /// Every step that has a compensation, with it, in order.
    pub fn pairs(&self) -> impl Iterator<Item = Compensable<S>> {
        let after = self.gate.iter().flat_map(|gate| gate.after);
        self.before_gate.iter().chain(after).copied()
    }

    /// The place of a step. A step that the plan does not name is one on the arbiter.
    #[must_use]
    pub fn place(&self, step: S) -> Place {
        let is_action = |pairs: &[Compensable<S>]| pairs.iter().any(|pair| pair.action == step);
        if is_action(self.before_gate) {
            Place::BeforeGate
        } else if self.gate.is_some_and(|gate| is_action(gate.after)) {
            Place::AfterGate
        } else if self.pairs().any(|pair| pair.compensation == step) {
            Place::Compensation
        } else {
            Place::Arbiter
        }
    }

    /// The steps on the arbiter.
    pub fn arbiter_steps(&self) -> impl Iterator<Item = S> {
        let gate = self.gate.iter().map(|gate| gate.pass);
        gate.chain([self.complete, self.end_undo, self.park])
    }

    /// The first step that this one undoes, or the step itself if it undoes none.
    #[must_use]
    pub fn undone_by(&self, step: S) -> S {
        self.pairs().find(|pair| pair.compensation == step).map_or(step, |pair| pair.action)
    }

    /// Whether the step is one of those that complete a saga.
    #[must_use]
    pub fn is_forward(&self, step: S) -> bool {
        self.forward().any(|other| other == step)
    }
}
