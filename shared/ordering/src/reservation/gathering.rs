//! Gathers goods that an order needs at one shard, so that the order's parts fit into one
//! transaction.
//!
//! Gathering reserves nothing, and nothing is lost if no reservation follows: each gathering moves
//! goods between shards of one product in one transaction, and which goods an order draws is
//! decided later.

use events::{OrderId, ReservedLine, ShardQuantity, Sku, StockEvent};
use skald::decider::{Decider, Folded};
use skald::handle::Many;
use skald::store::MAX_STREAMS;
use skald::stream::Tenant;

use crate::stock::{Stock, StockCommand, StockRejection, StockState};
use crate::streams;

/// Goods of one product to gather at one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathering {
    /// The order that needs the goods.
    pub order_id: OrderId,
    /// The product.
    pub sku: Sku,
    /// The shard to move the goods to, from 0.
    pub to_shard: u16,
    /// The quantities from each shard.
    pub from: Vec<ShardQuantity>,
}

impl Gathering {
    /// Gathers the parts of a line at the shard that contributes the most. That shard contributes
    /// all it has.
    pub(super) fn of(order_id: OrderId, parts: Vec<ReservedLine>) -> Option<Self> {
        let fullest = parts.iter().max_by_key(|part| part.quantity)?;
        let (sku, to_shard) = (fullest.sku.clone(), fullest.shard);
        let from = parts.into_iter().filter(|part| part.shard != to_shard);
        let from =
            from.map(|ReservedLine { shard, quantity, .. }| ShardQuantity { shard, quantity });
        Some(Self { order_id, sku, to_shard, from: from.collect() })
    }

    /// These gatherings, grouped into transactions.
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

    /// The streams that [`gather`] decides over: for each gathering the shard that receives goods,
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

/// The decision over stock that is gathered, in one transaction: for
/// [`Handler::handle_all`](skald::handle::Handler::handle_all) with [`Gathering::streams`].
///
/// # Errors
/// The rejection of the first shard that rejects, because its goods have moved. Read the shards
/// again.
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
