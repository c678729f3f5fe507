//! Shared by the targets: samples of stored data, and ways to damage them.
//!
//! Random bytes rarely get past a checksum, a frame of Zstandard or a seal. So the targets start
//! from valid data and damage what these checks protect.

mod edits;
mod items;
mod samples;

pub use edits::Edit;
pub use items::{Attribute, Damage, damage, item};
pub use samples::{SampleEvent, commit, golden};
