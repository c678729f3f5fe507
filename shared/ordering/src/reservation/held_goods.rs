//! Releases, ships or returns the goods that a reservation drew from the stock.

use events::{OrderId, Quantity, ReservationEvent, ReservedLine, StockEvent};
use skald::decider::{Decider, Folded};
use skald::handle::{Many, One};
use skald::stream::Tenant;

use super::aggregate::{Reservation, ReservationCommand, ReservationState};
use super::rejection::ReservingRejection;
use crate::stock::{Stock, StockCommand, StockState};
use crate::streams;

/// The states that a decision over a reservation and the stock it holds needs, for
/// [`Handler::handle_all`](skald::handle::Handler::handle_all).
pub type ReservingStates = (Folded<ReservationState>, Vec<Folded<StockState>>);
/// The events that such a decision adds to the reservation and to each shard.
pub type ReservingEvents = (Vec<ReservationEvent>, Vec<Vec<StockEvent>>);

/// The goods that a reservation had [drawn](ReservationState::drawn) when it was read, to be
/// released, shipped or returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldGoods {
    /// The order.
    pub order_id: OrderId,
    /// The quantity from each shard; empty if the reservation drew nothing.
    pub lines: Vec<ReservedLine>,
}

impl HeldGoods {
    /// The streams that [`release`](Self::release) and [`ship`](Self::ship) decide over: the
    /// reservation, and the shards it draws from.
    #[must_use]
    pub fn streams(&self, tenant: &Tenant) -> (One<Reservation>, Many<Stock>) {
        let stock = self.lines.iter().map(|line| streams::stock(tenant, &line.sku, line.shard));
        (One::new(streams::reservation(tenant, self.order_id)), Many::new(stock.collect()))
    }

    /// Releases the goods, returns them if they have left the stock, or never holds any, in one
    /// transaction: for [`Handler::handle_all`](skald::handle::Handler::handle_all).
    ///
    /// # Errors
    /// [`ReservingRejection::Changed`] if the reservation has drawn other goods by now; else the
    /// rejection of the reservation or of the first shard that rejects.
    pub fn release(&self, states: &ReservingStates) -> Result<ReservingEvents, ReservingRejection> {
        let order_id = self.order_id;
        let has_left = matches!(states.0.state, ReservationState::Shipped(_));
        self.settle(states, &ReservationCommand::Release, |quantity| {
            if has_left {
                StockCommand::Return { order_id, quantity }
            } else {
                StockCommand::Release { order_id, quantity }
            }
        })
    }

    /// Ships the goods in one transaction: for
    /// [`Handler::handle_all`](skald::handle::Handler::handle_all).
    ///
    /// # Errors
    /// The same as [`release`](Self::release).
    pub fn ship(&self, states: &ReservingStates) -> Result<ReservingEvents, ReservingRejection> {
        let order_id = self.order_id;
        self.settle(states, &ReservationCommand::Ship, |quantity| StockCommand::Ship {
            order_id,
            quantity,
        })
    }

    fn settle(
        &self,
        (reservation, stock): &ReservingStates,
        command: &ReservationCommand,
        of_stock: impl Fn(Quantity) -> StockCommand,
    ) -> Result<ReservingEvents, ReservingRejection> {
        let decided = Reservation::decide(&reservation.state, command)?;
        if decided.is_empty() {
            return Ok((decided, vec![Vec::new(); stock.len()]));
        }
        if reservation.state.drawn() != self.lines {
            return Err(ReservingRejection::Changed);
        }
        let settled = stock
            .iter()
            .zip(&self.lines)
            .map(|(state, line)| Stock::decide(&state.state, &of_stock(line.quantity)));
        Ok((decided, settled.collect::<Result<_, _>>()?))
    }
}
