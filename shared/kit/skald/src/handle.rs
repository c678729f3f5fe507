//! Handling commands: load, decide, append; and again, if another writer was faster.
//!
//! [`Handler::handle`] is about one stream; [`Handler::handle_all`] is about several, arranged as
//! [`One`], [`Many`], [`Guarded`] or pairs of these, and writes all of them or none.

mod command;
mod handler;
mod request;
mod streams;

pub use command::{HandleError, Handled, OmittedSnapshots, Outcome, Pause};
pub use handler::Handler;
pub use request::Request;
pub use streams::{
    Decided, DueSnapshot, Guardable, Guarded, GuardedMany, Many, One, StatesError, Streams, states,
};
