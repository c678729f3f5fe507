//! The state machine has the structure of the saga.

use std::collections::{BTreeMap, BTreeSet};

use ordering::saga::asl::{definition, state_name};
use ordering::saga::{ErrorOutput, Failure, ORDER_SAGA, Retry, Step};
use ordering::steps::StepError;
use serde_json::{Map, Value, json};

use super::world::machine::{catch, machine, retrier, step_of};

fn states() -> Map<String, Value> {
    machine()["States"].as_object().unwrap().clone()
}

fn tasks() -> Vec<(String, Value, Step)> {
    let named = states()
        .into_iter()
        .filter_map(|(name, state)| Some((name, state.clone(), step_of(&state)?)));
    named.collect()
}

/// The states that may follow a state.
fn successors(state: &Value) -> Vec<String> {
    let caught = state["Catch"].as_array().into_iter().flatten().map(|catcher| &catcher["Next"]);
    [&state["Next"]]
        .into_iter()
        .chain(caught)
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn next_of(states: &Map<String, Value>, name: &str) -> Option<String> {
    states[name]["Next"].as_str().map(str::to_owned)
}

/// Every state that can be reached from this one, including itself.
fn reachable(from: &str) -> BTreeSet<String> {
    let states = states();
    let (mut seen, mut todo) = (BTreeSet::new(), vec![from.to_owned()]);
    while let Some(name) = todo.pop() {
        if seen.insert(name.clone()) {
            todo.extend(successors(&states[&name]));
        }
    }
    seen
}

/// The states from this one on, if every step succeeds.
fn path(from: &str) -> Vec<String> {
    let states = states();
    std::iter::successors(Some(from.to_owned()), |name| next_of(&states, name)).collect()
}

fn names(steps: impl IntoIterator<Item = Step>) -> Vec<String> {
    steps.into_iter().map(state_name).collect()
}

#[test]
fn the_deployed_definition_is_generated_from_the_saga() {
    let committed = include_str!("../../../../../infra/order-saga.asl.json");
    assert_eq!(
        committed,
        definition(&ORDER_SAGA).to_json().unwrap(),
        "infra/order-saga.asl.json is stale: run \
         `cargo run --package ordering --example order_saga_asl > infra/order-saga.asl.json`"
    );
}

#[test]
fn every_named_state_exists_and_every_state_can_be_reached() {
    let states = states();
    for (name, state) in &states {
        for next in successors(state) {
            assert!(states.contains_key(&next), "{name} leads to {next}, which does not exist");
        }
    }
    let start = machine()["StartAt"].as_str().unwrap().to_owned();
    assert_eq!(reachable(&start), states.keys().cloned().collect());
}

#[test]
fn every_path_ends() {
    let states = states();
    // No state leads back to itself, so every path reaches a state without a successor. Such a
    // state must be an end.
    for (name, state) in &states {
        assert!(
            successors(state).iter().all(|next| !reachable(next).contains(name)),
            "{name} leads back to itself"
        );
        let ends =
            state["End"] == json!(true) || state["Type"] == "Fail" || state["Type"] == "Succeed";
        assert_eq!(
            state["Next"].is_string(),
            !ends,
            "{name} must either have a successor or be an end"
        );
    }
    let ends: Vec<&String> =
        states.iter().filter(|(_, state)| state["Next"].is_null()).map(|(name, _)| name).collect();
    assert_eq!(ends, ["Cancel order", "Confirm order", "Nothing to park", "Order is parked"]);
}

#[test]
fn a_successful_order_takes_the_steps_of_the_saga_without_choices() {
    let happy = path(machine()["StartAt"].as_str().unwrap());
    assert_eq!(
        happy,
        [
            "Reserve stock",
            "Authorize payment",
            "Create shipment",
            "Commit order",
            "Capture payment",
            "Ship stock",
            "Confirm order"
        ]
    );
    assert!(states().values().all(|state| state["Type"] != "Choice" && state["Type"] != "Pass"));
}

#[test]
fn from_every_step_before_the_pivot_everything_is_undone_in_exactly_the_reverse_order() {
    let undo: BTreeMap<Step, Step> =
        ORDER_SAGA.before.iter().map(|pair| (pair.action.step, pair.compensation.step)).collect();
    assert_eq!(
        undo,
        BTreeMap::from([
            (Step::ReserveStock, Step::ReleaseStock),
            (Step::AuthorizePayment, Step::VoidPayment),
            (Step::CreateShipment, Step::CancelShipment)
        ])
    );
    let done = path(machine()["StartAt"].as_str().unwrap());
    let done: Vec<Step> = done.iter().filter_map(|name| step_of(&states()[name])).collect();
    let reverse = done.iter().rev().filter_map(|step| undo.get(step).copied());
    let expected = names([Step::StartUndo].into_iter().chain(reverse).chain([Step::CancelOrder]));
    for (name, state, step) in tasks().into_iter().filter(|(_, _, step)| undo.contains_key(step)) {
        for error in [StepError::REFUSED, StepError::UNDONE] {
            let back = catch(&state, error).unwrap()["Next"].as_str().unwrap().to_owned();
            assert_eq!(path(&back), expected, "{name} ({step}) after {error}");
        }
    }
}

#[test]
fn every_forward_step_leads_to_undoing_if_the_order_is_being_undone() {
    let turns = tasks().into_iter().filter(|(_, state, _)| {
        let catcher = catch(state, StepError::UNDONE)
            .filter(|catcher| catcher["ErrorEquals"] != json!(["States.ALL"]));
        catcher.is_some_and(|catcher| catcher["Next"] == json!("Start undo"))
    });
    let turns: BTreeSet<String> = turns.map(|(name, ..)| name).collect();
    let expected = [
        "Authorize payment",
        "Capture payment",
        "Commit order",
        "Confirm order",
        "Create shipment",
        "Park open order",
        "Reserve stock",
        "Ship stock",
    ];
    assert_eq!(turns, expected.map(str::to_owned).into());
}

/// No step is refused after the order is committed: such an answer is a fault that parks the order.
#[test]
fn only_states_before_the_pivot_lead_to_undoing_after_a_refusal() {
    for (name, state, step) in tasks().into_iter().filter(|(_, _, step)| *step != Step::ParkOrder) {
        let before = ORDER_SAGA.forward().take(ORDER_SAGA.before.len() + 1);
        let before = before.into_iter().any(|task| task.step == step);
        let next = &catch(&state, StepError::REFUSED).unwrap()["Next"];
        assert_eq!(*next == json!("Start undo"), before, "{name}");
    }
}

#[test]
fn no_path_leads_forward_after_undoing_has_started() {
    let after_turning = reachable(&state_name(Step::StartUndo));
    for task in ORDER_SAGA.forward() {
        assert!(
            !after_turning.contains(&state_name(task.step)),
            "{} after undoing has started",
            task.step
        );
    }
}

#[test]
fn every_step_that_fails_permanently_or_too_often_parks_the_order_with_its_name() {
    for (name, state, step) in tasks().into_iter().filter(|(_, _, step)| *step != Step::ParkOrder) {
        for error in
            [StepError::TRANSIENT, StepError::PERMANENT, "States.Timeout", "Lambda.Unknown"]
        {
            let catcher = catch(&state, error).unwrap();
            let forward = ORDER_SAGA.forward().any(|task| task.step == step);
            let park = if forward { "Park open order" } else { "Park order" };
            assert_eq!(catcher["Next"], json!(park), "{name} after {error}");
            assert_eq!(catcher["Output"]["step"], json!(step), "{name} after {error}");
        }
        // `States.ALL` must be alone and last, or Step Functions rejects the definition.
        let last = state["Catch"].as_array().unwrap().last().unwrap();
        assert_eq!(last["ErrorEquals"], json!(["States.ALL"]), "{name}");
    }
    for (name, state, _) in tasks().into_iter().filter(|(_, _, step)| *step == Step::ParkOrder) {
        assert_eq!(state["Next"], json!("Order is parked"), "{name}");
        assert_eq!(
            catch(&state, StepError::SETTLED).unwrap()["Next"],
            json!("Nothing to park"),
            "{name}"
        );
    }
}

/// This checks the machine's reaction to an error, not the text of the definition. [`StepError`]
/// alone lists the terminal errors, and the saga alone the number of retries.
#[test]
fn transient_errors_are_retried_as_often_as_the_saga_says_and_terminal_ones_are_not() {
    let said = [
        StepError::Refused(String::new()),
        StepError::Undone,
        StepError::Settled,
        StepError::Transient(String::new()),
        StepError::Permanent(String::new()),
    ];
    for (name, state, step) in tasks() {
        let retry = ORDER_SAGA.retry(step);
        for error in &said {
            let may_pass = match error {
                // An order cannot be parked because parking failed, so an error that the state does
                // not catch is retried.
                StepError::Refused(_)
                | StepError::Undone
                | StepError::Settled
                | StepError::Permanent(_) => {
                    step == Step::ParkOrder && catch(&state, error.name()).is_none()
                }
                StepError::Transient(_) => true,
            };
            let expected = if may_pass { retry.max_retries } else { 0 };
            assert_eq!(
                retrier(&state, error.name())["MaxAttempts"],
                json!(expected),
                "{name} after {error:?}"
            );
        }
        // The names that Step Functions gives to the error of a function that died or timed out,
        // and a name that Lambda may add.
        for (error, retry) in [
            ("States.Timeout", retry),
            ("Runtime.ExitError", retry),
            ("Lambda.Unknown", retry),
            ("A.NewName", retry),
            ("Lambda.TooManyRequestsException", ORDER_SAGA.not_invoked),
        ] {
            let again = retrier(&state, error);
            assert_eq!(again["MaxAttempts"], json!(retry.max_retries), "{name} after {error}");
            assert_eq!(again["IntervalSeconds"], json!(retry.first_s), "{name} after {error}");
            assert_eq!(again["BackoffRate"], json!(retry.backoff), "{name} after {error}");
            assert_eq!(again["MaxDelaySeconds"], json!(retry.max_delay_s), "{name} after {error}");
            assert_eq!(again["JitterStrategy"], json!("FULL"), "{name} after {error}");
        }
        assert!(
            retry.max_retries >= 1 && retry.first_s >= 1 && retry.max_delay_s >= retry.first_s,
            "{name}: {retry:?}"
        );
    }
}

/// Otherwise the execution would end with an order that is neither final nor parked.
#[test]
fn parking_is_retried_for_most_of_a_day_after_any_error() {
    let Retry { max_retries, max_delay_s, .. } = ORDER_SAGA.retry(Step::ParkOrder);
    assert!(
        u64::from(max_retries) * u64::from(max_delay_s) > 12 * 3600,
        "parking is retried {max_retries} times, {max_delay_s} seconds apart"
    );
    for (name, state, _) in tasks().into_iter().filter(|(_, _, step)| *step == Step::ParkOrder) {
        assert_eq!(
            retrier(&state, StepError::PERMANENT)["MaxAttempts"],
            json!(max_retries),
            "{name}"
        );
        // Each retry adds three events to a history that is limited to 25,000 ("Quotas").
        assert!(u64::from(max_retries) * 3 < 20_000, "{name}");
    }
}

#[test]
fn each_time_limit_leaves_room_for_what_is_inside_it() {
    let limits = ORDER_SAGA.limits;
    assert!(limits.call_ms * ordering::saga::MAX_CALLS < limits.function_s * 1000, "{limits:?}");
    assert!(limits.function_s < limits.task_s, "{limits:?}");
    for (name, state, _) in tasks() {
        assert_eq!(state["TimeoutSeconds"], json!(limits.task_s), "{name}");
    }
}

/// The `Timeout` in seconds that the template gives this function: its own, or else the one of all
/// functions.
fn timeout_s(function: &str) -> u32 {
    let template = include_str!("../../../../../infra/template.yaml");
    let (globals, resources) = template.split_once("\nResources:\n").unwrap();
    let (_, own) = resources.split_once(&format!("\n  {function}:\n")).unwrap();
    let (own, _) = own.split_once("\n\n").unwrap();
    let said =
        |text: &'static str| text.lines().find_map(|line| line.trim().strip_prefix("Timeout: "));
    said(own).or_else(|| said(globals)).unwrap().parse().unwrap()
}

#[test]
fn the_template_sets_the_timeout_that_the_saga_relies_on() {
    for step in Step::ALL {
        let function =
            step.worker().placeholder().trim_start_matches("${").trim_end_matches("Arn}");
        assert_eq!(timeout_s(function), ORDER_SAGA.limits.function_s, "{function}");
    }
}

#[test]
fn the_input_of_functions_contains_only_ids() {
    for (name, state, step) in tasks() {
        assert_eq!(state["Resource"], json!(step.worker().placeholder()), "{name}");
        let mut expected = json!({
            "step": step,
            "order_id": "{% $states.context.Execution.Input.order_id %}",
            "tenant": "{% $states.context.Execution.Input.tenant %}",
            "attempt": "{% $states.context.Execution.Input.attempt %}",
            "correlation_id": "{% $states.context.Execution.Input.correlation_id %}"
        });
        if step == Step::ParkOrder {
            expected["failure"] = json!("{% $states.input %}");
        }
        assert_eq!(state["Arguments"], expected, "{name}");
    }
}

#[test]
fn a_failure_is_described_by_its_name_and_a_truncated_message() {
    let failure = |cause: &str| Failure {
        step: Step::VoidPayment,
        error: ErrorOutput { error: "Transient".to_owned(), cause: cause.to_owned() },
    };
    assert_eq!(
        failure(r#"{"errorType":"Transient","errorMessage":"no answer"}"#).message(),
        "Transient: no answer"
    );
    assert_eq!(failure("killed").message(), "Transient: killed");
    assert_eq!(failure("").message(), "Transient");
    assert_eq!(failure(&"ö".repeat(1000)).message().chars().count(), 500);
    // Step Functions omits the cause if there is none.
    let timeout: Failure = serde_json::from_value(
        json!({ "step": "void_payment", "error": { "Error": "States.Timeout" } }),
    )
    .unwrap();
    assert_eq!(timeout.message(), "States.Timeout");
}
