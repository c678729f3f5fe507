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
fn somebody_can_register() {
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
fn a_customer_can_be_reached_elsewhere() {
    let change = |text| CustomerCommand::ChangeEmail { email: email(text) };
    let changed = || CustomerEvent::from(CustomerEmailChanged { email: text("roe@example.com") });
    given::<Customer>([jane()]).when(change("roe@example.com")).then([changed()]);
    given::<Customer>([jane()]).when(change("jane@example.com")).then_nothing();
    given::<Customer>([jane(), changed()]).when(change("roe@example.com")).then_nothing();
}

#[test]
fn nobody_who_did_not_register_can_be_changed() {
    let commands = [
        CustomerCommand::Rename { name: name("Jane") },
        CustomerCommand::ChangeEmail { email: email("a@b") },
    ];
    for command in commands {
        given::<Customer>([]).when(command).then_rejected(CustomerRejection::NotRegistered);
    }
}

#[test]
fn a_customer_can_be_erased_and_nobody_takes_their_place() {
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

/// Somebody who had read the customer before the erasure writes after it: nothing comes back.
#[test]
fn what_comes_after_an_erasure_brings_nobody_back() {
    let past =
        [jane(), CustomerErased {}.into(), CustomerRenamed { name: text("Roe") }.into(), jane()];
    let state = past.iter().fold(CustomerState::default(), Customer::evolve);
    assert_eq!((state.registered(), &state), (None, &CustomerState::Erased));
}

#[test]
fn putting_a_customer_makes_it_so_whatever_it_was() {
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
        "a second time nothing changes"
    );
}

#[test]
fn no_command_shows_a_person_in_debug_output() {
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
