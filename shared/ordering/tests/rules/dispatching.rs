//! A parcel leaves with its goods, and arrives.

use events::{
    CancelReason, OrderCommitted, OrderConfirmed, OrderDelivered, OrderDispatched, OrderEvent,
    OrderUndoStarted, ParcelId, ReservationShipped, ReservedLine, ShipmentDelivered,
    ShipmentDispatched, StockEvent, StockShipped, TrackingCode,
};
use ordering::dispatching::{Parcel, ParcelRejection, ParcelStates, deliver};
use ordering::order::{Order, OrderRejection, OrderState};
use ordering::reservation::{HeldGoods, ReservationState, ReservingRejection, ReservingStates};
use ordering::shipment::{ShipmentRejection, ShipmentState};
use ordering::stock::StockState;
use skald::decider::{Decider, Folded};
use skald::handle::Streams;
use skald::store::MAX_STREAMS;
use skald::stream::{Tenant, Version};

use crate::samples::{order_id, placed, quantity, sku};

fn lines() -> Vec<ReservedLine> {
    let line =
        |name, shard, number| ReservedLine { sku: sku(name), shard, quantity: quantity(number) };
    vec![line("MUG-01", 1, 2), line("TEE-07", 0, 1)]
}

fn tracking_code() -> Option<TrackingCode> {
    Some(TrackingCode::new("JD-0146").unwrap())
}

fn parcel(lines: Vec<ReservedLine>) -> Parcel {
    let goods = HeldGoods { order_id: order_id(), lines };
    Parcel { goods, tracking_code: tracking_code() }
}

fn at<T>(state: T) -> Folded<T> {
    Folded { state, version: Version::START }
}

fn order(events: impl IntoIterator<Item = OrderEvent>) -> OrderState {
    let events = [placed().into()].into_iter().chain(events);
    events.fold(OrderState::default(), |state, event| Order::evolve(state, &event))
}

fn confirmed() -> OrderState {
    order([OrderCommitted {}.into(), OrderConfirmed {}.into()])
}

fn dispatched() -> OrderState {
    let left = OrderDispatched {}.into();
    order([OrderCommitted {}.into(), OrderConfirmed {}.into(), left])
}

fn created() -> ShipmentState {
    ShipmentState::Created(ParcelId::new("parcel_1").unwrap())
}

/// A reservation in this state, and a shard with 10 pieces for each line that it has drawn.
fn goods(reservation: ReservationState) -> ReservingStates {
    let shard =
        |line: &ReservedLine| at(StockState { on_hand: 10, reserved: u64::from(line.quantity) });
    let stock = reservation.held().iter().map(shard).collect();
    (at(reservation), stock)
}

fn leaving(
    order: OrderState,
    shipment: ShipmentState,
    reservation: ReservationState,
) -> (ParcelStates, ReservingStates) {
    ((at(order), at(shipment)), goods(reservation))
}

#[test]
fn the_goods_leave_the_stock_when_the_parcel_leaves() {
    let states = leaving(confirmed(), created(), ReservationState::Made(lines()));
    let ((order, shipment), (reservation, stock)) = parcel(lines()).dispatch(&states).unwrap();
    assert_eq!(order, [OrderDispatched {}.into()]);
    assert_eq!(shipment, [ShipmentDispatched { tracking_code: tracking_code() }.into()]);
    assert_eq!(reservation, [ReservationShipped {}.into()]);
    let shipped = |number| {
        StockEvent::from(StockShipped { order_id: order_id(), quantity: quantity(number) })
    };
    assert_eq!(stock, [[shipped(2)], [shipped(1)]]);
    let ids = parcel(lines()).streams(&Tenant::default()).ids();
    let names: Vec<&str> = ids.iter().map(|id| id.name()).collect();
    let id = order_id();
    let (order, shipment) = (format!("order-{id}"), format!("shipment-{id}"));
    let reservation = format!("reservation-{id}");
    assert_eq!(names, [&*order, &*shipment, &*reservation, "stock-MUG-01~1", "stock-TEE-07~0"]);
}

/// An earlier release took the goods from the stock before it confirmed the order.
#[test]
fn goods_that_already_left_the_stock_do_not_leave_it_again() {
    let states = leaving(confirmed(), created(), ReservationState::Shipped(lines()));
    let ((order, shipment), (reservation, stock)) = parcel(Vec::new()).dispatch(&states).unwrap();
    assert_eq!((order.len(), shipment.len()), (1, 1));
    assert!(reservation.is_empty() && stock.is_empty(), "{reservation:?} {stock:?}");
}

#[test]
fn a_parcel_that_has_left_does_not_leave_again() {
    let shipped = || ReservationState::Shipped(lines());
    for (state, shipment) in [
        (dispatched(), ShipmentState::Dispatched),
        (
            [OrderDelivered {}.into()].iter().fold(dispatched(), Order::evolve),
            ShipmentState::Delivered,
        ),
    ] {
        let states = leaving(state, shipment, shipped());
        let ((order, shipment), (reservation, _)) = parcel(Vec::new()).dispatch(&states).unwrap();
        assert!(order.is_empty() && shipment.is_empty() && reservation.is_empty());
    }
}

/// Otherwise the customer gets goods that are paid back, or not paid yet.
#[test]
fn a_parcel_does_not_leave_unless_its_order_is_confirmed() {
    let reason = CancelReason::CustomerRequest;
    let undo_started = OrderUndoStarted { reason, note: None };
    let orders = [
        (OrderState::Unplaced, OrderRejection::NotPlaced),
        (order([]), OrderRejection::NotConfirmed),
        (order([OrderCommitted {}.into()]), OrderRejection::NotConfirmed),
        (order([undo_started.into()]), OrderRejection::UndoStarted(reason)),
    ];
    for (order, rejection) in orders {
        let states = leaving(order, created(), ReservationState::Made(lines()));
        let rejected = parcel(lines()).dispatch(&states);
        assert_eq!(rejected, Err(ParcelRejection::Order(rejection)));
    }
}

#[test]
fn a_parcel_that_does_not_exist_does_not_leave() {
    let states = leaving(confirmed(), ShipmentState::Unrequested, ReservationState::Made(lines()));
    let rejected = parcel(lines()).dispatch(&states);
    assert_eq!(rejected, Err(ParcelRejection::Shipment(ShipmentRejection::NotCreated)));
}

/// Otherwise goods would leave that the stock still counts.
#[test]
fn a_parcel_does_not_leave_with_other_goods_than_the_reservation_holds() {
    let states = leaving(confirmed(), created(), ReservationState::Made(lines()));
    let rejected = parcel(lines()[..1].to_vec()).dispatch(&states);
    assert_eq!(rejected, Err(ParcelRejection::Goods(ReservingRejection::Changed)));
}

#[test]
fn a_parcel_of_too_many_shards_for_one_transaction_does_not_fit() {
    let of = |number| {
        parcel((0..number).map(|shard| ReservedLine { shard, ..lines()[0].clone() }).collect())
    };
    let largest = u16::try_from(MAX_STREAMS - 3).unwrap();
    assert!(of(largest).fits());
    assert_eq!(of(largest).streams(&Tenant::default()).ids().len(), MAX_STREAMS);
    assert!(!of(largest + 1).fits());
}

#[test]
fn a_parcel_that_has_left_arrives_once() {
    let states = (at(dispatched()), at(ShipmentState::Dispatched));
    let (order, shipment) = deliver(&states).unwrap();
    assert_eq!(order, [OrderDelivered {}.into()]);
    assert_eq!(shipment, [ShipmentDelivered {}.into()]);
    let delivered = order.iter().fold(dispatched(), Order::evolve);
    let again = deliver(&(at(delivered), at(ShipmentState::Delivered))).unwrap();
    assert!(again.0.is_empty() && again.1.is_empty(), "{again:?}");
}

#[test]
fn a_parcel_that_has_not_left_does_not_arrive() {
    let rejected = deliver(&(at(confirmed()), at(created())));
    assert_eq!(rejected, Err(ParcelRejection::Order(OrderRejection::NotDispatched)));
}
