//! The reservation of an order: the goods that are held for it, all of them or none, drawn from
//! shards of stock in the same transaction.
//!
//! A reservation decides once. A refused reservation stays refused, even if goods are delivered
//! later. A reservation that is undone before it was made leaves a tombstone, so a late attempt to
//! make it has no effect.

mod aggregate;
mod gathering;
mod held_goods;
mod making;
mod rejection;

pub use aggregate::{Reservation, ReservationCommand, ReservationRejection, ReservationState};
pub use gathering::{Gathering, gather};
pub use held_goods::{HeldGoods, ReservingEvents, ReservingStates};
pub use making::{LookAt, MakeReservation, MakingEvents, MakingStates, WantedLine, make};
pub use rejection::{ReservingRejection, ShardVersions};
