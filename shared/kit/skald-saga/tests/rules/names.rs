//! Steps by name, and the execution that a saga needs.

use skald::store::EventStore;
use skald::stream::Version;
use skald_saga::{
    Change, ErrorOutput, Failure, Performer, StepError, StepInput, StepName, execution_of,
};
use skald_testkit::saga::{Hooks, World};

use crate::booking::{Booking, BookingCommand, Bug, Guest, Hotel, Stay, Step};

#[test]
fn every_step_is_read_from_the_name_that_it_is_written_as() {
    let retired = Step::named("inspect_room").unwrap();
    for step in Step::ALL.iter().copied().chain([retired]) {
        let json = serde_json::to_string(&step).unwrap();
        assert_eq!(json, format!("\"{}\"", step.name()));
        assert_eq!(serde_json::from_str::<Step>(&json).unwrap(), step);
    }
    assert!(serde_json::from_str::<Step>("\"paint_room\"").is_err());
    assert!(retired.is_retired() && !Step::ALL.contains(&retired));
}

/// An execution of an earlier release may still run it.
#[test]
fn a_retired_step_succeeds_without_an_effect() {
    let hooks = Hooks::new();
    let hotel = Hotel::new(&hooks, Guest::Ordinary, Bug::None);
    let before = hotel.commits();
    let step = Step::named("inspect_room").unwrap();
    let input = StepInput::new(hotel.execution().unwrap(), step);
    let done = hooks.at_once(Performer::<Stay>::perform(&hotel, &input, hooks.now()));
    assert_eq!(done, Ok(()));
    assert_eq!(hotel.commits(), before);
}

#[test]
fn a_saga_needs_an_execution_until_it_is_parked_or_settled() {
    let hooks = Hooks::new();
    let hotel = Hotel::new(&hooks, Guest::Ordinary, Bug::None);
    let attempt = || hotel.execution().map(|execution| execution.attempt);
    assert_eq!(attempt(), Some(1));
    let change = |change| hooks.at_once(hotel.handle(BookingCommand::Change(change)));
    assert!(change(Change::Park { step: "hold_room".to_owned(), error: "e".to_owned() }));
    assert_eq!(attempt(), None);
    assert!(change(Change::Resume));
    assert_eq!(attempt(), Some(2));
    assert!(hooks.at_once(hotel.handle(BookingCommand::Cancel)));
    assert_eq!(attempt(), Some(3));
    assert!(change(Change::EndUndo));
    assert_eq!(attempt(), None);
    let stream = hotel.commits()[0].stream.clone();
    assert_eq!(execution_of::<Booking>(&stream, &[]).unwrap(), None);
    let read = hooks.at_once(hooks.plain_store().read(&stream, Version::START)).unwrap();
    assert_eq!(read, hotel.commits());
    assert_eq!(World::<Stay>::instance(&hotel).id, stream.id());
}

fn park(hotel: &Hotel, attempt: u32, step: &str) -> Result<(), StepError> {
    let error = ErrorOutput { error: "Transient".to_owned(), cause: "no answer".to_owned() };
    let failure = Some(Failure { step: Step::named(step).unwrap(), error });
    let mut execution = hotel.first_execution();
    execution.attempt = attempt;
    let step = Step::named("park_booking").unwrap();
    let input = StepInput { failure, ..StepInput::new(execution, step) };
    let hooks = World::<Stay>::hooks(hotel);
    hooks.at_once(Performer::<Stay>::perform(hotel, &input, hooks.now()))
}

#[test]
fn only_the_current_attempt_of_a_saga_that_is_not_settled_parks_it() {
    let hooks = Hooks::new();
    let hotel = Hotel::new(&hooks, Guest::Ordinary, Bug::None);
    assert_eq!(park(&hotel, 1, "hold_room"), Ok(()));
    assert_eq!(park(&hotel, 1, "hold_room"), Ok(()), "it is parked");
    assert!(hooks.at_once(hotel.handle(BookingCommand::Change(Change::Resume))));
    assert_eq!(park(&hotel, 1, "hold_room"), Err(StepError::Settled), "a later attempt runs");
    assert!(hooks.at_once(hotel.handle(BookingCommand::Cancel)));
    assert_eq!(park(&hotel, 3, "hold_room"), Err(StepError::Undone), "a step forward");
    assert_eq!(park(&hotel, 3, "release_room"), Ok(()), "a compensation");
    assert!(hooks.at_once(hotel.handle(BookingCommand::Change(Change::EndUndo))));
    assert_eq!(park(&hotel, 3, "release_room"), Err(StepError::Settled), "everything is undone");
}
