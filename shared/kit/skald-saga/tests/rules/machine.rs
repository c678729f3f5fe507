//! The state machine.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use skald_saga::state_machine::{definition, placeholder, state_name};
use skald_saga::{StepError, StepName};

use crate::booking::{STAY, Step};

fn machine() -> Value {
    serde_json::to_value(definition(&STAY, "generated")).unwrap()
}

fn states() -> Map<String, Value> {
    machine()["States"].as_object().unwrap().clone()
}

fn successors(state: &Value) -> Vec<String> {
    let caught = state["Catch"].as_array().into_iter().flatten().map(|catcher| &catcher["Next"]);
    let all = [&state["Next"]].into_iter().chain(caught);
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn reachable(from: &str) -> BTreeSet<String> {
    let (states, mut seen, mut todo) = (states(), BTreeSet::new(), vec![from.to_owned()]);
    while let Some(name) = todo.pop() {
        let state = states.get(&name).unwrap_or_else(|| panic!("no state is called {name}"));
        if seen.insert(name) {
            todo.extend(successors(state));
        }
    }
    seen
}

#[test]
fn every_named_state_exists_and_every_state_can_be_reached() {
    let start = machine()["StartAt"].as_str().unwrap().to_owned();
    assert_eq!(start, "Hold room");
    assert_eq!(reachable(&start), states().keys().cloned().collect());
}

#[test]
fn every_path_ends() {
    for (name, state) in states() {
        assert!(
            successors(&state).iter().all(|next| !reachable(next).contains(&name)),
            "{name} leads back to itself"
        );
        let is_end = state["End"] == json!(true) || state["Type"] != json!("Task");
        assert_eq!(state["Next"].is_string(), !is_end, "{name}");
    }
}

#[test]
fn every_step_of_the_plan_has_one_state_and_parking_has_two() {
    let mut steps: Vec<Step> = states()
        .values()
        .filter_map(|state| serde_json::from_value(state["Arguments"]["step"].clone()).ok())
        .collect();
    steps.sort();
    let mut expected: Vec<Step> = STAY.forward().chain(STAY.backward()).collect();
    expected.extend([STAY.park, STAY.park]);
    expected.sort();
    assert_eq!(steps, expected);
}

#[test]
fn steps_forward_lead_to_the_first_compensation_and_compensations_do_not() {
    for step in STAY.forward().chain(STAY.backward()) {
        let state = &states()[&state_name(step)];
        let undone = state["Catch"].as_array().unwrap().iter().find(|catcher| {
            catcher["ErrorEquals"].as_array().unwrap().contains(&json!(StepError::UNDONE))
        });
        let expected = STAY.is_forward(step).then(|| json!("Return points"));
        assert_eq!(undone.map(|catcher| catcher["Next"].clone()), expected, "{step}");
        assert_eq!(state["Resource"], json!(placeholder(step.worker())), "{step}");
        assert_eq!(state["TimeoutSeconds"], json!(STAY.limits.task_s), "{step}");
        let never = &state["Retry"][0];
        // An expression that cannot be evaluated fails again, however long one waits.
        let terminal = StepError::TERMINAL.into_iter().chain(["States.QueryEvaluationError"]);
        assert_eq!(never["ErrorEquals"], json!(terminal.collect::<Vec<_>>()), "{step}");
        assert_eq!(never["MaxAttempts"], json!(0), "{step}");
    }
}
