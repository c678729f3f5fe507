//! Orders under everything that can happen to them: somebody who dies after any line, two who take
//! an order at once, a customer who cancels and a time that is up at any moment.

use skald_testkit::SeededRng;

use super::world::machine::execute;
use super::world::scenarios::{SCENARIOS, length};
use super::world::{Runner, World, poll, poll_times, run};

/// Something that happens to an order from outside.
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
            // One that is final is not resumed.
            Self::Resumed => {
                world.try_resume();
            }
        }
    }
}

/// Those who take orders.
const RUNNERS: [for<'a> fn(&'a World) -> Runner<'a>; 2] =
    [|world| world.driver(), |world| execute(world, 1)];

/// Whoever comes last takes the order to its end. Anybody may: all there is to know is in the
/// streams.
#[track_caller]
fn settle(world: &World, what: &str) {
    run(world.driver());
    world.assert_clean(what);
}

#[test]
fn an_order_comes_to_its_end_whoever_dies_after_whichever_line() {
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
                    // One that is cancelled or resumed begins anew, with an execution of its own.
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
fn one_who_sleeps_at_any_line_while_another_takes_the_order_to_its_end_does_no_harm_when_he_wakes()
{
    for scenario in SCENARIOS {
        for start in RUNNERS {
            for line in 0..=length(scenario, start) {
                for incident in INCIDENTS {
                    let world = World::new(scenario);
                    let mut sleeper = start(&world);
                    let done = poll_times(&mut sleeper, line);
                    incident.happen(&world);
                    run(world.driver());
                    if !done {
                        run(sleeper);
                    }
                    world.assert_clean(&format!(
                        "{scenario:?}, asleep at line {line}, {incident:?}"
                    ));
                }
            }
        }
    }
}

/// One sleeps, the other dies, at any two lines; between them the customer cancels. Then the
/// sleeper wakes.
#[test]
fn two_who_stop_at_any_two_lines_around_a_cancellation_leave_nothing_behind() {
    for scenario in [SCENARIOS[0], SCENARIOS[5]] {
        let length = length(scenario, RUNNERS[1]);
        for first in 0..=length {
            for second in 0..=length {
                let world = World::new(scenario);
                let mut sleeper = execute(&world, 1);
                let done = poll_times(&mut sleeper, first);
                world.cancel();
                poll_times(&mut execute(&world, 1), second);
                if !done {
                    run(sleeper);
                }
                settle(
                    &world,
                    &format!("{scenario:?}, asleep at line {first}, another dead after {second}"),
                );
            }
        }
    }
}

/// One sleeps, the order is resumed, the execution of the next attempt dies; before or after that
/// something else happens. Then the sleeper wakes.
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
                // Every line of the second is met, by one or another of the first.
                for second in (first % 17..=length).step_by(17) {
                    let world = World::new(scenario);
                    let mut sleeper = execute(&world, 1);
                    let done = poll_times(&mut sleeper, first);
                    before.happen(&world);
                    let dead = poll_times(&mut execute(&world, world.attempt()), second);
                    after.happen(&world);
                    if !done {
                        run(sleeper);
                    }
                    let what = format!(
                        "asleep at line {first}, {before:?}, dead after {second} ({dead}), {after:?}"
                    );
                    settle(&world, &format!("{scenario:?}, {what}"));
                }
            }
        }
    }
}

/// Even at a gateway and a carrier that do not close a key, whoever comes too late undoes what he
/// did, if he lives.
#[test]
fn a_late_action_undoes_its_own_effect() {
    for scenario in [SCENARIOS[0], SCENARIOS[3]] {
        for start in RUNNERS {
            for line in 0..=length(scenario, start) {
                let world = World::forgetful(scenario);
                let mut sleeper = start(&world);
                let done = poll_times(&mut sleeper, line);
                world.cancel();
                run(world.driver());
                if !done {
                    run(sleeper);
                }
                world.assert_clean(&format!("{scenario:?}, asleep at line {line}"));
            }
        }
    }
}

#[test]
fn three_at_once_who_die_and_begin_again_at_random_leave_nothing_behind() {
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
