//! JSON that may be stored: every reader can read it, and all readers understand it in the same
//! way.
//!
//! Readers differ in what they accept as JSON. The rules here are those of I-JSON (RFC 7493), with
//! a limit on nesting. In addition, only personal values may have the reserved member. A store that
//! checks these rules before it writes never stores anything that a reader cannot read back.

pub(crate) mod mark;
mod scan;

pub use scan::{JsonFault, MAX_EVENT_LEVELS, MAX_STATE_LEVELS};
pub(crate) use scan::{MAX_READ_LEVELS, Scan, check, raw};
