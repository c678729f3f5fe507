//! Goods that an order needs, brought together at one shard, so that the order's parts fit a
//! transaction.
//!
//! Gathering reserves nothing, and nothing is lost if no reservation follows: each step moves goods
//! between shards of one product, in one transaction, and what an order draws is decided later.

use events::{OrderId, ReservedLine, ShardQuantity, Sku, StockEvent};
use skald::decider::{Decider, Folded};
use skald::handle::Many;
use skald::store::MAX_STREAMS;
use skald::stream::Tenant;

use crate::stock::{Stock, StockCommand, StockRejection, StockState};
use crate::streams;

/// Goods of one product to bring together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathering {
    /// The order that needs them.
    pub order_id: OrderId,
    /// The product.
    pub sku: Sku,
    /// The shard to bring them to, from 0.
    pub to_shard: u16,
    /// How many of which shards.
    pub from: Vec<ShardQuantity>,
}

impl Gathering {
    /// The parts of a line at one shard: at the one that gives the most, which gives all it has.
    pub(super) fn of(order_id: OrderId, parts: Vec<ReservedLine>) -> Option<Self> {
        let fullest = parts.iter().max_by_key(|part| part.quantity)?;
        let (sku, to_shard) = (fullest.sku.clone(), fullest.shard);
        let from = parts.into_iter().filter(|part| part.shard != to_shard);
        let from =
            from.map(|ReservedLine { shard, quantity, .. }| ShardQuantity { shard, quantity });
        Some(Self { order_id, sku, to_shard, from: from.collect() })
    }

    /// The same gatherings, by transactions.
    #[must_use]
    pub fn by_transaction(gatherings: &[Self]) -> Vec<&[Self]> {
        let (mut rest, mut transactions) = (gatherings, Vec::new());
        while !rest.is_empty() {
            let mut streams = 0;
            let fit = rest.iter().take_while(|gathering| {
                streams += gathering.from.len() + 1;
                streams <= MAX_STREAMS
            });
            let (transaction, others) = rest.split_at(fit.count().max(1));
            transactions.push(transaction);
            rest = others;
        }
        transactions
    }

    /// The streams that [`gather`] decides over: of each gathering the shard to bring goods to,
    /// then those that give them.
    #[must_use]
    pub fn streams(gatherings: &[Self], tenant: &Tenant) -> Many<Stock> {
        let shards = gatherings.iter().flat_map(|gathering| {
            let numbers = [gathering.to_shard]
                .into_iter()
                .chain(gathering.from.iter().map(|part| part.shard));
            numbers.map(|shard| streams::stock(tenant, &gathering.sku, shard))
        });
        Many::new(shards.collect())
    }
}

/// The decision over stock that is brought together, all or nothing: for
/// [`Handler::handle_all`](skald::handle::Handler::handle_all) with [`Gathering::streams`].
///
/// # Errors
/// The rejection of the first shard that refuses. The goods are elsewhere by now: look again.
pub fn gather(
    stock: &[Folded<StockState>],
    gatherings: &[Gathering],
) -> Result<Vec<Vec<StockEvent>>, StockRejection> {
    let commands = gatherings.iter().flat_map(|gathering| {
        let Gathering { order_id, to_shard, ref from, .. } = *gathering;
        let moved_in = StockCommand::MoveIn { order_id, from: from.clone() };
        let moved_out = from.iter().map(move |part| StockCommand::MoveOut {
            order_id,
            to_shard,
            quantity: part.quantity,
        });
        [moved_in].into_iter().chain(moved_out)
    });
    stock
        .iter()
        .zip(commands)
        .map(|(shard, command)| Stock::decide(&shard.state, &command))
        .collect()
}
