//! One shard of a product's stock: two counters, however many orders hold it.
//!
//! Which order holds how much is not known here but in the order's reservation, and which goods
//! came in the receipt: those are written in the same transaction and see to it that nothing is
//! counted twice. These commands count each time.

use events::values::LARGEST_EXACT;
use events::{
    CategoryEvent, OrderId, Quantity, ReceiptReference, ShardQuantity, StockEvent, StockMovedIn,
    StockMovedOut, StockReceived, StockReleased, StockReserved, StockShards, StockShipped,
};
use serde::{Deserialize, Serialize};
use skald::decider::Decider;
use skald::snapshot::Snapshots;

/// The most that one shard can have on hand: all shards of a product together stay within 2⁵³ − 1,
/// so that every JSON client reads their sum exactly.
pub const MOST_ON_HAND: u64 = LARGEST_EXACT.unsigned_abs() / StockShards::MOST.get() as u64;

/// The decider of category `stock`.
#[derive(Debug, Clone, Copy)]
pub struct Stock;

/// What there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StockState {
    /// How many are there, held or not.
    pub on_hand: u64,
    /// How many of them are held for orders.
    pub reserved: u64,
}

impl StockState {
    /// How many can still be ordered.
    #[must_use]
    pub const fn available(self) -> u64 {
        self.on_hand.saturating_sub(self.reserved)
    }
}

/// What can be asked of stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StockCommand {
    /// Add goods that came in.
    Receive {
        /// The receipt that books them.
        reference: ReceiptReference,
        /// How many.
        quantity: Quantity,
    },
    /// Hold goods for an order.
    Reserve {
        /// The order.
        order_id: OrderId,
        /// How many.
        quantity: Quantity,
    },
    /// No longer hold goods for an order.
    Release {
        /// The order.
        order_id: OrderId,
        /// How many.
        quantity: Quantity,
    },
    /// Goods that were held for an order leave.
    Ship {
        /// The order.
        order_id: OrderId,
        /// How many.
        quantity: Quantity,
    },
    /// Count goods that nobody holds at another shard.
    MoveOut {
        /// The order that needs them there.
        order_id: OrderId,
        /// The shard, from 0.
        to_shard: u16,
        /// How many.
        quantity: Quantity,
    },
    /// Count goods of other shards here.
    MoveIn {
        /// The order that needs them here.
        order_id: OrderId,
        /// How many of which shards.
        from: Vec<ShardQuantity>,
    },
}

/// Why stock does not do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StockRejection {
    /// There is less than is asked for.
    #[error("only {available} are available")]
    Short {
        /// How many can still be ordered.
        available: u64,
    },
    /// More is to be released or shipped than all orders together hold.
    #[error("only {reserved} are reserved")]
    NotReserved {
        /// How many are held.
        reserved: u64,
    },
    /// More came in than a shard can hold, see [`MOST_ON_HAND`].
    #[error("there is more than can be counted")]
    Uncountable,
}

impl Decider for Stock {
    const CATEGORY: &'static str = StockEvent::CATEGORY;
    type State = StockState;
    type Command = StockCommand;
    type Event = StockEvent;
    type Rejection = StockRejection;
    /// Two commits for each order: the stream of a product that sells well is long. What comes
    /// again late is recognised by the order's reservation or the receipt.
    const SNAPSHOTS: Option<Snapshots<StockState>> = Some(Snapshots::new(10, 1));

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
            let on_hand =
                state.on_hand.checked_add(more).filter(|&on_hand| on_hand <= MOST_ON_HAND);
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
            StockEvent::MovedOut(event) => {
                (on_hand.saturating_sub(event.quantity.into()), reserved)
            }
            StockEvent::MovedIn(event) => (on_hand.saturating_add(sum(&event.from)), reserved),
        };
        StockState { on_hand, reserved }
    }
}

/// How many goods these parts are together.
pub(crate) fn sum(parts: &[ShardQuantity]) -> u64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(part.quantity.into()))
}
