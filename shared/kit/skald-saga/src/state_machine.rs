//! The saga as a state machine, in the Amazon States Language, with expressions in JSONata.
//!
//! - Each step has one state with a name for the console. There are no choices: the progress and
//!   the direction of a saga are in its streams, and the steps read them there.
//! - States pass no data on; ids come from the execution's input.
//! - The resource of a task is the function itself, not the integration `lambda:invoke`. The
//!   function's answer is then in the history without an envelope of HTTP headers. Errors have the
//!   same names either way.
//! - Transient errors are retried as the plan's [`Patience`](crate::Patience) says. If undoing has
//!   started, a step forward leads to the first compensation. Every other error leads to the state
//!   that parks the saga, with the step's name. The execution then fails, which raises an alarm,
//!   unless the saga was settled meanwhile.
//! - For the steps forward, that state leads to the first compensation if undoing started while the
//!   step failed. The compensations have a state of their own for parking, so that no state leads
//!   back to itself.
//!
//! Functions are placeholders such as `${RoomStepsArn}`, for `DefinitionSubstitutions`.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::error::StepError;
use crate::names::StepName;
use crate::plan::{Plan, Retry};

/// The errors that Lambda returns without invoking the function, because of throttling or a fault
/// of its own.
const NOT_INVOKED: &[&str] = &[
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
];

/// The error of an expression that cannot be evaluated. It depends only on the execution's input,
/// so the execution fails, and another attempt begins.
const NOT_EVALUATED: &str = "States.QueryEvaluationError";

/// Any error.
const ALL: &[&str] = &["States.ALL"];

/// The final state of an execution that parked its saga.
const PARKED: &str = "Parked";
/// The final state of an execution that had nothing to park.
const SETTLED: &str = "Nothing to park";

/// A state machine. Serialized as JSON, it is the definition; the fields are in the order of this
/// type.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Definition<S: StepName> {
    comment: String,
    query_language: &'static str,
    start_at: String,
    #[serde(serialize_with = "as_map")]
    states: Vec<(String, State<S>)>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(tag = "Type")]
enum State<S: StepName> {
    Task(Box<TaskState<S>>),
    #[serde(rename_all = "PascalCase")]
    Fail {
        error: &'static str,
        cause: &'static str,
    },
    Succeed {},
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TaskState<S: StepName> {
    resource: String,
    arguments: Arguments<S>,
    timeout_seconds: u32,
    retry: Vec<Retrier>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    catch: Vec<Catcher<S>>,
    #[serde(flatten)]
    then: Then,
}

/// The input of a function: a [`StepInput`](crate::StepInput).
#[derive(Debug, Clone, Serialize)]
struct Arguments<S: StepName> {
    step: S,
    id: &'static str,
    tenant: &'static str,
    attempt: &'static str,
    correlation_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'static str>,
}

/// Retries errors; the first retrier that matches applies.
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

/// Catches errors; the first catcher that matches applies.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Catcher<S: StepName> {
    error_equals: &'static [&'static str],
    output: Caught<S>,
    next: String,
}

/// The output of a caught error.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Caught<S: StepName> {
    /// Nothing: the steps read the streams.
    Nothing {},
    /// The input of the step that parks: a [`Failure`](crate::Failure).
    Failure { step: S, error: &'static str },
}

#[derive(Debug, Clone, Serialize)]
enum Then {
    Next(String),
    End(bool),
}

fn as_map<N: StepName, S: Serializer>(
    states: &[(String, State<N>)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(states.len()))?;
    for (name, state) in states {
        map.serialize_entry(name, state)?;
    }
    map.end()
}

/// The name of a step's state, such as `Hold room`.
#[must_use]
pub fn state_name<S: StepName>(step: S) -> String {
    let words = step.name().replace('_', " ");
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The placeholder for the ARN of a function, such as `${RoomStepsArn}` for `room-steps`.
#[must_use]
pub fn placeholder(worker: &str) -> String {
    let words = worker.split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    format!("${{{}Arn}}", words.collect::<String>())
}

/// The state machine that runs this saga. `comment` says how it was generated.
#[must_use]
pub fn definition<S: StepName>(plan: &Plan<S>, comment: &str) -> Definition<S> {
    let backward: Vec<S> = plan.backward().collect();
    let undo = backward.first().copied().map_or_else(String::new, state_name);
    let park = state_name(plan.park);
    let park_forward = format!("{park} unless undone");
    let mut states = Vec::new();

    let forward: Vec<S> = plan.forward().collect();
    for (index, &step) in forward.iter().enumerate() {
        let mut state = TaskState::new(plan, step, forward.get(index + 1));
        state.catch.push(Catcher::leading(&[StepError::UNDONE], &undo));
        state.catch.push(Catcher::parking(step, &park_forward));
        states.push((state_name(step), State::Task(Box::new(state))));
    }
    for (index, &step) in backward.iter().enumerate() {
        let mut state = TaskState::new(plan, step, backward.get(index + 1));
        state.catch.push(Catcher::parking(step, &park));
        states.push((state_name(step), State::Task(Box::new(state))));
    }

    let settled = Catcher::leading(&[StepError::SETTLED], SETTLED);
    let undone = Catcher::leading(&[StepError::UNDONE], &undo);
    for (name, catch) in [(park_forward, vec![undone, settled.clone()]), (park, vec![settled])] {
        states.push((name, State::Task(Box::new(TaskState::parks(plan, catch)))));
    }
    let cause =
        "A step failed permanently or for too long. The last event of the saga names the step.";
    states.push((PARKED.to_owned(), State::Fail { error: "Parked", cause }));
    states.push((SETTLED.to_owned(), State::Succeed {}));

    Definition {
        comment: comment.to_owned(),
        query_language: "JSONata",
        start_at: forward.first().copied().map_or_else(String::new, state_name),
        states,
    }
}

impl<S: StepName> TaskState<S> {
    fn new(plan: &Plan<S>, step: S, next: Option<&S>) -> Self {
        Self {
            resource: placeholder(step.worker()),
            arguments: Arguments {
                step,
                id: "{% $states.context.Execution.Input.id %}",
                tenant: "{% $states.context.Execution.Input.tenant %}",
                attempt: "{% $states.context.Execution.Input.attempt %}",
                correlation_id: "{% $states.context.Execution.Input.correlation_id %}",
                failure: None,
            },
            timeout_seconds: plan.limits.task_s,
            retry: vec![
                Retrier::never(StepError::TERMINAL),
                Retrier::later(NOT_INVOKED, plan.patience.endless),
                Retrier::later(&[StepError::BUSY], plan.patience.busy),
                Retrier::later(ALL, plan.patience.transient),
            ],
            catch: Vec::new(),
            then: next.map_or(Then::End(true), |next| Then::Next(state_name(*next))),
        }
    }

    /// The state that parks the saga.
    fn parks(plan: &Plan<S>, catch: Vec<Catcher<S>>) -> Self {
        let mut state = Self::new(plan, plan.park, None);
        state.arguments.failure = Some("{% $states.input %}");
        // Parking is retried after every error that is not caught, because the execution would
        // otherwise end without parking the saga.
        let caught = catch.iter().flat_map(|catcher| catcher.error_equals).copied();
        state.retry = vec![Retrier::never(caught), Retrier::later(ALL, plan.patience.endless)];
        Self { catch, then: Then::Next(PARKED.to_owned()), ..state }
    }
}

impl Retrier {
    fn never(errors: impl IntoIterator<Item = &'static str>) -> Self {
        let error_equals = errors.into_iter().chain([NOT_EVALUATED]).collect();
        Self::Never { error_equals, max_attempts: 0 }
    }

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

impl<S: StepName> Catcher<S> {
    /// Catches these errors, without output.
    fn leading(error_equals: &'static [&'static str], next: &str) -> Self {
        Self { error_equals, output: Caught::Nothing {}, next: next.to_owned() }
    }

    /// Catches every other error: the saga is parked at this step.
    fn parking(step: S, next: &str) -> Self {
        let output = Caught::Failure { step, error: "{% $states.errorOutput %}" };
        Self { error_equals: ALL, output, next: next.to_owned() }
    }
}

impl<S: StepName> Definition<S> {
    /// The definition as text, as it is stored in a file.
    ///
    /// # Errors
    /// Never fails in practice: a definition consists of text and numbers.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}
