//! The saga as a state machine, in the Amazon States Language, with expressions in JSONata.
//!
//! - Each step has one state with a name for the console. There are no choices: the progress and
//!   the direction of an order are in its streams, and the steps read them there.
//! - States pass no data on; ids come from the execution's input.
//! - The resource of a task is the function itself, not the integration `lambda:invoke`. The
//!   function's answer is then in the history without an envelope of HTTP headers. Errors have the
//!   same names either way.
//! - Transient errors are retried. A refusal, or an order that is being undone, leads to undoing;
//!   every other error leads to `Park order`, with the step's name. The execution then fails, which
//!   raises an alarm, unless the order was settled meanwhile.
//! - For a forward step, that state is `Park open order`: if undoing started while the step failed,
//!   the order is undone instead of parked. It is a separate state, so that no state leads back to
//!   itself.
//!
//! Functions are placeholders such as `${ReservationStepsArn}`, for `DefinitionSubstitutions`.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::definition::{Retry, Saga, Task};
use super::error::StepError;
use super::step::Step;

/// The errors that Lambda returns without invoking the function, because of throttling or a fault
/// of its own.
const NOT_INVOKED: &[&str] = &[
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
];

/// Any error.
const ALL: &[&str] = &["States.ALL"];

/// Parks an order that can still be undone.
const PARK_OPEN: &str = "Park open order";
/// The final state of an execution that parked its order.
const PARKED: &str = "Order is parked";
/// The final state of an execution that had nothing to park.
const SETTLED: &str = "Nothing to park";

/// A state machine. Serialized as JSON, it is the definition; the fields are in the order of this
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

/// The input of a function: a [`StepInput`](super::StepInput).
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

/// Catches errors; the first catcher that matches applies.
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

/// The output of a caught error.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Caught {
    /// Nothing: the steps read the streams.
    Nothing {},
    /// The input of `Park order`: a [`Failure`](super::Failure).
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

/// The name of a step's state, such as `Reserve stock`.
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
        // The order can be undone at any time. After the pivot, no step is refused.
        let turns: &[_] = if index <= saga.before.len() {
            &[StepError::REFUSED, StepError::UNDONE]
        } else {
            &[StepError::UNDONE]
        };
        state.catch.push(Catcher::leading(turns, &to_turn));
        state.catch.push(Catcher::parking(task.step, PARK_OPEN));
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
        "A step failed permanently or too often. The order names the step: resume or settle it.";
    states.push((PARKED.to_owned(), State::Fail { error: "Parked", cause }));
    states.push((SETTLED.to_owned(), State::Succeed {}));

    Definition {
        comment: "Generated from ordering::saga::ORDER_SAGA by \
                  `cargo run --package ordering --example order_saga_asl`.",
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
                Retrier::Never { error_equals: StepError::TERMINAL.to_vec(), max_attempts: 0 },
                Retrier::later(NOT_INVOKED, saga.not_invoked),
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
        // Parking is retried after every error that is not caught, because the execution would
        // otherwise end without parking the order.
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
            max_attempts: retry.max_retries,
            backoff_rate: retry.backoff,
            max_delay_seconds: retry.max_delay_s,
            jitter_strategy: "FULL",
        }
    }
}

impl Catcher {
    /// Catches these errors, without output.
    fn leading(error_equals: &'static [&'static str], next: &str) -> Self {
        Self { error_equals, output: Caught::Nothing {}, next: next.to_owned() }
    }

    /// Catches every other error: the order is parked at this step.
    fn parking(step: Step, next: &str) -> Self {
        let output = Caught::Failure { step, error: "{% $states.errorOutput %}" };
        Self { error_equals: ALL, output, next: next.to_owned() }
    }
}

impl Definition {
    /// The definition in the form stored in `infra/order-saga.asl.json`.
    ///
    /// # Errors
    /// Never fails in practice: a definition consists of text and numbers.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
