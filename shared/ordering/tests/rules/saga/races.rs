//! Reservations that race with deliveries, releases, other orders, and products that get more
//! shards: none is refused that could have been made.

use std::collections::BTreeSet;

use ordering::reservation::ReservationState;
use skald_saga::{StepError, StepInput};
use skald_testkit::SeededRng;

use super::world::{Goods, Runner, World, poll, step};
use crate::samples::{shards, sku};

/// More polls than the step needs.
const MAX_POLLS: usize = 2_000;
/// Most changes by others, so the step has an end.
const MAX_CHANGES: u32 = 12;
const MAX_SHARDS: u64 = 6;

/// Performs the step until it no longer fails because of others.
fn reserving(world: &World) -> Runner<'_> {
    Box::pin(async move {
        let input = StepInput::new(world.execution(), step("reserve_stock"));
        while let Err(StepError::Busy) = world.perform(&input).await {}
        Ok(())
    })
}

/// Others change the stock or the product. Returns whether the change was possible.
fn change(world: &World, rng: &mut SeededRng) -> bool {
    let mug = &sku("MUG-01");
    let shards_ever = world.product(mug).max_stock_shards().into();
    let shard = |rng: &mut SeededRng| rng.below(shards_ever) as u16;
    match rng.below(6) {
        0 => world.deliver(mug, 1 + rng.below(4)),
        1 => world.reshard(mug, shards(1 + rng.below(MAX_SHARDS))),
        2 => world.reserve_elsewhere(mug, shard(rng), 1 + rng.below(4)),
        3 => world.release_elsewhere(mug, shard(rng), 1 + rng.below(3)),
        _ => {
            let (from, to) = (shard(rng), shard(rng));
            from != to && world.move_goods(mug, from, to, 1 + rng.below(5))
        }
    }
}

/// How a race ended.
#[derive(Default)]
struct Race {
    made: u32,
    refused: u32,
    changes: u32,
}

impl Race {
    /// Races with this seed, from an order that has just been placed until the step ends.
    /// `is_true_refusal` checks a refusal: it gets the available quantities since the order was
    /// placed, the last of them, and the quantity that the refusal names.
    fn run(
        &mut self,
        seed: u64,
        world: impl Fn(Vec<Goods>) -> World,
        is_true_refusal: impl Fn(&BTreeSet<u64>, u64, u64) -> bool,
    ) {
        let mut rng = SeededRng::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let received = (0..=rng.below(3)).map(|_| rng.below(5)).collect();
        let ordered = 3 + rng.below(6);
        let world = world(vec![Goods { sku: sku("MUG-01"), ordered, received }]);
        let available = || world.available(&sku("MUG-01"));
        let (mut step, mut changes, mut is_decided) = (reserving(&world), 0, false);
        let mut totals = BTreeSet::from([available()]);
        let ended = (0..MAX_POLLS).any(|_| {
            if changes < MAX_CHANGES && !is_decided {
                // Often several at once: only together do they leave enough at every moment.
                for _ in 0..rng.below(3) {
                    changes += 1;
                    self.changes += u32::from(change(&world, &mut rng));
                    totals.insert(available());
                }
            }
            let done = poll(&mut step);
            let now = world.state().reservation;
            if is_decided || now == ReservationState::Unmade {
                return done;
            }
            is_decided = true;
            match now {
                ReservationState::Refused(short) => {
                    self.refused += 1;
                    let named = short[0].available;
                    assert!(
                        named < ordered && is_true_refusal(&totals, available(), named),
                        "seed {seed}: {ordered} were ordered, {totals:?} available: {short:?}"
                    );
                }
                ReservationState::Made(_) => self.made += 1,
                ReservationState::Unmade
                | ReservationState::Released
                | ReservationState::Shipped(_)
                | ReservationState::Returned
                | ReservationState::Abandoned => panic!("seed {seed}: unexpectedly {now:?}"),
            }
            done
        });
        assert!(ended, "seed {seed}: the step did not end");
    }

    /// The races cover every outcome often enough for the test to mean something.
    fn assert_varied(&self) {
        let Self { made, refused, changes } = self;
        assert!(*made > 50 && *refused > 50 && *changes > 1_000, "{made}, {refused}, {changes}");
    }
}

#[test]
fn a_guarded_refusal_is_true_when_it_is_written() {
    let mut race = Race::default();
    for seed in 1..=400 {
        race.run(seed, World::staggered, |_, last, named| named == last);
    }
    race.assert_varied();
}

/// If guards meet other transactions, two reads without guards decide.
#[test]
fn an_unguarded_refusal_was_true_at_some_moment() {
    let mut race = Race::default();
    for seed in 1..=400 {
        race.run(seed, World::staggered_and_contended, |totals, _, named| totals.contains(&named));
    }
    race.assert_varied();
}
