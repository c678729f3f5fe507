//! The stock view: one row per shard. The quantities of a product are the sums over its shards,
//! computed by the query.

use events::{Sku, StockEvent};
use serde::{Deserialize, Serialize};
use skald::commit::Envelope;
use skald::decider::Decider;
use skald::stream::{Category, StreamId};
use skald::view::{Inapplicable, Listing, Projection};

use super::inapplicable;
use crate::stock::{Stock, sum};
use crate::streams;

/// The projection of category `stock`.
#[derive(Debug, Clone, Copy)]
pub struct StockView;

/// The quantities of a product in one shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockRow {
    /// The product.
    pub sku: Sku,
    /// The shard, from 0.
    pub shard: u16,
    /// The quantity on hand, held or not.
    pub on_hand: u64,
    /// The quantity that is held for orders.
    pub reserved: u64,
}

impl StockRow {
    /// The quantity that can still be ordered.
    #[must_use]
    pub const fn available(&self) -> u64 {
        self.on_hand.saturating_sub(self.reserved)
    }
}

impl Projection for StockView {
    const CATEGORY: &'static Category = Stock::CATEGORY;
    type Event = StockEvent;
    type Row = StockRow;

    fn apply(
        row: Option<StockRow>,
        event: &Envelope<StockEvent>,
    ) -> Result<StockRow, Inapplicable> {
        let row = match row {
            Some(row) => row,
            None => {
                let (sku, shard) = streams::stock_of(&event.stream).ok_or_else(|| {
                    inapplicable(event, "the stream's name contains no SKU and shard")
                })?;
                StockRow { sku, shard, on_hand: 0, reserved: 0 }
            }
        };
        let StockRow { on_hand, reserved, .. } = row;
        let (on_hand, reserved) = counted(on_hand, reserved, &event.data)
            .filter(|(on_hand, reserved)| reserved <= on_hand)
            .ok_or_else(|| inapplicable(event, "it takes away more than the row contains"))?;
        Ok(StockRow { on_hand, reserved, ..row })
    }

    fn listing(_: &StockRow, _: &StreamId) -> Option<Listing> {
        None
    }
}

/// The counters after this event; `None` if it takes away more than they contain.
fn counted(on_hand: u64, reserved: u64, event: &StockEvent) -> Option<(u64, u64)> {
    match event {
        StockEvent::Received(event) => {
            Some((on_hand.checked_add(event.quantity.into())?, reserved))
        }
        StockEvent::Reserved(event) => {
            Some((on_hand, reserved.checked_add(event.quantity.into())?))
        }
        StockEvent::Released(event) => {
            Some((on_hand, reserved.checked_sub(event.quantity.into())?))
        }
        StockEvent::Shipped(event) => {
            let shipped = u64::from(event.quantity);
            Some((on_hand.checked_sub(shipped)?, reserved.checked_sub(shipped)?))
        }
        StockEvent::Returned(event) => {
            Some((on_hand.checked_add(event.quantity.into())?, reserved))
        }
        StockEvent::MovedOut(event) => {
            Some((on_hand.checked_sub(event.quantity.into())?, reserved))
        }
        StockEvent::MovedIn(event) => Some((on_hand.checked_add(sum(&event.from))?, reserved)),
    }
}
