//! The saga as data: its steps, how each is undone and retried, and its time limits.

use std::time::Duration;

use super::step::Step;

/// A saga: steps that can be undone, a step of no return, steps that must succeed; and what is done
/// if they cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saga {
    /// What is done first, in order.
    pub before: &'static [Compensable],
    /// The point of no return.
    pub pivot: Task,
    /// What is done then, in order.
    pub after: &'static [Retriable],
    /// How the direction is turned, and what ends that way.
    pub abort: Abort,
    /// What to do if a step could not even be begun, because Lambda did not take it: nothing is
    /// known against it.
    pub untaken: Retry,
    /// How long each thing may take.
    pub limits: TimeLimits,
}

/// A step that can be undone.
///
/// One without a compensation cannot be written down:
///
/// ```
/// # use ordering::saga::{Compensable, Retry, Step, Task};
/// # let retry = Retry { most: 1, first_s: 1, backoff: 2, longest_s: 1 };
/// Compensable {
///     action: Task { step: Step::ReserveStock, retry },
///     compensation: Task { step: Step::ReleaseStock, retry },
/// };
/// ```
///
/// ```compile_fail
/// # use ordering::saga::{Compensable, Retry, Step, Task};
/// # let retry = Retry { most: 1, first_s: 1, backoff: 2, longest_s: 1 };
/// Compensable {
///     action: Task { step: Step::ReserveStock, retry },
/// };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compensable {
    /// What is done.
    pub action: Task,
    /// How it is undone, whether it was done, is under way, or was never begun.
    pub compensation: Task,
}

/// A step that is tried until it succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retriable {
    /// What is done.
    pub action: Task,
}

/// What is done if an order is not completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abort {
    /// Turns the direction, before anything is undone.
    pub turn: Task,
    /// Says that everything is undone.
    pub end: Task,
    /// Leaves the order to an operator, if a step fails for good or too often.
    pub park: Task,
}

/// A step, and how often it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// The step.
    pub step: Step,
    /// What to do if it fails for a reason that may pass.
    pub retry: Retry,
}

/// How often and after how long something is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How often, after the first time.
    pub most: u32,
    /// How long to wait before the first retry, in seconds.
    pub first_s: u32,
    /// How many times longer to wait each time.
    pub backoff: u32,
    /// How long to wait at most, in seconds.
    pub longest_s: u32,
}

/// How long things may take: each limit leaves room for what is inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// One call to the gateway or the carrier, in milliseconds.
    pub call_ms: u32,
    /// One invocation of a step function, in seconds.
    pub function_s: u32,
    /// One task of the state machine, in seconds.
    pub task_s: u32,
}

impl TimeLimits {
    /// One call to the gateway or the carrier.
    #[must_use]
    pub const fn call(&self) -> Duration {
        Duration::from_millis(self.call_ms as u64)
    }
}

/// Most calls to the outside in one invocation of a step: to find out, to do, and to undo what came
/// too late. Whoever takes steps gives each call [`TimeLimits::call_ms`].
pub const MOST_CALLS: u32 = 3;

/// What can still be undone: some 15 seconds at most. An order that stands still is better seen
/// early than late, and resuming it is one call.
const CAN_BE_UNDONE: Retry = Retry { most: 4, first_s: 1, backoff: 2, longest_s: 8 };
/// What must be done in the end: some 30 seconds at most, for the same reason.
const MUST_BE: Retry = Retry { most: 6, first_s: 1, backoff: 2, longest_s: 8 };
/// What everything else relies on, and what Lambda had no room for: for hours, twice a minute on
/// average (jitter takes half of each wait).
const PATIENT: Retry = Retry { most: 1000, first_s: 1, backoff: 2, longest_s: 60 };
/// What is no part of the saga.
const NEVER: Retry = Retry { most: 0, first_s: 1, backoff: 1, longest_s: 1 };

/// The saga of every order.
pub const ORDER_SAGA: Saga = Saga {
    before: &[
        Compensable {
            action: Task { step: Step::ReserveStock, retry: CAN_BE_UNDONE },
            compensation: Task { step: Step::ReleaseStock, retry: MUST_BE },
        },
        Compensable {
            action: Task { step: Step::AuthorizePayment, retry: CAN_BE_UNDONE },
            compensation: Task { step: Step::VoidPayment, retry: MUST_BE },
        },
        Compensable {
            action: Task { step: Step::CreateShipment, retry: CAN_BE_UNDONE },
            compensation: Task { step: Step::CancelShipment, retry: MUST_BE },
        },
    ],
    pivot: Task { step: Step::CommitOrder, retry: CAN_BE_UNDONE },
    after: &[
        Retriable { action: Task { step: Step::CapturePayment, retry: MUST_BE } },
        Retriable { action: Task { step: Step::ShipStock, retry: MUST_BE } },
        Retriable { action: Task { step: Step::ConfirmOrder, retry: MUST_BE } },
    ],
    abort: Abort {
        turn: Task { step: Step::StartUndo, retry: MUST_BE },
        end: Task { step: Step::CancelOrder, retry: MUST_BE },
        park: Task { step: Step::ParkOrder, retry: PATIENT },
    },
    untaken: PATIENT,
    limits: TimeLimits { call_ms: 2500, function_s: 10, task_s: 15 },
};

impl Saga {
    /// What is done on the way to completion, in order.
    pub fn forward(&self) -> impl Iterator<Item = Task> {
        let before = self.before.iter().map(|step| step.action);
        before.chain([self.pivot]).chain(self.after.iter().map(|step| step.action))
    }

    /// What is done on the way back, in order: the direction is turned, and everything undone, the
    /// last step first.
    pub fn backward(&self) -> impl Iterator<Item = Task> {
        let undo = self.before.iter().rev().map(|step| step.compensation);
        [self.abort.turn].into_iter().chain(undo).chain([self.abort.end])
    }

    /// How often this step is tried.
    #[must_use]
    pub fn retry(&self, step: Step) -> Retry {
        let all = self.forward().chain(self.backward());
        all.chain([self.abort.park]).find(|task| task.step == step).map_or(NEVER, |task| task.retry)
    }
}
