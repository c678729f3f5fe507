//! Reservations that need more than one read of the stock: goods in too many shards, and goods that
//! may have moved.

use std::collections::BTreeMap;

use events::{
    ReservationEvent, ReservationRefused, ShardQuantity, ShortLine, StockEvent, StockMovedIn,
    StockMovedOut,
};
use ordering::reservation::{
    Gathering, ReservationState, ReservingRejection, WantedLine, gather, make,
};
use ordering::stock::{Stock, StockRejection, StockState};
use skald::decider::{Decider, Folded};
use skald::handle::{Decided, Streams};
use skald::store::MAX_STREAMS;
use skald::stream::{StreamId, Tenant, Version};

use super::{free, line, making, order, seen, states, wanted};
use crate::samples::{order_id, quantity, sku};

/// The stock after the decided events of each shard.
fn after(stock: &[Folded<StockState>], decided: &[Vec<StockEvent>]) -> Vec<Folded<StockState>> {
    let evolved = stock.iter().zip(decided).map(|(shard, events)| Folded {
        state: events.iter().fold(shard.state, Stock::evolve),
        version: shard.version.plus(events.len() as u64),
    });
    evolved.collect()
}

/// A transaction of more than 100 streams fails. Such an order must be neither retried forever nor
/// refused as short.
#[test]
fn goods_in_more_shards_than_a_transaction_can_contain_are_gathered_first() {
    let lines: Vec<WantedLine> =
        (0..50).map(|number| wanted(&format!("SKU-{number}"), 16, 16)).collect();
    let order = order(lines);
    let (reservation, (products, stock)) = making(&order, ReservationState::Unmade, &[1; 50 * 16]);
    let made = make(&(reservation.clone(), (products.clone(), stock.clone())), &order, None);
    let Err(ReservingRejection::TooManyShards { versions, gatherings }) = made else {
        panic!("{made:?}")
    };
    assert_eq!(versions, seen(&order));
    // 800 parts, less 15 for each line that is gathered, leave 99 or fewer.
    assert_eq!(gatherings.len(), 47);
    let shards = order.streams(&Tenant::default()).1.1.ids();
    let mut stock: BTreeMap<StreamId, Folded<StockState>> =
        shards.iter().cloned().zip(stock).collect();
    for transaction in Gathering::by_transaction(&gatherings) {
        let streams = Gathering::streams(transaction, &Tenant::default()).ids();
        assert!(streams.len() <= MAX_STREAMS, "{}", streams.len());
        let before: Vec<_> = streams.iter().map(|stream| stock[stream].clone()).collect();
        let moved = after(&before, &gather(&before, transaction).unwrap());
        stock.extend(streams.into_iter().zip(moved));
    }
    let stock: Vec<_> = shards.iter().map(|stream| stock[stream].clone()).collect();
    assert_eq!(
        stock.iter().map(|shard| shard.state.on_hand).sum::<u64>(),
        800,
        "gathering changes no totals"
    );
    let (made, (_, reserved)) = make(&(reservation, (products, stock)), &order, None).unwrap();
    assert!(matches!(made.as_slice(), [ReservationEvent::Made(_)]), "{made:?}");
    assert!(reserved.iter().filter(|decided| **decided != free()).count() < MAX_STREAMS);
}

#[test]
fn goods_are_gathered_at_the_shard_that_contributes_the_most() {
    let parts = [(0, 3), (2, 9), (5, 1)].map(|(shard, number)| line("MUG-01", shard, number));
    let wide = (0..97).map(|number| wanted(&format!("SKU-{number}"), 1, 1));
    let order = order([wanted("MUG-01", 13, 6)].into_iter().chain(wide));
    let available = [[3, 0, 9, 0, 0, 1].as_slice(), &[1; 97]].concat();
    let made = make(&making(&order, ReservationState::Unmade, &available), &order, None);
    let Err(ReservingRejection::TooManyShards { gatherings, .. }) = made else {
        panic!("{made:?}")
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

/// Shards are read one after the other: goods that were released at one shard may meanwhile be
/// reserved at another. These shards are too many to guard.
#[test]
fn a_refusal_that_cannot_be_guarded_is_decided_at_the_second_read_if_no_shard_has_moved() {
    let number = 7;
    let lines = (0..number).map(|number| wanted(&format!("SKU-{number}"), 17, 16));
    let order = order(lines.collect::<Vec<_>>());
    assert!(number * (1 + 16) + 1 > MAX_STREAMS, "the shards can be guarded");
    let scarce = making(&order, ReservationState::Unmade, &[1; 7 * 16]);
    let made = make(&scarce, &order, None);
    assert_eq!(made, Err(ReservingRejection::NotAtOneMoment(seen(&order))));

    // First one shard of each product moved, then one shard of only one product, then none.
    let moved = |lines: std::ops::Range<usize>| {
        let mut versions = seen(&order);
        versions[lines].iter_mut().for_each(|shards| shards[9] = Version::new(7));
        versions
    };
    let all = moved(0..number);
    assert_eq!(
        make(&scarce, &order, Some(&all)),
        Err(ReservingRejection::NotAtOneMoment(seen(&order)))
    );
    let short = |number| ShortLine {
        sku: sku(&format!("SKU-{number}")),
        wanted: quantity(17),
        available: 16,
    };
    for still in [1, number] {
        let (refused, (products, stock)) =
            make(&scarce, &order, Some(&moved(still..number))).unwrap();
        let short = (0..still).map(short).collect();
        assert_eq!(refused, [ReservationRefused { short }.into()]);
        assert!(products.iter().all(|decided| *decided == free()));
        assert!(stock.iter().all(|decided| *decided == free()));
    }
    // A product got more shards: the reads are not comparable.
    let mut fewer = seen(&order);
    fewer.iter_mut().for_each(|shards| shards.truncate(shards.len() - 1));
    assert_eq!(
        make(&scarce, &order, Some(&fewer)),
        Err(ReservingRejection::NotAtOneMoment(seen(&order)))
    );
    // If enough goods are available by now, they are held, or gathered first.
    let enough = making(&order, ReservationState::Unmade, &[2; 7 * 16]);
    assert!(matches!(
        make(&enough, &order, Some(&seen(&order))),
        Ok((made, _)) if matches!(made.as_slice(), [ReservationEvent::Made(_)])
    ));
}

/// A transaction can contain the reservation and 99 other streams.
#[test]
fn a_refusal_is_guarded_if_all_its_streams_fit_one_transaction() {
    let with_last = |last| {
        let lines =
            (0..5).map(|number| (format!("SKU-{number}"), 16)).chain([("LAST".into(), last)]);
        order(lines.map(|(name, shards)| wanted(&name, 100, shards)).collect::<Vec<_>>())
    };
    let (most, more) = (with_last(13), with_last(14));
    let (_, (products, stock)) =
        make(&making(&most, ReservationState::Unmade, &[1; 93]), &most, None).unwrap();
    assert_eq!(products.len() + stock.len() + 1, MAX_STREAMS);
    assert!(products.iter().all(|decided| *decided == Decided::Guard));
    assert!(stock.iter().all(|decided| *decided == Decided::Guard));
    let decided = make(&making(&more, ReservationState::Unmade, &[1; 94]), &more, None);
    assert_eq!(decided, Err(ReservingRejection::NotAtOneMoment(seen(&more))));
}

/// A second read is used after guards conflicted with other transactions, so it guards nothing.
#[test]
fn a_refusal_by_a_second_read_guards_nothing_and_names_the_products_that_have_not_changed() {
    let order = order([wanted("MUG-01", 9, 2), wanted("TEE-02", 9, 1)]);
    let states = making(&order, ReservationState::Unmade, &[3, 5, 1]);
    let moved = |mug, tee| vec![vec![Version::START, Version::new(mug)], vec![Version::new(tee)]];
    for (before, short) in [
        (moved(0, 0), &["MUG-01", "TEE-02"][..]),
        (moved(7, 0), &["TEE-02"]),
        (moved(0, 7), &["MUG-01"]),
    ] {
        let (made, (products, stock)) = make(&states, &order, Some(&before)).unwrap();
        let [ReservationEvent::Refused(refused)] = made.as_slice() else { panic!("{made:?}") };
        let named: Vec<_> = refused.short.iter().map(|line| line.sku.as_str()).collect();
        assert_eq!(named, short);
        assert_eq!((products, stock), (vec![free(); 2], vec![free(); 3]));
    }
    let decided = make(&states, &order, Some(&moved(7, 7)));
    assert_eq!(decided, Err(ReservingRejection::NotAtOneMoment(seen(&order))));
}
