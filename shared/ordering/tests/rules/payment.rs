use events::{
    AttemptKey, AuthorizationId, PaymentAuthorizationRequested, PaymentAuthorized,
    PaymentCaptureRefused, PaymentCaptureRequested, PaymentCaptured, PaymentDeclined, PaymentEvent,
    PaymentRefundRequested, PaymentRefunded, PaymentVoidRequested, PaymentVoided,
};
use ordering::payment::{Payment, PaymentCommand, PaymentRejection};
use skald_testkit::given;

use crate::samples::{eur, order_id};

fn authorization() -> AuthorizationId {
    AuthorizationId::new("auth_1").unwrap()
}

fn authorize() -> PaymentCommand {
    PaymentCommand::Authorize { attempt_key: AttemptKey::payment(order_id()), amount: eur(7997) }
}

fn record_authorized() -> PaymentCommand {
    PaymentCommand::RecordAuthorized { authorization: authorization() }
}

fn record_declined() -> PaymentCommand {
    PaymentCommand::RecordDeclined { reason: "card_declined".into() }
}

fn and(past: Vec<PaymentEvent>, event: impl Into<PaymentEvent>) -> Vec<PaymentEvent> {
    [past, vec![event.into()]].concat()
}

fn unrequested() -> Vec<PaymentEvent> {
    Vec::new()
}

fn requested() -> Vec<PaymentEvent> {
    let attempt_key = AttemptKey::payment(order_id());
    and(unrequested(), PaymentAuthorizationRequested { attempt_key, amount: eur(7997) })
}

fn authorized() -> Vec<PaymentEvent> {
    and(requested(), PaymentAuthorized { authorization: authorization() })
}

fn declined() -> Vec<PaymentEvent> {
    and(requested(), PaymentDeclined { reason: "card_declined".into() })
}

fn capture_requested() -> Vec<PaymentEvent> {
    and(authorized(), PaymentCaptureRequested {})
}

fn record_capture_refused() -> PaymentCommand {
    PaymentCommand::RecordCaptureRefused { reason: "authorization_expired".into() }
}

fn capture_refused() -> Vec<PaymentEvent> {
    and(capture_requested(), PaymentCaptureRefused { reason: "authorization_expired".into() })
}

fn captured() -> Vec<PaymentEvent> {
    and(capture_requested(), PaymentCaptured {})
}

fn refund_requested() -> Vec<PaymentEvent> {
    and(captured(), PaymentRefundRequested {})
}

fn refunded() -> Vec<PaymentEvent> {
    and(refund_requested(), PaymentRefunded {})
}

/// Undone while the request to authorize the payment is open, after its answer, while the request
/// to capture the money is open, and after it was refused.
fn void_requested() -> [Vec<PaymentEvent>; 4] {
    [requested(), authorized(), capture_requested(), capture_refused()]
        .map(|past| and(past, PaymentVoidRequested {}))
}

/// Undone before the request to authorize the payment, and at each of the later times.
fn voided() -> [Vec<PaymentEvent>; 5] {
    let [first, second, third, fourth] = void_requested();
    [unrequested(), first, second, third, fourth].map(|past| and(past, PaymentVoided {}))
}

fn undone() -> impl Iterator<Item = Vec<PaymentEvent>> {
    void_requested().into_iter().chain(voided())
}

#[test]
fn a_request_to_the_gateway_is_recorded_before_it_is_sent() {
    given::<Payment>(unrequested()).when(authorize()).then(requested());
    given::<Payment>(authorized())
        .when(PaymentCommand::Capture)
        .then([PaymentCaptureRequested {}.into()]);
    given::<Payment>(authorized())
        .when(PaymentCommand::Void)
        .then([PaymentVoidRequested {}.into()]);
    given::<Payment>(captured())
        .when(PaymentCommand::Refund)
        .then([PaymentRefundRequested {}.into()]);
}

#[test]
fn the_answer_to_a_recorded_request_is_recorded() {
    given::<Payment>(requested())
        .when(record_authorized())
        .then([PaymentAuthorized { authorization: authorization() }.into()]);
    given::<Payment>(requested())
        .when(record_declined())
        .then([PaymentDeclined { reason: "card_declined".into() }.into()]);
    given::<Payment>(capture_requested())
        .when(PaymentCommand::RecordCaptured)
        .then([PaymentCaptured {}.into()]);
    given::<Payment>(capture_requested())
        .when(record_capture_refused())
        .then([PaymentCaptureRefused { reason: "authorization_expired".into() }.into()]);
    for past in void_requested() {
        given::<Payment>(past).when(PaymentCommand::RecordVoided).then([PaymentVoided {}.into()]);
    }
    given::<Payment>(refund_requested())
        .when(PaymentCommand::RecordRefunded)
        .then([PaymentRefunded {}.into()]);
}

#[test]
fn recording_a_request_again_changes_nothing() {
    let past = [requested(), authorized(), declined(), capture_requested(), capture_refused()];
    for past in past.into_iter().chain([captured(), refunded()]) {
        given::<Payment>(past).when(authorize()).then_nothing();
    }
    for past in [capture_requested(), capture_refused(), captured(), refund_requested(), refunded()]
    {
        given::<Payment>(past).when(PaymentCommand::Capture).then_nothing();
    }
    for past in undone() {
        given::<Payment>(past).when(PaymentCommand::Void).then_nothing();
    }
    for past in [refund_requested(), refunded()] {
        given::<Payment>(past).when(PaymentCommand::Refund).then_nothing();
    }
}

#[test]
fn recording_an_answer_again_changes_nothing() {
    for past in [authorized(), capture_requested(), capture_refused(), captured(), refunded()] {
        given::<Payment>(past).when(record_authorized()).then_nothing();
    }
    given::<Payment>(capture_refused()).when(record_capture_refused()).then_nothing();
    given::<Payment>(declined()).when(record_declined()).then_nothing();
    for past in [captured(), refund_requested(), refunded()] {
        given::<Payment>(past).when(PaymentCommand::RecordCaptured).then_nothing();
    }
    for past in voided() {
        given::<Payment>(past).when(PaymentCommand::RecordVoided).then_nothing();
    }
    given::<Payment>(refunded()).when(PaymentCommand::RecordRefunded).then_nothing();
}

#[test]
fn a_payment_that_is_undone_before_its_request_is_voided_without_a_request() {
    given::<Payment>(unrequested()).when(PaymentCommand::Void).then([PaymentVoided {}.into()]);
}

#[test]
fn a_payment_that_is_undone_after_its_request_is_released_at_the_gateway() {
    given::<Payment>(requested()).when(PaymentCommand::Void).then([PaymentVoidRequested {}.into()]);
}

#[test]
fn commands_on_a_payment_that_is_undone_are_rejected() {
    for past in undone() {
        let late = [
            authorize(),
            record_authorized(),
            record_declined(),
            PaymentCommand::Capture,
            record_capture_refused(),
        ];
        for late in late {
            given::<Payment>(&past).when(late).then_rejected(PaymentRejection::Undone);
        }
    }
    for past in voided() {
        given::<Payment>(past)
            .when(PaymentCommand::RecordCaptured)
            .then_rejected(PaymentRejection::Undone);
    }
}

/// The gateway does not void captured money: the customer would never get it back.
#[test]
fn a_capture_that_was_faster_than_the_void_is_recorded_and_then_refunded() {
    for past in void_requested() {
        given::<Payment>(&past)
            .when(PaymentCommand::RecordCaptured)
            .then([PaymentCaptured {}.into()]);
        given::<Payment>(and(past, PaymentCaptured {}))
            .when(PaymentCommand::Refund)
            .then([PaymentRefundRequested {}.into()]);
    }
}

/// If the gateway answered that it holds the money, it is released like any other.
#[test]
fn money_whose_capture_was_requested_or_refused_can_be_voided() {
    for past in [capture_requested(), capture_refused()] {
        given::<Payment>(past).when(PaymentCommand::Void).then([PaymentVoidRequested {}.into()]);
    }
}

#[test]
fn a_declined_payment_holds_nothing_to_release_or_capture() {
    given::<Payment>(declined()).when(PaymentCommand::Void).then_nothing();
    given::<Payment>(declined())
        .when(PaymentCommand::Capture)
        .then_rejected(PaymentRejection::NotAuthorized);
}

#[test]
fn money_that_is_not_held_cannot_be_captured() {
    for past in [unrequested(), requested()] {
        given::<Payment>(past)
            .when(PaymentCommand::Capture)
            .then_rejected(PaymentRejection::NotAuthorized);
    }
}

#[test]
fn captured_money_can_no_longer_be_voided() {
    for past in [captured(), refund_requested(), refunded()] {
        for command in [PaymentCommand::Void, PaymentCommand::RecordVoided] {
            given::<Payment>(&past).when(command).then_rejected(PaymentRejection::Captured);
        }
    }
}

#[test]
fn only_captured_money_can_be_refunded() {
    let past = [unrequested(), requested(), authorized(), declined(), capture_requested()];
    for past in past.into_iter().chain([capture_refused()]).chain(undone()) {
        for command in [PaymentCommand::Refund, PaymentCommand::RecordRefunded] {
            given::<Payment>(&past).when(command).then_rejected(PaymentRejection::NotCaptured);
        }
    }
}

#[test]
fn an_answer_without_a_recorded_request_is_rejected() {
    given::<Payment>(unrequested())
        .when(record_authorized())
        .then_rejected(PaymentRejection::NotRequested);
    given::<Payment>(unrequested())
        .when(record_declined())
        .then_rejected(PaymentRejection::NotRequested);
    given::<Payment>(authorized())
        .when(PaymentCommand::RecordCaptured)
        .then_rejected(PaymentRejection::NotRequested);
    given::<Payment>(authorized())
        .when(record_capture_refused())
        .then_rejected(PaymentRejection::NotRequested);
    let unvoided = [unrequested(), requested(), authorized(), declined(), capture_requested()];
    for past in unvoided.into_iter().chain([capture_refused()]) {
        given::<Payment>(past)
            .when(PaymentCommand::RecordVoided)
            .then_rejected(PaymentRejection::NotRequested);
    }
    given::<Payment>(captured())
        .when(PaymentCommand::RecordRefunded)
        .then_rejected(PaymentRejection::NotRequested);
}

#[test]
fn an_answer_that_contradicts_an_earlier_answer_is_rejected() {
    given::<Payment>(declined())
        .when(record_authorized())
        .then_rejected(PaymentRejection::AnsweredOtherwise);
    let approved = [authorized(), capture_requested(), capture_refused(), captured()];
    for past in approved.into_iter().chain([refund_requested(), refunded()]) {
        given::<Payment>(past)
            .when(record_declined())
            .then_rejected(PaymentRejection::AnsweredOtherwise);
    }
    given::<Payment>(capture_refused())
        .when(PaymentCommand::RecordCaptured)
        .then_rejected(PaymentRejection::AnsweredOtherwise);
    for past in [captured(), refund_requested(), refunded()] {
        given::<Payment>(past)
            .when(record_capture_refused())
            .then_rejected(PaymentRejection::AnsweredOtherwise);
    }
}
