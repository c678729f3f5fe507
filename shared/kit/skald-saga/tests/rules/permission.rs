//! Which step is performed in which phase.

use skald_saga::{Change, Performer, StepError, StepInput, StepName};
use skald_testkit::saga::Hooks;

use crate::booking::{Booking, BookingCommand, Bug, Guest, Hotel, Stay, Step};

/// What a step returns at first in a booking after these changes.
fn result(step: &str, changes: &[Change<crate::booking::Reason>]) -> &'static str {
    let hooks = Hooks::new();
    let hotel = Hotel::new(&hooks, Guest::Ordinary, Bug::None);
    for change in changes {
        assert!(hooks.at_once(hotel.handle(BookingCommand::Change(change.clone()))));
    }
    let input = StepInput::new(hotel.first_execution(), Step::named(step).unwrap());
    let before = hotel.commits().len() + hotel.commits_of("room").len();
    let result = hooks.at_once(Performer::<Stay>::perform(&hotel, &input, hooks.now()));
    let has_written = hotel.commits().len() + hotel.commits_of("room").len() > before;
    match result {
        Ok(()) if has_written => "written",
        Ok(()) => "quiet",
        Err(StepError::Undone) => "undone",
        Err(StepError::Permanent(_)) => "permanent",
        Err(error) => panic!("{step}: {error}"),
    }
}

#[test]
fn the_phase_decides_which_steps_are_performed() {
    let undo =
        Change::StartUndo { reason: <Booking as skald_saga::Arbiter>::expired(), attempt: 1 };
    let open = vec![];
    let past_gate = vec![Change::PassGate];
    let completed = vec![Change::PassGate, Change::Complete];
    let undoing = vec![undo.clone()];
    let undone = vec![undo, Change::EndUndo];
    let phases = [open, past_gate, completed, undoing, undone];
    for (step, expected) in [
        ("hold_room", ["written", "quiet", "quiet", "undone", "undone"]),
        ("collect_deposit", ["permanent", "quiet", "quiet", "undone", "undone"]),
        ("release_room", ["permanent", "permanent", "permanent", "written", "quiet"]),
        ("guarantee_booking", ["permanent", "quiet", "quiet", "undone", "undone"]),
        ("confirm_booking", ["permanent", "permanent", "quiet", "undone", "undone"]),
        ("cancel_booking", ["permanent", "permanent", "permanent", "permanent", "quiet"]),
    ] {
        let results: Vec<_> = phases.iter().map(|phase| result(step, phase)).collect();
        assert_eq!(results, expected, "{step}");
    }
}
