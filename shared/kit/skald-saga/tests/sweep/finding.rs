//! Which sagas are started again.

use skald_saga::{Change, Phase};

use crate::job::Job;
use crate::world::{DELAY, MINUTE, OVERLAP, SECOND, World};

#[tokio::test]
async fn a_saga_whose_every_message_was_lost_is_started_and_ends() {
    let world = World::new();
    let lost = world.begin("lost").await;
    world.wait(DELAY);
    assert_eq!(world.sweep().await.started, 1);
    assert_eq!(world.executions(), ["lost.1"]);
    world.run_executions().await;
    let swept = world.sweep_for(5).await;
    assert_eq!((swept.started, swept.watched), (0, 0), "it leaves the list");
    assert_eq!(world.standing(&lost).await.phase, Phase::Completed);
}

#[tokio::test]
async fn a_saga_is_given_the_delay_before_anything_is_read_of_it() {
    let world = World::new();
    world.begin("young").await;
    world.wait(DELAY - 1);
    let swept = world.sweep().await;
    assert_eq!((swept.looked, swept.started, swept.watched), (0, 0, 0));
}

#[tokio::test]
async fn a_settled_saga_is_not_even_read() {
    let world = World::new();
    world.begin_and_start("happy").await;
    world.wait(2 * SECOND);
    world.run_executions().await;
    world.take_calls();
    let swept = world.sweep_for(6).await;
    assert_eq!(swept.looked, 0);
    assert_eq!(world.take_calls().get("load"), None);
}

/// After a saga was completed, it can still be undone, as long as its pivot has not happened.
#[tokio::test]
async fn a_commit_after_the_one_that_settled_the_saga_is_looked_at() {
    let world = World::new();
    let stream = world.begin_and_start("again").await;
    world.run_executions().await;
    world.sweep_for(4).await;
    // The decider of this saga does not undo what is completed: the index alone says that something
    // happened, and the stream is the judge.
    world.poison(&stream).await;
    world.wait(DELAY);
    assert!(world.sweep().await.looked > 0);
}

#[tokio::test]
async fn a_stopped_execution_is_followed_by_the_next_attempt_at_once() {
    let world = World::new();
    let stopped = world.begin_and_start("stopped").await;
    world.abort("stopped.1");
    world.wait(DELAY);
    let swept = world.sweep().await;
    assert_eq!((swept.started, swept.resumed), (0, 1));
    assert_eq!(world.executions(), ["stopped.1", "stopped.2"]);
    world.run_executions().await;
    assert_eq!(world.sweep_for(5).await.watched, 0);
    assert_eq!(world.standing(&stopped).await.phase, Phase::Completed);
}

#[tokio::test]
async fn an_execution_that_was_stopped_is_followed_when_its_end_is_reported() {
    let world = World::new();
    let stopped = world.begin_and_start("stopped").await;
    world.abort("stopped.1");
    let checked = world.sweeper().check::<Job>(&stopped, world.now()).await.unwrap();
    assert_eq!(checked.resumed, 1);
    assert_eq!(world.executions(), ["stopped.1", "stopped.2"]);
    world.abort("stopped.2");
    let checked = world.sweeper().check::<Job>(&stopped, world.now()).await.unwrap();
    assert_eq!(checked.resumed, 0, "the next one waits");
    assert_eq!(world.sweep_for(3).await.resumed, 1);
}

/// An execution that always fails must not be started every minute, forever.
#[tokio::test]
async fn attempts_that_always_end_early_follow_each_other_ever_more_slowly() {
    let world = World::new();
    world.begin_and_start("broken").await;
    for _ in 0..8 * 60 {
        for name in world.executions() {
            world.abort(&name);
        }
        world.sweep().await;
        world.wait(MINUTE);
    }
    let attempts = world.executions().len();
    assert!((12..=16).contains(&attempts), "{attempts} attempts in eight hours");
}

#[tokio::test]
async fn undoing_that_stands_still_is_started_again() {
    let world = World::new();
    let stream = world.begin_and_start("undoing").await;
    world.change(&stream, Change::StartUndo { reason: (), attempt: 1 }).await;
    world.abort("undoing.1");
    world.wait(DELAY);
    assert_eq!(world.sweep().await.resumed, 1);
    world.run_executions().await;
    assert_eq!(world.standing(&stream).await.phase, Phase::Undone);
}

#[tokio::test]
async fn a_saga_that_is_settled_while_it_is_checked_gets_no_further_attempt() {
    for end in [Change::Complete, Change::Park { step: String::new(), error: String::new() }] {
        let world = World::new();
        let stream = world.begin_and_start("job").await;
        world.wait(DELAY);
        world.abort("job.1");
        // Its last step was under way while the sweep asked for the execution.
        *world.while_starting.lock().unwrap() = Some((stream, end.clone()));
        let swept = world.sweep().await;
        assert_eq!((swept.resumed, world.executions().len()), (0, 1), "{end:?}");
    }
}

/// The index may lag by the delay and the overlap together.
#[tokio::test]
async fn a_saga_is_found_although_its_index_entry_is_late() {
    let world = World::new();
    world.begin("late").await;
    let stream = crate::job::job("late");
    let commits = skald::store::EventStore::load(&world.events, &stream, None).await.unwrap();
    let late = world.now().plus_millis(DELAY + OVERLAP - 1);
    world.hide(&commits.commits[0], late);
    // The follower passes its place before it appears.
    for _ in 0..10 {
        world.sweep().await;
        // So many that there are some in the slice of the late one.
        for number in 0..60 {
            world.begin_and_start(format!("other-{}-{number}", world.now().as_millis())).await;
        }
        world.run_executions().await;
        world.wait(20 * SECOND);
    }
    assert!(world.executions().contains(&"late.1".to_owned()), "{:?}", world.executions());
}

#[tokio::test]
async fn a_thousand_lost_sagas_are_started_in_one_sweep_sixteen_at_a_time() {
    let world = World::new();
    for number in 0..1_000 {
        world.begin(number).await;
    }
    world.wait(DELAY);
    let swept = world.sweep().await;
    assert_eq!((swept.started, swept.watched), (1_000, 1_000));
    assert!(world.max_concurrent() <= 16, "{}", world.max_concurrent());
    world.run_executions().await;
    assert_eq!(world.sweep_for(3).await.watched, 0);
}

#[tokio::test]
async fn a_first_sweep_begins_with_the_oldest_commit() {
    let world = World::new();
    world.begin("old").await;
    world.wait(90 * 24 * 60 * MINUTE);
    assert_eq!(world.sweep().await.started, 1);
}
