//! A delivery of one product, booked once together with the stock it adds. Product and reference
//! identify it; a delivery note with several products makes several receipts.

use events::{
    CategoryEvent, Quantity, ReceiptBooked, ReceiptEvent, ReceiptReference, ShardQuantity, Sku,
    StockEvent, StockShards,
};
use skald::decider::{Decider, Folded};
use skald::handle::{Guarded, Many, One};
use skald::stream::Tenant;

use crate::product::{Product, ProductState};
use crate::stock::{Stock, StockCommand, StockRejection, StockState};
use crate::streams;

/// The decider of category `receipt`.
#[derive(Debug, Clone, Copy)]
pub struct Receipt;

/// The state of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ReceiptState {
    /// The delivery was not booked.
    #[default]
    Unbooked,
    /// The delivery was booked with this data.
    Booked(ReceiptBooked),
}

/// The commands on a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptCommand {
    /// Book the delivery.
    Book(BookReceipt),
}

/// A delivery to book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookReceipt {
    /// The reference of the delivery. Other products of the same delivery may share it.
    pub reference: ReceiptReference,
    /// The product that was delivered.
    pub sku: Sku,
    /// The quantity that was delivered.
    pub quantity: Quantity,
    /// The number of shards that the product's stock is spread over.
    pub stock_shards: StockShards,
}

impl BookReceipt {
    /// The quantity for each shard, in ascending order of the shards, without shards that get
    /// nothing.
    ///
    /// The quantities are as even as whole pieces allow. The reference determines which shards get
    /// one more, so that many small deliveries do not all favour the first shards.
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

    /// The streams that [`receive`] decides over: the receipt, the product, and the stock of each
    /// shard that gets something. The product is read and not written.
    #[must_use]
    pub fn streams(&self, tenant: &Tenant) -> (One<Receipt>, (Guarded<Product>, Many<Stock>)) {
        let stock =
            self.shards().into_iter().map(|part| streams::stock(tenant, &self.sku, part.shard));
        let product = Guarded::<Product>::new(streams::product(tenant, &self.sku));
        let receipt = One::new(streams::receipt(tenant, &self.sku, &self.reference));
        (receipt, (product, Many::new(stock.collect())))
    }
}

/// Why a delivery is not booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptRejection {
    /// A different quantity of the product was booked under the same reference.
    #[error("the reference was already used for a different quantity of this product")]
    ReferenceReused,
}

/// Why goods are not received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceivingRejection {
    /// The receipt rejects the delivery.
    #[error(transparent)]
    Receipt(#[from] ReceiptRejection),
    /// A shard of the stock rejects the delivery.
    #[error(transparent)]
    Stock(#[from] StockRejection),
    /// The product changed since it was read: its stock is not spread over the shards that the
    /// delivery was divided among. Read it again.
    #[error("the number of the product's shards has changed")]
    Changed,
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

/// The states that [`receive`] decides over: the receipt, the product, and the stock of each shard.
pub type ReceivingStates = (Folded<ReceiptState>, (Folded<ProductState>, Vec<Folded<StockState>>));
/// The events that [`receive`] adds to each of these streams. The product gets none.
pub type ReceivingEvents = (Vec<ReceiptEvent>, ((), Vec<Vec<StockEvent>>));

/// The decision over a receipt and the stock it adds, in one transaction: for
/// [`Handler::handle_all`](skald::handle::Handler::handle_all) with [`BookReceipt::streams`]. A
/// receipt that is already booked adds nothing to any stock.
///
/// # Errors
/// The rejection of the receipt; [`ReceivingRejection::Changed`] if the product's stock is spread
/// over another number of shards; else the rejection of the first shard that rejects.
pub fn receive(
    (receipt, (product, stock)): &ReceivingStates,
    book: &BookReceipt,
) -> Result<ReceivingEvents, ReceivingRejection> {
    let booked = Receipt::decide(&receipt.state, &ReceiptCommand::Book(book.clone()))?;
    if booked.is_empty() {
        return Ok((booked, ((), vec![Vec::new(); stock.len()])));
    }
    let stock_shards = product.state.listed().map(|product| product.stock_shards);
    if stock_shards != Some(book.stock_shards) {
        return Err(ReceivingRejection::Changed);
    }
    let received = stock.iter().zip(book.shards()).map(|(shard, part)| {
        let command =
            StockCommand::Receive { reference: book.reference.clone(), quantity: part.quantity };
        Stock::decide(&shard.state, &command)
    });
    Ok((booked, ((), received.collect::<Result<_, _>>()?)))
}
