//! Command handling: load the streams, decide, append, and retry after a conflict.
//!
//! [`Handler::handle`] handles a command on one stream. [`Handler::handle_all`] handles a command
//! on several streams, arranged as [`One`], [`Many`], [`Guarded`] or pairs of these, and writes all
//! of its commits or none.

mod command;
mod handler;
mod loading;
mod request;
mod streams;

pub use command::{HandleError, Handled, OmittedSnapshots, Outcome, Pause};
pub use handler::Handler;
pub use loading::states;
pub use request::Request;
pub use streams::{
    Decided, DueSnapshot, Guardable, Guarded, GuardedMany, Many, One, ReadOnly, Streams,
};
