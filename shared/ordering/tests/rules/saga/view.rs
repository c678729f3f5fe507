use ordering::saga::OrderSaga;
use ordering::views::{OrderStatus, SagaOfOrder, StepState, saga_of};
use serde_json::{json, to_value};
use skald::memory::InMemoryEventStore;
use skald_saga::{StepName, trace};

use super::outcomes::outcomes;
use super::table::begun;
use super::world::machine::{execute, execute_all};
use super::world::{Scenario, World, finish, instance, poll_times, run};
use crate::samples::order_id;

fn saga(world: &World) -> SagaOfOrder {
    let traced = finish(trace::<OrderSaga, _>(world, &instance())).unwrap().unwrap();
    saga_of(order_id(), &instance(), &traced).unwrap()
}

fn ended(token: &'static str, postal_code: &'static str, enough: bool) -> World {
    let world = World::new(Scenario { token, postal_code, enough });
    run(execute(&world, 1));
    world
}

fn step_states(saga: &SagaOfOrder) -> Vec<(&'static str, StepState)> {
    saga.steps.iter().map(|step| (step.step.name(), step.state)).collect()
}

#[test]
fn a_confirmed_order_shows_every_step_done_in_order() {
    let saga = saga(&ended("tok_approved", "10115", true));
    assert_eq!(saga.status, OrderStatus::Confirmed);
    let expected = [
        "reserve_stock",
        "authorize_payment",
        "create_shipment",
        "commit_order",
        "capture_payment",
        "confirm_order",
    ];
    assert_eq!(step_states(&saga), expected.map(|step| (step, StepState::Done)));
    let times: Vec<_> =
        saga.steps.iter().map(|step| (step.started_at.unwrap(), step.done_at.unwrap())).collect();
    assert!(times.iter().all(|(started, done)| started <= done), "{times:?}");
    assert!(
        saga.steps.iter().all(|step| step.undone_at.is_none() && step.updated_at == step.done_at)
    );
    assert!(times.is_sorted_by(|before, after| before.1 <= after.0), "{times:?}");
}

#[test]
fn a_refused_order_shows_what_was_refused_and_what_was_undone() {
    let saga = saga(&ended("tok_declined", "10115", true));
    assert_eq!(saga.status, OrderStatus::Cancelled);
    let expected = [
        ("reserve_stock", StepState::Undone),
        ("authorize_payment", StepState::Refused),
        ("create_shipment", StepState::Undone),
        ("cancel_order", StepState::Done),
    ];
    assert_eq!(step_states(&saga), expected);

    let [reserved, authorized, created, ..] = &saga.steps[..] else { panic!("{saga:?}") };
    assert!(reserved.done_at.unwrap() < reserved.undone_at.unwrap(), "done, and then undone");
    assert_eq!(
        (authorized.done_at, authorized.undone_at),
        (None, None),
        "there must be nothing to undo"
    );
    assert_eq!(
        (created.done_at, created.undone_at),
        (None, created.updated_at),
        "the step can no longer be done"
    );
}

/// Giving the money back also makes sure that it is never captured. That is no step of its own.
#[test]
fn a_step_that_was_never_begun_is_not_shown_for_the_compensation_of_another() {
    let scenario = Scenario { token: "tok_approved", postal_code: "00000", enough: true };
    let world = World::new(scenario);
    let mut execution = execute(&world, 1);
    while !world.log().contains(&"payment.void_requested".to_owned()) {
        assert!(!poll_times(&mut execution, 1), "the execution ended before it gave money back");
    }
    // Another execution continues, at a later time.
    drop(execution);
    run(execute(&world, 1));
    let saga = saga(&world);
    let expected = [
        ("reserve_stock", StepState::Undone),
        ("authorize_payment", StepState::Undone),
        ("create_shipment", StepState::Refused),
        ("cancel_order", StepState::Done),
    ];
    assert_eq!(step_states(&saga), expected);
}

#[test]
fn a_new_order_shows_its_first_step_as_running() {
    let saga =
        saga(&World::new(Scenario { token: "tok_approved", postal_code: "10115", enough: true }));
    assert_eq!(step_states(&saga), [("reserve_stock", StepState::Running)]);
    assert_eq!(
        to_value(&saga).unwrap(),
        json!({
            "order_id": order_id(), "status": "pending", "attempt": 1,
            "undo_started_at": null,
            "steps": [{ "step": "reserve_stock", "state": "running", "attempts": 1,
                "started_at": null, "done_at": null, "undone_at": null, "updated_at": null }]
        })
    );
}

#[test]
fn a_parked_order_shows_its_step_and_the_number_of_attempts() {
    let world = ended("tok_timeout_always", "10115", true);
    assert_eq!(
        step_states(&saga(&world)),
        [("reserve_stock", StepState::Done), ("authorize_payment", StepState::Parked)]
    );
    world.resume();
    assert_eq!(saga(&world).attempt, 2);
    assert_eq!(step_states(&saga(&world)).last(), Some(&("authorize_payment", StepState::Running)));
    run(execute(&world, 2));
    let parked = saga(&world).steps.pop().unwrap();
    assert_eq!(
        (parked.step.name(), parked.state, parked.attempts),
        ("authorize_payment", StepState::Parked, 2)
    );
}

#[test]
fn a_parked_compensation_is_shown_at_the_step_that_it_undoes() {
    let parked = outcomes().into_iter().find(|row| row.parked == Some("void_payment")).unwrap();
    let world = begun(&parked);
    execute_all(&world);
    let saga = saga(&world);
    let states: Vec<_> =
        step_states(&saga).into_iter().filter(|(_, state)| *state == StepState::Parked).collect();
    assert_eq!(states, [("authorize_payment", StepState::Parked)]);
}

#[test]
fn a_step_that_was_begun_is_running() {
    let world = World::new(Scenario { token: "tok_approved", postal_code: "10115", enough: true });
    let mut runner = execute(&world, 1);
    while !world.log().contains(&"payment.authorization_requested".to_owned()) {
        assert!(!poll_times(&mut runner, 1), "the runner ended before it requested the payment");
    }
    let last = saga(&world).steps.pop().unwrap();
    assert_eq!((last.step.name(), last.state), ("authorize_payment", StepState::Running));
    assert!(last.started_at.is_some());
}

#[test]
fn there_is_no_saga_without_an_order() {
    let nothing = finish(trace::<OrderSaga, _>(&InMemoryEventStore::default(), &instance()));
    assert_eq!(nothing.unwrap(), None);
}
