use events::{
    AttemptKey, AuthorizationId, CancelReason, OrderCancelled, OrderCommitted, OrderConfirmed,
    OrderEvent, OrderParked, OrderResumed, OrderUndoStarted, ParcelId,
};
use ordering::order::{Order, OrderCommand, OrderState};
use ordering::payment::PaymentState;
use ordering::ports::{CarrierCall, GatewayCall, ParcelAtCarrier, PaymentAtGateway};
use ordering::reservation::ReservationState;
use ordering::saga::{
    ErrorOutput, ExecutionInput, Failure, Next, SagaState, Step, StepInput, next,
};
use ordering::shipment::ShipmentState;
use ordering::steps::{Heard, Move, StepError, order, payment, reservation, shipment};
use skald::commit::CorrelationId;
use skald::decider::Decider;
use skald::stream::Tenant;
use skald::time::Timestamp;

use crate::samples::{order_id, placed, time};

fn order(events: impl IntoIterator<Item = OrderEvent>) -> OrderState {
    [placed().into()]
        .into_iter()
        .chain(events)
        .fold(OrderState::default(), |state, event| Order::evolve(state, &event))
}

fn undoing() -> OrderState {
    order([OrderUndoStarted { reason: CancelReason::CustomerRequest, note: None }.into()])
}

fn committed() -> OrderState {
    order([OrderCommitted {}.into()])
}

fn done() -> SagaState {
    SagaState {
        order: order([]),
        reservation: ReservationState::Made(Vec::new()),
        payment: PaymentState::Authorized,
        shipment: ShipmentState::Created(ParcelId::new("p").unwrap()),
    }
}

fn in_time() -> Timestamp {
    placed().deadline.plus_millis(-1)
}

fn execution(attempt: u32) -> ExecutionInput {
    let correlation_id = CorrelationId::new("call-1").unwrap();
    ExecutionInput { order_id: order_id(), tenant: Tenant::default(), attempt, correlation_id }
}

fn input(step: Step) -> StepInput {
    StepInput::of(&execution(1), step)
}

#[test]
fn an_open_order_goes_forward_step_by_step() {
    let begun = SagaState { order: order([]), ..SagaState::default() };
    assert_eq!(next(&begun), Next::Do(Step::ReserveStock));
    let reserved = SagaState { reservation: ReservationState::Made(Vec::new()), ..begun };
    assert_eq!(next(&reserved), Next::Do(Step::AuthorizePayment));
    let asked = SagaState { payment: PaymentState::AuthorizationRequested, ..reserved.clone() };
    assert_eq!(next(&asked), Next::Do(Step::AuthorizePayment));
    let authorized = SagaState { payment: PaymentState::Authorized, ..reserved };
    assert_eq!(next(&authorized), Next::Do(Step::CreateShipment));
    assert_eq!(next(&done()), Next::Do(Step::CommitOrder));
}

#[test]
fn a_committed_order_goes_forward_to_its_end() {
    let committed = SagaState { order: committed(), ..done() };
    assert_eq!(next(&committed), Next::Do(Step::CapturePayment));
    let captured = SagaState { payment: PaymentState::Captured, ..committed };
    assert_eq!(next(&captured), Next::Do(Step::ShipStock));
    let shipped = SagaState { reservation: ReservationState::Shipped(Vec::new()), ..captured };
    assert_eq!(next(&shipped), Next::Do(Step::ConfirmOrder));
    let confirmed =
        SagaState { order: order([OrderCommitted {}.into(), OrderConfirmed {}.into()]), ..shipped };
    assert_eq!(next(&confirmed), Next::Done);
}

#[test]
fn a_refused_step_starts_undoing_with_its_reason() {
    let refused = [
        (
            SagaState { reservation: ReservationState::Refused(Vec::new()), ..done() },
            CancelReason::StockUnavailable,
        ),
        (
            SagaState { payment: PaymentState::Declined { reason: String::new() }, ..done() },
            CancelReason::PaymentDeclined,
        ),
        (
            SagaState { shipment: ShipmentState::Refused { reason: String::new() }, ..done() },
            CancelReason::ShipmentRefused,
        ),
    ];
    for (state, reason) in refused {
        assert_eq!(next(&state), Next::Undo(Step::StartUndo));
        assert_eq!(state.cancel_reason(), Some(reason));
        assert_eq!(order::turn(Step::StartUndo, &state, in_time()), Move::TurnRound(reason));
        // Even after the deadline, the first refusal is the reason.
        assert_eq!(
            order::turn(Step::StartUndo, &state, placed().deadline),
            Move::TurnRound(reason)
        );
        assert!(matches!(
            order::turn(Step::CommitOrder, &state, in_time()),
            Move::End(Err(StepError::Refused(_)))
        ));
    }
}

#[test]
fn undoing_undoes_the_last_step_first_even_if_it_was_never_begun() {
    for state in [
        SagaState { order: undoing(), ..done() },
        SagaState { order: undoing(), ..SagaState::default() },
    ] {
        assert_eq!(next(&state), Next::Undo(Step::CancelShipment));
        let cancelled = SagaState { shipment: ShipmentState::Cancelled, ..state };
        assert_eq!(next(&cancelled), Next::Undo(Step::VoidPayment));
        let asked = SagaState { payment: PaymentState::VoidRequested, ..cancelled.clone() };
        assert_eq!(next(&asked), Next::Undo(Step::VoidPayment));
        let voided = SagaState { payment: PaymentState::Voided, ..cancelled };
        assert_eq!(next(&voided), Next::Undo(Step::ReleaseStock));
        let released = SagaState { reservation: ReservationState::Abandoned, ..voided };
        assert_eq!(next(&released), Next::Undo(Step::CancelOrder));
        let reason = CancelReason::CustomerRequest;
        let ended = order([
            OrderUndoStarted { reason, note: None }.into(),
            OrderCancelled { reason }.into(),
        ]);
        assert_eq!(next(&SagaState { order: ended, ..released }), Next::Done);
    }
}

#[test]
fn a_parked_order_waits_in_either_direction_and_a_missing_order_has_no_next_step() {
    let parked = || OrderEvent::from(OrderParked { step: "x".into(), error: "y".into() });
    for before in [
        Vec::new(),
        vec![OrderCommitted {}.into()],
        vec![OrderUndoStarted { reason: CancelReason::Expired, note: None }.into()],
    ] {
        let state = SagaState { order: order(before.into_iter().chain([parked()])), ..done() };
        assert_eq!(next(&state), Next::Parked);
    }
    assert_eq!(next(&SagaState::default()), Next::Done);
}

#[test]
fn an_order_is_not_committed_confirmed_or_cancelled_before_its_steps_are_complete() {
    let unmade = SagaState { reservation: ReservationState::Unmade, ..done() };
    assert!(matches!(
        order::turn(Step::CommitOrder, &unmade, in_time()),
        Move::End(Err(StepError::Permanent(_)))
    ));
    let uncaptured = SagaState { order: committed(), ..done() };
    let turn = order::turn(Step::ConfirmOrder, &uncaptured, in_time());
    assert!(matches!(turn, Move::End(Err(StepError::Permanent(_)))));
    let held = SagaState { order: undoing(), shipment: ShipmentState::Cancelled, ..done() };
    let turn = order::turn(Step::CancelOrder, &held, in_time());
    assert!(matches!(turn, Move::End(Err(StepError::Permanent(_)))));
}

#[test]
fn an_order_is_undone_only_for_a_reason_and_only_before_it_is_committed() {
    for state in [done(), SagaState { order: committed(), ..done() }] {
        let turn = order::turn(Step::StartUndo, &state, in_time());
        assert!(matches!(turn, Move::End(Err(StepError::Permanent(_)))), "{turn:?}");
    }
    assert_eq!(
        order::turn(Step::StartUndo, &done(), placed().deadline),
        Move::TurnRound(CancelReason::Expired)
    );
    assert_eq!(
        order::turn(Step::StartUndo, &SagaState { order: undoing(), ..done() }, in_time()),
        Move::End(Ok(()))
    );
}

fn park_at(step: Step) -> StepInput {
    let error = ErrorOutput { error: "Transient".to_owned(), cause: "no answer".to_owned() };
    StepInput { failure: Some(Failure { step, error }), ..input(Step::ParkOrder) }
}

fn parking(step: &str) -> Move<OrderCommand, std::convert::Infallible> {
    Move::Append(OrderCommand::Park {
        step: step.to_owned(),
        error: "Transient: no answer".to_owned(),
    })
}

#[test]
fn only_the_current_attempt_parks_an_order() {
    assert_eq!(order::park(&order([]), &park_at(Step::ReserveStock)), parking("reserve_stock"));
    let parked = OrderParked { step: "x".into(), error: "y".into() };
    assert_eq!(
        order::park(&order([parked.clone().into()]), &park_at(Step::ReserveStock)),
        Move::End(Ok(()))
    );
    let resumed = order([parked.into(), OrderResumed { attempt: 2, deadline: None }.into()]);
    let ended = order([OrderCommitted {}.into(), OrderConfirmed {}.into()]);
    for settled in [resumed, ended] {
        assert_eq!(
            order::park(&settled, &park_at(Step::ReserveStock)),
            Move::End(Err(StepError::Settled))
        );
    }
}

#[test]
fn an_order_whose_undoing_started_while_a_step_failed_is_undone_and_not_parked() {
    assert_eq!(
        order::park(&undoing(), &park_at(Step::AuthorizePayment)),
        Move::End(Err(StepError::Undone))
    );
    assert_eq!(order::park(&undoing(), &park_at(Step::VoidPayment)), parking("void_payment"));
    assert_eq!(
        order::park(&committed(), &park_at(Step::CapturePayment)),
        parking("capture_payment")
    );
}

/// The moves of the steps before the pivot for an order in this direction, with nothing begun.
fn forward(order: &OrderState, at: Timestamp) -> [Move<(), ()>; 3] {
    let (id, unrequested) = (order_id(), PaymentState::Unrequested);
    let key = AttemptKey::payment(id);
    [
        stripped(reservation::turn(Step::ReserveStock, id, order, &ReservationState::Unmade, at)),
        stripped(payment::turn(
            Step::AuthorizePayment,
            &key,
            order,
            &unrequested,
            at,
            &Heard::Nothing,
        )),
        stripped(shipment::turn(
            Step::CreateShipment,
            &key,
            order,
            &ShipmentState::Unrequested,
            at,
            &Heard::Nothing,
        )),
    ]
}

fn stripped<C, A>(turn: Move<C, A>) -> Move<(), ()> {
    match turn {
        Move::TurnRound(reason) => Move::TurnRound(reason),
        Move::Append(_) => Move::Append(()),
        Move::Ask(_) => Move::Ask(()),
        Move::End(result) => Move::End(result),
    }
}

#[test]
fn forward_steps_read_the_order_first_and_start_undoing_after_the_deadline() {
    assert_eq!(forward(&order([]), in_time()), [const { Move::Append(()) }; 3]);
    for turn in forward(&order([]), placed().deadline) {
        assert_eq!(turn, Move::TurnRound(CancelReason::Expired));
    }
    for turn in forward(&undoing(), in_time()) {
        assert_eq!(turn, Move::End(Err(StepError::Undone)));
    }
    for turn in forward(&committed(), placed().deadline) {
        assert_eq!(turn, Move::End(Ok(())));
    }
    for turn in forward(&OrderState::Unplaced, in_time()) {
        assert!(matches!(turn, Move::End(Err(StepError::Permanent(_)))));
    }
}

#[test]
fn compensations_do_nothing_before_undoing_has_started() {
    let key = AttemptKey::payment(order_id());
    for order in [order([]), committed(), OrderState::Unplaced] {
        let turns = [
            stripped(reservation::turn(
                Step::ReleaseStock,
                order_id(),
                &order,
                &ReservationState::Made(Vec::new()),
                in_time(),
            )),
            stripped(payment::turn(
                Step::VoidPayment,
                &key,
                &order,
                &PaymentState::Authorized,
                in_time(),
                &Heard::Nothing,
            )),
            stripped(shipment::turn(
                Step::CancelShipment,
                &key,
                &order,
                &ShipmentState::Requested,
                in_time(),
                &Heard::Nothing,
            )),
        ];
        for turn in turns {
            assert!(matches!(turn, Move::End(Err(StepError::Permanent(_)))), "{turn:?}");
        }
    }
}

#[test]
fn money_and_goods_do_not_move_before_the_order_is_committed() {
    let key = AttemptKey::payment(order_id());
    let turn = payment::turn(
        Step::CapturePayment,
        &key,
        &order([]),
        &PaymentState::Authorized,
        in_time(),
        &Heard::Nothing,
    );
    assert!(matches!(turn, Move::End(Err(StepError::Permanent(_)))), "{turn:?}");
    let made = ReservationState::Made(Vec::new());
    let turn = reservation::turn(Step::ShipStock, order_id(), &order([]), &made, in_time());
    assert!(matches!(turn, Move::End(Err(StepError::Permanent(_)))), "{turn:?}");
}

#[test]
fn a_request_that_may_have_been_sent_is_looked_up_before_it_is_sent_again() {
    let key = AttemptKey::payment(order_id());
    let asks = |step, order: &OrderState, payment, heard| match payment::turn(
        step,
        &key,
        order,
        &payment,
        in_time(),
        &heard,
    ) {
        Move::Ask(call) => call,
        other @ (Move::TurnRound(_) | Move::Append(_) | Move::End(_)) => panic!("{other:?}"),
    };
    let find = GatewayCall::Find { key: key.clone() };
    let requested = || PaymentState::AuthorizationRequested;
    assert_eq!(asks(Step::AuthorizePayment, &order([]), requested(), Heard::Nothing), find);
    assert_eq!(
        asks(Step::CapturePayment, &committed(), PaymentState::CaptureRequested, Heard::Nothing),
        find
    );
    for heard in [Heard::Wrote, Heard::Answer(PaymentAtGateway::Absent)] {
        let call = asks(Step::AuthorizePayment, &order([]), requested(), heard);
        assert!(matches!(call, GatewayCall::Authorize { .. }), "{call:?}");
    }
    let key = AttemptKey::parcel(order_id());
    let turn = shipment::turn(
        Step::CreateShipment,
        &key,
        &order([]),
        &ShipmentState::Requested,
        in_time(),
        &Heard::Nothing,
    );
    assert_eq!(turn, Move::Ask(CarrierCall::Find { key }));
}

#[test]
fn an_answer_that_arrives_after_undoing_is_undone_at_once() {
    let key = AttemptKey::payment(order_id());
    let authorized = Heard::Answer(PaymentAtGateway::Authorized {
        authorization: AuthorizationId::new("a").unwrap(),
    });
    let created = Heard::Answer(ParcelAtCarrier::Created { parcel: ParcelId::new("p").unwrap() });
    for payment in [PaymentState::VoidRequested, PaymentState::Voided] {
        let turn = payment::turn(
            Step::AuthorizePayment,
            &key,
            &undoing(),
            &payment,
            in_time(),
            &authorized,
        );
        assert_eq!(turn, Move::Ask(GatewayCall::Void { key: key.clone() }));
    }
    for shipment in [ShipmentState::CancelRequested, ShipmentState::Cancelled] {
        let turn =
            shipment::turn(Step::CreateShipment, &key, &undoing(), &shipment, in_time(), &created);
        assert_eq!(turn, Move::Ask(CarrierCall::Cancel { key: key.clone() }));
    }
}

#[test]
fn a_step_fails_if_the_wrong_worker_performs_it() {
    let wrong = reservation::turn(
        Step::CommitOrder,
        order_id(),
        &order([]),
        &ReservationState::Unmade,
        in_time(),
    );
    assert!(matches!(wrong, Move::End(Err(StepError::Permanent(_)))));
    let key = AttemptKey::payment(order_id());
    let wrong = payment::turn(
        Step::CommitOrder,
        &key,
        &order([]),
        &PaymentState::Unrequested,
        in_time(),
        &Heard::Nothing,
    );
    assert!(matches!(wrong, Move::End(Err(StepError::Permanent(_)))));
    let wrong = shipment::turn(
        Step::CommitOrder,
        &key,
        &order([]),
        &ShipmentState::Unrequested,
        in_time(),
        &Heard::Nothing,
    );
    assert!(matches!(wrong, Move::End(Err(StepError::Permanent(_)))));
    let wrong = order::turn(Step::ReserveStock, &done(), time("2026-11-21T08:16:00Z"));
    assert!(matches!(wrong, Move::End(Err(StepError::Permanent(_)))));
}
