//! The saga as data: its steps, their compensations, retries and time limits.

use std::time::Duration;

use super::step::Step;

/// A saga: steps that can be undone, a pivot, steps that must succeed, and how undoing starts and
/// ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saga {
    /// The steps before the pivot, in order.
    pub before: &'static [Compensable],
    /// The pivot.
    pub pivot: Task,
    /// The steps after the pivot, in order.
    pub after: &'static [Retriable],
    /// How undoing starts and ends.
    pub abort: Abort,
    /// The retry of a step whose function Lambda did not invoke: the step itself did not fail.
    pub not_invoked: Retry,
    /// The time limits.
    pub limits: TimeLimits,
}

/// A step that can be undone.
///
/// A step without a compensation does not compile:
///
/// ```
/// # use ordering::saga::{Compensable, Retry, Step, Task};
/// # let retry = Retry { max_retries: 1, first_s: 1, backoff: 2, max_delay_s: 1 };
/// Compensable {
///     action: Task { step: Step::ReserveStock, retry },
///     compensation: Task { step: Step::ReleaseStock, retry },
/// };
/// ```
///
/// ```compile_fail
/// # use ordering::saga::{Compensable, Retry, Step, Task};
/// # let retry = Retry { max_retries: 1, first_s: 1, backoff: 2, max_delay_s: 1 };
/// Compensable {
///     action: Task { step: Step::ReserveStock, retry },
/// };
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compensable {
    /// The step.
    pub action: Task,
    /// The compensation. It undoes the step whether it was done, is under way, or was never begun.
    pub compensation: Task,
}

/// A step that is retried until it succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retriable {
    /// The step.
    pub action: Task,
}

/// How an order that is not completed is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abort {
    /// The step that starts undoing, before any compensation.
    pub turn: Task,
    /// The step that records that everything is undone.
    pub end: Task,
    /// The step that parks the order if another fails permanently or too often.
    pub park: Task,
}

/// A step and its retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// The step.
    pub step: Step,
    /// The retry after a transient error.
    pub retry: Retry,
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

/// The largest number of external calls in one invocation of a step: to find an earlier request, to
/// send it, and to undo it if it came too late. Each call may take [`TimeLimits::call_ms`].
pub const MAX_CALLS: u32 = 3;

/// The retry of steps that can still be undone: about 15 seconds at most. An operator should see a
/// blocked order early, and resuming it takes one call.
const CAN_BE_UNDONE: Retry = Retry { max_retries: 4, first_s: 1, backoff: 2, max_delay_s: 8 };
/// The retry of steps that must succeed: about 30 seconds at most, for the same reason.
const MUST_BE: Retry = Retry { max_retries: 6, first_s: 1, backoff: 2, max_delay_s: 8 };
/// The retry of parking, and of functions that Lambda did not invoke: for hours, twice a minute on
/// average (jitter takes half of each wait).
const PATIENT: Retry = Retry { max_retries: 1000, first_s: 1, backoff: 2, max_delay_s: 60 };
/// The retry of a step that is not part of the saga: none.
const NEVER: Retry = Retry { max_retries: 0, first_s: 1, backoff: 1, max_delay_s: 1 };

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
    not_invoked: PATIENT,
    limits: TimeLimits { call_ms: 2500, function_s: 10, task_s: 15 },
};

impl Saga {
    /// The forward steps, which complete the order, in order.
    pub fn forward(&self) -> impl Iterator<Item = Task> {
        let before = self.before.iter().map(|step| step.action);
        before.chain([self.pivot]).chain(self.after.iter().map(|step| step.action))
    }

    /// The backward steps, which undo the order, in order: undoing starts, and then everything is
    /// undone, the last step first.
    pub fn backward(&self) -> impl Iterator<Item = Task> {
        let undo = self.before.iter().rev().map(|step| step.compensation);
        [self.abort.turn].into_iter().chain(undo).chain([self.abort.end])
    }

    /// The retry of this step.
    #[must_use]
    pub fn retry(&self, step: Step) -> Retry {
        let all = self.forward().chain(self.backward());
        all.chain([self.abort.park]).find(|task| task.step == step).map_or(NEVER, |task| task.retry)
    }
}
