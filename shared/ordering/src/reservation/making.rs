//! Makes a reservation: chooses how many goods come from which shards, or finds the products that
//! are short.
//!
//! All goods are reserved in one transaction over the reservation and the shards it draws from.
//! Goods in more shards than a transaction can contain are first [gathered](super::Gathering) into
//! fewer.
//!
//! An order looks at one shard of each product first, which its id chooses, so that orders for the
//! same product rarely meet. If that shard has too little, the order looks at all shards of the
//! product.
//!
//! A product is short only if all its shards together had too little at one point in time. Shards
//! are read one after the other, and goods may move meanwhile. So a refusal guards what it is
//! decided on: every shard of the products that are short, and the products themselves, which
//! record how many shards there are. If that is more than a transaction can contain, or the guards
//! keep conflicting with other transactions, the reservation is refused after a second read
//! without guards, for the products whose shards have not changed since the first.

use std::cmp::Reverse;
use std::ops::Range;

use events::{
    OrderId, ProductEvent, Quantity, ReservationEvent, ReservedLine, ShortLine, Sku, StockEvent,
    StockShards,
};
use skald::decider::{Decider, Folded};
use skald::handle::{Decided, Guardable, One};
use skald::store::MAX_STREAMS;
use skald::stream::Tenant;

use super::aggregate::{Reservation, ReservationCommand, ReservationState};
use super::gathering::Gathering;
use super::rejection::{ReservingRejection, ShardVersions};
use crate::product::{Product, ProductState};
use crate::stock::{Stock, StockCommand, StockState};
use crate::streams;

/// The largest number of shards that one reservation can draw from, and of streams that a refusal
/// can guard: the streams of a transaction, less the reservation itself.
const MAX_PARTS: usize = MAX_STREAMS - 1;

/// The states that [`make`] decides over: the reservation, the product of each line, and the shards
/// that each line looks at.
pub type MakingStates =
    (Folded<ReservationState>, (Vec<Folded<ProductState>>, Vec<Folded<StockState>>));
/// What [`make`] decides about each of these streams. Products get no events.
pub type MakingEvents =
    (Vec<ReservationEvent>, (Vec<Decided<ProductEvent>>, Vec<Decided<StockEvent>>));

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
    /// The shards to draw from.
    pub look_at: LookAt,
}

/// The shards of a product that a reservation looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookAt {
    /// This shard, from 0.
    One(u16),
    /// Every shard that may hold goods.
    All,
}

impl LookAt {
    /// The shard that an order tries after this many conflicts, of the shards that a product's
    /// stock is spread over now. After a conflict it is another one at random, or the same.
    ///
    /// It is the same for all products of an order: two orders for the same products then meet in
    /// all of them or in none.
    #[must_use]
    pub fn own(order_id: OrderId, conflicts: u32, stock_shards: StockShards) -> Self {
        // The id is a hash: each of its eight parts chooses at random.
        let part = (order_id.uuid().as_u128() >> (16 * (conflicts % 8))) % (1 << 16);
        let shard = part % u128::from(stock_shards.get());
        Self::One(u16::try_from(shard).unwrap_or_default())
    }
}

impl MakeReservation {
    /// The streams that [`make`] decides over: the reservation, the products, and the shards that
    /// the lines look at.
    #[must_use]
    pub fn streams(
        &self,
        tenant: &Tenant,
    ) -> (One<Reservation>, (Guardable<Product>, Guardable<Stock>)) {
        let products = self.lines.iter().map(|line| streams::product(tenant, &line.sku));
        let shards =
            self.lines.iter().flat_map(|line| line.shards().map(move |shard| (line, shard)));
        let stock = shards.map(|(line, shard)| streams::stock(tenant, &line.sku, shard));
        let reservation = One::new(streams::reservation(tenant, self.order_id));
        (reservation, (Guardable::new(products.collect()), Guardable::new(stock.collect())))
    }

    /// The versions of these shards. `stock` has every shard that the lines look at, in order.
    #[must_use]
    pub fn versions(&self, stock: &[Folded<StockState>]) -> ShardVersions {
        let versions = |shards: &[Folded<_>]| shards.iter().map(|shard| shard.version).collect();
        self.shards(stock).into_iter().map(versions).collect()
    }

    /// The shards of each line. `stock` has every shard that the lines look at, in order.
    fn shards<'a>(&self, mut stock: &'a [Folded<StockState>]) -> Vec<&'a [Folded<StockState>]> {
        let shards = self.lines.iter().map(|line| {
            let (shards, others) = stock.split_at(line.shards().len().min(stock.len()));
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
            let too_many = parts > MAX_PARTS;
            parts -= line.len().saturating_sub(1);
            too_many
        });
        needed.filter_map(|line| Gathering::of(self.order_id, line)).collect()
    }

    /// Refuses the reservation for these lines, if they were short at one point in time: either
    /// `before` shows that their shards have not changed since, or there is no `before` and the
    /// shards are guarded.
    fn refuse(
        &self,
        (reservation, (products, stock)): &MakingStates,
        mut short: Vec<(usize, ShortLine)>,
        before: Option<&ShardVersions>,
    ) -> Result<MakingEvents, ReservingRejection> {
        let shards_now = |line: usize| products.get(line).map(|of| of.state.max_stock_shards());
        if short.iter().any(|&(line, _)| shards_now(line) != Some(self.lines[line].stock_shards)) {
            return Err(ReservingRejection::Changed);
        }
        let versions = self.versions(stock);
        let is_unmoved =
            |line: usize| before.is_some_and(|before| before.get(line) == versions.get(line));
        let guards: usize = short.iter().map(|&(line, _)| 1 + versions[line].len()).sum();
        let is_guarded = before.is_none() && guards <= MAX_PARTS;
        if !is_guarded {
            short.retain(|&(line, _)| is_unmoved(line));
        }
        if short.is_empty() {
            return Err(ReservingRejection::NotAtOneMoment(versions));
        }
        let is_short = |line: usize| short.iter().any(|&(place, _)| place == line);
        let guarded = |line: usize| is_guarded && is_short(line);
        let products = (0..versions.len()).map(|line| untouched(guarded(line))).collect();
        let stock = versions.iter().enumerate();
        let stock = stock.flat_map(|(line, shards)| shards.iter().map(move |_| line));
        let stock = stock.map(|line| untouched(guarded(line))).collect();
        let short = short.into_iter().map(|(_, line)| line).collect();
        let refused = ReservationCommand::Refuse { short };
        Ok((Reservation::decide(&reservation.state, &refused)?, (products, stock)))
    }
}

/// The decision about a stream that gets no events.
fn untouched<E>(is_guarded: bool) -> Decided<E> {
    if is_guarded { Decided::Guard } else { Decided::Events(Vec::new()) }
}

impl WantedLine {
    /// The numbers of the shards to look at.
    fn shards(&self) -> Range<u16> {
        match self.look_at {
            LookAt::One(shard) => shard..shard.saturating_add(1),
            LookAt::All => 0..self.stock_shards.get(),
        }
    }

    /// Whether no other shard may hold goods.
    fn looks_at_all(&self) -> bool {
        self.shards() == (0..self.stock_shards.get())
    }

    fn short(&self, available: &[u64]) -> ShortLine {
        let available = available.iter().fold(0, |sum: u64, shard| sum.saturating_add(*shard));
        ShortLine { sku: self.sku.clone(), wanted: self.quantity, available }
    }

    /// The quantity to draw from each shard, in the order of the shards; `None` if all together
    /// have too little. `available` has every shard that the line looks at.
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
        for place in fullest {
            let Ok(quantity) = Quantity::new(available[place].min(missing)) else { break };
            missing -= u64::from(quantity);
            let shard = self.shards().nth(place)?;
            parts.push(ReservedLine { sku: self.sku.clone(), shard, quantity });
        }
        parts.sort_by_key(|part| part.shard);
        (missing == 0).then_some(parts)
    }
}

/// The decision over a reservation and the stock it may draw from, in one transaction: for
/// [`Handler::handle_all`](skald::handle::Handler::handle_all) with [`MakeReservation::streams`].
///
/// If nothing is short, only the shards that are drawn from are written, and nothing is guarded. If
/// anything is short in all its shards, the reservation is refused and no stock is changed. The
/// refusal guards the short products and their shards. With `before`, an earlier read of the same
/// shards that ended before the products and these states were read, it guards nothing: it is for
/// the products whose shards have not changed since.
///
/// # Errors
/// The rejection of the reservation; [`ReservingRejection::OtherShards`] if a product is short in
/// the one shard that its line looks at; [`ReservingRejection::Changed`] if a product that is short
/// has more shards than these; [`ReservingRejection::NotAtOneMoment`] if too many shards are short
/// to guard them all, or every short product has a shard that changed since `before`;
/// [`ReservingRejection::TooManyShards`] if enough is available in more shards than a transaction
/// can contain.
pub fn make(
    states: &MakingStates,
    make: &MakeReservation,
    before: Option<&ShardVersions>,
) -> Result<MakingEvents, ReservingRejection> {
    let (reservation, (products, stock)) = states;
    let products = products.iter().map(|_| untouched(false)).collect();
    if reservation.state != ReservationState::Unmade {
        // The reservation has already decided, regardless of the current stock.
        let command = ReservationCommand::Make { lines: Vec::new() };
        let stock = stock.iter().map(|_| untouched(false)).collect();
        return Ok((Reservation::decide(&reservation.state, &command)?, (products, stock)));
    }
    let drawn = match make.draw(&make.shards(stock)) {
        Ok(drawn) => drawn,
        Err(short) => {
            let lines = short.iter().map(|&(line, _)| line);
            let lines: Vec<usize> =
                lines.filter(|&line| !make.lines[line].looks_at_all()).collect();
            if !lines.is_empty() {
                return Err(ReservingRejection::OtherShards(lines));
            }
            return make.refuse(states, short, before);
        }
    };
    if drawn.iter().map(Vec::len).sum::<usize>() > MAX_PARTS {
        let (versions, gatherings) = (make.versions(stock), make.gatherings(drawn));
        return Err(ReservingRejection::TooManyShards { versions, gatherings });
    }
    let lines = drawn.concat();
    let numbered =
        make.lines.iter().flat_map(|line| line.shards().map(move |shard| (&line.sku, shard)));
    let reserved = stock.iter().zip(numbered).map(|(state, (sku, shard))| {
        match lines.iter().find(|line| (&line.sku, line.shard) == (sku, shard)) {
            None => Ok(untouched(false)),
            Some(line) => {
                let (order_id, quantity) = (make.order_id, line.quantity);
                Stock::decide(&state.state, &StockCommand::Reserve { order_id, quantity })
                    .map(Decided::Events)
            }
        }
    });
    let reserved = reserved.collect::<Result<_, _>>()?;
    let made = Reservation::decide(&reservation.state, &ReservationCommand::Make { lines })?;
    Ok((made, (products, reserved)))
}
