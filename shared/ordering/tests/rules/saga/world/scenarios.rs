//! The scenarios of an order, and how long they take.

use super::{Runner, Scenario, World, poll};

/// A scenario for each possible end of an order.
pub(crate) const SCENARIOS: [Scenario; 10] = [
    Scenario { token: "tok_approved", postal_code: "10115", enough: true },
    Scenario { token: "tok_approved", postal_code: "10115", enough: false },
    Scenario { token: "tok_declined", postal_code: "10115", enough: true },
    Scenario { token: "tok_approved", postal_code: "00000", enough: true },
    Scenario { token: "tok_timeout_once", postal_code: "10115", enough: true },
    Scenario { token: "tok_timeout_but_authorized", postal_code: "00000", enough: true },
    Scenario { token: "tok_timeout_but_captured", postal_code: "10115", enough: true },
    Scenario { token: "tok_capture_fails", postal_code: "10115", enough: true },
    Scenario { token: "tok_timeout_always", postal_code: "10115", enough: true },
    Scenario { token: "tok_approved", postal_code: "99999", enough: true },
];

/// The number of polls in which a single runner brings the order to its end.
pub(crate) fn length(scenario: Scenario, start: for<'a> fn(&'a World) -> Runner<'a>) -> usize {
    let world = World::new(scenario);
    let mut runner = start(&world);
    let polls = (1..10_000).find(|_| poll(&mut runner)).expect("the order reaches its end");
    assert!(polls > 10, "the runner yields too rarely");
    polls
}
