//! The operators' worklist: the orders by what they wait for, the earliest deadline first.
//!
//! An order is in one [`Worklist`] at a time. Open and parked orders are in different lists, so that
//! parked orders are found without reading the open ones; in both, the overdue orders come first.
//!
//! # Costs
//! An order that is placed enters a list, which costs one write unit of the view's index. Each move
//! to another list costs two. The two directions of an open order share a list, and so do parcels
//! that have left and arrived. An order costs three units until it is confirmed, and five until its
//! parcel has left.
//!
//! A partition of `DynamoDB` takes 1,000 write units per second, and an index that takes no more
//! delays the view. So each list has four shards. An order that is never parked writes two units to
//! a shard of its lists, so the limit is about 2,000 orders per second.

use events::OrderId;
use skald::stream::Tenant;
use skald::time::Timestamp;
use skald::view::Listing;

/// The number of shards of each list.
const SHARDS: u8 = 4;

/// A list of orders, by what they wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worklist {
    /// Orders that are being completed or undone.
    Open,
    /// Parked orders, which wait for an operator.
    Parked,
    /// Confirmed orders.
    Confirmed,
    /// Cancelled orders.
    Cancelled,
    /// Orders whose parcel has left.
    Dispatched,
}

impl Worklist {
    /// Every list.
    pub const ALL: [Self; 5] =
        [Self::Open, Self::Parked, Self::Confirmed, Self::Cancelled, Self::Dispatched];

    /// The names of the list's shards in the view store.
    pub fn groups(self, tenant: &Tenant) -> impl Iterator<Item = String> {
        (0..SHARDS).map(move |shard| self.group(tenant, shard))
    }

    fn group(self, tenant: &Tenant, shard: u8) -> String {
        let name = match self {
            Self::Open => "open",
            Self::Parked => "parked",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Dispatched => "dispatched",
        };
        format!("{tenant}/orders/{name}~{shard}")
    }

    /// The place of this order in the list.
    pub(super) fn place(self, tenant: &Tenant, order_id: OrderId, due_at: Timestamp) -> Listing {
        let [.., last] = *order_id.uuid().as_bytes();
        Listing { group: self.group(tenant, last % SHARDS), sort: format!("{due_at}/{order_id}") }
    }
}
