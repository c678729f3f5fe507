//! What a follower delivers.

use crate::index::{IndexEntry, IndexKey, MalformedEntry};

/// The entries that are delivered together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Entries of all slices, in order of time. Each is later than those of the previous batch,
    /// except for late ones.
    pub deliveries: Vec<Delivery>,
    /// Malformed entries that were found between them; each is reported once in a run.
    pub malformed: Vec<MalformedEntry>,
    /// Commits that are further ahead of now than the margin, because a writer's clock was wrong.
    /// Each is reported once in a run, and delivered when its time comes. The search covers the
    /// first 1,000 of each slice.
    pub ahead: Vec<IndexKey>,
}

impl Batch {
    /// Whether the batch is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty() && self.malformed.is_empty() && self.ahead.is_empty()
    }
}

/// A delivered entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The entry.
    pub entry: IndexEntry,
    /// Whether the entry was delivered before.
    pub novelty: Novelty,
}

/// Whether an entry was delivered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// The entry was not delivered before, by this run or an earlier one.
    New,
    /// The entry was not delivered before, but later entries were: it appeared after the safety
    /// margin.
    Late,
    /// The entry may have been delivered before: by an earlier run, or by this run without an
    /// acknowledgement.
    MaybeSeen,
}
