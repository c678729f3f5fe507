//! Orders that an earlier release left under way end properly under this one.
//!
//! `histories.jsonl` has the orders of that release's table of outcomes: run by its state machine
//! and without it, parked, and resumed. It was recorded by running release e1f97b8, the last one in
//! which an order that was committed could not be cancelled, goods left the stock before the order
//! was confirmed, and a refused capture parked the order. Each line is a moment: after an append,
//! or after the gateway or the carrier acted and before its answer was recorded. Moments that
//! several histories share are stored once. `order-saga.asl.json` is the state machine of that
//! release: its executions may still run, and call the functions of this release.

use std::sync::LazyLock;

use events::CancelReason;
use ordering::order::Phase;
use serde_json::Value;

use super::outcomes::outcomes;
use super::table::{begun, scenario};
use super::world::machine::{execute, execute_by};
use super::world::stored::Moment;
use super::world::{World, phase, run};

static MOMENTS: LazyLock<Vec<Moment>> = LazyLock::new(|| {
    let lines = include_str!("../../histories/histories.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
});

/// The state machine of the earlier release.
static EARLIER_MACHINE: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../histories/order-saga.asl.json")).unwrap()
});

/// Runs the current attempt.
type Run = fn(&World);

fn by_driver(world: &World) {
    run(world.driver());
}

fn by_machine(world: &World) {
    run(execute(world, world.attempt()));
}

/// An execution of the earlier machine runs, of the current attempt.
fn by_earlier_machine(world: &World) {
    by_earlier_execution(world, world.attempt());
}

/// An execution of the earlier machine runs. It gives up sooner than those of this release. Every
/// later attempt is one of this release's.
fn by_earlier_execution(world: &World, attempt: u32) {
    run(execute_by(&EARLIER_MACHINE, world, attempt));
    if let Some(step) = parked(world) {
        let may_park = world.scenario.may_park_at().contains(&step.as_str());
        assert!(may_park, "parked at {step}: {}", world.log().join(", "));
        world.resume();
    }
    if world.attempt() > attempt {
        by_machine(world);
    }
}

/// The world at this moment.
fn at(moment: usize) -> World {
    let mut moments = vec![&MOMENTS[moment]];
    while let Some(before) = moments.last().unwrap().after {
        moments.push(&MOMENTS[before]);
    }
    moments.reverse();
    World::stored(&moments)
}

fn parked(world: &World) -> Option<String> {
    world.state().order.placed().unwrap().parked.as_ref().map(|parked| parked.step.clone())
}

/// The phases in which this order may end. Until it is committed, the table of outcomes decides.
fn ends(world: &World) -> Vec<Phase> {
    let never_answers = !world.scenario.may_park_at().is_empty();
    let undone = |reason| match never_answers {
        // The call that is never answered may not have been made.
        true => vec![Phase::Cancelled(reason), Phase::Undoing(reason)],
        false => vec![Phase::Cancelled(reason)],
    };
    match phase(&world.state()) {
        Phase::Undoing(reason) | Phase::Cancelled(reason) => undone(reason),
        Phase::Committed if world.scenario.token == "tok_capture_fails" => {
            vec![Phase::Cancelled(CancelReason::CaptureFailed)]
        }
        Phase::Open => {
            let of = world.scenario;
            let mut rows = outcomes().into_iter().filter(|row| row.cancel_before.is_none());
            let row = rows.find(|row| scenario(row) == of).unwrap();
            match row.cancel_reason {
                Some(reason) => undone(serde_json::from_value(reason.into()).unwrap()),
                None => vec![Phase::Confirmed],
            }
        }
        Phase::Committed | Phase::Confirmed | Phase::Dispatched | Phase::Delivered => {
            vec![Phase::Confirmed]
        }
    }
}

/// Takes the order to its end. If it is parked, it stays so until it is resumed.
#[track_caller]
fn end(world: &World, by: Run, what: &str) {
    if parked(world).is_some() {
        let (state, log) = (world.state(), world.log());
        by_driver(world);
        assert_eq!((world.state(), world.log()), (state, log), "{what} was parked, but acted");
        world.resume();
    }
    by(world);
}

/// Every stored order ends as it must.
fn assert_every_order_ends(by: Run) {
    for moment in 0..MOMENTS.len() {
        let world = at(moment);
        let what = format!("moment {moment}");
        let expected = ends(&world);
        end(&world, by, &what);
        assert_ended(&world, &expected, &what);
    }
}

#[track_caller]
fn assert_ended(world: &World, expected: &[Phase], what: &str) {
    let ended = phase(&world.state());
    assert!(expected.contains(&ended), "{what} ended {ended:?}, not {expected:?}");
    world.assert_clean(what);
}

#[test]
fn a_driver_takes_every_stored_order_to_its_end() {
    assert_every_order_ends(by_driver);
}

#[test]
fn the_state_machine_takes_every_stored_order_to_its_end() {
    assert_every_order_ends(by_machine);
}

#[test]
fn an_execution_of_the_earlier_machine_takes_every_stored_order_to_its_end() {
    assert_every_order_ends(by_earlier_machine);
}

/// The moments at which the order is committed.
fn committed() -> impl Iterator<Item = usize> {
    let is_committed =
        |moment: &usize| matches!(phase(&at(*moment).state()), Phase::Committed | Phase::Confirmed);
    (0..MOMENTS.len()).filter(is_committed)
}

#[test]
fn the_parcel_of_every_stored_order_that_is_confirmed_can_leave() {
    let mut shipped_early = 0;
    for moment in committed() {
        let world = at(moment);
        end(&world, by_machine, &format!("moment {moment}"));
        if phase(&world.state()) != Phase::Confirmed {
            continue;
        }
        let what = format!("moment {moment}, dispatched");
        let left_before = world.log().contains(&"reservation.shipped".to_owned());
        shipped_early += usize::from(left_before);
        assert!(world.dispatch(), "{what}");
        assert_eq!(phase(&world.state()), Phase::Dispatched, "{what}");
        let written = world.last_written();
        assert_ne!(written.contains(&"reservation.shipped".to_owned()), left_before, "{what}");
        world.assert_clean(&what);
    }
    assert!(shipped_early > 0, "no goods left the stock before the order was confirmed");
}

#[test]
fn the_customer_can_cancel_every_stored_order_that_is_committed() {
    let mut returned = 0;
    for moment in committed() {
        // Before the next execution of this release, and after it.
        for ends_first in [false, true] {
            let what = format!("moment {moment}, cancelled, ended first: {ends_first}");
            let world = at(moment);
            if ends_first {
                end(&world, by_machine, &what);
            }
            // A refused capture was faster.
            let reason = if let Phase::Cancelled(reason) = phase(&world.state()) {
                reason
            } else {
                CancelReason::CustomerRequest
            };
            world.cancel();
            by_machine(&world);
            assert_eq!(phase(&world.state()), Phase::Cancelled(reason), "{what}");
            world.assert_clean(&what);
            returned += usize::from(world.log().contains(&"reservation.returned".to_owned()));
        }
    }
    assert!(returned > 0, "no goods that had left the stock were returned");
}

#[test]
fn a_capture_that_an_earlier_release_parked_is_undone_when_it_is_resumed() {
    let mut resumed = 0;
    for moment in 0..MOMENTS.len() {
        let world = at(moment);
        if parked(&world).as_deref() != Some("capture_payment") {
            continue;
        }
        resumed += 1;
        end(&world, by_machine, &format!("moment {moment}"));
        assert_eq!(phase(&world.state()), Phase::Cancelled(CancelReason::CaptureFailed));
        world.assert_clean(&format!("moment {moment}"));
    }
    assert!(resumed > 0, "no refused capture is parked");
}

#[test]
fn an_execution_of_the_earlier_machine_takes_every_new_order_to_an_end() {
    for row in outcomes() {
        let world = begun(&row);
        let what = format!("{row:?}");
        let expected = ends(&world);
        // The customer's cancellation may have begun another attempt.
        by_earlier_execution(&world, 1);
        assert_ended(&world, &expected, &what);
    }
}
