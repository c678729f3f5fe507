//! The saga of an order as callers see it: which steps were done, refused and undone, and when. It
//! is folded from the order's streams for each query and has no row.

use events::OrderId;
use serde::{Deserialize, Serialize};
use skald::time::Timestamp;
use skald_saga::{Instance, Next, Progress, Saga, StepName, StepTrace, Trace, next};

use super::OrderStatus;
use crate::saga::{ORDER_SAGA, OrderSaga, Step};

/// The saga of an order as callers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SagaOfOrder {
    /// The order.
    pub order_id: OrderId,
    /// The order's status.
    pub status: OrderStatus,
    /// The number of the current attempt to complete or undo the order, from 1.
    pub attempt: u32,
    /// When undoing started; `None` if it did not.
    pub undo_started_at: Option<Timestamp>,
    /// Every step that was begun, in the order of the saga, and the step that is next. A step and
    /// its compensation are one entry.
    pub steps: Vec<StepOfOrder>,
}

/// A step as callers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepOfOrder {
    /// The step. A step that is undone keeps its name.
    pub step: Step,
    /// The step's state.
    pub state: StepState,
    /// The number of attempts that worked on the step.
    pub attempts: usize,
    /// When its first event was recorded; `None` if nothing is recorded of it except that it
    /// failed.
    pub started_at: Option<Timestamp>,
    /// When it was done; `None` if it never was. A step that is undone without having been done can
    /// no longer be done.
    pub done_at: Option<Timestamp>,
    /// When it was undone.
    pub undone_at: Option<Timestamp>,
    /// When its last event was recorded.
    pub updated_at: Option<Timestamp>,
}

/// The state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// The step is done.
    Done,
    /// The step could not be done.
    Refused,
    /// The step is undone, or can no longer be done.
    Undone,
    /// The step is being done or undone, or is next.
    Running,
    /// The step waits until an operator resumes the order.
    Parked,
}

/// The saga of this order, given the past of its steps; `None` if the order does not exist.
#[must_use]
pub fn saga_of(
    order_id: OrderId,
    instance: &Instance,
    trace: &Trace<OrderSaga>,
) -> Option<SagaOfOrder> {
    let order = trace.state.order.placed()?;
    let parked = order.parked.as_ref().and_then(|parked| Step::named(&parked.step));
    let parked = parked.map(|step| ORDER_SAGA.undone_by(step));
    let coming = match next::<OrderSaga>(instance, &trace.state) {
        Next::Do(step) | Next::Undo(step) => Some(ORDER_SAGA.undone_by(step)),
        Next::Done | Next::Parked => None,
    };
    let listed = ORDER_SAGA.forward().chain([ORDER_SAGA.end_undo]);
    let listed = listed.filter(|step| {
        trace.steps.contains_key(step) || parked == Some(*step) || coming == Some(*step)
    });
    let steps = listed.map(|step| {
        let StepTrace { started_at, done_at, undone_at, updated_at, attempts, .. } =
            trace.steps.get(&step).cloned().unwrap_or_default();
        let state = if parked == Some(step) {
            StepState::Parked
        } else if coming == Some(step) {
            StepState::Running
        } else if done_at.is_some()
            && undone_at.is_none()
            && ORDER_SAGA.arbiter_steps().any(|on| on == step)
        {
            StepState::Done
        } else {
            step_state(OrderSaga::progress(instance, &trace.state, step))
        };
        let attempts = attempts.len().max(1);
        StepOfOrder { step, state, attempts, started_at, done_at, undone_at, updated_at }
    });
    Some(SagaOfOrder {
        order_id,
        status: OrderStatus::of(order.phase),
        attempt: order.attempt,
        undo_started_at: trace.undo_started_at,
        steps: steps.collect(),
    })
}

/// The state of a step with this progress.
const fn step_state(progress: Progress) -> StepState {
    match progress {
        Progress::Done | Progress::NotNeeded => StepState::Done,
        Progress::Refused => StepState::Refused,
        Progress::Undone => StepState::Undone,
        Progress::Ahead | Progress::UnderWay | Progress::Undoing => StepState::Running,
    }
}
