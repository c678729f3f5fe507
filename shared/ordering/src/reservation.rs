//! The reservation of an order: the goods that are held for it, all of them or none, drawn from shards of stock in the same
//! transaction.
//!
//! It answers once. What was refused stays refused, even if goods come in later; what is undone before it was made leaves
//! a tombstone, so that making it late has no effect.

use events::{
    OrderId, Quantity, ReservationAbandoned, ReservationEvent, ReservationMade, ReservationRefused,
    ReservationReleased, ReservationShipped, ReservedLine, ShortLine, Sku, StockEvent, StockShards,
};
use skald::{Decider, Folded, MAX_STREAMS, Many, One, Tenant};

use crate::stock::{Stock, StockCommand, StockRejection, StockState};
use crate::streams;

/// Most shards that one reservation can draw from: what a transaction holds, less the reservation itself.
const MOST_PARTS: usize = MAX_STREAMS - 1;

/// The decider of category `reservation`.
#[derive(Debug, Clone, Copy)]
pub struct Reservation;

/// What is known of a reservation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ReservationState {
    /// Nobody has asked for it (yet).
    #[default]
    Unmade,
    /// These goods are held.
    Made(Vec<ReservedLine>),
    /// There was too little of these. Final.
    Refused(Vec<ShortLine>),
    /// Goods were held and are no longer. Final.
    Released,
    /// The goods have left. Final.
    Shipped,
    /// It was undone before it was made. Final.
    Abandoned,
}

impl ReservationState {
    /// What is held now.
    #[must_use]
    pub fn held(&self) -> &[ReservedLine] {
        match self {
            Self::Made(lines) => lines,
            Self::Unmade | Self::Refused(_) | Self::Released | Self::Shipped | Self::Abandoned => &[],
        }
    }
}

/// What can be asked of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReservationCommand {
    /// Hold these goods; [`make`] chooses them.
    Make {
        /// From which shards how many.
        lines: Vec<ReservedLine>,
    },
    /// Hold nothing, because there is too little; [`make`] finds that out.
    Refuse {
        /// Of what.
        short: Vec<ShortLine>,
    },
    /// Undo it: no longer hold the goods, or never.
    Release,
    /// The goods leave.
    Ship,
}

/// Why a reservation does not do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReservationRejection {
    /// It is undone.
    #[error("the reservation is undone")]
    Undone,
    /// No goods are held that could leave.
    #[error("no goods are held")]
    NotMade,
    /// The goods have left.
    #[error("the goods have left")]
    Shipped,
}

/// Why no goods change hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReservingRejection {
    /// The reservation says no.
    #[error(transparent)]
    Reservation(#[from] ReservationRejection),
    /// A shard of stock says no.
    #[error(transparent)]
    Stock(#[from] StockRejection),
    /// Others changed the reservation since it was read: it holds other goods now. Read it again.
    #[error("the reservation has changed")]
    Changed,
}

impl Decider for Reservation {
    const CATEGORY: &'static str = "reservation";
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
            (ReservationCommand::Make { lines }, Unmade) => ReservationMade { lines: lines.clone() }.into(),
            (ReservationCommand::Refuse { short }, Unmade) => ReservationRefused { short: short.clone() }.into(),
            (ReservationCommand::Make { .. } | ReservationCommand::Refuse { .. }, state) => match state {
                Released | Abandoned => return Err(ReservationRejection::Undone),
                Unmade | Made(_) | Refused(_) | Shipped => return Ok(Vec::new()),
            },
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

/// The states that a decision over a reservation and stock is about, for [`skald::handle_all`].
pub type ReservingStates = (Folded<ReservationState>, Vec<Folded<StockState>>);
/// What such a decision adds to the reservation, and to each shard.
pub type ReservingEvents = (Vec<ReservationEvent>, Vec<Vec<StockEvent>>);

/// A reservation to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MakeReservation {
    /// For which order.
    pub order_id: OrderId,
    /// What was ordered; no product twice.
    pub lines: Vec<WantedLine>,
}

/// One product to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedLine {
    /// The product.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
    /// Over how many shards its stock was ever spread: any of them may hold some.
    pub stock_shards: StockShards,
}

impl MakeReservation {
    /// The streams that [`make`] decides over: the reservation, and every shard of the products' stock.
    #[must_use]
    pub fn streams(&self, tenant: &Tenant) -> (One<Reservation>, Many<Stock>) {
        let shards = self.lines.iter().flat_map(|line| line.stock_shards.numbers().map(move |shard| (line, shard)));
        let stock = shards.map(|(line, shard)| streams::stock(tenant, &line.sku, shard));
        (One::new(streams::reservation(tenant, self.order_id)), Many::new(stock.collect()))
    }

    /// From which shards to draw how many, or what there is too little of. `stock` has every shard of every line, in
    /// order.
    ///
    /// One shard that holds enough is best, and which of several is said by the order's id, so that many orders at once do
    /// not all meet at the same. Else the fullest first, so that it takes the fewest.
    fn draw(&self, mut stock: &[Folded<StockState>]) -> Result<Vec<ReservedLine>, Vec<ShortLine>> {
        let (mut drawn, mut short) = (Vec::new(), Vec::new());
        for line in &self.lines {
            let (shards, others) = stock.split_at(usize::from(line.stock_shards.get()).min(stock.len()));
            stock = others;
            let available: Vec<u64> = shards.iter().map(|shard| shard.state.available()).collect();
            match line.draw(self.order_id, &available) {
                Some(parts) => drawn.push((line, available, parts)),
                None => short.push(line.short(available.iter().fold(0, |sum, shard| sum.saturating_add(*shard)))),
            }
        }
        // A transaction holds only so many streams. Then whatever is spread over the most shards is as good as short.
        let mut parts: usize = drawn.iter().map(|(_, _, parts)| parts.len()).sum();
        while parts > MOST_PARTS {
            let Some(widest) = (0..drawn.len()).max_by_key(|&index| drawn[index].2.len()) else { break };
            let (line, available, its_parts) = drawn.remove(widest);
            parts -= its_parts.len();
            short.push(line.short(available.into_iter().max().unwrap_or_default()));
        }
        if short.is_empty() {
            Ok(drawn.into_iter().flat_map(|(_, _, parts)| parts).collect())
        } else {
            let place = |short: &ShortLine| self.lines.iter().position(|line| line.sku == short.sku);
            short.sort_by_key(place);
            Err(short)
        }
    }
}

impl WantedLine {
    fn short(&self, available: u64) -> ShortLine {
        ShortLine { sku: self.sku.clone(), wanted: self.quantity, available }
    }

    /// How many from which shard, by rising shard; none if all together have too few.
    fn draw(&self, order_id: OrderId, available: &[u64]) -> Option<Vec<ReservedLine>> {
        let wanted = u64::from(self.quantity);
        let enough: Vec<usize> = (0..available.len()).filter(|&shard| available[shard] >= wanted).collect();
        let first = match enough.as_slice() {
            [] => None,
            several => several.get((order_id.uuid().as_u128() % several.len() as u128) as usize).copied(),
        };
        let mut fullest: Vec<usize> = (0..available.len()).collect();
        fullest.sort_by_key(|&shard| (Some(shard) != first, std::cmp::Reverse(available[shard])));

        let (mut parts, mut missing) = (Vec::new(), wanted);
        for shard in fullest {
            let Ok(quantity) = Quantity::new(available[shard].min(missing)) else { break };
            missing -= u64::from(quantity);
            parts.push(ReservedLine { sku: self.sku.clone(), shard: u16::try_from(shard).ok()?, quantity });
        }
        parts.sort_by_key(|part| part.shard);
        (missing == 0).then_some(parts)
    }
}

/// The decision over a reservation and the stock it may draw from, all or nothing: for [`skald::handle_all`] with
/// [`MakeReservation::streams`]. If anything is short, the reservation is refused and no stock is touched.
///
/// # Errors
/// The rejection of the reservation.
pub fn make(
    (reservation, stock): &ReservingStates,
    make: &MakeReservation,
) -> Result<ReservingEvents, ReservingRejection> {
    let (command, lines) = match make.draw(stock) {
        Ok(lines) => (ReservationCommand::Make { lines: lines.clone() }, lines),
        Err(short) => (ReservationCommand::Refuse { short }, Vec::new()),
    };
    let decided = Reservation::decide(&reservation.state, &command)?;
    if decided.is_empty() {
        return Ok((decided, vec![Vec::new(); stock.len()]));
    }
    let shards = make.lines.iter().flat_map(|line| line.stock_shards.numbers().map(move |shard| (&line.sku, shard)));
    let reserved = stock.iter().zip(shards).map(|(state, (sku, shard))| {
        match lines.iter().find(|line| (&line.sku, line.shard) == (sku, shard)) {
            None => Ok(Vec::new()),
            Some(line) => {
                let (order_id, quantity) = (make.order_id, line.quantity);
                Stock::decide(&state.state, &StockCommand::Reserve { order_id, quantity })
            }
        }
    });
    Ok((decided, reserved.collect::<Result<_, _>>()?))
}

/// What a reservation holds, as it was when somebody looked: to be given back or shipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldGoods {
    /// For which order.
    pub order_id: OrderId,
    /// From which shards how many; nothing for a reservation that holds nothing.
    pub lines: Vec<ReservedLine>,
}

impl HeldGoods {
    /// The streams that [`release`](Self::release) and [`ship`](Self::ship) decide over: the reservation, and the shards
    /// it draws from.
    #[must_use]
    pub fn streams(&self, tenant: &Tenant) -> (One<Reservation>, Many<Stock>) {
        let stock = self.lines.iter().map(|line| streams::stock(tenant, &line.sku, line.shard));
        (One::new(streams::reservation(tenant, self.order_id)), Many::new(stock.collect()))
    }

    /// No longer hold the goods, or never: all or nothing, for [`skald::handle_all`].
    ///
    /// # Errors
    /// [`ReservingRejection::Changed`] if the reservation holds other goods by now; else the rejection of the reservation
    /// or of the first shard that refuses.
    pub fn release(&self, states: &ReservingStates) -> Result<ReservingEvents, ReservingRejection> {
        let order_id = self.order_id;
        self.settle(states, &ReservationCommand::Release, |quantity| StockCommand::Release { order_id, quantity })
    }

    /// The goods leave: all or nothing, for [`skald::handle_all`].
    ///
    /// # Errors
    /// As [`release`](Self::release).
    pub fn ship(&self, states: &ReservingStates) -> Result<ReservingEvents, ReservingRejection> {
        let order_id = self.order_id;
        self.settle(states, &ReservationCommand::Ship, |quantity| StockCommand::Ship { order_id, quantity })
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
        let settled =
            stock.iter().zip(&self.lines).map(|(state, line)| Stock::decide(&state.state, &of_stock(line.quantity)));
        Ok((decided, settled.collect::<Result<_, _>>()?))
    }
}
