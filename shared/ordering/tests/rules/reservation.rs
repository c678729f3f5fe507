use events::{
    ReservationAbandoned, ReservationEvent, ReservationMade, ReservationRefused,
    ReservationReleased, ReservationShipped, ReservedLine, ShortLine, StockEvent, StockReleased,
    StockReserved, StockShipped,
};
use ordering::requests::{Caller, IdempotencyKey};
use ordering::reservation::{
    HeldGoods, MakeReservation, MakingStates, Reservation, ReservationCommand,
    ReservationRejection, ReservationState, ReservingRejection, ReservingStates, ShardVersions,
    WantedLine, make,
};
use ordering::stock::{StockRejection, StockState};
use proptest::prelude::*;
use skald::decider::{Decider, Folded};
use skald::handle::{Decided, Streams};
use skald::stream::{Tenant, Version};
use skald_testkit::given;

use crate::samples::{order_id, quantity, sharded, shards, sku};

pub(crate) fn line(name: &str, shard: u16, number: u64) -> ReservedLine {
    ReservedLine { sku: sku(name), shard, quantity: quantity(number) }
}

fn lines() -> Vec<ReservedLine> {
    vec![line("MUG-01", 1, 2), line("TEE-07", 0, 1)]
}

fn short() -> Vec<ShortLine> {
    vec![ShortLine { sku: sku("TEE-07"), wanted: quantity(1), available: 0 }]
}

fn make_it() -> ReservationCommand {
    ReservationCommand::Make { lines: lines() }
}

fn refuse_it() -> ReservationCommand {
    ReservationCommand::Refuse { short: short() }
}

fn made() -> Vec<ReservationEvent> {
    vec![ReservationMade { lines: lines() }.into()]
}

fn refused() -> Vec<ReservationEvent> {
    vec![ReservationRefused { short: short() }.into()]
}

fn released() -> Vec<ReservationEvent> {
    [made(), vec![ReservationReleased {}.into()]].concat()
}

fn shipped() -> Vec<ReservationEvent> {
    [made(), vec![ReservationShipped {}.into()]].concat()
}

fn abandoned() -> Vec<ReservationEvent> {
    vec![ReservationAbandoned {}.into()]
}

#[test]
fn a_reservation_is_made_or_refused() {
    given::<Reservation>([]).when(make_it()).then(made());
    given::<Reservation>([]).when(refuse_it()).then(refused());
}

#[test]
fn a_reservation_decides_once() {
    for past in [made(), refused(), shipped()] {
        given::<Reservation>(&past).when(make_it()).then_nothing();
        given::<Reservation>(&past).when(refuse_it()).then_nothing();
    }
}

#[test]
fn a_reservation_that_is_made_can_be_released_and_again_changes_nothing() {
    given::<Reservation>(made())
        .when(ReservationCommand::Release)
        .then([ReservationReleased {}.into()]);
    given::<Reservation>(released()).when(ReservationCommand::Release).then_nothing();
}

#[test]
fn a_reservation_that_was_refused_holds_nothing_to_release() {
    given::<Reservation>(refused()).when(ReservationCommand::Release).then_nothing();
}

#[test]
fn a_reservation_that_is_undone_before_it_is_made_can_no_longer_be_made() {
    given::<Reservation>([]).when(ReservationCommand::Release).then(abandoned());
    given::<Reservation>(abandoned()).when(ReservationCommand::Release).then_nothing();
    for past in [abandoned(), released()] {
        given::<Reservation>(&past).when(make_it()).then_rejected(ReservationRejection::Undone);
        given::<Reservation>(&past).when(refuse_it()).then_rejected(ReservationRejection::Undone);
    }
}

#[test]
fn held_goods_can_be_shipped_and_repeating_it_changes_nothing() {
    given::<Reservation>(made())
        .when(ReservationCommand::Ship)
        .then([ReservationShipped {}.into()]);
    given::<Reservation>(shipped()).when(ReservationCommand::Ship).then_nothing();
}

#[test]
fn goods_that_are_not_held_cannot_be_shipped() {
    for past in [Vec::new(), refused()] {
        given::<Reservation>(past)
            .when(ReservationCommand::Ship)
            .then_rejected(ReservationRejection::NotMade);
    }
    for past in [released(), abandoned()] {
        given::<Reservation>(past)
            .when(ReservationCommand::Ship)
            .then_rejected(ReservationRejection::Undone);
    }
}

#[test]
fn shipped_goods_cannot_be_released() {
    given::<Reservation>(shipped())
        .when(ReservationCommand::Release)
        .then_rejected(ReservationRejection::Shipped);
}

/// A reservation in this state, and shards with these available quantities.
pub(crate) fn states(reservation: ReservationState, available: &[u64]) -> ReservingStates {
    let shard = |&on_hand: &u64| Folded {
        state: StockState { on_hand, reserved: 0 },
        version: Version::START,
    };
    (Folded { state: reservation, version: Version::START }, available.iter().map(shard).collect())
}

/// The states of [`states`], and the products of the order's lines.
pub(crate) fn making(
    order: &MakeReservation,
    reservation: ReservationState,
    available: &[u64],
) -> MakingStates {
    let (reservation, stock) = states(reservation, available);
    let product =
        |line: &WantedLine| Folded { state: sharded(line.stock_shards), version: Version::new(1) };
    (reservation, (order.lines.iter().map(product).collect(), stock))
}

pub(crate) fn wanted(name: &str, number: u64, stock_shards: u64) -> WantedLine {
    WantedLine { sku: sku(name), quantity: quantity(number), stock_shards: shards(stock_shards) }
}

pub(crate) fn order(lines: impl IntoIterator<Item = WantedLine>) -> MakeReservation {
    MakeReservation { order_id: order_id(), lines: lines.into_iter().collect() }
}

/// The read of [`states`], if no shard has moved.
pub(crate) fn seen(order: &MakeReservation) -> ShardVersions {
    order.lines.iter().map(|line| vec![Version::START; line.stock_shards.get().into()]).collect()
}

/// The drawn parts or the short lines, and what is decided about the shards.
fn made_of(
    order: &MakeReservation,
    available: &[u64],
) -> (ReservationEvent, Vec<Decided<StockEvent>>) {
    let states = making(order, ReservationState::Unmade, available);
    let (reservation, (_, stock)) = make(&states, order, None).unwrap();
    let [reservation] = reservation.try_into().unwrap();
    (reservation, stock)
}

/// The decision about a stream that is neither written nor guarded.
pub(crate) fn free<E>() -> Decided<E> {
    Decided::Events(Vec::new())
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
fn nothing_is_held_if_anything_is_short_and_every_short_product_is_named() {
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

/// A refusal is true at the moment when it is written: no goods have come to any shard that it was
/// decided on, and no shard has been added. What another product has does not matter.
#[test]
fn a_refusal_guards_the_products_that_are_short_and_all_their_shards() {
    let order = order([wanted("MUG-01", 9, 2), wanted("TEE-07", 1, 1), wanted("CAP-02", 3, 1)]);
    let states = making(&order, ReservationState::Unmade, &[3, 5, 7, 2]);
    let (_, (products, stock)) = make(&states, &order, None).unwrap();
    assert_eq!(products, [Decided::Guard, free(), Decided::Guard]);
    assert_eq!(stock, [Decided::Guard, Decided::Guard, free(), Decided::Guard]);
}

/// What an order costs if it goes well: guards would be paid for.
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
fn one_shard_that_holds_enough_is_drawn_from_alone() {
    let (reservation, _) = made_of(&order([wanted("MUG-01", 4, 4)]), &[3, 3, 4, 3]);
    assert_eq!(reservation, ReservationMade { lines: vec![line("MUG-01", 2, 4)] }.into());
}

#[test]
fn orders_spread_over_the_shards_that_hold_enough() {
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
fn if_no_shard_holds_enough_the_fullest_are_drawn_from_first() {
    let (reservation, stock) = made_of(&order([wanted("MUG-01", 10, 4)]), &[4, 1, 2, 7]);
    assert_eq!(
        reservation,
        ReservationMade { lines: vec![line("MUG-01", 0, 3), line("MUG-01", 3, 7)] }.into()
    );
    assert_eq!(stock, [reserved(3), free(), free(), reserved(7)]);
}

#[test]
fn making_a_reservation_that_was_made_or_refused_touches_no_stock() {
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

fn held() -> HeldGoods {
    HeldGoods { order_id: order_id(), lines: lines() }
}

fn holding(reservation: ReservationState, reserved: &[u64]) -> ReservingStates {
    let shard = |&reserved: &u64| Folded {
        state: StockState { on_hand: 10, reserved },
        version: Version::START,
    };
    (Folded { state: reservation, version: Version::START }, reserved.iter().map(shard).collect())
}

#[test]
fn goods_go_back_to_the_shards_they_were_drawn_from() {
    let (reservation, stock) =
        held().release(&holding(ReservationState::Made(lines()), &[2, 1])).unwrap();
    assert_eq!(reservation, [ReservationReleased {}.into()]);
    let released = |number| {
        StockEvent::from(StockReleased { order_id: order_id(), quantity: quantity(number) })
    };
    assert_eq!(stock, [[released(2)], [released(1)]]);
    let names: Vec<String> =
        held().streams(&Tenant::default()).ids().iter().map(|id| id.name().to_owned()).collect();
    assert_eq!(
        names,
        [&*format!("reservation-{}", order_id()), "stock-MUG-01~1", "stock-TEE-07~0"]
    );
}

#[test]
fn goods_are_shipped_from_the_shards_they_were_drawn_from() {
    let (reservation, stock) =
        held().ship(&holding(ReservationState::Made(lines()), &[2, 1])).unwrap();
    assert_eq!(reservation, [ReservationShipped {}.into()]);
    let shipped = |number| {
        StockEvent::from(StockShipped { order_id: order_id(), quantity: quantity(number) })
    };
    assert_eq!(stock, [[shipped(2)], [shipped(1)]]);
}

#[test]
fn goods_are_released_or_shipped_once() {
    let (reservation, stock) =
        held().release(&holding(ReservationState::Released, &[2, 1])).unwrap();
    assert!(reservation.is_empty() && stock == [vec![], vec![]]);
    let (reservation, stock) = held().ship(&holding(ReservationState::Shipped, &[2, 1])).unwrap();
    assert!(reservation.is_empty() && stock == [vec![], vec![]]);
}

/// An execution that read the reservation when it held nothing must not abandon it after it was
/// made: its goods would be held for ever.
#[test]
fn a_reservation_that_was_made_after_it_was_read_is_not_abandoned() {
    let looked = HeldGoods { lines: Vec::new(), ..held() };
    let changed = looked.release(&holding(ReservationState::Made(lines()), &[]));
    assert_eq!(changed, Err(ReservingRejection::Changed));
    assert_eq!(looked.release(&holding(ReservationState::Unmade, &[])).unwrap().0, abandoned());
}

#[test]
fn stock_that_does_not_hold_the_goods_rejects_their_release() {
    let refused = held().release(&holding(ReservationState::Made(lines()), &[2, 0]));
    assert_eq!(
        refused,
        Err(ReservingRejection::Stock(StockRejection::NotReserved { reserved: 0 }))
    );
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
            | ReservationEvent::Abandoned(_) => {
                prop_assert!(false, "the reservation was neither made nor refused");
            }
        }
    }
}

#[test]
fn a_reservation_knows_what_it_holds() {
    let states = [
        (made(), lines()),
        (released(), Vec::new()),
        (shipped(), Vec::new()),
        (refused(), Vec::new()),
    ];
    for (past, expected) in states {
        let state = past.iter().fold(ReservationState::default(), Reservation::evolve);
        assert_eq!(state.held(), expected);
    }
}
