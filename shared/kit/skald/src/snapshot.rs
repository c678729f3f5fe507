//! States that are kept with commits, so that a long stream need not be read from its beginning.
//!
//! A snapshot rides in the commit that it is the state after: it needs no table, no write and no
//! moment of its own. It is never the truth, only a short cut to it: one of another schema, or one
//! that cannot be read, is passed over.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::commit::{Commit, Draft};
use crate::json::{self, MAX_STATE_LEVELS, raw};

/// Largest commit with a snapshot, in bytes as [`Draft::size_bytes`] counts. A snapshot that would
/// make it larger is left out ([`SnapshotError`]), and the next commit tries again.
pub const MAX_WITH_SNAPSHOT_BYTES: usize = 64 * 1024;

/// The state after a commit, as it is stored with it. It may be about a person: debug output does
/// not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The version of the state's shape.
    pub schema: u32,
    /// The state: one JSON value in UTF-8, with no space around it. It comes back byte for byte.
    pub state: Vec<u8>,
}

impl Snapshot {
    /// The state as the JSON text it should be; none if it is none.
    #[must_use]
    pub fn json(&self) -> Option<&RawValue> {
        raw(&self.state)
    }
}

/// Why a snapshot that was due was left out. The commit was written without it. Loads then go back
/// further, and take longer with each commit that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// With it the commit would be larger than [`MAX_WITH_SNAPSHOT_BYTES`].
    #[error(
        "the commit would be {size_bytes} bytes with it: at most {MAX_WITH_SNAPSHOT_BYTES} are kept"
    )]
    TooLarge {
        /// How large it would be.
        size_bytes: usize,
    },
    /// The state cannot be written as JSON, or is nested more deeply than a store keeps.
    #[error("the state cannot be written as JSON that may be stored")]
    Unwritable,
}

impl SnapshotError {
    /// Removes the snapshot from a draft if it makes the draft too large, and returns why. `None`
    /// if it may stay, or if there is no snapshot.
    pub fn check(draft: &mut Draft) -> Option<Self> {
        let size_bytes = draft.size_bytes();
        if size_bytes <= MAX_WITH_SNAPSHOT_BYTES {
            return None;
        }
        draft.snapshot.take().map(|_| Self::TooLarge { size_bytes })
    }
}

/// Which snapshots a load goes back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotKind {
    /// The version of the state's shape; others are passed over.
    pub schema: u32,
    /// How many commits there are from one snapshot to the next, unless one was left out.
    pub every: u32,
}

/// How often the state of a stream is kept, and how it is written and read.
pub struct Snapshots<S> {
    kind: SnapshotKind,
    write: fn(&S) -> serde_json::Result<Vec<u8>>,
    read: fn(&[u8]) -> serde_json::Result<S>,
}

impl<S> Snapshots<S> {
    /// The state is kept with every `every`-th commit, as JSON. Whoever changes the shape of the
    /// state, or what it means, gives it another `schema`.
    #[must_use]
    pub const fn new(every: u32, schema: u32) -> Self
    where
        S: Serialize + DeserializeOwned,
    {
        Self {
            kind: SnapshotKind { schema, every },
            write: serde_json::to_vec::<S>,
            read: read::<S>,
        }
    }

    /// Which they are.
    #[must_use]
    pub const fn kind(&self) -> SnapshotKind {
        self.kind
    }

    /// This state as it is stored.
    ///
    /// # Errors
    /// [`SnapshotError::Unwritable`] if it cannot be written as JSON, or not as JSON that may be
    /// stored.
    pub fn take(&self, state: &S) -> Result<Snapshot, SnapshotError> {
        // What a state's `Serialize` says of its failure may quote the state.
        let state = (self.write)(state).or(Err(SnapshotError::Unwritable))?;
        // A store would refuse it, and the events with it.
        json::check(&state, MAX_STATE_LEVELS).or(Err(SnapshotError::Unwritable))?;
        Ok(Snapshot { schema: self.kind.schema, state })
    }

    /// The state in this snapshot; none if it is of another schema, or cannot be read.
    #[must_use]
    pub fn restore(&self, snapshot: &Snapshot) -> Option<S> {
        if snapshot.schema == self.kind.schema { (self.read)(&snapshot.state).ok() } else { None }
    }
}

fn read<S: DeserializeOwned>(state: &[u8]) -> serde_json::Result<S> {
    serde_json::from_slice(state)
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "snapshot@{} ({} bytes)", self.schema, self.state.len())
    }
}

impl<S> fmt::Debug for Snapshots<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Snapshots").field(&self.kind).finish()
    }
}

impl SnapshotKind {
    /// How many commits are read first to find one: as many as there are from one to the next,
    /// unless one was left out.
    pub(crate) fn first_page(self) -> u32 {
        self.every.max(1)
    }

    /// Whether this commit carries one.
    #[must_use]
    pub fn is_in(self, commit: &Commit) -> bool {
        commit.snapshot.as_ref().is_some_and(|snapshot| snapshot.schema == self.schema)
    }

    /// Whether the commit after these, the last ones of a stream, is to carry one.
    #[must_use]
    pub fn is_due(self, commits: &[Commit]) -> bool {
        let since = commits.iter().rev().take_while(|commit| !self.is_in(commit)).count();
        since as u64 + 1 >= u64::from(self.every)
    }
}
