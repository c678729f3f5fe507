//! One shard of a product's stock: two counters, regardless of how many orders hold it.
//!
//! The quantity that each order holds is in the order's reservation, and each delivery is in its
//! receipt. Those streams are written in the same transaction and prevent counting twice; the
//! commands here count every time.

use events::values::LARGEST_EXACT;
use events::{
    CategoryEvent, OrderId, Quantity, ReceiptReference, ShardQuantity, StockEvent, StockMovedIn,
    StockMovedOut, StockReceived, StockReleased, StockReserved, StockReturned, StockShards,
    StockShipped,
};
use serde::{Deserialize, Serialize};
use skald::decider::Decider;
use skald::snapshot::Snapshots;

/// The largest quantity on hand in one shard. All shards of a product together stay within 2⁵³ − 1,
/// so that every JSON client reads their sum exactly.
pub const MAX_ON_HAND: u64 = LARGEST_EXACT.unsigned_abs() / StockShards::MAX.get() as u64;

/// The decider of category `stock`.
#[derive(Debug, Clone, Copy)]
pub struct Stock;

/// The quantities of the shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StockState {
    /// The quantity on hand, held or not.
    pub on_hand: u64,
    /// The quantity that is held for orders.
    pub reserved: u64,
}

impl StockState {
    /// The quantity that can still be ordered.
    #[must_use]
    pub const fn available(self) -> u64 {
        self.on_hand.saturating_sub(self.reserved)
    }
}

/// The commands on stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockCommand {
    /// Add goods that were delivered.
    Receive {
        /// The receipt that books the goods.
        reference: ReceiptReference,
        /// The quantity.
        quantity: Quantity,
    },
    /// Hold goods for an order.
    Reserve {
        /// The order.
        order_id: OrderId,
        /// The quantity.
        quantity: Quantity,
    },
    /// Release goods that are held for an order.
    Release {
        /// The order.
        order_id: OrderId,
        /// The quantity.
        quantity: Quantity,
    },
    /// Ship goods that are held for an order.
    Ship {
        /// The order.
        order_id: OrderId,
        /// The quantity.
        quantity: Quantity,
    },
    /// Take back goods that left the stock for an order.
    Return {
        /// The order.
        order_id: OrderId,
        /// The quantity.
        quantity: Quantity,
    },
    /// Move available goods to another shard.
    MoveOut {
        /// The order that needs the goods there.
        order_id: OrderId,
        /// The shard, from 0.
        to_shard: u16,
        /// The quantity.
        quantity: Quantity,
    },
    /// Add goods that are moved here from other shards.
    MoveIn {
        /// The order that needs the goods here.
        order_id: OrderId,
        /// The quantity from each shard.
        from: Vec<ShardQuantity>,
    },
}

/// Why a command on stock is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StockRejection {
    /// Less is available than the command needs.
    #[error("only {available} are available")]
    Short {
        /// The quantity that can still be ordered.
        available: u64,
    },
    /// The command releases or ships more than all orders together hold.
    #[error("only {reserved} are reserved")]
    NotReserved {
        /// The quantity that is held.
        reserved: u64,
    },
    /// The quantity on hand would exceed [`MAX_ON_HAND`].
    #[error("the shard cannot count so many goods")]
    Uncountable,
}

impl Decider for Stock {
    const CATEGORY: &'static str = StockEvent::CATEGORY;
    type State = StockState;
    type Command = StockCommand;
    type Event = StockEvent;
    type Rejection = StockRejection;
    /// Each order adds two commits, so the stream of a popular product is long. Two counters fit
    /// into the write unit of their commit, so every commit has them, and a load reads one item. A
    /// late repetition is recognized by the order's reservation or by the receipt.
    const SNAPSHOTS: Option<Snapshots<StockState>> = Some(Snapshots::new(1, 1));

    fn decide(
        state: &StockState,
        command: &StockCommand,
    ) -> Result<Vec<StockEvent>, StockRejection> {
        let held = |quantity: Quantity| {
            let reserved = state.reserved;
            if u64::from(quantity) <= reserved {
                Ok(())
            } else {
                Err(StockRejection::NotReserved { reserved })
            }
        };
        let countable = |more: u64| {
            let on_hand = state.on_hand.checked_add(more).filter(|&on_hand| on_hand <= MAX_ON_HAND);
            on_hand.map(drop).ok_or(StockRejection::Uncountable)
        };
        let available = |quantity: Quantity| {
            let available = state.available();
            if u64::from(quantity) <= available {
                Ok(())
            } else {
                Err(StockRejection::Short { available })
            }
        };
        let event = match command.clone() {
            StockCommand::Receive { reference, quantity } => {
                countable(quantity.into())?;
                StockReceived { reference, quantity }.into()
            }
            StockCommand::Reserve { order_id, quantity } => {
                available(quantity)?;
                StockReserved { order_id, quantity }.into()
            }
            StockCommand::Release { order_id, quantity } => {
                held(quantity)?;
                StockReleased { order_id, quantity }.into()
            }
            StockCommand::Ship { order_id, quantity } => {
                held(quantity)?;
                StockShipped { order_id, quantity }.into()
            }
            StockCommand::Return { order_id, quantity } => {
                countable(quantity.into())?;
                StockReturned { order_id, quantity }.into()
            }
            StockCommand::MoveOut { order_id, to_shard, quantity } => {
                available(quantity)?;
                StockMovedOut { order_id, to_shard, quantity }.into()
            }
            StockCommand::MoveIn { order_id, from } => {
                countable(sum(&from))?;
                StockMovedIn { order_id, from }.into()
            }
        };
        Ok(vec![event])
    }

    fn evolve(state: StockState, event: &StockEvent) -> StockState {
        let StockState { on_hand, reserved } = state;
        let (on_hand, reserved) = match event {
            StockEvent::Received(event) => {
                (on_hand.saturating_add(event.quantity.into()), reserved)
            }
            StockEvent::Reserved(event) => {
                (on_hand, reserved.saturating_add(event.quantity.into()))
            }
            StockEvent::Released(event) => {
                (on_hand, reserved.saturating_sub(event.quantity.into()))
            }
            StockEvent::Shipped(event) => {
                let shipped = u64::from(event.quantity);
                (on_hand.saturating_sub(shipped), reserved.saturating_sub(shipped))
            }
            StockEvent::Returned(event) => {
                (on_hand.saturating_add(event.quantity.into()), reserved)
            }
            StockEvent::MovedOut(event) => {
                (on_hand.saturating_sub(event.quantity.into()), reserved)
            }
            StockEvent::MovedIn(event) => (on_hand.saturating_add(sum(&event.from)), reserved),
        };
        StockState { on_hand, reserved }
    }
}

/// The sum of the quantities of these parts.
pub(crate) fn sum(parts: &[ShardQuantity]) -> u64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(part.quantity.into()))
}
