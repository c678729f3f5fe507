//! Snapshots: states stored with commits, so that a long stream need not be read from its
//! beginning.
//!
//! A snapshot is the state after a commit and is stored in that commit, so it needs no table and no
//! write of its own. The events remain the only source of truth: a snapshot with another schema, or
//! one that cannot be read, is ignored.

use std::fmt;

use crate::json::{self, MAX_STATE_LEVELS};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Largest commit with a snapshot, in bytes as
/// [`Draft::size_bytes`](crate::commit::Draft::size_bytes) counts. A snapshot that would exceed
/// this size is omitted ([`SnapshotError`]), and the next commit tries again.
pub const MAX_WITH_SNAPSHOT_BYTES: usize = 64 * 1024;

/// The state after a commit, stored as part of that commit. Debug output omits the state, because
/// it may be personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The version of the state's shape.
    pub schema: u32,
    /// The state: one JSON value in UTF-8 without surrounding whitespace. It is stored and read
    /// back byte for byte.
    pub state: Vec<u8>,
}

/// Why a due snapshot was omitted. The commit was written without it. Later loads read further
/// back, and take longer with each commit that has no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The commit would be larger than [`MAX_WITH_SNAPSHOT_BYTES`] with the snapshot.
    #[error(
        "the commit would be {size_bytes} bytes with it: at most {MAX_WITH_SNAPSHOT_BYTES} are kept"
    )]
    TooLarge {
        /// The size that the commit would have.
        size_bytes: usize,
    },
    /// The state cannot be written as JSON, or is nested more deeply than a store accepts.
    #[error("the state cannot be written as JSON that may be stored")]
    Unwritable,
}

/// The kind of snapshot that a load reads back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotKind {
    /// The version of the state's shape. Snapshots with another schema are ignored.
    pub schema: u32,
    /// The number of commits from one snapshot to the next, unless one was omitted.
    pub every: u32,
}

/// How often a stream's state is stored, and how it is written and read.
///
/// # Examples
///
/// ```
/// use skald::snapshot::{SnapshotError, Snapshots};
///
/// const SNAPSHOTS: Snapshots<Vec<String>> = Snapshots::new(50, 2);
/// let stored = SNAPSHOTS.take(&vec!["ann".to_owned()])?;
/// assert_eq!((stored.schema, SNAPSHOTS.kind().every), (2, 50));
///
/// // A release with another schema does not read the snapshot. It folds the events instead.
/// const NEXT: Snapshots<Vec<String>> = Snapshots::new(50, 3);
/// assert_eq!(NEXT.restore(&stored), None);
///
/// // A state that cannot be written as JSON has no snapshot.
/// const UNWRITABLE: Snapshots<std::collections::BTreeMap<(u8, u8), u8>> = Snapshots::new(50, 1);
/// assert_eq!(UNWRITABLE.take(&[((1, 2), 3)].into()), Err(SnapshotError::Unwritable));
/// # Ok::<_, SnapshotError>(())
/// ```
pub struct Snapshots<S> {
    kind: SnapshotKind,
    write: fn(&S) -> serde_json::Result<Vec<u8>>,
    read: fn(&[u8]) -> serde_json::Result<S>,
}

impl<S> Snapshots<S> {
    /// Stores the state as JSON with every `every`-th commit. A change of the state's shape or
    /// meaning needs another `schema`.
    ///
    /// # Examples
    ///
    /// A state that is stored with every 50th commit, in its first shape:
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use skald::snapshot::Snapshots;
    ///
    /// #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    /// struct Balance(u64);
    ///
    /// const SNAPSHOTS: Snapshots<Balance> = Snapshots::new(50, 1);
    /// let stored = SNAPSHOTS.take(&Balance(17))?;
    /// assert_eq!(SNAPSHOTS.restore(&stored), Some(Balance(17)));
    /// # Ok::<_, skald::snapshot::SnapshotError>(())
    /// ```
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

    /// The kind of these snapshots.
    #[must_use]
    pub const fn kind(&self) -> SnapshotKind {
        self.kind
    }

    /// The snapshot of this state.
    ///
    /// # Errors
    /// [`SnapshotError::Unwritable`] if the state cannot be written as JSON that may be stored.
    pub fn take(&self, state: &S) -> Result<Snapshot, SnapshotError> {
        // The error of a state's `Serialize` is dropped, because it may quote the state.
        let state = (self.write)(state).or(Err(SnapshotError::Unwritable))?;
        // A store would reject the snapshot, and the events with it.
        json::check(&state, MAX_STATE_LEVELS).or(Err(SnapshotError::Unwritable))?;
        Ok(Snapshot { schema: self.kind.schema, state })
    }

    /// The state in this snapshot. `None` if it has another schema or cannot be read.
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
    /// The number of commits that are read first to find a snapshot: the interval from one snapshot
    /// to the next, unless one was omitted.
    pub(crate) fn first_page(self) -> u32 {
        self.every.max(1)
    }
}
