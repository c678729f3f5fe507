//! The state of a reservation, and the commands on it.

use events::{
    ReservationAbandoned, ReservationEvent, ReservationMade, ReservationRefused,
    ReservationReleased, ReservationReturned, ReservationShipped,
};
use ordering::reservation::{
    Reservation, ReservationCommand, ReservationRejection, ReservationState,
};
use skald::decider::Decider;
use skald_testkit::given;

use super::{lines, short};

fn make_command() -> ReservationCommand {
    ReservationCommand::Make { lines: lines() }
}

fn refuse_command() -> ReservationCommand {
    ReservationCommand::Refuse { short: short() }
}

fn made() -> Vec<ReservationEvent> {
    vec![ReservationMade { lines: lines() }.into()]
}

fn refused() -> Vec<ReservationEvent> {
    vec![ReservationRefused { short: short() }.into()]
}

fn released() -> Vec<ReservationEvent> {
    [made(), vec![ReservationReleased {}.into()]].concat()
}

fn shipped() -> Vec<ReservationEvent> {
    [made(), vec![ReservationShipped {}.into()]].concat()
}

fn returned() -> Vec<ReservationEvent> {
    [shipped(), vec![ReservationReturned {}.into()]].concat()
}

fn abandoned() -> Vec<ReservationEvent> {
    vec![ReservationAbandoned {}.into()]
}

#[test]
fn a_reservation_is_made_or_refused() {
    given::<Reservation>([]).when(make_command()).then(made());
    given::<Reservation>([]).when(refuse_command()).then(refused());
}

#[test]
fn a_reservation_decides_once() {
    for past in [made(), refused(), shipped()] {
        given::<Reservation>(&past).when(make_command()).then_nothing();
        given::<Reservation>(&past).when(refuse_command()).then_nothing();
    }
}

#[test]
fn held_goods_can_be_released_and_repeating_it_changes_nothing() {
    given::<Reservation>(made())
        .when(ReservationCommand::Release)
        .then([ReservationReleased {}.into()]);
    given::<Reservation>(released()).when(ReservationCommand::Release).then_nothing();
}

#[test]
fn a_reservation_that_was_refused_holds_nothing_to_release() {
    given::<Reservation>(refused()).when(ReservationCommand::Release).then_nothing();
}

#[test]
fn a_reservation_that_is_undone_before_it_is_made_can_no_longer_be_made() {
    given::<Reservation>([]).when(ReservationCommand::Release).then(abandoned());
    given::<Reservation>(abandoned()).when(ReservationCommand::Release).then_nothing();
    for past in [abandoned(), released(), returned()] {
        given::<Reservation>(&past)
            .when(make_command())
            .then_rejected(ReservationRejection::Undone);
        given::<Reservation>(&past)
            .when(refuse_command())
            .then_rejected(ReservationRejection::Undone);
    }
}

#[test]
fn held_goods_can_be_shipped_and_repeating_it_changes_nothing() {
    given::<Reservation>(made())
        .when(ReservationCommand::Ship)
        .then([ReservationShipped {}.into()]);
    given::<Reservation>(shipped()).when(ReservationCommand::Ship).then_nothing();
}

#[test]
fn goods_that_are_not_held_cannot_be_shipped() {
    for past in [Vec::new(), refused()] {
        given::<Reservation>(past)
            .when(ReservationCommand::Ship)
            .then_rejected(ReservationRejection::NotMade);
    }
    for past in [released(), returned(), abandoned()] {
        given::<Reservation>(past)
            .when(ReservationCommand::Ship)
            .then_rejected(ReservationRejection::Undone);
    }
}

#[test]
fn goods_that_left_the_stock_are_returned_and_repeating_it_changes_nothing() {
    given::<Reservation>(shipped())
        .when(ReservationCommand::Release)
        .then([ReservationReturned {}.into()]);
    given::<Reservation>(returned()).when(ReservationCommand::Release).then_nothing();
}

#[test]
fn a_reservation_lists_the_goods_that_it_holds_and_those_that_it_has_drawn() {
    let states = [
        (made(), lines(), lines()),
        (released(), Vec::new(), Vec::new()),
        (shipped(), Vec::new(), lines()),
        (returned(), Vec::new(), Vec::new()),
        (refused(), Vec::new(), Vec::new()),
    ];
    for (past, held, drawn) in states {
        let state = past.iter().fold(ReservationState::default(), Reservation::evolve);
        assert_eq!((state.held(), state.drawn()), (&held[..], &drawn[..]));
    }
}
