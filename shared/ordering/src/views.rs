//! The read models: rows folded from streams, one row per stream. Queries join the rows that they
//! need together.

mod order;
mod saga;
mod stock;
mod worklist;

use skald::commit::Envelope;
use skald::view::Inapplicable;

pub use order::{OrderItem, OrderRow, OrderStatus, OrderView, ParkedOrder, orders_of};
pub use saga::{SagaOfOrder, StepOfOrder, StepState, saga_of};
pub use stock::{StockRow, StockView};
pub use worklist::Worklist;

fn inapplicable<E>(event: &Envelope<E>, reason: &'static str) -> Inapplicable {
    Inapplicable { event_type: event.event_type.clone(), version: event.version, reason }
}
