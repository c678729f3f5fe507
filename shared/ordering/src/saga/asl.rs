//! The saga as a state machine, in the Amazon States Language, with expressions in JSONata.
//!
//! - A state per step, called as people read it in the console, and no choice on the way: where an
//!   order is, and which way it goes, is in its streams, and the steps read it there.
//! - What goes from state to state is nothing; ids come from the execution's input.
//! - A task's resource is the function itself, not the integration `lambda:invoke`: its answer is
//!   the function's, without an envelope of HTTP headers in the history, and an error keeps the
//!   name that the function gives it either way.
//! - Whatever may pass is tried again. A refusal, or an order that is being undone, leads to the
//!   way back; any other error to `Park order`, with the step's name. There the execution fails, so
//!   that it shows and can alarm; unless somebody has settled the order meanwhile.
//! - Before the pivot, that state is `Park open order`: if somebody has turned the order round
//!   while the step failed, it is undone and not parked. It is a state of its own, so that none
//!   leads back to itself, and none back once it is committed.
//!
//! Functions stand as `${ReservationStepsArn}` and so on, for `DefinitionSubstitutions`.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::definition::{Retry, Saga, Task};
use super::error::StepError;
use super::step::Step;

/// Lambda did not take the step: there are too many at once, or it is not well itself.
const UNTAKEN: &[&str] = &[
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
];

/// Any error.
const ALL: &[&str] = &["States.ALL"];

/// Parks an order that can still be turned round.
const PARK_OPEN: &str = "Park open order";
/// Where an execution ends that parked its order.
const PARKED: &str = "Order is parked";
/// Where one ends that found nothing to park.
const SETTLED: &str = "Nothing to park";

/// A state machine. Written as JSON, it is its definition; the fields come in the order of this
/// type.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Definition {
    comment: &'static str,
    query_language: &'static str,
    start_at: String,
    #[serde(serialize_with = "as_map")]
    states: Vec<(String, State)>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "Type")]
enum State {
    Task(Box<TaskState>),
    #[serde(rename_all = "PascalCase")]
    Fail {
        error: &'static str,
        cause: &'static str,
    },
    Succeed {},
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TaskState {
    resource: &'static str,
    arguments: Arguments,
    timeout_seconds: u32,
    retry: [Retrier; 3],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    catch: Vec<Catcher>,
    #[serde(flatten)]
    then: Then,
}

/// What a function is told: a [`StepInput`](super::StepInput).
#[derive(Debug, Clone, Serialize)]
struct Arguments {
    step: Step,
    order_id: &'static str,
    tenant: &'static str,
    attempt: &'static str,
    correlation_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'static str>,
}

/// The first that matches an error decides.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Retrier {
    #[serde(rename_all = "PascalCase")]
    Never { error_equals: Vec<&'static str>, max_attempts: u32 },
    #[serde(rename_all = "PascalCase")]
    Later {
        error_equals: &'static [&'static str],
        interval_seconds: u32,
        max_attempts: u32,
        backoff_rate: u32,
        max_delay_seconds: u32,
        jitter_strategy: &'static str,
    },
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Catcher {
    error_equals: &'static [&'static str],
    output: Caught,
    next: String,
}

/// What goes on from an error.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Caught {
    /// Nothing: the streams know.
    Nothing {},
    /// What `Park order` is told: a [`Failure`](super::Failure).
    Failure { step: Step, error: &'static str },
}

#[derive(Debug, Clone, Serialize)]
enum Then {
    Next(String),
    End(bool),
}

fn as_map<S: Serializer>(states: &[(String, State)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(states.len()))?;
    for (name, state) in states {
        map.serialize_entry(name, state)?;
    }
    map.end()
}

/// What a step's state is called: `Reserve stock`.
#[must_use]
pub fn state_name(step: Step) -> String {
    let words = step.name().replace('_', " ");
    words[..1].to_uppercase() + &words[1..]
}

/// The state machine that runs this saga.
#[must_use]
pub fn definition(saga: &Saga) -> Definition {
    let (to_turn, to_park) = (state_name(saga.abort.turn.step), state_name(saga.abort.park.step));
    let mut states = Vec::new();

    let steps: Vec<Task> = saga.forward().collect();
    for (index, &task) in steps.iter().enumerate() {
        let mut state = TaskState::new(saga, task, steps.get(index + 1));
        // Up to the pivot there is a way back.
        if index <= saga.before.len() {
            state.catch.push(Catcher::leading(&[StepError::REFUSED, StepError::UNDONE], &to_turn));
            state.catch.push(Catcher::parking(task.step, PARK_OPEN));
        } else {
            state.catch.push(Catcher::parking(task.step, &to_park));
        }
        states.push((state_name(task.step), State::Task(Box::new(state))));
    }
    let steps: Vec<Task> = saga.backward().collect();
    for (index, &task) in steps.iter().enumerate() {
        let mut state = TaskState::new(saga, task, steps.get(index + 1));
        state.catch.push(Catcher::parking(task.step, &to_park));
        states.push((state_name(task.step), State::Task(Box::new(state))));
    }

    let settled = Catcher::leading(&[StepError::SETTLED], SETTLED);
    let turned = Catcher::leading(&[StepError::UNDONE], &to_turn);
    for (name, catch) in
        [(PARK_OPEN, vec![turned, settled.clone()]), (to_park.as_str(), vec![settled])]
    {
        states.push((name.to_owned(), State::Task(Box::new(TaskState::parks(saga, catch)))));
    }
    let cause =
        "A step failed for good or too often. The order says which: see it resumed or settled.";
    states.push((PARKED.to_owned(), State::Fail { error: "Parked", cause }));
    states.push((SETTLED.to_owned(), State::Succeed {}));

    Definition {
        comment: "Generated from ordering::saga::ORDER_SAGA by `cargo run --package ordering --example order_saga_asl`.",
        query_language: "JSONata",
        start_at: state_name(
            saga.before.first().map_or(saga.pivot.step, |first| first.action.step),
        ),
        states,
    }
}

impl TaskState {
    fn new(saga: &Saga, task: Task, next: Option<&Task>) -> Self {
        Self {
            resource: task.step.worker().placeholder(),
            arguments: Arguments {
                step: task.step,
                order_id: "{% $states.context.Execution.Input.order_id %}",
                tenant: "{% $states.context.Execution.Input.tenant %}",
                attempt: "{% $states.context.Execution.Input.attempt %}",
                correlation_id: "{% $states.context.Execution.Input.correlation_id %}",
                failure: None,
            },
            timeout_seconds: saga.limits.task_s,
            retry: [
                Retrier::Never { error_equals: StepError::FOR_GOOD.to_vec(), max_attempts: 0 },
                Retrier::later(UNTAKEN, saga.untaken),
                Retrier::later(ALL, task.retry),
            ],
            catch: Vec::new(),
            then: next.map_or(Then::End(true), |next| Then::Next(state_name(next.step))),
        }
    }

    /// The state that parks the order.
    fn parks(saga: &Saga, catch: Vec<Catcher>) -> Self {
        let mut state = Self::new(saga, saga.abort.park, None);
        state.arguments.failure = Some("{% $states.input %}");
        // Parking has no choice but to be tried again after anything that leads nowhere: the
        // execution would end with the order unparked.
        let led = catch.iter().flat_map(|catcher| catcher.error_equals).copied();
        state.retry[0] = Retrier::Never { error_equals: led.collect(), max_attempts: 0 };
        Self { catch, then: Then::Next(PARKED.to_owned()), ..state }
    }
}

impl Retrier {
    const fn later(error_equals: &'static [&'static str], retry: Retry) -> Self {
        Self::Later {
            error_equals,
            interval_seconds: retry.first_s,
            max_attempts: retry.most,
            backoff_rate: retry.backoff,
            max_delay_seconds: retry.longest_s,
            jitter_strategy: "FULL",
        }
    }
}

impl Catcher {
    /// These errors lead there, and tell nothing.
    fn leading(error_equals: &'static [&'static str], next: &str) -> Self {
        Self { error_equals, output: Caught::Nothing {}, next: next.to_owned() }
    }

    /// Whatever else happens: the order is parked, at this step.
    fn parking(step: Step, next: &str) -> Self {
        let output = Caught::Failure { step, error: "{% $states.errorOutput %}" };
        Self { error_equals: ALL, output, next: next.to_owned() }
    }
}

impl Definition {
    /// The definition as it is kept in `infra/order-saga.asl.json`.
    ///
    /// # Errors
    /// None that can happen: a definition is text and numbers.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
