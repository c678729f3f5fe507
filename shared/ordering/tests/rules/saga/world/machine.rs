//! An interpreter for the part of the Amazon States Language that the saga uses.

use std::sync::LazyLock;

use ordering::saga::{ORDER_SAGA, Step};
use serde_json::{Value, json, to_value};
use skald_saga::state_machine::definition;
use skald_saga::{ExecutionInput, Retry, StepError, StepInput};

use skald_testkit::yield_now;

use super::{Runner, World, run};

static MACHINE: LazyLock<Value> = LazyLock::new(|| to_value(definition(&ORDER_SAGA, "")).unwrap());

/// The definition of the state machine.
pub(crate) fn machine() -> &'static Value {
    &MACHINE
}

/// The step of a task.
pub(crate) fn step_of(state: &Value) -> Option<Step> {
    serde_json::from_value(state["Arguments"]["step"].clone()).ok()
}

/// The catcher of a state for this error.
pub(crate) fn catch<'a>(state: &'a Value, error: &str) -> Option<&'a Value> {
    let caught = |catcher: &&Value| {
        let errors = catcher["ErrorEquals"].as_array().unwrap();
        errors.iter().any(|name| name == error || name == "States.ALL")
    };
    state["Catch"].as_array().into_iter().flatten().find(caught)
}

/// Runs the state machine over a world as Step Functions would, as a runner that may die after any
/// line.
pub(crate) fn execute(world: &World, attempt: u32) -> Runner<'_> {
    execute_by(machine(), world, attempt)
}

/// The same with this state machine.
pub(crate) fn execute_by<'a>(machine: &'a Value, world: &'a World, attempt: u32) -> Runner<'a> {
    Box::pin(async move {
        let mut state = machine["StartAt"].as_str().unwrap().to_owned();
        let execution = ExecutionInput { attempt, ..world.execution() };
        let mut input = json!({});
        loop {
            let at = &machine["States"][&state];
            if at["Type"] != "Task" {
                return Ok(());
            }
            let step_input = arguments(at, &execution, &input);
            let next = match persist(world, at, &step_input).await {
                Ok(()) => at["Next"].as_str(),
                Err(error) => {
                    let catcher = catch(at, error.name())
                        .unwrap_or_else(|| panic!("{state} does not catch {error}"));
                    let cause =
                        json!({ "errorType": error.name(), "errorMessage": error.to_string() })
                            .to_string();
                    input = match catcher["Output"].get("step") {
                        Some(step) => {
                            let error = json!({ "Error": error.name(), "Cause": cause });
                            json!({ "step": step, "error": error })
                        }
                        None => json!({}),
                    };
                    catcher["Next"].as_str()
                }
            };
            match next {
                Some(next) => state = next.to_owned(),
                None => return Ok(()),
            }
        }
    })
}

/// Runs the executions that are started for this order, each to its end: of the first attempt, and
/// of the one that begins when the order is cancelled.
pub(crate) fn execute_all(world: &World) {
    run(execute(world, 1));
    if let Some(attempt) = world.resumed() {
        run(execute(world, attempt));
    }
}

/// The input of a task's function, as its arguments compose it.
fn arguments(state: &Value, execution: &ExecutionInput, input: &Value) -> StepInput<Step> {
    let mut of_execution = to_value(execution).unwrap();
    // The name of an earlier release.
    of_execution["order_id"] = of_execution["id"].clone();
    let evaluated = |(name, argument): (&String, &Value)| {
        let text = argument.as_str().unwrap();
        let value = match text.strip_prefix("{% $states.") {
            None => argument.clone(),
            Some("input %}") => input.clone(),
            Some(path) => {
                let member = path.strip_prefix("context.Execution.Input.").unwrap();
                of_execution[member.strip_suffix(" %}").unwrap()].clone()
            }
        };
        (name.clone(), value)
    };
    let arguments = state["Arguments"].as_object().unwrap();
    serde_json::from_value(arguments.iter().map(evaluated).collect()).unwrap()
}

async fn persist(world: &World, state: &Value, input: &StepInput<Step>) -> Result<(), StepError> {
    let mut failed = 0;
    loop {
        let Err(error) = world.perform(input).await else { return Ok(()) };
        let retrier = retrier(state, error.name());
        let number = |name: &str| u32::try_from(retrier[name].as_u64().unwrap()).unwrap();
        if failed >= number("MaxAttempts").min(world.patience.transient.max_retries) {
            return Err(error);
        }
        failed += 1;
        let retry = Retry {
            max_retries: number("MaxAttempts"),
            first_s: number("IntervalSeconds"),
            backoff: number("BackoffRate"),
            max_delay_s: number("MaxDelaySeconds"),
        };
        world.wait(retry, failed);
        yield_now().await;
    }
}

/// The reaction of Step Functions to this error of a task: the first match applies.
#[track_caller]
pub(crate) fn retrier<'a>(state: &'a Value, error: &str) -> &'a Value {
    let matches = |retrier: &&Value| {
        let errors = retrier["ErrorEquals"].as_array().unwrap();
        errors.iter().any(|name| name == error || name == "States.ALL")
    };
    state["Retry"]
        .as_array()
        .unwrap()
        .iter()
        .find(matches)
        .unwrap_or_else(|| panic!("{state} neither retries nor catches {error}"))
}
