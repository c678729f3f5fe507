use events::{
    CancelReason, OrderCancelled, OrderCommitted, OrderConfirmed, OrderDelivered, OrderDispatched,
    OrderEvent, OrderParked, OrderPlaced, OrderResumed, OrderUndoStarted, RequestHash,
};
use ordering::order::{ComparisonError, Order, OrderCommand, OrderRejection, OrderState, Phase};
use serde_json::json;
use skald::decider::Decider;
use skald_testkit::given;

use crate::samples::{body, personal, place, placed, placed_at_schema_1, with};

const EXPIRED: CancelReason = CancelReason::Expired;
const BY_CUSTOMER: CancelReason = CancelReason::CustomerRequest;

/// The reasons to undo an order that is committed.
const AFTER_THE_GATE: [CancelReason; 4] = [
    BY_CUSTOMER,
    CancelReason::OperatorRequest,
    CancelReason::CustomerErased,
    CancelReason::CaptureFailed,
];

fn open() -> Vec<OrderEvent> {
    vec![placed().into()]
}

fn committed() -> Vec<OrderEvent> {
    [open(), vec![OrderCommitted {}.into()]].concat()
}

fn confirmed() -> Vec<OrderEvent> {
    [committed(), vec![OrderConfirmed {}.into()]].concat()
}

fn dispatched() -> Vec<OrderEvent> {
    [confirmed(), vec![OrderDispatched {}.into()]].concat()
}

fn delivered() -> Vec<OrderEvent> {
    [dispatched(), vec![OrderDelivered {}.into()]].concat()
}

fn undo_started(reason: CancelReason) -> OrderUndoStarted {
    OrderUndoStarted { reason, note: None }
}

fn resumed(attempt: u32) -> OrderResumed {
    OrderResumed { attempt, deadline: None }
}

fn resume() -> OrderCommand {
    OrderCommand::Resume { extend_to: None }
}

fn undoing() -> Vec<OrderEvent> {
    [open(), vec![undo_started(EXPIRED).into()]].concat()
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
    OrderCommand::StartUndo { reason, note: None, attempt: Some(1) }
}

fn cancel_by_customer() -> OrderCommand {
    OrderCommand::StartUndo { reason: EXPIRED, note: None, attempt: None }
}

/// Undoing started from outside the saga's steps.
fn ask_to_undo(reason: CancelReason) -> OrderCommand {
    OrderCommand::StartUndo { reason, note: None, attempt: None }
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
        OrderCommand::Dispatch,
        OrderCommand::Deliver,
        resume(),
    ]
}

#[test]
fn an_order_can_be_placed() {
    given::<Order>([]).when(place_command()).then([placed().into()]);
}

#[test]
fn a_repeated_request_places_nothing_in_any_state() {
    for past in
        [open(), committed(), confirmed(), undoing(), cancelled(), dispatched(), delivered()]
    {
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
    for past in [committed(), confirmed(), dispatched(), delivered()] {
        given::<Order>(past).when(OrderCommand::Commit).then_nothing();
    }
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
    for past in [confirmed(), dispatched(), delivered()] {
        given::<Order>(past).when(OrderCommand::Confirm).then_nothing();
    }
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
    given::<Order>(open()).when(start_undo(EXPIRED)).then([undo_started(EXPIRED).into()]);
}

#[test]
fn starting_to_undo_again_does_not_change_the_reason() {
    for past in [undoing(), cancelled()] {
        given::<Order>(past).when(start_undo(CancelReason::CustomerRequest)).then_nothing();
    }
}

/// Money may have moved, so only somebody's decision undoes the order, never the passing of time.
#[test]
fn the_deadline_and_earlier_refusals_cannot_undo_a_committed_order() {
    let reasons = [
        EXPIRED,
        CancelReason::StockUnavailable,
        CancelReason::PaymentDeclined,
        CancelReason::ShipmentRefused,
    ];
    for past in [committed(), confirmed()] {
        for reason in reasons {
            for command in [start_undo(reason), ask_to_undo(reason)] {
                given::<Order>(past.clone()).when(command).then_rejected(OrderRejection::Committed);
            }
        }
    }
}

#[test]
fn a_step_of_the_running_attempt_can_undo_a_committed_order() {
    let reason = CancelReason::CaptureFailed;
    given::<Order>(committed()).when(start_undo(reason)).then([undo_started(reason).into()]);
    let parked = [committed(), vec![parked().into()]].concat();
    given::<Order>(parked)
        .when(start_undo(reason))
        .then([undo_started(reason).into(), resumed(2).into()]);
}

/// No execution runs for a confirmed order, and that of a committed order may have ended.
#[test]
fn undoing_a_committed_or_confirmed_order_on_request_begins_the_next_attempt() {
    for past in [committed(), confirmed()] {
        for reason in AFTER_THE_GATE {
            given::<Order>(past.clone())
                .when(ask_to_undo(reason))
                .then([undo_started(reason).into(), resumed(2).into()]);
        }
    }
    given::<Order>(confirmed())
        .when(start_undo(BY_CUSTOMER))
        .then([undo_started(BY_CUSTOMER).into(), resumed(2).into()]);
}

#[test]
fn the_words_of_the_person_who_asks_are_kept() {
    let note = Some(personal("I ordered twice".to_owned()));
    let command =
        OrderCommand::StartUndo { reason: BY_CUSTOMER, note: note.clone(), attempt: None };
    let undo_started = OrderUndoStarted { reason: BY_CUSTOMER, note };
    for past in [open(), committed(), confirmed()] {
        given::<Order>(past)
            .when(command.clone())
            .then([undo_started.clone().into(), resumed(2).into()]);
    }
}

#[test]
fn an_order_whose_parcel_has_left_cannot_be_undone() {
    for past in [dispatched(), delivered()] {
        for command in [start_undo(BY_CUSTOMER), ask_to_undo(BY_CUSTOMER), OrderCommand::Cancel] {
            given::<Order>(past.clone()).when(command).then_rejected(OrderRejection::Dispatched);
        }
    }
}

#[test]
fn a_parcel_leaves_only_after_its_order_is_confirmed() {
    given::<Order>(confirmed()).when(OrderCommand::Dispatch).then([OrderDispatched {}.into()]);
    for past in [open(), committed()] {
        given::<Order>(past)
            .when(OrderCommand::Dispatch)
            .then_rejected(OrderRejection::NotConfirmed);
    }
    for past in [undoing(), cancelled()] {
        given::<Order>(past)
            .when(OrderCommand::Dispatch)
            .then_rejected(OrderRejection::UndoStarted(EXPIRED));
    }
}

#[test]
fn a_parcel_that_has_left_does_not_leave_again() {
    for past in [dispatched(), delivered()] {
        given::<Order>(past).when(OrderCommand::Dispatch).then_nothing();
    }
}

#[test]
fn a_parcel_arrives_once_and_only_after_it_left() {
    given::<Order>(dispatched()).when(OrderCommand::Deliver).then([OrderDelivered {}.into()]);
    given::<Order>(delivered()).when(OrderCommand::Deliver).then_nothing();
    for past in [open(), committed(), confirmed()] {
        given::<Order>(past)
            .when(OrderCommand::Deliver)
            .then_rejected(OrderRejection::NotDispatched);
    }
    for past in [undoing(), cancelled()] {
        given::<Order>(past)
            .when(OrderCommand::Deliver)
            .then_rejected(OrderRejection::UndoStarted(EXPIRED));
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
    for past in [open(), committed(), confirmed()] {
        given::<Order>(past)
            .when(OrderCommand::Cancel)
            .then_rejected(OrderRejection::UndoNotStarted);
    }
}

#[test]
fn an_order_can_be_parked_while_a_step_is_left() {
    for past in [open(), committed(), undoing()] {
        given::<Order>(past).when(park()).then([parked().into()]);
    }
    given::<Order>(confirmed()).when(park()).then_rejected(OrderRejection::Confirmed);
    for past in [cancelled(), dispatched(), delivered()] {
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
    given::<Order>(once.clone()).when(resume()).then([resumed(2).into()]);

    let twice = [once, vec![resumed(2).into(), parked().into()]].concat();
    given::<Order>(twice).when(resume()).then([resumed(3).into()]);
}

#[test]
fn an_order_that_is_not_parked_can_be_resumed() {
    for past in [open(), committed(), undoing()] {
        given::<Order>(past).when(resume()).then([resumed(2).into()]);
    }
    let past = [open(), vec![parked().into(), resumed(2).into()]].concat();
    given::<Order>(past).when(resume()).then([resumed(3).into()]);
}

#[test]
fn an_order_cannot_be_resumed_if_no_step_is_left() {
    given::<Order>(confirmed()).when(resume()).then_rejected(OrderRejection::Confirmed);
    for past in [cancelled(), dispatched(), delivered()] {
        given::<Order>(past).when(resume()).then_rejected(OrderRejection::Final);
    }
}

#[test]
fn resuming_an_order_can_extend_its_deadline_but_never_shortens_it() {
    let later = placed().deadline.plus_millis(60_000);
    let extended = OrderResumed { attempt: 2, deadline: Some(later) };
    let extend = |extend_to| OrderCommand::Resume { extend_to: Some(extend_to) };
    given::<Order>(open()).when(extend(later)).then([extended.clone().into()]);
    for earlier in [placed().deadline, placed().deadline.plus_millis(-1)] {
        given::<Order>(open()).when(extend(earlier)).then([resumed(2).into()]);
    }
    let past = [open(), vec![extended.into()]].concat();
    for earlier in [placed().deadline, later] {
        given::<Order>(past.clone()).when(extend(earlier)).then([resumed(3).into()]);
    }
    // Resuming without a new deadline keeps the extended one.
    let past = [past, vec![resumed(3).into()]].concat();
    let state = past.iter().fold(OrderState::default(), Order::evolve);
    let order = state.placed().unwrap();
    assert_eq!((order.deadline, order.placed.deadline), (later, placed().deadline));
}

#[test]
fn starting_to_undo_a_parked_order_resumes_it() {
    let past = [open(), vec![parked().into()]].concat();
    let undone = [undo_started(EXPIRED).into(), resumed(2).into()];
    given::<Order>(past).when(start_undo(EXPIRED)).then(undone);
    // Undoing has already started for this order, so it waits for an operator.
    given::<Order>([undoing(), vec![parked().into()]].concat())
        .when(start_undo(EXPIRED))
        .then_nothing();
}

/// The execution of the current attempt may have been stopped, and no event records that.
#[test]
fn undoing_started_by_a_customer_begins_the_next_attempt_once() {
    let second = OrderEvent::from(resumed(2));
    let undone = [undo_started(EXPIRED).into(), second.clone()];
    given::<Order>(open()).when(cancel_by_customer()).then(undone.clone());
    given::<Order>([open(), undone.to_vec()].concat()).when(cancel_by_customer()).then_nothing();
    // A step starts undoing; a customer then cancels.
    given::<Order>(undoing()).when(cancel_by_customer()).then([second.clone()]);
    given::<Order>([undoing(), vec![second.clone()]].concat())
        .when(cancel_by_customer())
        .then_nothing();
    // A step of an earlier attempt starts undoing: the running attempt does not notice that.
    given::<Order>([open(), vec![second]].concat())
        .when(start_undo(EXPIRED))
        .then([undo_started(EXPIRED).into(), resumed(3).into()]);
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
        (dispatched(), Phase::Dispatched),
        (delivered(), Phase::Delivered),
    ];
    for (past, phase) in phases {
        let state = past.iter().fold(OrderState::default(), Order::evolve);
        let order = state.placed().unwrap();
        assert_eq!((order.phase, order.attempt, &order.placed), (phase, 1, &placed()));
    }
}

#[test]
fn an_order_without_a_step_left_is_not_parked() {
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
