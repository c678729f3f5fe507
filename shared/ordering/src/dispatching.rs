//! The parcel of an order leaves, and arrives.
//!
//! Order, shipment, reservation and stock change in one transaction: the goods leave the stock when
//! the parcel does, and no order leaves that is being undone. If an earlier release already took
//! the goods from the stock, only order and shipment change.
//!
//! The goods of some orders are in more shards than one transaction can contain. They leave the
//! stock [first](Parcel::fits), and the parcel in a second transaction. If undoing the order starts
//! between the two, it returns the goods.

use events::{OrderEvent, OrderId, ShipmentEvent, TrackingCode};
use skald::decider::{Decider, Folded};
use skald::handle::{Many, One};
use skald::store::MAX_STREAMS;
use skald::stream::Tenant;

use crate::order::{Order, OrderCommand, OrderRejection, OrderState};
use crate::reservation::{
    HeldGoods, Reservation, ReservingEvents, ReservingRejection, ReservingStates,
};
use crate::shipment::{Shipment, ShipmentCommand, ShipmentRejection, ShipmentState};
use crate::stock::Stock;
use crate::streams;

/// The streams of an order and its parcel.
pub type ParcelStreams = (One<Order>, One<Shipment>);
/// The states of an order and its parcel.
pub type ParcelStates = (Folded<OrderState>, Folded<ShipmentState>);
/// The events that a decision adds to an order and its parcel.
pub type ParcelEvents = (Vec<OrderEvent>, Vec<ShipmentEvent>);

/// A parcel that leaves, with its goods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The goods that the order's reservation [holds](crate::reservation::ReservationState::held)
    /// when it is read.
    pub goods: HeldGoods,
    /// The code with which the parcel can be followed, if the carrier gave one.
    pub tracking_code: Option<TrackingCode>,
}

/// Why a parcel does not leave or arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParcelRejection {
    /// The order rejects it.
    #[error(transparent)]
    Order(#[from] OrderRejection),
    /// The shipment rejects it.
    #[error(transparent)]
    Shipment(#[from] ShipmentRejection),
    /// The reservation or a shard of stock rejects it.
    #[error(transparent)]
    Goods(#[from] ReservingRejection),
}

impl Parcel {
    /// Whether one transaction can contain the order, its shipment, its reservation and every shard
    /// of its goods. If not, [ship](HeldGoods::ship) the goods first, and read the reservation
    /// again.
    #[must_use]
    pub const fn fits(&self) -> bool {
        self.goods.lines.len() + 3 <= MAX_STREAMS
    }

    /// The streams that [`dispatch`](Self::dispatch) decides over.
    #[must_use]
    pub fn streams(&self, tenant: &Tenant) -> (ParcelStreams, (One<Reservation>, Many<Stock>)) {
        (parcel_streams(tenant, self.goods.order_id), self.goods.streams(tenant))
    }

    /// The parcel leaves: for [`Handler::handle_all`](skald::handle::Handler::handle_all). If it
    /// has already left, nothing changes.
    ///
    /// # Errors
    /// [`ReservingRejection::Changed`] if the reservation holds other goods by now: read it again.
    /// Else the rejection of the first stream that rejects, the order first.
    pub fn dispatch(
        &self,
        ((order, shipment), goods): &(ParcelStates, ReservingStates),
    ) -> Result<(ParcelEvents, ReservingEvents), ParcelRejection> {
        let order = Order::decide(&order.state, &OrderCommand::Dispatch)?;
        if order.is_empty() {
            return Ok(((order, Vec::new()), (Vec::new(), vec![Vec::new(); goods.1.len()])));
        }
        let tracking_code = self.tracking_code.clone();
        let dispatch = ShipmentCommand::Dispatch { tracking_code };
        let shipment = Shipment::decide(&shipment.state, &dispatch)?;
        Ok(((order, shipment), self.goods.ship(goods)?))
    }
}

/// The streams of an order and its parcel, which [`deliver`] decides over.
#[must_use]
pub fn parcel_streams(tenant: &Tenant, order_id: OrderId) -> ParcelStreams {
    let (order, shipment) = (streams::order(tenant, order_id), streams::shipment(tenant, order_id));
    (One::new(order), One::new(shipment))
}

/// The parcel arrives: for [`Handler::handle_all`](skald::handle::Handler::handle_all). If it has
/// already arrived, nothing changes.
///
/// # Errors
/// The rejection of the first stream that rejects, the order first.
pub fn deliver((order, shipment): &ParcelStates) -> Result<ParcelEvents, ParcelRejection> {
    let order = Order::decide(&order.state, &OrderCommand::Deliver)?;
    let shipment = Shipment::decide(&shipment.state, &ShipmentCommand::Deliver)?;
    Ok((order, shipment))
}
