use events::{
    AttemptKey, ParcelId, ShipmentCancelRequested, ShipmentCancelled, ShipmentCreated,
    ShipmentDelivered, ShipmentDispatched, ShipmentEvent, ShipmentRefused, ShipmentRequested,
    TrackingCode,
};
use ordering::shipment::{Shipment, ShipmentCommand, ShipmentRejection};
use skald_testkit::given;

use crate::samples::order_id;

fn parcel() -> ParcelId {
    ParcelId::new("parcel_1").unwrap()
}

fn create() -> ShipmentCommand {
    ShipmentCommand::Create { attempt_key: AttemptKey::parcel(order_id()) }
}

fn record_created() -> ShipmentCommand {
    ShipmentCommand::RecordCreated { parcel: parcel() }
}

fn record_refused() -> ShipmentCommand {
    ShipmentCommand::RecordRefused { reason: "address_not_served".into() }
}

fn tracking_code() -> TrackingCode {
    TrackingCode::new("JD-0146").unwrap()
}

fn dispatch() -> ShipmentCommand {
    ShipmentCommand::Dispatch { tracking_code: Some(tracking_code()) }
}

fn dispatched_now() -> ShipmentDispatched {
    ShipmentDispatched { tracking_code: Some(tracking_code()) }
}

fn and(past: Vec<ShipmentEvent>, event: impl Into<ShipmentEvent>) -> Vec<ShipmentEvent> {
    [past, vec![event.into()]].concat()
}

fn unrequested() -> Vec<ShipmentEvent> {
    Vec::new()
}

fn requested() -> Vec<ShipmentEvent> {
    and(unrequested(), ShipmentRequested { attempt_key: AttemptKey::parcel(order_id()) })
}

fn created() -> Vec<ShipmentEvent> {
    and(requested(), ShipmentCreated { parcel: parcel() })
}

fn refused() -> Vec<ShipmentEvent> {
    and(requested(), ShipmentRefused { reason: "address_not_served".into() })
}

fn dispatched() -> Vec<ShipmentEvent> {
    and(created(), dispatched_now())
}

fn delivered() -> Vec<ShipmentEvent> {
    and(dispatched(), ShipmentDelivered {})
}

/// Undone while the request for a parcel is open, and after its answer.
fn cancel_requested() -> [Vec<ShipmentEvent>; 2] {
    [and(requested(), ShipmentCancelRequested {}), and(created(), ShipmentCancelRequested {})]
}

/// Undone before the request for a parcel, while it is open, and after its answer.
fn cancelled() -> [Vec<ShipmentEvent>; 3] {
    let [during, after] = cancel_requested();
    [
        and(unrequested(), ShipmentCancelled {}),
        and(during, ShipmentCancelled {}),
        and(after, ShipmentCancelled {}),
    ]
}

fn undone() -> impl Iterator<Item = Vec<ShipmentEvent>> {
    cancel_requested().into_iter().chain(cancelled())
}

#[test]
fn a_request_to_the_carrier_is_recorded_before_it_is_sent() {
    given::<Shipment>(unrequested()).when(create()).then(requested());
    given::<Shipment>(created())
        .when(ShipmentCommand::Cancel)
        .then([ShipmentCancelRequested {}.into()]);
}

#[test]
fn the_answer_to_a_recorded_request_is_recorded() {
    given::<Shipment>(requested())
        .when(record_created())
        .then([ShipmentCreated { parcel: parcel() }.into()]);
    given::<Shipment>(requested())
        .when(record_refused())
        .then([ShipmentRefused { reason: "address_not_served".into() }.into()]);
    for past in cancel_requested() {
        given::<Shipment>(past)
            .when(ShipmentCommand::RecordCancelled)
            .then([ShipmentCancelled {}.into()]);
    }
}

#[test]
fn recording_a_request_or_an_answer_again_changes_nothing() {
    for past in [requested(), created(), refused(), dispatched(), delivered()] {
        given::<Shipment>(past).when(create()).then_nothing();
    }
    for past in [created(), dispatched(), delivered()] {
        given::<Shipment>(past).when(record_created()).then_nothing();
    }
    given::<Shipment>(refused()).when(record_refused()).then_nothing();
    for past in undone() {
        given::<Shipment>(past).when(ShipmentCommand::Cancel).then_nothing();
    }
    for past in cancelled() {
        given::<Shipment>(past).when(ShipmentCommand::RecordCancelled).then_nothing();
    }
}

#[test]
fn a_shipment_that_is_undone_before_its_request_is_cancelled_without_a_request() {
    given::<Shipment>(unrequested())
        .when(ShipmentCommand::Cancel)
        .then([ShipmentCancelled {}.into()]);
}

#[test]
fn a_shipment_that_is_undone_after_its_request_is_cancelled_at_the_carrier() {
    given::<Shipment>(requested())
        .when(ShipmentCommand::Cancel)
        .then([ShipmentCancelRequested {}.into()]);
}

#[test]
fn commands_on_a_shipment_that_is_undone_are_rejected() {
    for past in undone() {
        let late =
            [create(), record_created(), record_refused(), dispatch(), ShipmentCommand::Deliver];
        for late in late {
            given::<Shipment>(&past).when(late).then_rejected(ShipmentRejection::Undone);
        }
    }
}

#[test]
fn a_refused_shipment_has_no_parcel_to_cancel() {
    given::<Shipment>(refused()).when(ShipmentCommand::Cancel).then_nothing();
}

#[test]
fn a_parcel_is_dispatched_and_delivered_once() {
    given::<Shipment>(created()).when(dispatch()).then([dispatched_now().into()]);
    given::<Shipment>(created())
        .when(ShipmentCommand::Dispatch { tracking_code: None })
        .then([ShipmentDispatched { tracking_code: None }.into()]);
    given::<Shipment>(dispatched())
        .when(ShipmentCommand::Deliver)
        .then([ShipmentDelivered {}.into()]);
    for past in [dispatched(), delivered()] {
        given::<Shipment>(past).when(dispatch()).then_nothing();
    }
    given::<Shipment>(delivered()).when(ShipmentCommand::Deliver).then_nothing();
}

#[test]
fn only_an_existing_parcel_is_dispatched_and_only_a_dispatched_one_delivered() {
    for past in [unrequested(), requested(), refused()] {
        given::<Shipment>(&past).when(dispatch()).then_rejected(ShipmentRejection::NotCreated);
        given::<Shipment>(&past)
            .when(ShipmentCommand::Deliver)
            .then_rejected(ShipmentRejection::NotDispatched);
    }
    given::<Shipment>(created())
        .when(ShipmentCommand::Deliver)
        .then_rejected(ShipmentRejection::NotDispatched);
}

#[test]
fn a_dispatched_parcel_cannot_be_cancelled() {
    for past in [dispatched(), delivered()] {
        for command in [ShipmentCommand::Cancel, ShipmentCommand::RecordCancelled] {
            given::<Shipment>(&past).when(command).then_rejected(ShipmentRejection::Dispatched);
        }
    }
}

#[test]
fn an_answer_without_a_request_or_contradicting_an_earlier_answer_is_rejected() {
    given::<Shipment>(unrequested())
        .when(record_created())
        .then_rejected(ShipmentRejection::NotRequested);
    given::<Shipment>(unrequested())
        .when(record_refused())
        .then_rejected(ShipmentRejection::NotRequested);
    for past in [unrequested(), requested(), created(), refused()] {
        given::<Shipment>(past)
            .when(ShipmentCommand::RecordCancelled)
            .then_rejected(ShipmentRejection::NotRequested);
    }
    given::<Shipment>(refused())
        .when(record_created())
        .then_rejected(ShipmentRejection::AnsweredOtherwise);
    for past in [created(), dispatched(), delivered()] {
        given::<Shipment>(past)
            .when(record_refused())
            .then_rejected(ShipmentRejection::AnsweredOtherwise);
    }
}
