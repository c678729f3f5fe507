//! The reservation of an order: the goods that are held for it, all of them or none, drawn from
//! shards of stock in the same transaction.
//!
//! A reservation decides once. A refused reservation stays refused, even if goods are delivered
//! later. One that is undone before it was made leaves a tombstone, so making it late has no
//! effect.

mod gathering;
mod making;

use events::{
    CategoryEvent, OrderId, Quantity, ReservationAbandoned, ReservationEvent, ReservationMade,
    ReservationRefused, ReservationReleased, ReservationShipped, ReservedLine, ShortLine,
    StockEvent,
};
use skald::decider::{Decider, Folded};
use skald::handle::{Many, One};
use skald::stream::Tenant;

pub use gathering::{Gathering, gather};
pub use making::{Look, MakeReservation, WantedLine, make};

use crate::stock::{Stock, StockCommand, StockRejection, StockState};
use crate::streams;

/// The decider of category `reservation`.
#[derive(Debug, Clone, Copy)]
pub struct Reservation;

/// The state of a reservation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ReservationState {
    /// The reservation was neither made nor undone (yet).
    #[default]
    Unmade,
    /// These goods are held.
    Made(Vec<ReservedLine>),
    /// Too little of these was available. Final.
    Refused(Vec<ShortLine>),
    /// Goods were held, and were released. Final.
    Released,
    /// The goods were shipped. Final.
    Shipped,
    /// The reservation was undone before it was made. Final.
    Abandoned,
}

impl ReservationState {
    /// The goods that are held now.
    #[must_use]
    pub fn held(&self) -> &[ReservedLine] {
        match self {
            Self::Made(lines) => lines,
            Self::Unmade | Self::Refused(_) | Self::Released | Self::Shipped | Self::Abandoned => {
                &[]
            }
        }
    }
}

/// The commands on a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservationCommand {
    /// Hold these goods, which [`make`] chooses.
    Make {
        /// The quantity from each shard.
        lines: Vec<ReservedLine>,
    },
    /// Hold nothing, because [`make`] found too little.
    Refuse {
        /// The products that are short.
        short: Vec<ShortLine>,
    },
    /// Undo the reservation: release its goods, or never hold any.
    Release,
    /// Ship the goods.
    Ship,
}

/// Why a command on a reservation is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReservationRejection {
    /// The reservation is undone.
    #[error("the reservation is undone")]
    Undone,
    /// No goods are held that could be shipped.
    #[error("no goods are held")]
    NotMade,
    /// The goods were shipped.
    #[error("the goods were already shipped")]
    Shipped,
}

/// Why a decision over a reservation and stock is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReservingRejection {
    /// The reservation rejects it.
    #[error(transparent)]
    Reservation(#[from] ReservationRejection),
    /// A shard of stock rejects it.
    #[error(transparent)]
    Stock(#[from] StockRejection),
    /// The reservation changed since it was read: it holds other goods now. Read it again.
    #[error("the reservation has changed")]
    Changed,
    /// Stock seems short, but the shards were not read at one point in time. Read them again and
    /// compare.
    #[error("the stock seems short, but its shards were not read at one point in time")]
    Doubtful(Look),
    /// Enough is available, but in more shards than a transaction can contain. Gather it and read
    /// again.
    #[error("the goods are in too many shards for one transaction")]
    Scattered {
        /// The versions of the shards that were read.
        look: Look,
        /// The goods to gather.
        gatherings: Vec<Gathering>,
    },
}

impl Decider for Reservation {
    const CATEGORY: &'static str = ReservationEvent::CATEGORY;
    type State = ReservationState;
    type Command = ReservationCommand;
    type Event = ReservationEvent;
    type Rejection = ReservationRejection;

    fn decide(
        state: &ReservationState,
        command: &ReservationCommand,
    ) -> Result<Vec<ReservationEvent>, ReservationRejection> {
        use ReservationState::{Abandoned, Made, Refused, Released, Shipped, Unmade};
        let event = match (command, state) {
            (ReservationCommand::Make { lines }, Unmade) => {
                ReservationMade { lines: lines.clone() }.into()
            }
            (ReservationCommand::Refuse { short }, Unmade) => {
                ReservationRefused { short: short.clone() }.into()
            }
            (ReservationCommand::Make { .. } | ReservationCommand::Refuse { .. }, state) => {
                match state {
                    Released | Abandoned => return Err(ReservationRejection::Undone),
                    Unmade | Made(_) | Refused(_) | Shipped => return Ok(Vec::new()),
                }
            }
            (ReservationCommand::Release, state) => match state {
                Unmade => ReservationAbandoned {}.into(),
                Made(_) => ReservationReleased {}.into(),
                Refused(_) | Released | Abandoned => return Ok(Vec::new()),
                Shipped => return Err(ReservationRejection::Shipped),
            },
            (ReservationCommand::Ship, state) => match state {
                Made(_) => ReservationShipped {}.into(),
                Shipped => return Ok(Vec::new()),
                Unmade | Refused(_) => return Err(ReservationRejection::NotMade),
                Released | Abandoned => return Err(ReservationRejection::Undone),
            },
        };
        Ok(vec![event])
    }

    fn evolve(_: ReservationState, event: &ReservationEvent) -> ReservationState {
        match event {
            ReservationEvent::Made(made) => ReservationState::Made(made.lines.clone()),
            ReservationEvent::Refused(refused) => ReservationState::Refused(refused.short.clone()),
            ReservationEvent::Released(_) => ReservationState::Released,
            ReservationEvent::Shipped(_) => ReservationState::Shipped,
            ReservationEvent::Abandoned(_) => ReservationState::Abandoned,
        }
    }
}

/// The states that a decision over a reservation and stock needs, for
/// [`Handler::handle_all`](skald::handle::Handler::handle_all).
pub type ReservingStates = (Folded<ReservationState>, Vec<Folded<StockState>>);
/// The events that such a decision adds to the reservation and to each shard.
pub type ReservingEvents = (Vec<ReservationEvent>, Vec<Vec<StockEvent>>);

/// The goods that a reservation held when it was read, to be released or shipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldGoods {
    /// The order.
    pub order_id: OrderId,
    /// The quantity from each shard; empty if the reservation holds nothing.
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

    /// Releases the goods, or never holds any, in one transaction: for
    /// [`Handler::handle_all`](skald::handle::Handler::handle_all).
    ///
    /// # Errors
    /// [`ReservingRejection::Changed`] if the reservation holds other goods by now; else the
    /// rejection of the reservation or of the first shard that rejects.
    pub fn release(&self, states: &ReservingStates) -> Result<ReservingEvents, ReservingRejection> {
        let order_id = self.order_id;
        self.settle(states, &ReservationCommand::Release, |quantity| StockCommand::Release {
            order_id,
            quantity,
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
        if reservation.state.held() != self.lines {
            return Err(ReservingRejection::Changed);
        }
        let settled = stock
            .iter()
            .zip(&self.lines)
            .map(|(state, line)| Stock::decide(&state.state, &of_stock(line.quantity)));
        Ok((decided, settled.collect::<Result<_, _>>()?))
    }
}
