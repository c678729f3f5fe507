//! A delivery of one product: booked once, together with the stock it becomes. Its identity is the
//! product and the reference; a delivery note with several products makes several receipts.

use events::{
    CategoryEvent, Quantity, ReceiptBooked, ReceiptEvent, ReceiptReference, ShardQuantity, Sku,
    StockEvent, StockShards,
};
use skald::decider::{Decider, Folded};
use skald::handle::{Many, One};
use skald::stream::Tenant;

use crate::stock::{Stock, StockCommand, StockRejection, StockState};
use crate::streams;

/// The decider of category `receipt`.
#[derive(Debug, Clone, Copy)]
pub struct Receipt;

/// What is known of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ReceiptState {
    /// It has not been booked.
    #[default]
    Unbooked,
    /// It was booked as this.
    Booked(ReceiptBooked),
}

/// What can be asked of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptCommand {
    /// Count it.
    Book(BookReceipt),
}

/// A delivery to book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookReceipt {
    /// What the delivery is called; its other products may have the same.
    pub reference: ReceiptReference,
    /// The product that came.
    pub sku: Sku,
    /// How many came.
    pub quantity: Quantity,
    /// Over how many shards the product's stock is spread.
    pub stock_shards: StockShards,
}

impl BookReceipt {
    /// How many go to which shard, by rising shard; shards that get nothing are left out.
    ///
    /// As even as whole goods can be. Which shards get one more than others depends on the
    /// reference, or the first shards would have the more of many small deliveries.
    #[must_use]
    pub fn shards(&self) -> Vec<ShardQuantity> {
        let shards = u64::from(self.stock_shards);
        let (each, more) = (u64::from(self.quantity) / shards, u64::from(self.quantity) % shards);
        let first = self.reference.as_str().bytes().map(u64::from).sum::<u64>() % shards;
        let share =
            |shard: u16| each + u64::from((u64::from(shard) + shards - first) % shards < more);
        let parts = self.stock_shards.numbers().map(|shard| (shard, Quantity::new(share(shard))));
        parts
            .filter_map(|(shard, quantity)| Some(ShardQuantity { shard, quantity: quantity.ok()? }))
            .collect()
    }

    /// The streams that [`receive`] decides over: the receipt, and the stock of each shard that
    /// gets something.
    #[must_use]
    pub fn streams(&self, tenant: &Tenant) -> (One<Receipt>, Many<Stock>) {
        let stock =
            self.shards().into_iter().map(|part| streams::stock(tenant, &self.sku, part.shard));
        (One::new(streams::receipt(tenant, &self.sku, &self.reference)), Many::new(stock.collect()))
    }
}

/// Why a delivery is not booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptRejection {
    /// Another quantity of the product was booked under the same reference.
    #[error("the reference was used for another quantity of this product")]
    ReferenceReused,
}

/// Why goods are not received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceivingRejection {
    /// The receipt says no.
    #[error(transparent)]
    Receipt(#[from] ReceiptRejection),
    /// The stock says no.
    #[error(transparent)]
    Stock(#[from] StockRejection),
}

impl Decider for Receipt {
    const CATEGORY: &'static str = ReceiptEvent::CATEGORY;
    type State = ReceiptState;
    type Command = ReceiptCommand;
    type Event = ReceiptEvent;
    type Rejection = ReceiptRejection;

    fn decide(
        state: &ReceiptState,
        command: &ReceiptCommand,
    ) -> Result<Vec<ReceiptEvent>, ReceiptRejection> {
        let ReceiptCommand::Book(book) = command;
        match state {
            ReceiptState::Unbooked => {
                let (sku, quantity) = (book.sku.clone(), book.quantity);
                Ok(vec![ReceiptBooked { sku, quantity, shards: book.shards() }.into()])
            }
            ReceiptState::Booked(booked) if booked.quantity == book.quantity => Ok(vec![]),
            ReceiptState::Booked(_) => Err(ReceiptRejection::ReferenceReused),
        }
    }

    fn evolve(state: ReceiptState, event: &ReceiptEvent) -> ReceiptState {
        let ReceiptEvent::Booked(booked) = event;
        match state {
            ReceiptState::Unbooked => ReceiptState::Booked(booked.clone()),
            ReceiptState::Booked(_) => state,
        }
    }
}

/// The decision over a receipt and the stock it becomes, all or nothing: for
/// [`Handler::handle_all`](skald::handle::Handler::handle_all) with [`BookReceipt::streams`]. A
/// receipt that was booked already adds nothing to any stock.
///
/// # Errors
/// The rejection of the receipt or of the first shard that is refused.
pub fn receive(
    (receipt, stock): &(Folded<ReceiptState>, Vec<Folded<StockState>>),
    book: &BookReceipt,
) -> Result<(Vec<ReceiptEvent>, Vec<Vec<StockEvent>>), ReceivingRejection> {
    let booked = Receipt::decide(&receipt.state, &ReceiptCommand::Book(book.clone()))?;
    if booked.is_empty() {
        return Ok((booked, vec![Vec::new(); stock.len()]));
    }
    let received = stock.iter().zip(book.shards()).map(|(shard, part)| {
        let command =
            StockCommand::Receive { reference: book.reference.clone(), quantity: part.quantity };
        Stock::decide(&shard.state, &command)
    });
    Ok((booked, received.collect::<Result<_, _>>()?))
}
