//! How many requests a sweep makes. The numbers are those of
//! `functions/saga-sweeper/README.md`, which computes the price from them.

use std::collections::BTreeMap;

use crate::world::{DELAY, MINUTE, SECOND, World};

fn calls(calls: &[(&'static str, u64)]) -> BTreeMap<&'static str, u64> {
    calls.iter().copied().collect()
}

#[tokio::test]
async fn a_sweep_without_commits_reads_each_checkpoint_and_each_slice() {
    let world = World::new();
    world.sweep().await;
    world.wait(MINUTE);
    world.take_calls();
    world.sweep().await;
    // The slices are read once up to the delay, and once for commits that are ahead of now.
    let expected = [("entries", 0), ("get", 16), ("put", 16), ("index", 32), ("list", 2)];
    assert_eq!(world.take_calls(), calls(&expected));
}

#[tokio::test]
async fn a_saga_that_ends_in_time_costs_its_entries_in_the_index_alone() {
    let world = World::new();
    world.sweep().await;
    for number in 0..100 {
        world.begin_and_start(number).await;
        world.wait(SECOND / 2);
        world.run_executions().await;
    }
    world.wait(DELAY);
    world.take_calls();
    world.sweep().await;
    let mut made = world.take_calls();
    made.remove("entries");
    // A checkpoint of each slice before and after its entries, and one more read of each slice.
    assert_eq!(made, calls(&[("get", 16), ("put", 48), ("index", 48), ("list", 2)]));
}

/// Once as a new entry, and again in the overlap: of the next sweep, and of each read that finds
/// nothing more.
#[tokio::test]
async fn an_entry_is_read_at_most_four_times() {
    let world = World::new();
    let mut read = 0;
    for minute in 0..10 {
        for number in 0..60 {
            world.begin_and_start(60 * minute + number).await;
            world.run_executions().await;
            world.wait(SECOND);
        }
        world.take_calls();
        world.sweep().await;
        read = world.take_calls()["entries"];
    }
    let of_a_minute = 60 * 2;
    assert!((of_a_minute..=4 * of_a_minute).contains(&read), "{read}");
}

#[tokio::test]
async fn a_lost_saga_costs_two_reads_three_rows_and_a_start() {
    let world = World::new();
    world.begin("lost").await;
    world.wait(DELAY);
    world.take_calls();
    world.sweep().await;
    let mut made = world.take_calls();
    made.retain(|kind, _| matches!(*kind, "load" | "append" | "put listed" | "start"));
    assert_eq!(made, calls(&[("load", 2), ("put listed", 2), ("start", 1)]));
    // Until it leaves the list.
    world.run_executions().await;
    world.wait(MINUTE);
    world.sweep().await;
    assert_eq!(world.take_calls().get("load"), Some(&1));
}
