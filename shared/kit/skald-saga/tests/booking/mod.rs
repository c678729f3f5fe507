//! A saga that books a room: the room is held, a deposit is taken and collected, the guest gets a
//! door code and points, or all of it is undone.
//!
//! The participants and the external systems are at the bottom, the definition of the saga is above
//! them, and its workers are above the definition. [`Hotel`] is the world in which it runs.

mod arbiter;
mod bank;
mod bug;
mod code;
mod definition;
mod deposit;
mod guest;
mod hotel;
mod lock;
mod points;
mod room;
mod workers;

pub(crate) use arbiter::{Booking, BookingCommand, BookingState, Reason, not_begun};
pub(crate) use bug::Bug;
pub(crate) use definition::{STAY, Stay, StayState, Step};
pub(crate) use guest::{Guest, after, begin, begun, instance};
pub(crate) use hotel::{Hotel, commands, only_switches};
pub(crate) use room::RoomState;
