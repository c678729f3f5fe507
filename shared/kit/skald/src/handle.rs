//! Handling commands: load, decide, append; and again, if another writer was faster.
//!
//! [`handle`] is about one stream; [`handle_all`] is about several, arranged as [`One`], [`Many`],
//! or pairs of these, and writes all of them or none.

mod command;
mod streams;

pub use command::{
    HandleError, Handled, OmittedSnapshots, Outcome, Pause, Request, handle, handle_all,
};
pub use streams::{DueSnapshot, Many, One, StatesError, Streams, states};
