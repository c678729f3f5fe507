//! Which sagas are left alone, and what is counted.

use skald_saga::{Change, Phase};

use crate::world::{DEADLINE, DELAY, GRACE, MINUTE, World};

fn park() -> Change<()> {
    Change::Park { step: "step".to_owned(), error: "error".to_owned() }
}

#[tokio::test]
async fn a_running_execution_is_left_alone_and_checked_less_and_less_often() {
    let world = World::new();
    let patient = world.begin_and_start("patient").await;
    world.wait(DELAY);
    let mut checked = Vec::new();
    for minute in 0..20 {
        world.take_calls();
        world.sweep().await;
        if world.take_calls().contains_key("start") {
            checked.push(minute);
        }
        world.wait(MINUTE);
    }
    assert_eq!(checked, [0, 1, 3, 7, 12, 17]);
    assert_eq!(world.executions(), ["patient.1"]);
    assert_eq!(world.standing(&patient).await.attempt, 1);
}

#[tokio::test]
async fn an_overdue_saga_is_turned_round_by_its_execution() {
    let world = World::new();
    let overdue = world.begin("overdue").await;
    world.wait(DEADLINE + 1);
    let swept = world.sweep().await;
    assert_eq!((swept.started, swept.overdue), (1, 0), "it is not overdue for long");
    world.run_executions().await;
    assert_eq!(world.standing(&overdue).await.phase, Phase::Undone);
}

#[tokio::test]
async fn a_saga_that_stays_overdue_is_counted_in_every_sweep() {
    let world = World::new();
    world.begin_and_start("stuck").await;
    world.sweep_for(60).await;
    let (mut counted, mut oldest_s) = (Vec::new(), 0);
    for _ in 60..=80 {
        world.wait(MINUTE);
        let swept = world.sweep().await;
        counted.push(swept.overdue);
        oldest_s = swept.oldest_s;
    }
    let early = usize::try_from(GRACE / MINUTE).unwrap();
    assert!(counted[..early].iter().all(|count| *count == 0), "{counted:?}");
    assert!(counted[early..].iter().all(|count| *count == 1), "{counted:?}");
    assert_eq!(oldest_s, 80 * 60);
}

#[tokio::test]
async fn a_parked_saga_stays_parked_and_is_counted() {
    let world = World::new();
    let parked = world.begin_and_start("parked").await;
    world.change(&parked, park()).await;
    world.abort("parked.1");
    world.wait(DELAY);
    for _ in 0..3 * 60 {
        let swept = world.sweep().await;
        assert_eq!((swept.parked, swept.watched, swept.overdue), (1, 0, 0));
        world.wait(MINUTE);
    }
    assert_eq!(world.executions(), ["parked.1"]);

    // An operator resumes it, and the message is lost.
    world.change(&parked, Change::Resume).await;
    world.wait(DELAY);
    let swept = world.sweep().await;
    assert_eq!((swept.started, swept.parked, swept.watched), (1, 0, 1));
    world.run_executions().await;
    let swept = world.sweep_for(3).await;
    assert_eq!((swept.parked, swept.watched), (0, 0));
}

#[tokio::test]
async fn a_saga_that_parks_while_it_is_watched_moves_to_the_parked_ones() {
    let world = World::new();
    let stream = world.begin_and_start("job").await;
    world.wait(DELAY);
    assert_eq!(world.sweep().await.watched, 1);
    world.change(&stream, park()).await;
    world.wait(MINUTE);
    let swept = world.sweep().await;
    assert_eq!((swept.watched, swept.parked), (0, 1));
}

/// An execution that was running when the saga was parked may still end it.
#[tokio::test]
async fn a_parked_saga_that_ends_without_being_resumed_is_not_counted_any_more() {
    let world = World::new();
    let stream = world.begin_and_start("job").await;
    world.change(&stream, park()).await;
    world.wait(DELAY);
    assert_eq!(world.sweep().await.parked, 1);
    world.change(&stream, Change::Complete).await;
    world.wait(DELAY);
    assert_eq!(world.sweep().await.parked, 0);
}
