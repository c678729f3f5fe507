//! The table of outcomes, row by row: in process, through `next` and through the state machine.

use ordering::order::Phase;
use ordering::saga::{ORDER_SAGA, SagaState};
use ordering::streams;
use serde_json::to_value;
use skald_saga::{ErrorOutput, Failure, Place, StepInput, StepName};

use super::outcomes::{Outcome, outcomes};
use super::world::machine::{execute, execute_all};
use super::world::{Scenario, World, finish, run, step, tenant};
use crate::samples::order_id;

pub(crate) fn scenario(row: &Outcome) -> Scenario {
    Scenario { token: row.token, postal_code: row.postal_code, enough: row.enough }
}

/// The world of this row before the order is taken to its end, with the customer's cancellation if
/// the row has one.
pub(crate) fn begun(row: &Outcome) -> World {
    let world = World::patient(scenario(row));
    let Some(before) = row.cancel_before else { return world };
    let execution = world.execution();
    for step in ORDER_SAGA.forward().take_while(|step| step.name() != before) {
        // A step before the cancellation may fail.
        let _taken = finish(world.perform(&StepInput::new(execution.clone(), step)));
    }
    assert!(world.cancel(), "an order can be cancelled until its parcel leaves: {row:?}");
    world
}

/// The state in the words of the table.
fn outcome(state: &SagaState) -> (&'static str, Option<String>, Option<String>) {
    let order = state.order.placed().unwrap();
    let (status, reason) = match order.phase {
        Phase::Open | Phase::Committed => ("pending", None),
        Phase::Undoing(reason) => ("cancelling", Some(reason)),
        Phase::Confirmed => ("confirmed", None),
        Phase::Dispatched => ("dispatched", None),
        Phase::Delivered => ("delivered", None),
        Phase::Cancelled(reason) => ("cancelled", Some(reason)),
    };
    let reason = reason.map(|reason| to_value(reason).unwrap().as_str().unwrap().to_owned());
    (status, reason, order.parked.as_ref().map(|parked| parked.step.clone()))
}

#[track_caller]
fn assert_outcome(row: &Outcome, world: &World) {
    let expected =
        (row.status, row.cancel_reason.map(str::to_owned), row.parked.map(str::to_owned));
    assert_eq!(outcome(&world.state()), expected, "{row:?}\n{}", world.log().join("\n"));
    world.assert_clean(&format!("{row:?}"));
}

#[test]
fn next_takes_every_order_to_the_outcome_in_the_table() {
    for row in outcomes() {
        let world = begun(&row);
        run(world.driver());
        assert_outcome(&row, &world);
    }
}

#[test]
fn the_state_machine_takes_every_order_to_the_outcome_in_the_table() {
    for row in outcomes() {
        let world = begun(&row);
        execute_all(&world);
        assert_outcome(&row, &world);
    }
}

#[test]
fn an_order_whose_deadline_passes_before_it_is_committed_expires() {
    let row = outcomes().remove(0);
    for step in ORDER_SAGA.forward() {
        let world = begun(&Outcome { cancel_before: None, ..row.clone() });
        let execution = world.execution();
        for before in ORDER_SAGA.forward().take_while(|before| *before != step) {
            finish(world.perform(&StepInput::new(execution.clone(), before))).unwrap();
        }
        world.expire();
        let place = ORDER_SAGA.place(step);
        let in_time = place == Place::AfterGate || step == ORDER_SAGA.complete;
        run(execute(&world, 1));
        let expected =
            if in_time { ("confirmed", None) } else { ("cancelled", Some("expired".to_owned())) };
        let (status, reason, parked) = outcome(&world.state());
        assert_eq!(((status, reason), parked), (expected, None), "expired before {step}");
        world.assert_clean(&format!("expired before {step}"));
    }
}

#[test]
fn a_resumed_order_continues_and_is_parked_again_if_the_cause_remains() {
    for row in outcomes().into_iter().filter(|row| row.parked.is_some()) {
        let world = begun(&row);
        execute_all(&world);
        let attempt = world.state().order.placed().unwrap().attempt;
        world.resume();
        run(execute(&world, attempt + 1));
        let order = world.state().order.placed().unwrap().clone();
        let parked = order.parked.map(|parked| parked.step);
        assert_eq!((order.attempt, parked.as_deref()), (attempt + 1, row.parked), "{row:?}");
        // A late execution of the earlier attempt changes nothing.
        world.resume();
        let parked_before = world.log().iter().filter(|name| *name == "order.parked").count();
        run(execute(&world, attempt + 1));
        assert_eq!(
            world.log().iter().filter(|name| *name == "order.parked").count(),
            parked_before,
            "{row:?}"
        );
        assert_outcome(&row, &{
            run(world.driver());
            world
        });
    }
}

#[test]
fn a_parked_order_that_the_customer_cancels_is_undone_by_the_next_attempt() {
    let world = begun(&outcomes().remove(0));
    let execution = world.execution();
    finish(world.perform(&StepInput::new(execution.clone(), step("reserve_stock")))).unwrap();
    let error = ErrorOutput { error: "Transient".to_owned(), cause: "no answer".to_owned() };
    let failure = Some(Failure { step: step("authorize_payment"), error });
    finish(
        world.perform(&StepInput {
            failure,
            ..StepInput::new(execution.clone(), step("park_order"))
        }),
    )
    .unwrap();
    assert_eq!(outcome(&world.state()).2.as_deref(), Some("authorize_payment"));

    assert!(world.cancel());
    assert_eq!(
        world.state().order.placed().map(|order| (order.attempt, order.parked.is_none())),
        Some((2, true))
    );
    run(execute(&world, 2));
    assert_eq!(outcome(&world.state()), ("cancelled", Some("customer_request".to_owned()), None));
    world.assert_clean("parked, then cancelled");
}

#[test]
fn an_order_is_parked_even_if_another_of_its_streams_cannot_be_read() {
    for stream in [streams::reservation, streams::payment, streams::shipment] {
        let world = begun(&outcomes().remove(0));
        world.plant_unreadable(stream(&tenant(), order_id()));
        run(execute(&world, 1));
        assert_eq!(world.log().last().map(String::as_str), Some("order.parked"));
    }
}
