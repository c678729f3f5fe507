//! Releasing, shipping and returning the goods that a reservation has drawn.

use events::{
    ReservationAbandoned, ReservationReleased, ReservationReturned, ReservationShipped, StockEvent,
    StockReleased, StockReturned, StockShipped,
};
use ordering::reservation::{HeldGoods, ReservationState, ReservingRejection, ReservingStates};
use ordering::stock::{StockRejection, StockState};
use skald::decider::Folded;
use skald::handle::Streams;
use skald::stream::{Tenant, Version};

use super::lines;
use crate::samples::{order_id, quantity};

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
fn goods_are_released_to_the_shards_they_were_drawn_from() {
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
    let shipped = ReservationState::Shipped(lines());
    let (reservation, stock) = held().ship(&holding(shipped, &[2, 1])).unwrap();
    assert!(reservation.is_empty() && stock == [vec![], vec![]]);
    let (reservation, stock) =
        held().release(&holding(ReservationState::Returned, &[2, 1])).unwrap();
    assert!(reservation.is_empty() && stock == [vec![], vec![]]);
}

/// An earlier release shipped the goods before the order was confirmed. Without their return, they
/// would be missing from the stock forever.
#[test]
fn goods_that_left_the_stock_are_returned_to_the_shards_they_were_drawn_from() {
    let shipped = ReservationState::Shipped(lines());
    let (reservation, stock) = held().release(&holding(shipped, &[0, 0])).unwrap();
    assert_eq!(reservation, [ReservationReturned {}.into()]);
    let returned = |number| {
        StockEvent::from(StockReturned { order_id: order_id(), quantity: quantity(number) })
    };
    assert_eq!(stock, [[returned(2)], [returned(1)]]);
}

/// An execution that read the reservation when it held nothing must not abandon it after it was
/// made: its goods would be held forever.
#[test]
fn a_reservation_that_was_made_after_it_was_read_is_not_abandoned() {
    let empty = HeldGoods { lines: Vec::new(), ..held() };
    let changed = empty.release(&holding(ReservationState::Made(lines()), &[]));
    assert_eq!(changed, Err(ReservingRejection::Changed));
    assert_eq!(
        empty.release(&holding(ReservationState::Unmade, &[])).unwrap().0,
        [ReservationAbandoned {}.into()]
    );
}

#[test]
fn goods_that_the_stock_does_not_hold_cannot_be_released() {
    let rejected = held().release(&holding(ReservationState::Made(lines()), &[2, 0]));
    assert_eq!(
        rejected,
        Err(ReservingRejection::Stock(StockRejection::NotReserved { reserved: 0 }))
    );
}
