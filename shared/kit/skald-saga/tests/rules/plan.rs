//! The plan: order, compensations, places, retries; and what is next.

use skald_saga::{
    Arbiter, Change, Next, Patience, Place, Retry, Saga, StepName, missing_after_gate,
    missing_before_gate, next, next_compensation,
};
use skald_testkit::given;

use crate::booking::{Booking, BookingCommand, Bug, STAY, Stay, StayState, Step, instance};

fn named(name: &str) -> Step {
    Step::named(name).unwrap()
}

fn names(steps: impl Iterator<Item = Step>) -> Vec<&'static str> {
    steps.map(StepName::name).collect()
}

#[test]
fn steps_run_in_order_with_the_gate_between() {
    let forward = [
        "hold_room",
        "take_deposit",
        "issue_code",
        "guarantee_booking",
        "collect_deposit",
        "earn_points",
        "confirm_booking",
    ];
    assert_eq!(names(STAY.forward()), forward);
}

/// Taking and collecting the deposit have one compensation. It runs in the place of the first.
#[test]
fn a_shared_compensation_runs_once_in_the_place_of_its_first_step() {
    let backward =
        ["return_points", "revoke_code", "return_deposit", "release_room", "cancel_booking"];
    assert_eq!(names(STAY.backward()), backward);
    assert_eq!(STAY.undone_by(named("return_deposit")), named("take_deposit"));
    assert_eq!(STAY.undone_by(named("hold_room")), named("hold_room"));
}

#[test]
fn each_step_has_a_place() {
    for (name, place) in [
        ("hold_room", Place::BeforeGate),
        ("issue_code", Place::BeforeGate),
        ("collect_deposit", Place::AfterGate),
        ("return_deposit", Place::Compensation),
        ("guarantee_booking", Place::Arbiter),
        ("park_booking", Place::Arbiter),
        ("inspect_room", Place::Arbiter),
    ] {
        assert_eq!(STAY.place(named(name)), place, "{name}");
    }
    assert!(STAY.is_forward(named("confirm_booking")));
    assert!(!STAY.is_forward(named("cancel_booking")) && !STAY.is_forward(named("park_booking")));
}

#[test]
fn patience_lasts_for_two_days_at_most_and_for_one_if_waits_are_halved() {
    let Patience { transient, busy, endless } = Patience::A_DAY;
    let day_s = 86_400;
    assert!(transient.longest_s() >= 2 * day_s && transient.longest_s() < 3 * day_s);
    assert_eq!(transient, busy);
    assert!(endless.longest_s() > 10 * day_s);
    assert_eq!(Patience::A_DAY.max_transitions(), 1_181);
    let retry = Retry { max_retries: 4, first_s: 1, backoff: 3, max_delay_s: 10 };
    assert_eq!(retry.longest_s(), 1 + 3 + 9 + 10);
    assert_eq!(Retry { max_retries: 0, ..retry }.longest_s(), 0);
}

/// The state of a booking after these changes, without anything done.
fn state(changes: &[Change<crate::booking::Reason>]) -> StayState {
    let mut booking = crate::booking::begun(Bug::None);
    for change in changes {
        booking = crate::booking::after(booking, &BookingCommand::Change(change.clone()));
    }
    StayState { booking, ..StayState::default() }
}

#[test]
fn the_next_step_follows_from_the_streams_alone() {
    let of = instance(Bug::None);
    assert_eq!(next::<Stay>(&of, &StayState::default()), Next::Done);

    let mut stay = state(&[]);
    assert_eq!(next::<Stay>(&of, &stay), Next::Do(named("hold_room")));
    stay.room = crate::booking::RoomState::Held;
    assert_eq!(missing_before_gate::<Stay>(&of, &stay), Some(named("take_deposit")));
    assert_eq!(missing_after_gate::<Stay>(&of, &stay), Some(named("collect_deposit")));
    assert_eq!(next_compensation::<Stay>(&of, &stay), Some(named("return_points")));
    // A refused step is next again, until undoing has started.
    stay.room = crate::booking::RoomState::Refused;
    assert_eq!(next::<Stay>(&of, &stay), Next::Do(named("hold_room")));

    let parked = Change::Park { step: "hold_room".to_owned(), error: "e".to_owned() };
    assert_eq!(next::<Stay>(&of, &state(&[parked])), Next::Parked);
    let undo = Change::StartUndo { reason: Booking::expired(), attempt: 1 };
    assert_eq!(
        next::<Stay>(&of, &state(std::slice::from_ref(&undo))),
        Next::Undo(named("return_points"))
    );
    assert_eq!(next::<Stay>(&of, &state(&[undo, Change::EndUndo])), Next::Done);
}

#[test]
fn the_sample_rejects_what_a_saga_must_not_do() {
    given::<Booking>([]).when(BookingCommand::CheckIn).then_rejected(crate::booking::not_begun());
    assert_eq!(Stay::PLAN, STAY);
}
