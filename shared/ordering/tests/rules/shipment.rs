use events::{
    AttemptKey, ParcelId, ShipmentCancelRequested, ShipmentCancelled, ShipmentCreated,
    ShipmentDelivered, ShipmentDispatched, ShipmentEvent, ShipmentRefused, ShipmentRequested,
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

fn and(past: Vec<ShipmentEvent>, event: impl Into<ShipmentEvent>) -> Vec<ShipmentEvent> {
    [past, vec![event.into()]].concat()
}

fn unasked() -> Vec<ShipmentEvent> {
    Vec::new()
}

fn requested() -> Vec<ShipmentEvent> {
    and(unasked(), ShipmentRequested { attempt_key: AttemptKey::parcel(order_id()) })
}

fn created() -> Vec<ShipmentEvent> {
    and(requested(), ShipmentCreated { parcel: parcel() })
}

fn refused() -> Vec<ShipmentEvent> {
    and(requested(), ShipmentRefused { reason: "address_not_served".into() })
}

fn dispatched() -> Vec<ShipmentEvent> {
    and(created(), ShipmentDispatched {})
}

fn delivered() -> Vec<ShipmentEvent> {
    and(dispatched(), ShipmentDelivered {})
}

/// Undone before, while and after the carrier was asked for a parcel.
fn cancel_requested() -> [Vec<ShipmentEvent>; 2] {
    [and(requested(), ShipmentCancelRequested {}), and(created(), ShipmentCancelRequested {})]
}

fn cancelled() -> [Vec<ShipmentEvent>; 3] {
    let [during, after] = cancel_requested();
    [
        and(unasked(), ShipmentCancelled {}),
        and(during, ShipmentCancelled {}),
        and(after, ShipmentCancelled {}),
    ]
}

fn undone() -> impl Iterator<Item = Vec<ShipmentEvent>> {
    cancel_requested().into_iter().chain(cancelled())
}

#[test]
fn what_the_carrier_is_about_to_be_asked_is_written_first() {
    given::<Shipment>(unasked()).when(create()).then(requested());
    given::<Shipment>(created())
        .when(ShipmentCommand::Cancel)
        .then([ShipmentCancelRequested {}.into()]);
}

#[test]
fn what_came_of_it_is_written_then() {
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
fn asking_and_recording_again_changes_nothing() {
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
fn a_shipment_that_is_undone_before_the_carrier_is_asked_is_never_asked_for() {
    given::<Shipment>(unasked()).when(ShipmentCommand::Cancel).then([ShipmentCancelled {}.into()]);
}

#[test]
fn a_shipment_that_is_undone_while_the_carrier_is_asked_may_be_there_and_is_dropped() {
    given::<Shipment>(requested())
        .when(ShipmentCommand::Cancel)
        .then([ShipmentCancelRequested {}.into()]);
}

#[test]
fn whatever_comes_too_late_for_a_shipment_that_is_undone_is_rejected() {
    for past in undone() {
        let late = [
            create(),
            record_created(),
            record_refused(),
            ShipmentCommand::Dispatch,
            ShipmentCommand::Deliver,
        ];
        for late in late {
            given::<Shipment>(&past).when(late).then_rejected(ShipmentRejection::Undone);
        }
    }
}

#[test]
fn a_refused_shipment_has_no_parcel_to_drop() {
    given::<Shipment>(refused()).when(ShipmentCommand::Cancel).then_nothing();
}

#[test]
fn a_parcel_leaves_and_arrives_once() {
    given::<Shipment>(created())
        .when(ShipmentCommand::Dispatch)
        .then([ShipmentDispatched {}.into()]);
    given::<Shipment>(dispatched())
        .when(ShipmentCommand::Deliver)
        .then([ShipmentDelivered {}.into()]);
    for past in [dispatched(), delivered()] {
        given::<Shipment>(past).when(ShipmentCommand::Dispatch).then_nothing();
    }
    given::<Shipment>(delivered()).when(ShipmentCommand::Deliver).then_nothing();
}

#[test]
fn a_parcel_that_is_not_there_cannot_leave_nor_one_that_has_not_left_arrive() {
    for past in [unasked(), requested(), refused()] {
        given::<Shipment>(&past)
            .when(ShipmentCommand::Dispatch)
            .then_rejected(ShipmentRejection::NotCreated);
        given::<Shipment>(&past)
            .when(ShipmentCommand::Deliver)
            .then_rejected(ShipmentRejection::NotDispatched);
    }
    given::<Shipment>(created())
        .when(ShipmentCommand::Deliver)
        .then_rejected(ShipmentRejection::NotDispatched);
}

#[test]
fn a_parcel_that_has_left_cannot_be_dropped() {
    for past in [dispatched(), delivered()] {
        for command in [ShipmentCommand::Cancel, ShipmentCommand::RecordCancelled] {
            given::<Shipment>(&past).when(command).then_rejected(ShipmentRejection::Dispatched);
        }
    }
}

#[test]
fn nothing_is_recorded_that_was_not_asked_and_the_carrier_cannot_change_its_mind() {
    given::<Shipment>(unasked()).when(record_created()).then_rejected(ShipmentRejection::NotAsked);
    given::<Shipment>(unasked()).when(record_refused()).then_rejected(ShipmentRejection::NotAsked);
    for past in [unasked(), requested(), created(), refused()] {
        given::<Shipment>(past)
            .when(ShipmentCommand::RecordCancelled)
            .then_rejected(ShipmentRejection::NotAsked);
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
