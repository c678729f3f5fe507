//! Reservations that need more than one read of the stock: goods in too many shards, and goods that
//! may have moved.

use std::collections::BTreeMap;

use events::{
    ReservationEvent, ReservationRefused, ShardQuantity, ShortLine, StockEvent, StockMovedIn,
    StockMovedOut,
};
use ordering::reservation::{
    Gathering, Look, ReservationState, ReservingRejection, WantedLine, gather, make,
};
use ordering::stock::{Stock, StockRejection, StockState};
use skald::decider::{Decider, Folded};
use skald::handle::Streams;
use skald::store::MAX_STREAMS;
use skald::stream::{StreamId, Tenant, Version};

use crate::reservation::{line, order, seen, states, wanted};
use crate::samples::{order_id, quantity, sku};

/// The stock after the decided events of each shard.
fn after(stock: &[Folded<StockState>], decided: &[Vec<StockEvent>]) -> Vec<Folded<StockState>> {
    let evolved = stock.iter().zip(decided).map(|(shard, events)| Folded {
        state: events.iter().fold(shard.state, Stock::evolve),
        version: shard.version.plus(events.len() as u64),
    });
    evolved.collect()
}

/// A transaction of more than 100 streams fails: such an order must neither be retried for ever nor
/// be called short.
#[test]
fn goods_in_more_shards_than_a_transaction_can_contain_are_gathered_first() {
    let lines: Vec<WantedLine> =
        (0..50).map(|number| wanted(&format!("SKU-{number}"), 16, 16)).collect();
    let order = order(lines);
    let (reservation, stock) = states(ReservationState::Unmade, &[1; 50 * 16]);
    let scattered = make(&(reservation.clone(), stock.clone()), &order, None);
    let Err(ReservingRejection::Scattered { look, gatherings }) = scattered else {
        panic!("{scattered:?}")
    };
    assert_eq!(look, seen(&order));
    // 800 parts, less 15 for each line that is gathered, leave 99 or fewer.
    assert_eq!(gatherings.len(), 47);
    let mut stock: BTreeMap<StreamId, Folded<StockState>> =
        order.streams(&Tenant::default()).1.ids().into_iter().zip(stock).collect();
    for transaction in Gathering::by_transaction(&gatherings) {
        let streams = Gathering::streams(transaction, &Tenant::default()).ids();
        assert!(streams.len() <= MAX_STREAMS, "{}", streams.len());
        let before: Vec<_> = streams.iter().map(|stream| stock[stream].clone()).collect();
        let moved = after(&before, &gather(&before, transaction).unwrap());
        stock.extend(streams.into_iter().zip(moved));
    }
    let all = order.streams(&Tenant::default()).1.ids();
    let stock: Vec<_> = all.iter().map(|stream| stock[stream].clone()).collect();
    assert_eq!(
        stock.iter().map(|shard| shard.state.on_hand).sum::<u64>(),
        800,
        "gathering changes no totals"
    );
    let (made, reserved) = make(&(reservation, stock), &order, None).unwrap();
    assert!(matches!(made.as_slice(), [ReservationEvent::Made(_)]), "{made:?}");
    assert!(reserved.iter().filter(|events| !events.is_empty()).count() < MAX_STREAMS);
}

#[test]
fn goods_are_gathered_at_the_shard_that_contributes_the_most() {
    let parts = [(0, 3), (2, 9), (5, 1)].map(|(shard, number)| line("MUG-01", shard, number));
    let wide = (0..97).map(|number| wanted(&format!("SKU-{number}"), 1, 1));
    let order = order([wanted("MUG-01", 13, 6)].into_iter().chain(wide));
    let available = [[3, 0, 9, 0, 0, 1].as_slice(), &[1; 97]].concat();
    let scattered = make(&states(ReservationState::Unmade, &available), &order, None);
    let Err(ReservingRejection::Scattered { gatherings, .. }) = scattered else {
        panic!("{scattered:?}")
    };
    let from = [&parts[0], &parts[2]]
        .map(|part| ShardQuantity { shard: part.shard, quantity: part.quantity });
    let gathering =
        Gathering { order_id: order_id(), sku: sku("MUG-01"), to_shard: 2, from: from.to_vec() };
    assert_eq!(gatherings, [gathering]);

    let (_, stock) = states(ReservationState::Unmade, &[9, 3, 1]);
    let moved_out = |number| {
        StockMovedOut { order_id: order_id(), to_shard: 2, quantity: quantity(number) }.into()
    };
    let moved_in = StockMovedIn { order_id: order_id(), from: from.to_vec() }.into();
    assert_eq!(
        gather(&stock, &gatherings).unwrap(),
        [vec![moved_in], vec![moved_out(3)], vec![moved_out(1)]]
    );
    let (_, gone) = states(ReservationState::Unmade, &[9, 2, 1]);
    assert_eq!(gather(&gone, &gatherings), Err(StockRejection::Short { available: 2 }));
}

/// Shards are read one after the other: goods released at one may have been reserved at another
/// meanwhile.
#[test]
fn a_reservation_is_refused_at_the_second_read_if_no_shard_has_moved() {
    let order = order([wanted("MUG-01", 9, 2), wanted("TEE-07", 5, 2)]);
    let scarce = states(ReservationState::Unmade, &[3, 5, 2, 2]);
    let doubtful = make(&scarce, &order, None);
    assert_eq!(doubtful, Err(ReservingRejection::Doubtful(seen(&order))));

    // First one shard of each product moved, then one shard of only one product, then none.
    let moved = |places: &[(usize, usize)]| {
        let mut look = seen(&order);
        for &(line, shard) in places {
            look[line][shard] = Version::new(7);
        }
        look
    };
    let before = moved(&[(0, 1), (1, 0)]);
    assert_eq!(
        make(&scarce, &order, Some(&before)),
        Err(ReservingRejection::Doubtful(seen(&order)))
    );
    let short = |name: &str, wanted, available| ShortLine {
        sku: sku(name),
        wanted: quantity(wanted),
        available,
    };
    let refused = |before: &Look| make(&scarce, &order, Some(before)).unwrap().0;
    let tees = vec![short("TEE-07", 5, 4)];
    assert_eq!(refused(&moved(&[(0, 1)])), [ReservationRefused { short: tees.clone() }.into()]);
    let both = [vec![short("MUG-01", 9, 8)], tees].concat();
    assert_eq!(refused(&moved(&[])), [ReservationRefused { short: both }.into()]);
    // A product got more shards: the reads are not comparable.
    let mut fewer = seen(&order);
    fewer[0].pop();
    fewer[1].pop();
    assert_eq!(
        make(&scarce, &order, Some(&fewer)),
        Err(ReservingRejection::Doubtful(seen(&order)))
    );
    // Goods that suffice by now are held.
    let enough = states(ReservationState::Unmade, &[4, 5, 3, 2]);
    assert!(matches!(
        make(&enough, &order, Some(&seen(&order))).unwrap().0[..],
        [ReservationEvent::Made(_)]
    ));
}
