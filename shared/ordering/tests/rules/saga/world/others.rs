//! What others do to the goods of an order: other orders, deliveries, and products that get more
//! shards. Each change happens at one moment, or not at all if it is rejected.

use events::{OrderId, ReceiptReference, ShardQuantity, Sku, StockShards};
use ordering::product::{Product, ProductCommand, ProductState};
use ordering::receipt::{BookReceipt, receive};
use ordering::reservation::{Gathering, gather};
use ordering::stock::{Stock, StockCommand};
use ordering::streams;
use skald::commit::CommitId;
use skald::decider::{Decider, fold};
use skald::handle::{Handler, Request, Streams};
use skald::stream::StreamId;
use skald_testkit::NoPause;

use super::{World, context, finish, tenant};
use crate::samples::quantity;

impl World {
    /// Moves goods from one shard to another for another order; the total stays the same. Returns
    /// whether the shard had enough.
    pub(crate) fn move_goods(
        &self,
        sku: &Sku,
        from_shard: u16,
        to_shard: u16,
        number: u64,
    ) -> bool {
        let from = vec![ShardQuantity { shard: from_shard, quantity: quantity(number) }];
        let gathering = [Gathering { order_id: other(), sku: sku.clone(), to_shard, from }];
        self.handle_all_for_other(&Gathering::streams(&gathering, &tenant()), |stock| {
            gather(stock, &gathering)
        })
    }

    /// Another order reserves goods of one shard. Returns whether the shard had enough.
    pub(crate) fn reserve_elsewhere(&self, sku: &Sku, shard: u16, number: u64) -> bool {
        let (order_id, quantity) = (other(), quantity(number));
        let stream = streams::stock(&tenant(), sku, shard);
        self.handle_for_other::<Stock>(&stream, &StockCommand::Reserve { order_id, quantity })
    }

    /// Another order releases goods of one shard. Returns whether it held enough.
    pub(crate) fn release_elsewhere(&self, sku: &Sku, shard: u16, number: u64) -> bool {
        let (order_id, quantity) = (other(), quantity(number));
        let stream = streams::stock(&tenant(), sku, shard);
        self.handle_for_other::<Stock>(&stream, &StockCommand::Release { order_id, quantity })
    }

    /// A delivery is booked to the shards that the product has now. Returns whether it was.
    pub(crate) fn deliver(&self, sku: &Sku, number: u64) -> bool {
        let product = self.product(sku);
        let reference = ReceiptReference::new(format!("DN-{}", self.now().as_millis())).unwrap();
        let (quantity, stock_shards) =
            (quantity(number), product.listed().expect("the product is listed").stock_shards);
        let book = BookReceipt { reference, sku: sku.clone(), quantity, stock_shards };
        self.handle_all_for_other(&book.streams(&tenant()), |states| receive(states, &book))
    }

    /// The operator reshards the product. Returns whether this was possible.
    pub(crate) fn reshard(&self, sku: &Sku, stock_shards: StockShards) -> bool {
        let stream = streams::product(&tenant(), sku);
        self.handle_for_other::<Product>(&stream, &ProductCommand::Reshard { stock_shards })
    }

    /// The current state of the product.
    pub(crate) fn product(&self, sku: &Sku) -> ProductState {
        fold::<Product>(&self.commits(&streams::product(&tenant(), sku))).unwrap().state
    }

    /// The quantity that is available now, in all shards that a product can have.
    pub(crate) fn available(&self, sku: &Sku) -> u64 {
        let shards = StockShards::MAX.numbers().map(|shard| {
            let commits = self.commits(&streams::stock(&tenant(), sku, shard));
            fold::<Stock>(&commits).unwrap().state.available()
        });
        shards.sum()
    }

    fn handle_for_other<D: Decider>(&self, stream: &StreamId, command: &D::Command) -> bool
    where
        D::Command: Sync,
        D::Rejection: Send,
    {
        let handler = Handler::new(&self.store, NoPause);
        finish(handler.handle::<D>(stream, command, &self.other_request())).is_ok()
    }

    fn handle_all_for_other<T: Streams, R: Send>(
        &self,
        streams: &T,
        decide: impl Fn(&T::States) -> Result<T::Events, R> + Sync,
    ) -> bool {
        let handler = Handler::new(&self.store, NoPause);
        finish(handler.handle_all(streams, &self.other_request(), decide)).is_ok()
    }

    /// A request with an id of its own.
    fn other_request(&self) -> Request {
        let at = self.now();
        let commit_id = CommitId::of(other().uuid(), &at.to_string());
        Request { commit_id, at, context: context() }
    }
}

/// Another order.
fn other() -> OrderId {
    "00000000-0000-5000-8000-000000000000".parse().unwrap()
}
