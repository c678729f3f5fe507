//! Orders whose goods are in many shards: each is reserved if enough goods are available.

use events::CancelReason;
use ordering::order::Phase;
use ordering::reservation::ReservationState;
use proptest::prelude::*;
use skald_saga::{StepError, StepInput};

use super::world::machine::execute;
use super::world::{self, Goods, World, finish, poll, poll_times, run, step};
use crate::samples::sku;

/// More polls than any runner here needs.
pub(super) const MAX_POLLS: usize = 10_000;

/// Seven products, each with one piece in each of 16 shards. 15 pieces of each product are ordered,
/// so the order draws from 105 shards.
pub(super) fn seven() -> Vec<Goods> {
    let goods =
        |number| Goods { sku: sku(&format!("SKU-{number}")), ordered: 15, received: vec![1; 16] };
    (0..7).map(goods).collect()
}

fn phase(world: &World) -> Phase {
    world::phase(&world.state())
}

/// Performs the step that reserves, and returns what it wrote.
fn reserve(world: &World) -> ReservationState {
    let _result: Result<(), StepError> =
        finish(world.perform(&StepInput::new(world.execution(), step("reserve_stock"))));
    world.state().reservation
}

#[test]
fn an_order_from_more_shards_than_a_transaction_can_contain_is_confirmed() {
    let world = World::with_goods(seven());
    run(world.driver());
    assert_eq!(phase(&world), Phase::Confirmed, "{}", world.log().join("\n"));
    world.assert_clean("seven products");
}

#[test]
fn an_order_from_many_shards_reaches_its_end_if_executions_die_or_pause_after_any_line() {
    let world = World::with_goods(seven());
    let mut runner = world.driver();
    let lines = (1..MAX_POLLS).find(|_| poll(&mut runner)).unwrap();
    for line in 0..=lines {
        let world = World::with_goods(seven());
        let mut runner = execute(&world, 1);
        let done = poll_times(&mut runner, line);
        let what = format!("line {line}, {}", line % 4);
        match line % 4 {
            0 => drop(runner),
            1 => {
                world.cancel();
                drop(runner);
            }
            2 => {
                world.cancel();
                run(world.driver());
                if !done {
                    run(runner);
                }
            }
            _ => {
                run(world.driver());
                if !done {
                    run(runner);
                }
            }
        }
        run(world.driver());
        world.assert_clean(&what);
        let phase = phase(&world);
        assert!(
            phase == Phase::Confirmed || phase == Phase::Cancelled(CancelReason::CustomerRequest),
            "{what}"
        );
        assert!(line % 4 != 0 || phase == Phase::Confirmed, "{what}");
    }
}

/// Each of two reads visits every shard in turn, while goods move from one shard to another. Enough
/// is available at every moment.
#[test]
fn an_order_is_not_refused_if_its_goods_move_between_shards() {
    let goods = || vec![Goods { sku: sku("MUG-01"), ordered: 5, received: vec![0, 0, 6, 0] }];
    for first in 0..40 {
        for second in 0..20 {
            for third in [0, 1, 3, 7] {
                let world = World::staggered(goods());
                let mut runner = world.driver();
                let moves = [(first, 2, 0), (second, 0, 3), (third, 3, 1)];
                let mut over = false;
                for (polls, from, to) in moves {
                    over = over || poll_times(&mut runner, polls);
                    if !over && world.state().reservation == ReservationState::Unmade {
                        assert!(world.move_goods(&sku("MUG-01"), from, to, 6));
                    }
                }
                if !over {
                    run(runner);
                }
                let what = format!("moved after {first}, {second}, {third}");
                assert_eq!(phase(&world), Phase::Confirmed, "{what}\n{}", world.log().join("\n"));
                world.assert_clean(&what);
            }
        }
    }
}

/// However often goods move, the step is retried and not refused.
#[test]
fn an_order_is_not_refused_while_its_goods_keep_moving() {
    let world = World::staggered(vec![Goods {
        sku: sku("MUG-01"),
        ordered: 5,
        received: vec![0, 0, 0, 6],
    }]);
    let input = StepInput::new(world.execution(), step("reserve_stock"));
    let mut step: super::world::Runner<'_> = Box::pin(async {
        match world.perform(&input).await {
            Ok(()) => Ok(()),
            Err(error) => {
                assert_eq!(error.name(), StepError::BUSY, "{error}");
                Ok(())
            }
        }
    });
    let mut at = 3;
    for _ in 0..MAX_POLLS {
        if poll(&mut step) {
            break;
        }
        if world.state().reservation == ReservationState::Unmade {
            // Goods move to the shard that is read before their present one, or back to the last.
            let to = if at == 0 { 3 } else { at - 1 };
            assert!(world.move_goods(&sku("MUG-01"), at, to, 6));
            at = to;
        }
    }
    drop(step);
    run(world.driver());
    assert_eq!(phase(&world), Phase::Confirmed);
    world.assert_clean("goods that keep moving");
}

fn any_goods() -> impl Strategy<Value = Vec<Goods>> {
    let line = (proptest::collection::vec(0..4_u64, 1..=16), 0..3_u64, any::<bool>());
    // Most lines want almost all that is available, so that they need many shards.
    (proptest::collection::vec(line, 1..=50), any::<bool>()).prop_map(|(lines, all_short)| {
        let goods = lines.into_iter().enumerate().map(|(number, (received, less, more))| {
            let all: u64 = received.iter().sum();
            let ordered = if more && all_short { all + less } else { all.saturating_sub(less) };
            Goods { sku: sku(&format!("SKU-{number}")), ordered: ordered.clamp(1, 1000), received }
        });
        goods.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// An order is reserved if enough of each product is available, and refused otherwise. Goods
    /// are never oversold, and undoing the order returns all of them.
    #[test]
    fn an_order_is_reserved_if_and_only_if_enough_of_each_product_is_available(
        goods in any_goods(),
        dies in 0..400_usize,
    ) {
        let enough = goods.iter().all(|goods| goods.all() >= goods.ordered);
        let world = World::with_goods(goods.clone());
        poll_times(&mut execute(&world, 1), dies);
        run(world.driver());
        let expected =
            if enough {
                Phase::Confirmed
            } else {
                Phase::Cancelled(CancelReason::StockUnavailable)
            };
        prop_assert_eq!(phase(&world), expected);
        world.assert_clean("reserved or refused");

        let world = World::with_goods(goods);
        let reservation = reserve(&world);
        prop_assert_eq!(matches!(reservation, ReservationState::Made(_)), enough);
        prop_assert!(world.cancel());
        run(world.driver());
        prop_assert!(matches!(phase(&world), Phase::Cancelled(_)));
        world.assert_clean("reserved, then undone");
    }
}
