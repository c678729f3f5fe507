//! Makes a reservation: chooses how many goods come from which shards, or finds the products that
//! are short.
//!
//! All goods are reserved in one transaction over the reservation and the shards it draws from.
//! Goods in more shards than a transaction can contain are first [gathered](super::Gathering) into
//! fewer.
//!
//! A product is short only if all its shards together had too little at one point in time. Shards
//! are read one after the other, and goods may move meanwhile. So a reservation is refused only
//! after a second read, if no shard of the product has changed since the first.

use std::cmp::Reverse;

use events::{OrderId, Quantity, ReservedLine, ShortLine, Sku, StockShards};
use skald::decider::{Decider, Folded};
use skald::handle::{Many, One};
use skald::store::MAX_STREAMS;
use skald::stream::{Tenant, Version};

use super::{
    Gathering, Reservation, ReservationCommand, ReservationState, ReservingEvents,
    ReservingRejection, ReservingStates,
};
use crate::stock::{Stock, StockCommand, StockState};
use crate::streams;

/// The largest number of shards that one reservation can draw from: the streams of a transaction,
/// less the reservation itself.
const MOST_PARTS: usize = MAX_STREAMS - 1;

/// The versions at which all shards of each line were read, line by line.
pub type Look = Vec<Vec<Version>>;

/// A reservation to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MakeReservation {
    /// The order.
    pub order_id: OrderId,
    /// The lines of the order; no product occurs twice.
    pub lines: Vec<WantedLine>,
}

/// One product to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedLine {
    /// The product.
    pub sku: Sku,
    /// The quantity.
    pub quantity: Quantity,
    /// The number of shards that its stock was ever spread over: any of them may hold some.
    pub stock_shards: StockShards,
}

impl MakeReservation {
    /// The streams that [`make`] decides over: the reservation, and every shard of the products'
    /// stock.
    #[must_use]
    pub fn streams(&self, tenant: &Tenant) -> (One<Reservation>, Many<Stock>) {
        let shards = self
            .lines
            .iter()
            .flat_map(|line| line.stock_shards.numbers().map(move |shard| (line, shard)));
        let stock = shards.map(|(line, shard)| streams::stock(tenant, &line.sku, shard));
        (One::new(streams::reservation(tenant, self.order_id)), Many::new(stock.collect()))
    }

    /// The shards of each line. `stock` has every shard of every line, in order.
    fn shards<'a>(&self, mut stock: &'a [Folded<StockState>]) -> Vec<&'a [Folded<StockState>]> {
        let shards = self.lines.iter().map(|line| {
            let (shards, others) =
                stock.split_at(usize::from(line.stock_shards.get()).min(stock.len()));
            stock = others;
            shards
        });
        shards.collect()
    }

    /// For each line the quantity to draw from each shard; or the short products, with the index of
    /// their lines.
    fn draw(
        &self,
        shards: &[&[Folded<StockState>]],
    ) -> Result<Vec<Vec<ReservedLine>>, Vec<(usize, ShortLine)>> {
        let (mut drawn, mut short) = (Vec::new(), Vec::new());
        for (place, (line, shards)) in self.lines.iter().zip(shards).enumerate() {
            let available: Vec<u64> = shards.iter().map(|shard| shard.state.available()).collect();
            match line.draw(self.order_id, &available) {
                Some(parts) => drawn.push(parts),
                None => short.push((place, line.short(&available))),
            }
        }
        if short.is_empty() { Ok(drawn) } else { Err(short) }
    }

    /// The goods to gather so that the parts fit a transaction: those that are spread over the most
    /// shards.
    fn gatherings(&self, mut drawn: Vec<Vec<ReservedLine>>) -> Vec<Gathering> {
        let mut parts: usize = drawn.iter().map(Vec::len).sum();
        drawn.sort_by_key(|parts| Reverse(parts.len()));
        let needed = drawn.into_iter().take_while(|line| {
            let too_many = parts > MOST_PARTS;
            parts -= line.len().saturating_sub(1);
            too_many
        });
        needed.filter_map(|line| Gathering::of(self.order_id, line)).collect()
    }
}

impl WantedLine {
    fn short(&self, available: &[u64]) -> ShortLine {
        let available = available.iter().fold(0, |sum: u64, shard| sum.saturating_add(*shard));
        ShortLine { sku: self.sku.clone(), wanted: self.quantity, available }
    }

    /// The quantity to draw from each shard, in the order of the shards; `None` if all together
    /// have too little.
    ///
    /// A single shard that has enough is best. If several do, the order's id chooses, so that
    /// simultaneous orders do not all use the same one. Otherwise the fullest shards come first, so
    /// that the fewest are used.
    fn draw(&self, order_id: OrderId, available: &[u64]) -> Option<Vec<ReservedLine>> {
        let wanted = u64::from(self.quantity);
        let enough: Vec<usize> =
            (0..available.len()).filter(|&shard| available[shard] >= wanted).collect();
        let first = match enough.as_slice() {
            [] => None,
            several => {
                several.get((order_id.uuid().as_u128() % several.len() as u128) as usize).copied()
            }
        };
        let mut fullest: Vec<usize> = (0..available.len()).collect();
        fullest.sort_by_key(|&shard| (Some(shard) != first, Reverse(available[shard])));

        let (mut parts, mut missing) = (Vec::new(), wanted);
        for shard in fullest {
            let Ok(quantity) = Quantity::new(available[shard].min(missing)) else { break };
            missing -= u64::from(quantity);
            parts.push(ReservedLine {
                sku: self.sku.clone(),
                shard: u16::try_from(shard).ok()?,
                quantity,
            });
        }
        parts.sort_by_key(|part| part.shard);
        (missing == 0).then_some(parts)
    }
}

/// The decision over a reservation and the stock it may draw from, in one transaction: for
/// [`Handler::handle_all`](skald::handle::Handler::handle_all) with [`MakeReservation::streams`].
/// If anything is short, the reservation is refused and no stock is changed. `before` is an earlier
/// read of the same shards that ended before these states were read.
///
/// # Errors
/// The rejection of the reservation; [`ReservingRejection::Doubtful`] if something seems short and
/// `before` does not show the same; [`ReservingRejection::Scattered`] if enough is available in
/// more shards than a transaction can contain.
pub fn make(
    (reservation, stock): &ReservingStates,
    make: &MakeReservation,
    before: Option<&Look>,
) -> Result<ReservingEvents, ReservingRejection> {
    let untouched = || vec![Vec::new(); stock.len()];
    if reservation.state != ReservationState::Unmade {
        // The reservation has already decided, regardless of the current stock.
        let command = ReservationCommand::Make { lines: Vec::new() };
        return Ok((Reservation::decide(&reservation.state, &command)?, untouched()));
    }
    let shards = make.shards(stock);
    let look = || {
        shards
            .iter()
            .map(|shards| shards.iter().map(|shard| shard.version).collect())
            .collect::<Look>()
    };
    let drawn = match make.draw(&shards) {
        Ok(drawn) => drawn,
        Err(short) => {
            let look = look();
            let unmoved =
                |place: usize| before.is_some_and(|before| before.get(place) == look.get(place));
            let short: Vec<_> = short
                .into_iter()
                .filter(|(place, _)| unmoved(*place))
                .map(|(_, line)| line)
                .collect();
            if short.is_empty() {
                return Err(ReservingRejection::Doubtful(look));
            }
            return Ok((
                Reservation::decide(&reservation.state, &ReservationCommand::Refuse { short })?,
                untouched(),
            ));
        }
    };
    if drawn.iter().map(Vec::len).sum::<usize>() > MOST_PARTS {
        return Err(ReservingRejection::Scattered {
            look: look(),
            gatherings: make.gatherings(drawn),
        });
    }
    let lines = drawn.concat();
    let numbered = make
        .lines
        .iter()
        .flat_map(|line| line.stock_shards.numbers().map(move |shard| (&line.sku, shard)));
    let reserved = stock.iter().zip(numbered).map(|(state, (sku, shard))| {
        match lines.iter().find(|line| (&line.sku, line.shard) == (sku, shard)) {
            None => Ok(Vec::new()),
            Some(line) => {
                let (order_id, quantity) = (make.order_id, line.quantity);
                Stock::decide(&state.state, &StockCommand::Reserve { order_id, quantity })
            }
        }
    });
    let reserved = reserved.collect::<Result<_, _>>()?;
    Ok((Reservation::decide(&reservation.state, &ReservationCommand::Make { lines })?, reserved))
}
