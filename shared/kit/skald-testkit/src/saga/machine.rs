//! An interpreter for the part of the Amazon States Language that a saga's state machine uses.

use serde_json::{Value, json};
use skald_saga::state_machine::definition;
use skald_saga::{ExecutionInput, Saga, StepError, StepInput};

use super::performing::{Ended, Failed, Performing};
use super::point::Point;
use super::world::World;

/// The error of a function that died.
const DIED: &str = "Runtime.ExitError";

/// A state machine, as JSON.
#[derive(Debug, Clone)]
pub(super) struct Machine(Value);

impl Machine {
    /// The state machine of this saga.
    pub(super) fn of<G: Saga>() -> Result<Self, String> {
        let definition = definition(&G::PLAN, "for a test");
        serde_json::to_value(definition).map(Self).map_err(|error| error.to_string())
    }

    fn state(&self, name: &str) -> Option<&Value> {
        self.0["States"].get(name)
    }
}

/// An execution stopped at a fault of the state machine itself.
fn malformed(why: impl Into<String>) -> StepError {
    StepError::Permanent(format!("the state machine is malformed: {}", why.into()))
}

/// Runs the state machine as Step Functions does.
pub(super) async fn execute<G: Saga, W: World<G>>(
    machine: &Machine,
    performing: Performing<'_, W>,
    execution: ExecutionInput,
) -> Ended {
    let mut transitions = 0;
    let result = run::<G, W>(machine, performing, &execution, &mut transitions).await;
    Ended { result, transitions }
}

async fn run<G: Saga, W: World<G>>(
    machine: &Machine,
    performing: Performing<'_, W>,
    execution: &ExecutionInput,
    transitions: &mut u32,
) -> Result<(), StepError> {
    let context = serde_json::to_value(execution).map_err(|error| malformed(error.to_string()))?;
    let mut name = machine.0["StartAt"].as_str().ok_or_else(|| malformed("no start"))?;
    let mut input = json!({});
    loop {
        *transitions += 1;
        let state = machine.state(name).ok_or_else(|| malformed(format!("no state {name}")))?;
        if state["Type"] != "Task" {
            return Ok(());
        }
        let arguments = evaluate(&state["Arguments"], &context, &input, &Value::Null);
        let task: StepInput<G::Step> = serde_json::from_value(arguments)
            .map_err(|error| malformed(format!("the arguments of {name}: {error}")))?;
        let next = match persist::<G, W>(performing, state, &task, transitions).await {
            Ok(()) if state["End"] == true => return Ok(()),
            Ok(()) => &state["Next"],
            Err((error, message)) => {
                let catcher = of_error(&state["Catch"], &error)
                    .ok_or_else(|| malformed(format!("{name} does not catch {error}")))?;
                let cause = json!({ "errorType": error, "errorMessage": message }).to_string();
                let output = json!({ "Error": error, "Cause": cause });
                input = evaluate(&catcher["Output"], &context, &input, &output);
                &catcher["Next"]
            }
        };
        name = next.as_str().ok_or_else(|| malformed(format!("{name} leads nowhere")))?;
    }
}

/// Performs a task with its retries.
async fn persist<G: Saga, W: World<G>>(
    performing: Performing<'_, W>,
    state: &Value,
    input: &StepInput<G::Step>,
    transitions: &mut u32,
) -> Result<(), (String, String)> {
    let hooks = performing.0.hooks();
    let retriers = state["Retry"].as_array().map_or(&[][..], Vec::as_slice);
    let mut failed = vec![0_u32; retriers.len()];
    loop {
        let (error, message) = match performing.invoke::<G>(input, hooks.now()).await {
            Ok(()) => return Ok(()),
            Err(Failed::Step(error)) => (error.name().to_owned(), error.to_string()),
            Err(Failed::Died) => (DIED.to_owned(), String::new()),
        };
        let Some(found) = retriers.iter().position(|retrier| matches(retrier, &error)) else {
            return Err((error, message));
        };
        let number = |field: &str| retriers[found][field].as_u64().unwrap_or_default();
        if u64::from(failed[found]) >= number("MaxAttempts") {
            return Err((error, message));
        }
        let growth = number("BackoffRate").saturating_pow(failed[found]);
        let wait_s =
            number("IntervalSeconds").saturating_mul(growth).min(number("MaxDelaySeconds"));
        failed[found] += 1;
        *transitions += 1;
        hooks.advance_ms(i64::try_from(wait_s).unwrap_or(i64::MAX) * 1000);
        hooks.point(Point::Wait).await;
    }
}

/// The first retrier or catcher for this error.
fn of_error<'a>(all: &'a Value, error: &str) -> Option<&'a Value> {
    all.as_array()?.iter().find(|each| matches(each, error))
}

fn matches(each: &Value, error: &str) -> bool {
    let errors = each["ErrorEquals"].as_array().map_or(&[][..], Vec::as_slice);
    errors.iter().any(|name| name == error || name == "States.ALL")
}

/// The value of a template: the expressions that a saga's state machine uses are replaced.
fn evaluate(template: &Value, context: &Value, input: &Value, error: &Value) -> Value {
    match template {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), evaluate(value, context, input, error)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::String(text) => {
            let Some(expression) =
                text.strip_prefix("{% ").and_then(|text| text.strip_suffix(" %}"))
            else {
                return template.clone();
            };
            match expression.strip_prefix("$states.context.Execution.Input.") {
                Some(field) => context[field].clone(),
                None if expression == "$states.input" => input.clone(),
                None if expression == "$states.errorOutput" => error.clone(),
                // An unknown expression stays as it is, so the arguments are malformed.
                None => template.clone(),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => template.clone(),
    }
}
