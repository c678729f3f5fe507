//! Why a decision over a reservation and its stock is rejected.

use skald::stream::Version;

use super::aggregate::ReservationRejection;
use super::gathering::Gathering;
use crate::stock::StockRejection;

/// The versions at which the shards that the lines look at were read, line by line.
pub type ShardVersions = Vec<Vec<Version>>;

/// Why a decision over a reservation and stock is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReservingRejection {
    /// The reservation rejects it.
    #[error(transparent)]
    Reservation(#[from] ReservationRejection),
    /// A shard of stock rejects it.
    #[error(transparent)]
    Stock(#[from] StockRejection),
    /// What the decision was prepared for has changed since: the reservation holds other goods, or
    /// a product's stock has more shards. Read it again.
    #[error("the reservation or the number of a product's shards has changed")]
    Changed,
    /// These lines, by their index, looked at one shard, and it has too little. Look at all shards.
    #[error("a product is short in the one shard that was read")]
    OtherShards(Vec<usize>),
    /// Stock seems short, but the shards were not read at one point in time, and they are too many
    /// for guards. Read them again and compare.
    #[error("the stock seems short, but its shards were not read at one point in time")]
    NotAtOneMoment(ShardVersions),
    /// Enough is available, but in more shards than a transaction can contain. Gather it and read
    /// again.
    #[error("the goods are in too many shards for one transaction")]
    TooManyShards {
        /// The versions of the shards that were read.
        versions: ShardVersions,
        /// The goods to gather.
        gatherings: Vec<Gathering>,
    },
}
