use events::{
    CancelReason, OrderCancelled, OrderCommitted, OrderConfirmed, OrderEvent, OrderParked,
    OrderPlaced, OrderResumed, OrderUndoStarted, RequestHash,
};
use ordering::order::{ComparisonError, Order, OrderCommand, OrderRejection, OrderState, Phase};
use serde_json::json;
use skald::decider::Decider;
use skald_testkit::given;

use crate::samples::{body, place, placed, placed_at_schema_1, with};

const EXPIRED: CancelReason = CancelReason::Expired;

fn open() -> Vec<OrderEvent> {
    vec![placed().into()]
}

fn committed() -> Vec<OrderEvent> {
    [open(), vec![OrderCommitted {}.into()]].concat()
}

fn confirmed() -> Vec<OrderEvent> {
    [committed(), vec![OrderConfirmed {}.into()]].concat()
}

fn undoing() -> Vec<OrderEvent> {
    [open(), vec![OrderUndoStarted { reason: EXPIRED }.into()]].concat()
}

fn cancelled() -> Vec<OrderEvent> {
    [undoing(), vec![OrderCancelled { reason: EXPIRED }.into()]].concat()
}

fn parked() -> OrderParked {
    OrderParked { step: "authorize_payment".into(), error: "no answer".into() }
}

fn park() -> OrderCommand {
    OrderCommand::Park { step: parked().step, error: parked().error }
}

/// Undoing started by a step of the first attempt.
fn start_undo(reason: CancelReason) -> OrderCommand {
    OrderCommand::StartUndo { reason, attempt: Some(1) }
}

fn cancel_by_customer() -> OrderCommand {
    OrderCommand::StartUndo { reason: EXPIRED, attempt: None }
}

fn place_command() -> OrderCommand {
    OrderCommand::Place(Box::new(place(&body())))
}

/// Every command except placing.
fn commands() -> Vec<OrderCommand> {
    vec![
        OrderCommand::Commit,
        OrderCommand::Confirm,
        start_undo(EXPIRED),
        OrderCommand::Cancel,
        park(),
        OrderCommand::Resume,
    ]
}

#[test]
fn an_order_can_be_placed() {
    given::<Order>([]).when(place_command()).then([placed().into()]);
}

#[test]
fn a_repeated_request_places_nothing_in_any_state() {
    for past in [open(), committed(), confirmed(), undoing(), cancelled()] {
        given::<Order>(past).when(place_command()).then_nothing();
    }
}

#[test]
fn a_different_request_with_the_same_key_is_rejected() {
    let other = place(&with("/shipping_address/city", json!("Potsdam")));
    given::<Order>(open())
        .when(OrderCommand::Place(Box::new(other)))
        .then_rejected(OrderRejection::KeyReused);
}

#[test]
fn the_same_request_for_an_order_of_schema_1_places_nothing() {
    given::<Order>([placed_at_schema_1().into()]).when(place_command()).then_nothing();
}

#[test]
fn a_request_is_rejected_if_the_order_was_hashed_in_a_newer_form() {
    let newer = RequestHash { form: 3, ..placed().request_hash };
    given::<Order>([OrderPlaced { request_hash: newer, ..placed() }.into()])
        .when(place_command())
        .then_rejected(OrderRejection::Incomparable(ComparisonError::UnknownForm(3)));
}

#[test]
fn commands_on_an_order_that_was_never_placed_are_rejected() {
    for command in commands() {
        given::<Order>([]).when(command).then_rejected(OrderRejection::NotPlaced);
    }
}

#[test]
fn an_open_order_can_be_committed() {
    given::<Order>(open()).when(OrderCommand::Commit).then([OrderCommitted {}.into()]);
}

#[test]
fn committing_again_changes_nothing() {
    given::<Order>(committed()).when(OrderCommand::Commit).then_nothing();
    given::<Order>(confirmed()).when(OrderCommand::Commit).then_nothing();
}

#[test]
fn an_order_that_is_being_undone_cannot_be_committed() {
    for past in [undoing(), cancelled()] {
        given::<Order>(past)
            .when(OrderCommand::Commit)
            .then_rejected(OrderRejection::UndoStarted(EXPIRED));
    }
}

#[test]
fn a_committed_order_can_be_confirmed() {
    given::<Order>(committed()).when(OrderCommand::Confirm).then([OrderConfirmed {}.into()]);
}

#[test]
fn confirming_again_changes_nothing() {
    given::<Order>(confirmed()).when(OrderCommand::Confirm).then_nothing();
}

#[test]
fn an_order_that_is_not_committed_cannot_be_confirmed() {
    given::<Order>(open()).when(OrderCommand::Confirm).then_rejected(OrderRejection::NotCommitted);
    for past in [undoing(), cancelled()] {
        given::<Order>(past)
            .when(OrderCommand::Confirm)
            .then_rejected(OrderRejection::UndoStarted(EXPIRED));
    }
}

#[test]
fn undoing_an_open_order_can_start() {
    given::<Order>(open())
        .when(start_undo(EXPIRED))
        .then([OrderUndoStarted { reason: EXPIRED }.into()]);
}

#[test]
fn starting_to_undo_again_does_not_change_the_reason() {
    for past in [undoing(), cancelled()] {
        given::<Order>(past).when(start_undo(CancelReason::CustomerRequest)).then_nothing();
    }
}

#[test]
fn a_committed_order_cannot_be_undone() {
    for past in [committed(), confirmed()] {
        given::<Order>(past.clone())
            .when(start_undo(EXPIRED))
            .then_rejected(OrderRejection::Committed);
        given::<Order>(past).when(OrderCommand::Cancel).then_rejected(OrderRejection::Committed);
    }
}

#[test]
fn an_order_that_is_being_undone_is_cancelled_for_the_reason_undoing_started() {
    given::<Order>(undoing())
        .when(OrderCommand::Cancel)
        .then([OrderCancelled { reason: EXPIRED }.into()]);
}

#[test]
fn cancelling_again_changes_nothing() {
    given::<Order>(cancelled()).when(OrderCommand::Cancel).then_nothing();
}

#[test]
fn an_order_cannot_be_cancelled_before_undoing_has_started() {
    given::<Order>(open()).when(OrderCommand::Cancel).then_rejected(OrderRejection::UndoNotStarted);
}

#[test]
fn an_order_can_be_parked_in_every_phase_until_it_is_final() {
    for past in [open(), committed(), undoing()] {
        given::<Order>(past).when(park()).then([parked().into()]);
    }
    for past in [confirmed(), cancelled()] {
        given::<Order>(past).when(park()).then_rejected(OrderRejection::Final);
    }
}

#[test]
fn a_parked_order_keeps_its_first_failure() {
    let past = [open(), vec![parked().into()]].concat();
    given::<Order>(past.clone()).when(park()).then_nothing();
    given::<Order>(past)
        .when(OrderCommand::Park { step: "other".into(), error: "other".into() })
        .then_nothing();
}

#[test]
fn resuming_an_order_begins_the_next_attempt() {
    let once = [open(), vec![parked().into()]].concat();
    given::<Order>(once.clone())
        .when(OrderCommand::Resume)
        .then([OrderResumed { attempt: 2 }.into()]);

    let twice = [once, vec![OrderResumed { attempt: 2 }.into(), parked().into()]].concat();
    given::<Order>(twice).when(OrderCommand::Resume).then([OrderResumed { attempt: 3 }.into()]);
}

#[test]
fn an_order_that_is_not_parked_can_be_resumed() {
    for past in [open(), committed(), undoing()] {
        given::<Order>(past).when(OrderCommand::Resume).then([OrderResumed { attempt: 2 }.into()]);
    }
    let resumed = [open(), vec![parked().into(), OrderResumed { attempt: 2 }.into()]].concat();
    given::<Order>(resumed).when(OrderCommand::Resume).then([OrderResumed { attempt: 3 }.into()]);
}

#[test]
fn a_final_order_cannot_be_resumed() {
    for past in [confirmed(), cancelled()] {
        given::<Order>(past).when(OrderCommand::Resume).then_rejected(OrderRejection::Final);
    }
}

#[test]
fn starting_to_undo_a_parked_order_resumes_it() {
    let past = [open(), vec![parked().into()]].concat();
    let undone = [OrderUndoStarted { reason: EXPIRED }.into(), OrderResumed { attempt: 2 }.into()];
    given::<Order>(past).when(start_undo(EXPIRED)).then(undone);
    // Undoing has already started for this order, so it waits for an operator.
    given::<Order>([undoing(), vec![parked().into()]].concat())
        .when(start_undo(EXPIRED))
        .then_nothing();
}

/// The execution of the current attempt may have been stopped, and no event records that.
#[test]
fn undoing_started_by_a_customer_begins_the_next_attempt_once() {
    let resumed = OrderEvent::from(OrderResumed { attempt: 2 });
    let undone = [OrderUndoStarted { reason: EXPIRED }.into(), resumed.clone()];
    given::<Order>(open()).when(cancel_by_customer()).then(undone.clone());
    given::<Order>([open(), undone.to_vec()].concat()).when(cancel_by_customer()).then_nothing();
    // A step starts undoing; a customer then cancels.
    given::<Order>(undoing()).when(cancel_by_customer()).then([resumed.clone()]);
    given::<Order>([undoing(), vec![resumed.clone()]].concat())
        .when(cancel_by_customer())
        .then_nothing();
    // A step of an earlier attempt starts undoing: the running attempt does not notice that.
    given::<Order>([open(), vec![resumed]].concat())
        .when(start_undo(EXPIRED))
        .then([OrderUndoStarted { reason: EXPIRED }.into(), OrderResumed { attempt: 3 }.into()]);
    given::<Order>(cancelled()).when(cancel_by_customer()).then_nothing();
}

#[test]
fn a_parked_order_can_still_be_completed_or_cancelled() {
    let parked_at = |past: Vec<OrderEvent>| [past, vec![parked().into()]].concat();
    given::<Order>(parked_at(open())).when(OrderCommand::Commit).then([OrderCommitted {}.into()]);
    given::<Order>(parked_at(committed()))
        .when(OrderCommand::Confirm)
        .then([OrderConfirmed {}.into()]);
    given::<Order>(parked_at(undoing()))
        .when(OrderCommand::Cancel)
        .then([OrderCancelled { reason: EXPIRED }.into()]);
}

#[test]
fn an_order_has_the_phase_of_its_events() {
    let phases = [
        (open(), Phase::Open),
        (committed(), Phase::Committed),
        (confirmed(), Phase::Confirmed),
        (undoing(), Phase::Undoing(EXPIRED)),
        (cancelled(), Phase::Cancelled(EXPIRED)),
    ];
    for (past, phase) in phases {
        let state = past.iter().fold(OrderState::default(), Order::evolve);
        let order = state.placed().unwrap();
        assert_eq!((order.phase, order.attempt, &order.placed), (phase, 1, &placed()));
    }
}

#[test]
fn a_final_order_is_not_parked() {
    for (past, end) in [
        (committed(), OrderEvent::from(OrderConfirmed {})),
        (undoing(), OrderCancelled { reason: EXPIRED }.into()),
    ] {
        let past = [past, vec![parked().into()]].concat();
        let state = past.iter().fold(OrderState::default(), Order::evolve);
        assert_eq!(state.placed().unwrap().parked, Some(parked()));
        assert_eq!(Order::evolve(state, &end).placed().unwrap().parked, None);
    }
}
