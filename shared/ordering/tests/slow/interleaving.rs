//! Orders under every incident: an execution that dies after any line, two concurrent executions, a
//! customer who cancels and a deadline that passes at any moment.

use skald_testkit::SeededRng;

use super::world::machine::execute;
use super::world::scenarios::{SCENARIOS, length};
use super::world::{Runner, World, poll, poll_times, run};

/// An incident from outside.
#[derive(Debug, Clone, Copy)]
enum Incident {
    Nothing,
    Cancelled,
    Expired,
    Erased,
    Resumed,
}

const INCIDENTS: [Incident; 5] = [
    Incident::Nothing,
    Incident::Cancelled,
    Incident::Expired,
    Incident::Erased,
    Incident::Resumed,
];

impl Incident {
    fn happen(self, world: &World) {
        match self {
            Self::Nothing => {}
            Self::Cancelled => {
                world.cancel();
            }
            Self::Expired => world.expire(),
            Self::Erased => world.erase_customer(),
            // A final order is not resumed.
            Self::Resumed => {
                world.try_resume();
            }
        }
    }
}

/// The executions that run orders.
const RUNNERS: [for<'a> fn(&'a World) -> Runner<'a>; 2] =
    [|world| world.driver(), |world| execute(world, 1)];

/// The last runner takes the order to its end. Any runner can, because all state is in the streams.
#[track_caller]
fn settle(world: &World, what: &str) {
    run(world.driver());
    world.assert_clean(what);
}

#[test]
fn an_order_reaches_its_end_if_executions_die_after_any_line() {
    for scenario in SCENARIOS {
        for start in RUNNERS {
            for line in 0..=length(scenario, start) {
                for incident in INCIDENTS {
                    let world = World::new(scenario);
                    poll_times(&mut start(&world), line);
                    incident.happen(&world);
                    settle(
                        &world,
                        &format!("{scenario:?}, dead after line {line}, then {incident:?}"),
                    );
                }
            }
        }
    }
}

#[test]
fn an_order_can_be_cancelled_expired_erased_and_resumed_at_any_line() {
    for scenario in SCENARIOS {
        for start in RUNNERS {
            for line in 0..=length(scenario, start) {
                for incident in INCIDENTS {
                    let world = World::new(scenario);
                    let mut runner = start(&world);
                    let done = poll_times(&mut runner, line);
                    incident.happen(&world);
                    if !done {
                        run(runner);
                    }
                    // An order that is cancelled or resumed starts again, with a new execution.
                    if let Some(attempt) = world.resumed() {
                        run(execute(&world, attempt));
                    }
                    world.assert_clean(&format!("{scenario:?}, {incident:?} at line {line}"));
                }
            }
        }
    }
}

#[test]
fn an_execution_that_pauses_at_any_line_while_another_finishes_the_order_does_no_harm() {
    for scenario in SCENARIOS {
        for start in RUNNERS {
            for line in 0..=length(scenario, start) {
                for incident in INCIDENTS {
                    let world = World::new(scenario);
                    let mut paused = start(&world);
                    let done = poll_times(&mut paused, line);
                    incident.happen(&world);
                    run(world.driver());
                    if !done {
                        run(paused);
                    }
                    world.assert_clean(&format!(
                        "{scenario:?}, paused at line {line}, {incident:?}"
                    ));
                }
            }
        }
    }
}

/// One execution pauses and the other dies, at any two lines; the customer cancels in between. Then
/// the paused execution continues.
#[test]
fn two_executions_that_stop_at_any_lines_around_a_cancellation_leave_nothing_behind() {
    for scenario in [SCENARIOS[0], SCENARIOS[5]] {
        let length = length(scenario, RUNNERS[1]);
        for first in 0..=length {
            for second in 0..=length {
                let world = World::new(scenario);
                let mut paused = execute(&world, 1);
                let done = poll_times(&mut paused, first);
                world.cancel();
                poll_times(&mut execute(&world, 1), second);
                if !done {
                    run(paused);
                }
                settle(
                    &world,
                    &format!("{scenario:?}, paused at line {first}, another dead after {second}"),
                );
            }
        }
    }
}

/// One execution pauses, the order is resumed, and the execution of the next attempt dies. Before
/// or after that, another incident happens. Then the paused execution continues.
#[test]
fn an_order_that_is_resumed_among_other_incidents_leaves_nothing_behind() {
    let pairs = [
        [Incident::Resumed, Incident::Nothing],
        [Incident::Resumed, Incident::Cancelled],
        [Incident::Cancelled, Incident::Resumed],
        [Incident::Resumed, Incident::Expired],
        [Incident::Resumed, Incident::Erased],
    ];
    for scenario in [SCENARIOS[0], SCENARIOS[5]] {
        let length = length(scenario, RUNNERS[1]);
        for [before, after] in pairs {
            for first in 0..=length {
                // Together, the first executions reach every line of the second.
                for second in (first % 17..=length).step_by(17) {
                    let world = World::new(scenario);
                    let mut paused = execute(&world, 1);
                    let done = poll_times(&mut paused, first);
                    before.happen(&world);
                    let dead = poll_times(&mut execute(&world, world.attempt()), second);
                    after.happen(&world);
                    if !done {
                        run(paused);
                    }
                    let what = format!(
                        "paused at line {first}, {before:?}, dead after {second} ({dead}), \
                         {after:?}"
                    );
                    settle(&world, &format!("{scenario:?}, {what}"));
                }
            }
        }
    }
}

/// Even with a gateway and a carrier that do not close keys, an execution that acts too late undoes
/// its own effect, unless it dies.
#[test]
fn a_late_action_undoes_its_own_effect() {
    for scenario in [SCENARIOS[0], SCENARIOS[3]] {
        for start in RUNNERS {
            for line in 0..=length(scenario, start) {
                let world = World::forgetful(scenario);
                let mut paused = start(&world);
                let done = poll_times(&mut paused, line);
                world.cancel();
                run(world.driver());
                if !done {
                    run(paused);
                }
                world.assert_clean(&format!("{scenario:?}, paused at line {line}"));
            }
        }
    }
}

#[test]
fn three_executions_that_die_and_restart_at_random_leave_nothing_behind() {
    for seed in 1..=600_u64 {
        let mut rng = SeededRng::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let scenario = SCENARIOS[rng.below(SCENARIOS.len() as u64) as usize];
        let world = World::new(scenario);
        let start = |rng: &mut SeededRng| match rng.below(2) {
            0 => Some(world.driver()),
            _ => Some(execute(&world, world.attempt())),
        };
        let mut runners: [Option<Runner<'_>>; 3] =
            [start(&mut rng), start(&mut rng), start(&mut rng)];
        let (cancels, expires) = (rng.below(400), rng.below(800));
        let (erases, resumes) = (rng.below(1600), [rng.below(800), rng.below(800)]);
        for turn in 0..600 {
            if turn == cancels {
                world.cancel();
            }
            if turn == expires {
                world.expire();
            }
            if turn == erases {
                world.erase_customer();
            }
            if resumes.contains(&turn) {
                world.try_resume();
            }
            let runner = &mut runners[rng.below(3) as usize];
            match rng.below(60) {
                0 => *runner = start(&mut rng),
                _ => {
                    if runner.as_mut().is_some_and(poll) {
                        *runner = None;
                    }
                }
            }
        }
        for runner in runners.into_iter().flatten() {
            run(runner);
        }
        settle(&world, &format!("seed {seed}, {scenario:?}"));
    }
}
