//! The harness finds each bug that is planted in a booking.

use skald_testkit::saga::{Broken, Harness};

use crate::booking::{Bug, Guest, Hotel, Stay, commands, only_switches};

/// Runs until a promise is broken: each fault alone, then at random.
fn find(bug: Bug) -> Option<Broken> {
    let guests: &[(&str, Guest)] = if bug == Bug::IgnoresLateAnswer {
        &[("a forgetful lock", Guest::ForgetfulLock)]
    } else {
        &[("an ordinary booking", Guest::Ordinary), ("a full hotel", Guest::Refused)]
    };
    let mut harness =
        guests.iter().fold(Harness::<Stay, Hotel>::new(), |harness, &(name, guest)| {
            harness.world(name, move |hooks| Hotel::new(hooks, guest, bug))
        });
    if bug == Bug::IgnoresLateAnswer {
        harness = harness.only(only_switches);
    }
    let harness = commands().into_iter().fold(harness, Harness::command);
    harness.singles().and_then(|_| harness.pairs(8)).and_then(|_| harness.random(1..3_001)).err()
}

#[test]
fn every_planted_bug_is_found() {
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        match find(bug) {
            Some(broken) => eprintln!("{bug:?}: {broken}\n"),
            None => missed.push(bug),
        }
    }
    assert_eq!(missed, []);
}
