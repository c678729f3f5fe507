use events::{
    CustomerEmailChanged, CustomerErased, CustomerEvent, CustomerRegistered, CustomerRenamed,
};
use ordering::customer::{Customer, CustomerCommand, CustomerRejection, CustomerState};
use ordering::requests::CustomerRequest;
use ordering::values::{EmailAddress, Name};
use serde_json::json;
use skald::decider::{Decider, decide_in_turn};
use skald::personal::Personal;
use skald_testkit::given;

use crate::samples::{customer, personal};

fn name(text: &str) -> Personal<Name> {
    personal(Name::new(text).unwrap())
}

fn email(text: &str) -> Personal<EmailAddress> {
    personal(EmailAddress::new(text).unwrap())
}

fn text(text: &str) -> Personal<String> {
    personal(text.to_owned())
}

fn registered(name: &str, email: &str) -> CustomerEvent {
    CustomerRegistered { name: text(name), email: text(email) }.into()
}

fn jane() -> CustomerEvent {
    registered("Jane", "jane@example.com")
}

#[test]
fn a_customer_can_be_registered() {
    let register =
        CustomerCommand::Register { name: name("Jane"), email: email("jane@example.com") };
    given::<Customer>([]).when(register).then([jane()]);
}

#[test]
fn registering_again_changes_nothing() {
    let register =
        |text| CustomerCommand::Register { name: name(text), email: email("other@example.com") };
    given::<Customer>([jane()]).when(register("Jane")).then_nothing();
    given::<Customer>([jane()]).when(register("Somebody else")).then_nothing();
}

#[test]
fn a_customer_can_be_renamed() {
    let rename = |text| CustomerCommand::Rename { name: name(text) };
    given::<Customer>([jane()])
        .when(rename("Roe"))
        .then([CustomerRenamed { name: text("Roe") }.into()]);
    given::<Customer>([jane()]).when(rename("Jane")).then_nothing();
    let renamed = CustomerRenamed { name: text("Roe") }.into();
    given::<Customer>([jane(), renamed]).when(rename("Roe")).then_nothing();
}

#[test]
fn the_email_address_of_a_customer_can_be_changed() {
    let change = |text| CustomerCommand::ChangeEmail { email: email(text) };
    let changed = || CustomerEvent::from(CustomerEmailChanged { email: text("roe@example.com") });
    given::<Customer>([jane()]).when(change("roe@example.com")).then([changed()]);
    given::<Customer>([jane()]).when(change("jane@example.com")).then_nothing();
    given::<Customer>([jane(), changed()]).when(change("roe@example.com")).then_nothing();
}

#[test]
fn a_customer_that_is_not_registered_cannot_be_changed() {
    let commands = [
        CustomerCommand::Rename { name: name("Jane") },
        CustomerCommand::ChangeEmail { email: email("a@b") },
    ];
    for command in commands {
        given::<Customer>([]).when(command).then_rejected(CustomerRejection::NotRegistered);
    }
}

#[test]
fn an_erased_customer_cannot_be_registered_again() {
    let erased = || CustomerEvent::from(CustomerErased {});
    given::<Customer>([jane()]).when(CustomerCommand::Erase).then([erased()]);
    given::<Customer>([jane(), erased()]).when(CustomerCommand::Erase).then_nothing();
    given::<Customer>([])
        .when(CustomerCommand::Erase)
        .then_rejected(CustomerRejection::NotRegistered);
    for command in [
        CustomerCommand::Register { name: name("Roe"), email: email("roe@example.com") },
        CustomerCommand::Rename { name: name("Roe") },
        CustomerCommand::ChangeEmail { email: email("roe@example.com") },
    ] {
        given::<Customer>([jane(), erased()])
            .when(command)
            .then_rejected(CustomerRejection::Erased);
    }
}

/// A writer that read the customer before the erasure appends after it: the state stays erased.
#[test]
fn events_after_an_erasure_restore_nothing() {
    let past =
        [jane(), CustomerErased {}.into(), CustomerRenamed { name: text("Roe") }.into(), jane()];
    let state = past.iter().fold(CustomerState::default(), Customer::evolve);
    assert_eq!((state.registered(), &state), (None, &CustomerState::Erased));
}

#[test]
fn putting_a_customer_gives_the_requested_state_from_any_state() {
    let request = CustomerRequest::validate(
        &customer(),
        &json!({ "name": "Roe", "email": "roe@example.com" }),
    )
    .unwrap();
    let put =
        |state: &CustomerState| decide_in_turn::<Customer>(state, &request.commands()).unwrap();

    assert_eq!(put(&CustomerState::default()), [registered("Roe", "roe@example.com")]);

    let state = Customer::evolve(CustomerState::default(), &jane());
    let changes = put(&state);
    assert_eq!(
        changes,
        [
            CustomerRenamed { name: text("Roe") }.into(),
            CustomerEmailChanged { email: text("roe@example.com") }.into()
        ]
    );
    assert_eq!(
        put(&changes.iter().fold(state, Customer::evolve)),
        [],
        "the second time changes nothing"
    );
}

#[test]
fn no_command_has_personal_data_in_debug_output() {
    let command =
        CustomerCommand::Register { name: name("Jane"), email: email("jane@example.com") };
    let request = CustomerRequest::validate(
        &customer(),
        &json!({ "name": "Jane", "email": "jane@example.com" }),
    )
    .unwrap();
    let state = Customer::evolve(CustomerState::default(), &jane());
    let shown = format!("{command:?} {request:?} {state:?}");
    assert!(!shown.contains("Jane") && !shown.contains("jane@"), "{shown}");
}
