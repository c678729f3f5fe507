//! Sweeps that end early, streams that cannot be read, and ports that do not answer.

use std::sync::atomic::Ordering::SeqCst;

use skald::stream::Version;
use skald::view::ViewRow;
use skald_saga::Phase;
use skald_saga::sweep::SweepError;

use crate::job::Job;
use crate::world::{DELAY, MINUTE, World};

/// Three lost sagas, one whose execution was stopped, and one that runs.
async fn troubled() -> World {
    let world = World::new();
    for number in 0..3 {
        world.begin(format!("lost-{number}")).await;
    }
    world.begin_and_start("stopped").await;
    world.abort("stopped.1");
    world.begin_and_start("runs").await;
    world.wait(DELAY);
    world
}

/// A sweep ends after every number of calls: between the watch list and the checkpoint, and
/// everywhere else. The next sweeps find all the same, and start each attempt once.
#[tokio::test]
async fn a_sweep_may_end_after_any_call() {
    let mut ended_early = 0;
    for calls in 0.. {
        let world = troubled().await;
        world.budget.store(calls, SeqCst);
        let is_whole = world.try_sweep().await.is_ok();
        ended_early += u32::from(!is_whole);
        world.budget.store(usize::MAX, SeqCst);
        for _ in 0..3 {
            world.wait(MINUTE);
            world.sweep().await;
        }
        let expected = ["lost-0.1", "lost-1.1", "lost-2.1", "runs.1", "stopped.1", "stopped.2"];
        assert_eq!(world.executions(), expected, "after {calls} calls");
        world.run_executions().await;
        assert_eq!(world.sweep_for(6).await.watched, 0, "after {calls} calls");
        if is_whole {
            break;
        }
    }
    assert!(ended_early > 50, "the sweep made only {ended_early} calls");
}

#[tokio::test]
async fn a_saga_that_cannot_be_read_does_not_stop_the_others() {
    let world = World::new();
    let poisoned = world.begin("poisoned").await;
    world.poison(&poisoned).await;
    world.begin("lost").await;
    world.wait(DELAY);
    let swept = world.sweep().await;
    assert_eq!((swept.started, swept.unreadable, swept.watched), (1, 1, 2));
    world.run_executions().await;
    world.wait(MINUTE);
    let swept = world.sweep().await;
    assert_eq!((swept.unreadable, swept.watched), (1, 1), "it is tried again");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_written_again() {
    let world = World::new();
    let lost = world.begin("lost").await;
    let row = ViewRow {
        version: Version::new(7),
        at: world.now(),
        body: Some("?".to_owned()),
        listing: None,
        worklist: None,
        parked: None,
    };
    world.rows.plant(&lost, row);
    world.wait(DELAY);
    assert_eq!(world.sweep().await.started, 1);
}

#[tokio::test]
async fn a_state_machine_that_does_not_answer_fails_the_sweep_and_the_next_one_starts_all() {
    let world = troubled().await;
    *world.is_mute.lock().unwrap() = true;
    let error = world.try_sweep().await.unwrap_err();
    assert!(matches!(error, SweepError::Unanswered { sagas: 5 }), "{error:?}");
    *world.is_mute.lock().unwrap() = false;
    let swept = world.sweep().await;
    assert_eq!((swept.started, swept.resumed), (3, 1));
}

#[tokio::test]
async fn sweeps_that_overlap_start_each_attempt_once() {
    let world = troubled().await;
    let (one, other) = (world.sweeper(), world.sweeper());
    let (one, other) = futures_util::future::join(
        one.sweep::<Job>("one", world.now()),
        other.sweep::<Job>("other", world.now()),
    )
    .await;
    let resumed = one.unwrap().resumed + other.unwrap().resumed;
    assert!((1..=2).contains(&resumed), "both may report the same attempt: {resumed}");
    assert_eq!(world.executions().len(), 6, "{:?}", world.executions());
    assert_eq!(world.standing(&crate::job::job("stopped")).await.attempt, 2);
}

#[tokio::test]
async fn a_sweep_without_time_begins_nothing_and_the_next_one_does() {
    let world = troubled().await;
    let late = world.now();
    world.wait(MINUTE);
    // It was called a minute ago, and has 40 seconds.
    let swept = world.sweeper().sweep::<Job>("late", late).await.unwrap();
    assert_eq!((swept.started, swept.looked), (0, 0));
    assert_eq!(world.sweep().await.started, 3);
    world.run_executions().await;
    let lost = world.standing(&crate::job::job("lost-0")).await;
    assert_eq!(lost.phase, Phase::Completed);
}
