use events::{
    AttemptKey, AuthorizationId, PaymentAuthorizationRequested, PaymentAuthorized,
    PaymentCaptureRequested, PaymentCaptured, PaymentDeclined, PaymentEvent,
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

fn captured() -> Vec<PaymentEvent> {
    and(capture_requested(), PaymentCaptured {})
}

fn refund_requested() -> Vec<PaymentEvent> {
    and(captured(), PaymentRefundRequested {})
}

fn refunded() -> Vec<PaymentEvent> {
    and(refund_requested(), PaymentRefunded {})
}

/// Undone while the request to authorize the payment is open, and after its answer.
fn void_requested() -> [Vec<PaymentEvent>; 2] {
    [and(requested(), PaymentVoidRequested {}), and(authorized(), PaymentVoidRequested {})]
}

/// Undone before the request to authorize the payment, while it is open, and after its answer.
fn voided() -> [Vec<PaymentEvent>; 3] {
    let [during, after] = void_requested();
    [
        and(unrequested(), PaymentVoided {}),
        and(during, PaymentVoided {}),
        and(after, PaymentVoided {}),
    ]
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
    for past in void_requested() {
        given::<Payment>(past).when(PaymentCommand::RecordVoided).then([PaymentVoided {}.into()]);
    }
    given::<Payment>(refund_requested())
        .when(PaymentCommand::RecordRefunded)
        .then([PaymentRefunded {}.into()]);
}

#[test]
fn recording_a_request_again_changes_nothing() {
    for past in [requested(), authorized(), declined(), capture_requested(), captured(), refunded()]
    {
        given::<Payment>(past).when(authorize()).then_nothing();
    }
    for past in [capture_requested(), captured(), refund_requested(), refunded()] {
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
    for past in [authorized(), capture_requested(), captured(), refunded()] {
        given::<Payment>(past).when(record_authorized()).then_nothing();
    }
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
        for late in [authorize(), record_authorized(), record_declined(), PaymentCommand::Capture] {
            given::<Payment>(&past).when(late).then_rejected(PaymentRejection::Undone);
        }
        given::<Payment>(&past)
            .when(PaymentCommand::RecordCaptured)
            .then_rejected(PaymentRejection::Undone);
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
fn a_payment_whose_capture_was_requested_can_no_longer_be_voided() {
    for past in [capture_requested(), captured(), refund_requested(), refunded()] {
        for command in [PaymentCommand::Void, PaymentCommand::RecordVoided] {
            given::<Payment>(&past).when(command).then_rejected(PaymentRejection::CaptureRequested);
        }
    }
}

#[test]
fn only_captured_money_can_be_refunded() {
    let past = [unrequested(), requested(), authorized(), declined(), capture_requested()];
    for past in past.into_iter().chain(undone()) {
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
    for past in [unrequested(), requested(), authorized(), declined()] {
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
    for past in [authorized(), capture_requested(), captured(), refund_requested(), refunded()] {
        given::<Payment>(past)
            .when(record_declined())
            .then_rejected(PaymentRejection::AnsweredOtherwise);
    }
}
