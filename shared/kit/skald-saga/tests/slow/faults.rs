//! A booking under every fault, alone, in pairs and at random.

use skald_testkit::saga::{Harness, Report};

use crate::booking::{Bug, Guest, Hotel, Stay, commands, only_switches};

/// How many random scripts are run.
const RANDOM_RUNS: u64 = 20_000;

fn harness() -> Harness<Stay, Hotel> {
    let guests = [
        ("an ordinary booking", Guest::Ordinary),
        ("a room without a code", Guest::WithoutCode),
        ("a full hotel", Guest::Refused),
        ("a declined deposit", Guest::Declined),
    ];
    let harness = guests.into_iter().fold(Harness::new(), |harness, (name, guest)| {
        harness.world(name, move |hooks| Hotel::new(hooks, guest, Bug::None))
    });
    commands().into_iter().fold(harness, Harness::command)
}

/// Every fault and every command happened, and each end was reached.
#[track_caller]
fn assert_varied(report: &Report) {
    eprintln!("{report}");
    assert!(report.ends.len() >= 2, "{report}");
    assert!(report.faults.len() >= 30, "{report}");
    assert_eq!(report.accepted.len(), 4, "{report}");
}

#[test]
fn a_booking_survives_each_fault_at_each_point() {
    assert_varied(&harness().singles().unwrap());
}

#[test]
fn a_booking_survives_a_call_in_doubt_around_each_command() {
    let report = harness().pairs(8).unwrap();
    eprintln!("{report}");
    assert!(report.runs > 1_000, "{report}");
}

#[test]
fn two_executions_of_a_booking_can_be_interleaved_at_any_points() {
    let report = harness().interleavings(23).unwrap();
    eprintln!("{report}");
    assert!(report.runs > 1_000, "{report}");
}

#[test]
fn a_booking_survives_random_faults() {
    assert_varied(&harness().random(1..RANDOM_RUNS + 1).unwrap());
}

/// A system that does not close keys is safe only if no execution dies.
#[test]
fn a_late_answer_is_undone_by_the_step_that_receives_it() {
    let harness = Harness::<Stay, Hotel>::new()
        .world("a forgetful lock", |hooks| Hotel::new(hooks, Guest::ForgetfulLock, Bug::None))
        .only(only_switches);
    let harness = commands().into_iter().fold(harness, Harness::command);
    eprintln!("{}", harness.singles().unwrap());
    eprintln!("{}", harness.random(1..2_001).unwrap());
}
