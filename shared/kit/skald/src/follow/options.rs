//! The settings of a follower.

use crate::index::Position;

/// A follower's name, starting position and settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowOptions {
    /// The name under which the checkpoints are stored: 1 to 70 characters of `A-Z a-z 0-9 . _ -`.
    pub name: String,
    /// An identifier of this run, for people. Another run that resumes from the checkpoints ends
    /// this one.
    pub run: String,
    /// The starting position if there are no checkpoints. Entries in the overlap before an entry of
    /// another follower's position are delivered too, as
    /// [`Novelty::MaybeSeen`](super::Novelty::MaybeSeen), because they may have appeared since.
    pub from: Position,
    /// How far to stay behind now: the sum of the clock skew, the time of a write, and the delay of
    /// the index.
    pub margin_ms: u32,
    /// How far before the end of the previous read to read again. Each read repeats the entries of
    /// that time.
    pub overlap_ms: u32,
    /// The maximum number of entries of a slice in one batch.
    pub batch: u32,
}
