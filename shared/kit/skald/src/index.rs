//! The index of all commits: its port, its keys, and positions in it.

mod entry;
mod position;

pub use entry::{
    CommitIndex, IndexEntry, IndexKey, IndexPage, InvalidIndexKey, MalformedEntry, SlicePosition,
};
pub use position::{InvalidPosition, Position};
