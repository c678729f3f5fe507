//! What the targets share: samples of what is really stored, and ways to spoil them.
//!
//! A target finds nothing by throwing bytes at a reader that wants a checksum, a frame of Zstandard
//! or a seal: all of them are refused at the door. So the targets make something sound and spoil it
//! behind the door.

mod edits;
mod items;
mod samples;

pub use edits::Edit;
pub use items::{Attribute, Spoiling, item, spoil};
pub use samples::{SampleEvent, commit, golden};
