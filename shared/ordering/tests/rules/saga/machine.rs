//! The deployed state machine is that of the order saga.

use std::collections::BTreeSet;

use ordering::saga::{ORDER_SAGA, Step};
use serde_json::{Map, Value, json};
use skald_saga::state_machine::{definition, placeholder, state_name};
use skald_saga::{MAX_CALLS, StepError, StepName};

use super::world::machine::{catch, machine, step_of};
use super::world::step;

fn states() -> Map<String, Value> {
    machine()["States"].as_object().unwrap().clone()
}

fn tasks() -> Vec<(String, Value, Step)> {
    let named = states()
        .into_iter()
        .filter_map(|(name, state)| Some((name, state.clone(), step_of(&state)?)));
    named.collect()
}

/// The states from this one on, if every step succeeds.
fn path(from: &str) -> Vec<String> {
    let states = states();
    let next = |name: &String| states[name]["Next"].as_str().map(str::to_owned);
    std::iter::successors(Some(from.to_owned()), next).collect()
}

#[test]
fn the_deployed_definition_is_generated_from_the_saga() {
    let committed = include_str!("../../../../../infra/order-saga.asl.json");
    let comment: Value = serde_json::from_str(committed).unwrap();
    assert_eq!(
        committed,
        definition(&ORDER_SAGA, comment["Comment"].as_str().unwrap()).to_json().unwrap(),
        "infra/order-saga.asl.json is stale: run \
         `cargo run --package ordering --example order_saga_asl > infra/order-saga.asl.json`"
    );
}

#[test]
fn a_successful_order_takes_seven_transitions_at_most() {
    let happy = path(machine()["StartAt"].as_str().unwrap());
    assert_eq!(
        happy,
        [
            "Reserve stock",
            "Authorize payment",
            "Create shipment",
            "Commit order",
            "Capture payment",
            "Confirm order"
        ]
    );
}

#[test]
fn from_every_step_everything_is_undone_in_reverse_order() {
    let expected = ["Cancel shipment", "Void payment", "Release stock", "Cancel order"];
    for forward in ORDER_SAGA.forward() {
        let state = &states()[&state_name(forward)];
        let back = catch(state, StepError::UNDONE).unwrap()["Next"].as_str().unwrap().to_owned();
        assert_eq!(path(&back), expected, "{forward}");
    }
}

#[test]
fn each_time_limit_leaves_room_for_what_is_inside_it() {
    let limits = ORDER_SAGA.limits;
    assert!(limits.call_ms * MAX_CALLS < limits.function_s * 1000, "{limits:?}");
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
    let workers: BTreeSet<_> = Step::ALL.iter().map(|step| placeholder(step.worker())).collect();
    for placeholder in workers {
        let function = placeholder.trim_start_matches("${").trim_end_matches("Arn}");
        assert_eq!(timeout_s(function), ORDER_SAGA.limits.function_s, "{function}");
    }
}

/// The number of retries bounds the price of an order that is stuck: at $25 for a million
/// transitions, three cents for each step.
#[test]
fn a_stuck_order_costs_a_bounded_number_of_transitions() {
    let patience = ORDER_SAGA.patience;
    assert!(patience.max_transitions() < 1_200, "{patience:?}");
    // Each retry adds three events to a history that is limited to 25,000 ("Quotas").
    assert!(patience.endless.max_retries * 3 < 20_000, "{patience:?}");
}

/// Executions of the release before this one may still run.
#[test]
fn the_steps_of_the_release_before_have_their_names_still() {
    for name in [
        "reserve_stock",
        "authorize_payment",
        "create_shipment",
        "commit_order",
        "capture_payment",
        "ship_stock",
        "confirm_order",
        "start_undo",
        "cancel_shipment",
        "void_payment",
        "release_stock",
        "cancel_order",
        "park_order",
    ] {
        assert_eq!(step(name).name(), name);
        assert_eq!(step(name).is_retired(), ["ship_stock", "start_undo"].contains(&name));
    }
}
