//! Which step is next, and what the steps that call external systems decide.

use events::{AttemptKey, AuthorizationId, CancelReason, OrderCommitted, OrderConfirmed, ParcelId};
use events::{OrderCancelled, OrderEvent, OrderParked, OrderUndoStarted};
use ordering::order::{Order, OrderState};
use ordering::payment::{PaymentCommand, PaymentState};
use ordering::ports::{CallOutcome, CarrierCall, GatewayCall, ParcelAtCarrier, PaymentAtGateway};
use ordering::reservation::ReservationState;
use ordering::saga::{OrderSaga, PaymentStep, ReservationStep, SagaState, ShipmentStep, Step};
use ordering::sandbox::memory::{CarrierLedger, GatewayLedger};
use ordering::shipment::ShipmentState;
use ordering::steps::payment::{GatewayAnswer, PaymentAction, PaymentWorker};
use ordering::steps::reservation::ReservationWorker;
use ordering::steps::shipment::{CarrierAnswer, ShipmentAction, ShipmentWorker};
use skald::decider::Decider;
use skald_saga::{Action, LastAnswer, Next, View, Worker, next};

use super::world::{instance, step};
use crate::samples::{order_id, placed};

fn order(events: impl IntoIterator<Item = OrderEvent>) -> OrderState {
    let all = [OrderEvent::from(placed())].into_iter().chain(events);
    all.fold(OrderState::default(), |state, event| Order::evolve(state, &event))
}

fn committed() -> OrderState {
    order([OrderCommitted {}.into()])
}

fn undoing() -> OrderState {
    order([undo_started().into()])
}

fn undo_started() -> OrderUndoStarted {
    OrderUndoStarted { reason: CancelReason::CustomerRequest, note: None }
}

/// Every step before the gate is done.
fn done() -> SagaState {
    let participants = SagaState {
        reservation: ReservationState::Made(Vec::new()),
        payment: PaymentState::Authorized,
        shipment: ShipmentState::Created(ParcelId::new("p").unwrap()),
        ..SagaState::default()
    };
    SagaState { order: order([]), ..participants }
}

fn next_of(state: &SagaState) -> Next<Step> {
    next::<OrderSaga>(&instance(), state)
}

#[test]
fn an_open_order_goes_forward_step_by_step() {
    let begun = SagaState { order: order([]), ..SagaState::default() };
    assert_eq!(next_of(&begun), Next::Do(step("reserve_stock")));
    let reserved = SagaState { reservation: ReservationState::Made(Vec::new()), ..begun };
    assert_eq!(next_of(&reserved), Next::Do(step("authorize_payment")));
    let requested = SagaState { payment: PaymentState::AuthorizationRequested, ..reserved.clone() };
    assert_eq!(next_of(&requested), Next::Do(step("authorize_payment")));
    let authorized = SagaState { payment: PaymentState::Authorized, ..reserved };
    assert_eq!(next_of(&authorized), Next::Do(step("create_shipment")));
    assert_eq!(next_of(&done()), Next::Do(step("commit_order")));
}

#[test]
fn a_committed_order_goes_forward_until_it_is_confirmed_and_then_waits_for_its_parcel() {
    let committed = SagaState { order: committed(), ..done() };
    assert_eq!(next_of(&committed), Next::Do(step("capture_payment")));
    let captured = SagaState { payment: PaymentState::Captured, ..committed };
    assert_eq!(next_of(&captured), Next::Do(step("confirm_order")));
    let confirmed = order([OrderCommitted {}.into(), OrderConfirmed {}.into()]);
    assert_eq!(next_of(&SagaState { order: confirmed, ..captured }), Next::Done);
}

#[test]
fn a_refused_step_is_next_until_undoing_has_started() {
    let refused = [
        (
            SagaState { reservation: ReservationState::Refused(Vec::new()), ..done() },
            "reserve_stock",
        ),
        (
            SagaState { payment: PaymentState::Declined { reason: String::new() }, ..done() },
            "authorize_payment",
        ),
        (
            SagaState { shipment: ShipmentState::Refused { reason: String::new() }, ..done() },
            "create_shipment",
        ),
        (
            SagaState {
                order: committed(),
                payment: PaymentState::CaptureRefused { reason: String::new() },
                ..done()
            },
            "capture_payment",
        ),
    ];
    for (state, name) in refused {
        assert_eq!(next_of(&state), Next::Do(step(name)));
    }
}

#[test]
fn undoing_undoes_the_last_step_first_even_if_it_was_never_begun() {
    for state in [
        SagaState { order: undoing(), ..done() },
        SagaState { order: undoing(), ..SagaState::default() },
    ] {
        assert_eq!(next_of(&state), Next::Undo(step("cancel_shipment")));
        let cancelled = SagaState { shipment: ShipmentState::Cancelled, ..state };
        assert_eq!(next_of(&cancelled), Next::Undo(step("void_payment")));
        for under_way in
            [PaymentState::VoidRequested, PaymentState::Captured, PaymentState::RefundRequested]
        {
            let state = SagaState { payment: under_way, ..cancelled.clone() };
            assert_eq!(next_of(&state), Next::Undo(step("void_payment")));
        }
        for given_back in [PaymentState::Voided, PaymentState::Refunded] {
            let paid = SagaState { payment: given_back, ..cancelled.clone() };
            assert_eq!(next_of(&paid), Next::Undo(step("release_stock")));
            let released = SagaState { reservation: ReservationState::Abandoned, ..paid };
            assert_eq!(next_of(&released), Next::Undo(step("cancel_order")));
            let reason = CancelReason::CustomerRequest;
            let ended = order([undo_started().into(), OrderCancelled { reason }.into()]);
            assert_eq!(next_of(&SagaState { order: ended, ..released }), Next::Done);
        }
    }
}

#[test]
fn a_parked_order_waits_in_either_direction_and_a_missing_order_has_no_next_step() {
    let parked = || OrderEvent::from(OrderParked { step: "x".into(), error: "y".into() });
    for before in [Vec::new(), vec![OrderCommitted {}.into()], vec![undo_started().into()]] {
        let state = SagaState { order: order(before.into_iter().chain([parked()])), ..done() };
        assert_eq!(next_of(&state), Next::Parked);
    }
    assert_eq!(next_of(&SagaState::default()), Next::Done);
}

fn pay(step: PaymentStep, own: PaymentState, last: LastAnswer<GatewayAnswer>) -> PaymentAction {
    let (gateway, arbiter) = (GatewayLedger::default(), committed());
    let view = View {
        instance: &instance(),
        arbiter: &arbiter,
        own: &own,
        last: &last,
        at: placed().deadline,
    };
    PaymentWorker::new(&gateway).decide(step, &view)
}

fn ship(step: ShipmentStep, own: ShipmentState, last: LastAnswer<CarrierAnswer>) -> ShipmentAction {
    let (carrier, arbiter) = (CarrierLedger::default(), order([]));
    let view = View {
        instance: &instance(),
        arbiter: &arbiter,
        own: &own,
        last: &last,
        at: placed().deadline,
    };
    ShipmentWorker::new(&carrier).decide(step, &view)
}

fn paid(answer: PaymentAtGateway) -> LastAnswer<GatewayAnswer> {
    LastAnswer::Answer(CallOutcome::Answered(answer))
}

fn authorized() -> PaymentAtGateway {
    PaymentAtGateway::Authorized { authorization: AuthorizationId::new("a").unwrap() }
}

#[test]
fn a_request_that_may_have_been_sent_is_looked_up_before_it_is_sent_again() {
    let key = AttemptKey::payment(order_id());
    let find = Action::Call(GatewayCall::Find { key: key.clone() });
    let requested = || PaymentState::AuthorizationRequested;
    assert_eq!(pay(PaymentStep::Authorize, requested(), LastAnswer::Unknown), find);
    for (step, own) in [
        (PaymentStep::Capture, PaymentState::CaptureRequested),
        (PaymentStep::Void, PaymentState::CaptureRequested),
    ] {
        assert_eq!(pay(step, own, LastAnswer::Unknown), find);
    }
    for last in [LastAnswer::Recorded, paid(PaymentAtGateway::Absent)] {
        let action = pay(PaymentStep::Authorize, requested(), last);
        assert!(matches!(action, Action::Call(GatewayCall::Authorize { .. })), "{action:?}");
    }
    let find = Action::Call(CarrierCall::Find { key: AttemptKey::parcel(order_id()) });
    assert_eq!(ship(ShipmentStep::Create, ShipmentState::Requested, LastAnswer::Unknown), find);
}

#[test]
fn a_refusal_that_is_recorded_starts_undoing_with_its_reason() {
    let reason = String::new();
    let declined = PaymentState::Declined { reason: reason.clone() };
    assert_eq!(
        pay(PaymentStep::Authorize, declined, LastAnswer::Unknown),
        Action::Refuse(CancelReason::PaymentDeclined)
    );
    let refused = PaymentState::CaptureRefused { reason: reason.clone() };
    assert_eq!(
        pay(PaymentStep::Capture, refused, LastAnswer::Unknown),
        Action::Refuse(CancelReason::CaptureFailed)
    );
    assert_eq!(
        ship(ShipmentStep::Create, ShipmentState::Refused { reason }, LastAnswer::Unknown),
        Action::Refuse(CancelReason::ShipmentRefused)
    );
    let (arbiter, own) = (order([]), ReservationState::Refused(Vec::new()));
    let view = View {
        instance: &instance(),
        arbiter: &arbiter,
        own: &own,
        last: &LastAnswer::Unknown,
        at: placed().deadline,
    };
    assert_eq!(
        ReservationWorker.decide(ReservationStep::Reserve, &view),
        Action::Refuse(CancelReason::StockUnavailable)
    );
}

#[test]
fn a_capture_that_the_gateway_refuses_for_good_is_recorded() {
    let refused = LastAnswer::Answer(CallOutcome::Refused("expired".to_owned()));
    assert_eq!(
        pay(PaymentStep::Capture, PaymentState::CaptureRequested, refused),
        Action::Write(PaymentCommand::RecordCaptureRefused { reason: "expired".to_owned() })
    );
}

#[test]
fn money_that_is_held_is_voided_and_money_that_was_captured_is_refunded() {
    let void = Action::Write(PaymentCommand::Void);
    for held in [
        PaymentState::Unrequested,
        PaymentState::AuthorizationRequested,
        PaymentState::Authorized,
        PaymentState::CaptureRefused { reason: String::new() },
    ] {
        assert_eq!(pay(PaymentStep::Void, held, LastAnswer::Unknown), void);
    }
    assert_eq!(
        pay(PaymentStep::Void, PaymentState::Captured, LastAnswer::Unknown),
        Action::Write(PaymentCommand::Refund)
    );
    // What a requested capture became, the gateway says.
    let requested = || PaymentState::CaptureRequested;
    assert_eq!(pay(PaymentStep::Void, requested(), paid(authorized())), void);
    for own in [requested(), PaymentState::VoidRequested] {
        assert_eq!(
            pay(PaymentStep::Void, own, paid(PaymentAtGateway::Captured)),
            Action::Write(PaymentCommand::RecordCaptured)
        );
    }
}

#[test]
fn an_effect_that_arrives_after_its_step_was_undone_is_undone_at_once() {
    let (gateway, carrier) = (GatewayLedger::default(), CarrierLedger::default());
    let (instance, arbiter, at) = (instance(), undoing(), placed().deadline);
    let answer = CallOutcome::Answered(authorized());
    for (own, is_undone) in [
        (PaymentState::VoidRequested, true),
        (PaymentState::Voided, true),
        // The compensation is still to come.
        (PaymentState::AuthorizationRequested, false),
    ] {
        let last = LastAnswer::Answer(answer.clone());
        let view = View { instance: &instance, arbiter: &arbiter, own: &own, last: &last, at };
        let call = PaymentWorker::new(&gateway).undo_late_answer(&view, &answer);
        let key = AttemptKey::payment(order_id());
        assert_eq!(call, is_undone.then_some(GatewayCall::Void { key }));
    }
    let answer =
        CallOutcome::Answered(ParcelAtCarrier::Created { parcel: ParcelId::new("p").unwrap() });
    for (own, is_undone) in [
        (ShipmentState::CancelRequested, true),
        (ShipmentState::Cancelled, true),
        (ShipmentState::Requested, false),
    ] {
        let last = LastAnswer::Answer(answer.clone());
        let view = View { instance: &instance, arbiter: &arbiter, own: &own, last: &last, at };
        let call = ShipmentWorker::new(&carrier).undo_late_answer(&view, &answer);
        let key = AttemptKey::parcel(order_id());
        assert_eq!(call, is_undone.then_some(CarrierCall::Cancel { key }));
    }
}
