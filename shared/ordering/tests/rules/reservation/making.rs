//! Making or refusing a reservation: from which shards goods are drawn, and what is guarded.

use events::{
    ReservationEvent, ReservationMade, ReservationRefused, ShortLine, StockEvent, StockReserved,
};
use ordering::requests::{Caller, IdempotencyKey};
use ordering::reservation::{
    LookAt, MakeReservation, ReservationRejection, ReservationState, ReservingRejection,
    WantedLine, make,
};
use proptest::prelude::*;
use skald::handle::{Decided, Streams};
use skald::stream::Tenant;

use super::{free, line, lines, making, order, seen, short, wanted};
use crate::samples::{order_id, quantity, sharded, shards, sku};

/// The event of the reservation, and the decisions about the shards.
fn made_of(
    order: &MakeReservation,
    available: &[u64],
) -> (ReservationEvent, Vec<Decided<StockEvent>>) {
    let states = making(order, ReservationState::Unmade, available);
    let (reservation, (_, stock)) = make(&states, order, None).unwrap();
    let [reservation] = reservation.try_into().unwrap();
    (reservation, stock)
}

fn reserved(number: u64) -> Decided<StockEvent> {
    Decided::Events(vec![StockReserved { order_id: order_id(), quantity: quantity(number) }.into()])
}

#[test]
fn everything_that_was_ordered_is_held_together() {
    let order = order([wanted("MUG-01", 2, 2), wanted("TEE-07", 1, 1)]);
    let (reservation, stock) = made_of(&order, &[1, 5, 1]);
    assert_eq!(reservation, ReservationMade { lines: lines() }.into());
    assert_eq!(stock, [free(), reserved(2), reserved(1)]);
}

#[test]
fn no_goods_are_held_if_a_product_is_short_and_every_short_product_is_named() {
    let order = order([wanted("MUG-01", 9, 2), wanted("TEE-07", 1, 1), wanted("CAP-02", 3, 1)]);
    let (reservation, stock) = made_of(&order, &[3, 5, 7, 2]);
    let short = vec![
        ShortLine { sku: sku("MUG-01"), wanted: quantity(9), available: 8 },
        ShortLine { sku: sku("CAP-02"), wanted: quantity(3), available: 2 },
    ];
    assert_eq!(reservation, ReservationRefused { short }.into());
    assert!(
        stock
            .iter()
            .all(|decided| !matches!(decided, Decided::Events(events) if !events.is_empty()))
    );
}

/// A refusal is true when it is written: no goods have arrived in any shard that it was decided on,
/// and no shard has been added. The stock of other products does not matter.
#[test]
fn a_refusal_guards_the_products_that_are_short_and_all_their_shards() {
    let order = order([wanted("MUG-01", 9, 2), wanted("TEE-07", 1, 1), wanted("CAP-02", 3, 1)]);
    let states = making(&order, ReservationState::Unmade, &[3, 5, 7, 2]);
    let (_, (products, stock)) = make(&states, &order, None).unwrap();
    assert_eq!(products, [Decided::Guard, free(), Decided::Guard]);
    assert_eq!(stock, [Decided::Guard, Decided::Guard, free(), Decided::Guard]);
}

/// Guards cost money, so an order that succeeds must not need any.
#[test]
fn a_reservation_that_is_made_guards_nothing() {
    let order = order([wanted("MUG-01", 9, 3), wanted("TEE-07", 1, 1)]);
    let states = making(&order, ReservationState::Unmade, &[3, 6, 0, 7]);
    let (_, (products, stock)) = make(&states, &order, None).unwrap();
    assert_eq!(products, [free(), free()]);
    assert_eq!(stock, [reserved(3), reserved(6), free(), reserved(1)]);
}

/// The goods may be in a shard that was not read.
#[test]
fn an_order_is_not_refused_for_a_product_that_has_more_shards_than_were_read() {
    let order = order([wanted("MUG-01", 9, 2)]);
    let mut states = making(&order, ReservationState::Unmade, &[3, 5]);
    states.1.0[0].state = sharded(shards(3));
    for before in [None, Some(seen(&order))] {
        let decided = make(&states, &order, before.as_ref());
        assert_eq!(decided, Err(ReservingRejection::Changed));
    }
}

#[test]
fn goods_are_drawn_from_one_shard_if_it_has_enough() {
    let (reservation, _) = made_of(&order([wanted("MUG-01", 4, 4)]), &[3, 3, 4, 3]);
    assert_eq!(reservation, ReservationMade { lines: vec![line("MUG-01", 2, 4)] }.into());
}

#[test]
fn orders_are_spread_over_the_shards_that_have_enough() {
    let mut counts = [0; 4];
    for number in 0..1000_u32 {
        let caller = Caller::customer(&events::CustomerId::new(format!("c-{number}")).unwrap());
        let key = IdempotencyKey::new("k").unwrap();
        let order_id = ordering::requests::order_id(&Tenant::default(), &caller, &key);
        let order = MakeReservation { order_id, lines: vec![wanted("MUG-01", 1, 4)] };
        let (reservation, _) = made_of(&order, &[9, 9, 0, 9]);
        let ReservationEvent::Made(made) = reservation else { panic!("{reservation:?}") };
        counts[usize::from(made.lines[0].shard)] += 1;
    }
    assert!(counts[2] == 0 && [0, 1, 3].iter().all(|&shard| counts[shard] > 250), "{counts:?}");
}

#[test]
fn goods_are_drawn_from_the_fullest_shards_first_if_none_has_enough() {
    let (reservation, stock) = made_of(&order([wanted("MUG-01", 10, 4)]), &[4, 1, 2, 7]);
    assert_eq!(
        reservation,
        ReservationMade { lines: vec![line("MUG-01", 0, 3), line("MUG-01", 3, 7)] }.into()
    );
    assert_eq!(stock, [reserved(3), free(), free(), reserved(7)]);
}

#[test]
fn a_reservation_that_was_made_or_refused_is_not_made_again() {
    let order = order([wanted("MUG-01", 2, 2)]);
    for before in [ReservationState::Made(lines()), ReservationState::Refused(short())] {
        let (reservation, (products, stock)) =
            make(&making(&order, before, &[5, 5]), &order, None).unwrap();
        assert_eq!((reservation, products), (vec![], vec![free()]));
        assert_eq!(stock, [free(), free()]);
    }
    for before in [ReservationState::Abandoned, ReservationState::Released] {
        let late = make(&making(&order, before, &[5, 5]), &order, None);
        assert_eq!(late, Err(ReservingRejection::Reservation(ReservationRejection::Undone)));
    }
}

#[test]
fn making_decides_over_the_reservation_and_every_product_and_shard() {
    let order = order([wanted("MUG-01", 2, 2), wanted("TEE-07", 1, 1)]);
    let names: Vec<String> =
        order.streams(&Tenant::default()).ids().iter().map(|id| id.name().to_owned()).collect();
    let reservation = format!("reservation-{}", order_id());
    let products = ["product-MUG-01", "product-TEE-07"];
    let stock = ["stock-MUG-01~0", "stock-MUG-01~1", "stock-TEE-07~0"];
    assert_eq!(names, [[&*reservation].as_slice(), &products, &stock].concat());
}

/// A line that looks at this shard of its product.
fn in_shard(shard: u16, line: WantedLine) -> WantedLine {
    WantedLine { look_at: LookAt::One(shard), ..line }
}

#[test]
fn an_order_that_looks_at_one_shard_of_a_product_draws_from_it() {
    let order = order([in_shard(3, wanted("MUG-01", 2, 4)), in_shard(0, wanted("TEE-07", 1, 1))]);
    let names: Vec<String> =
        order.streams(&Tenant::default()).1.1.ids().iter().map(|id| id.name().to_owned()).collect();
    assert_eq!(names, ["stock-MUG-01~3", "stock-TEE-07~0"]);
    let (reservation, stock) = made_of(&order, &[2, 1]);
    let lines = vec![line("MUG-01", 3, 2), line("TEE-07", 0, 1)];
    assert_eq!(reservation, ReservationMade { lines }.into());
    assert_eq!(stock, [reserved(2), reserved(1)]);
}

/// The goods may be in the other shards, or partly in this one.
#[test]
fn an_order_looks_at_all_shards_of_a_product_before_it_is_refused() {
    let lines = [in_shard(3, wanted("MUG-01", 2, 4)), in_shard(1, wanted("TEE-07", 1, 2))];
    let order = order(lines.into_iter().chain([wanted("CAP-02", 5, 1)]));
    for (available, lines) in [([1, 1, 9], vec![0]), ([1, 0, 9], vec![0, 1]), ([0, 9, 0], vec![0])]
    {
        let decided = make(&making(&order, ReservationState::Unmade, &available), &order, None);
        assert_eq!(decided, Err(ReservingRejection::OtherShards(lines)));
    }
    // A product that never had another shard needs no other look.
    let order = self::order([in_shard(0, wanted("MUG-01", 2, 1))]);
    let (reservation, stock) = made_of(&order, &[1]);
    let short = vec![ShortLine { sku: sku("MUG-01"), wanted: quantity(2), available: 1 }];
    assert_eq!(reservation, ReservationRefused { short }.into());
    assert_eq!(stock, [Decided::Guard]);
}

/// Orders of one shard that all tried the same shard next would meet again.
#[test]
fn orders_try_all_shards_equally_and_after_each_conflict_in_another_order() {
    for number in 1..=16_u64 {
        let mut seen = vec![[0_u64; 6]; number as usize];
        let mut pairs = std::collections::BTreeSet::new();
        for buyer in 0..1600 {
            let caller = Caller::customer(&events::CustomerId::new(format!("c-{buyer}")).unwrap());
            let key = IdempotencyKey::new("k").unwrap();
            let order_id = ordering::requests::order_id(&Tenant::default(), &caller, &key);
            let shards: [u16; 6] = std::array::from_fn(|conflicts| {
                match LookAt::own(order_id, conflicts as u32, shards(number)) {
                    LookAt::One(shard) => shard,
                    LookAt::All => panic!("an order starts with one shard"),
                }
            });
            pairs.insert((shards[0], shards[1]));
            shards.iter().enumerate().for_each(|(conflicts, &shard)| {
                seen[usize::from(shard)][conflicts] += 1;
            });
        }
        let expected = 1600 / number;
        for count in seen.iter().flatten() {
            assert!((expected / 2..=expected * 2).contains(count), "{number} shards: {seen:?}");
        }
        assert_eq!(pairs.len() as u64, number * number, "{number} shards");
    }
}

proptest! {
    #[test]
    fn a_reservation_holds_exactly_what_was_ordered_from_the_fewest_shards_or_nothing(
        available in proptest::collection::vec(0..20_u64, 1..=16),
        number in 1..60_u64,
    ) {
        let order = order([wanted("MUG-01", number, available.len() as u64)]);
        let (reservation, stock) = made_of(&order, &available);
        let all: u64 = available.iter().sum();
        match reservation {
            ReservationEvent::Made(made) => {
                prop_assert!(all >= number);
                let quantities = made.lines.iter().map(|line| u64::from(line.quantity));
                prop_assert_eq!(quantities.sum::<u64>(), number);
                prop_assert!(made.lines.is_sorted_by(|a, b| a.shard < b.shard));
                for line in &made.lines {
                    let shard = usize::from(line.shard);
                    prop_assert!(u64::from(line.quantity) <= available[shard]);
                    prop_assert_eq!(&stock[shard], &reserved(line.quantity.into()));
                }
                let mut fullest = available.clone();
                fullest.sort_unstable_by(|a, b| b.cmp(a));
                let fewer: u64 = fullest.iter().take(made.lines.len() - 1).sum();
                prop_assert!(fewer < number, "fewer shards would suffice");
            }
            ReservationEvent::Refused(_) => {
                prop_assert!(all < number);
                prop_assert!(stock.iter().all(|decided| *decided == Decided::Guard));
            }
            ReservationEvent::Released(_)
            | ReservationEvent::Shipped(_)
            | ReservationEvent::Returned(_)
            | ReservationEvent::Abandoned(_) => {
                prop_assert!(false, "the reservation was neither made nor refused");
            }
        }
    }
}
