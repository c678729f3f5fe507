//! The rules of reservations: the aggregate, making a reservation, and releasing or shipping the
//! goods that it holds.

mod aggregate;
mod held_goods;
mod making;
mod several_reads;

use events::{ReservedLine, ShortLine};
use ordering::reservation::{
    LookAt, MakeReservation, MakingStates, ReservationState, ReservingStates, ShardVersions,
    WantedLine,
};
use ordering::stock::StockState;
use skald::decider::Folded;
use skald::handle::Decided;
use skald::stream::Version;

use crate::samples::{order_id, quantity, sharded, shards, sku};

fn line(name: &str, shard: u16, number: u64) -> ReservedLine {
    ReservedLine { sku: sku(name), shard, quantity: quantity(number) }
}

fn lines() -> Vec<ReservedLine> {
    vec![line("MUG-01", 1, 2), line("TEE-07", 0, 1)]
}

fn short() -> Vec<ShortLine> {
    vec![ShortLine { sku: sku("TEE-07"), wanted: quantity(1), available: 0 }]
}

/// A reservation in this state, and shards with these available quantities.
fn states(reservation: ReservationState, available: &[u64]) -> ReservingStates {
    let shard = |&on_hand: &u64| Folded {
        state: StockState { on_hand, reserved: 0 },
        version: Version::START,
    };
    (Folded { state: reservation, version: Version::START }, available.iter().map(shard).collect())
}

/// The states of [`states`], and the products of the order's lines.
fn making(
    order: &MakeReservation,
    reservation: ReservationState,
    available: &[u64],
) -> MakingStates {
    let (reservation, stock) = states(reservation, available);
    let product =
        |line: &WantedLine| Folded { state: sharded(line.stock_shards), version: Version::new(1) };
    (reservation, (order.lines.iter().map(product).collect(), stock))
}

/// A line that looks at all shards of its product.
pub(crate) fn wanted(name: &str, number: u64, stock_shards: u64) -> WantedLine {
    let (sku, quantity, stock_shards) = (sku(name), quantity(number), shards(stock_shards));
    WantedLine { sku, quantity, stock_shards, look_at: LookAt::All }
}

pub(crate) fn order(lines: impl IntoIterator<Item = WantedLine>) -> MakeReservation {
    MakeReservation { order_id: order_id(), lines: lines.into_iter().collect() }
}

/// The read of [`states`], if no shard has moved.
fn seen(order: &MakeReservation) -> ShardVersions {
    order.lines.iter().map(|line| vec![Version::START; line.stock_shards.get().into()]).collect()
}

/// The decision about a stream that is neither written nor guarded.
fn free<E>() -> Decided<E> {
    Decided::Events(Vec::new())
}
