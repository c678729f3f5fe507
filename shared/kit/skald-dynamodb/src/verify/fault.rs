//! What a verifier tells: what is wrong, and how far it is.

use std::fmt;

use skald::check::SnapshotFault;
use skald::store::Corruption;
use skald::stream::Version;
use skald::text::cut;
use skald::time::Timestamp;

/// Something that is wrong with an events table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The stream's key; of an item that is of no stream, its keys.
    pub key: String,
    /// The version, if it is one's.
    pub version: Option<Version>,
    /// What is wrong.
    pub defect: Defect,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a defect quotes is cut where it is quoted.
        let key = cut(&self.key);
        match self.version {
            Some(version) => write!(f, "{key} at version {version}: {}", self.defect),
            None => write!(f, "{key}: {}", self.defect),
        }
    }
}

/// What can be wrong with an item of the table, or an entry of its index. No text quotes a stored
/// value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// An item in the table that belongs to no stream.
    #[error("in the table: no place of a stream, {0}")]
    Foreign(&'static str),
    /// A gap, an overlap, or an item that cannot be read.
    #[error("in the table: {0}")]
    Corrupt(Corruption),
    /// A snapshot that a load would go wrong by.
    #[error("in the table: {0}")]
    Snapshot(SnapshotFault),
    /// An event or a snapshot with something about a person that is not sealed, and so cannot be
    /// erased.
    #[error("in the table: personal data that is not sealed, in the {0}")]
    Plain(&'static str),
    /// An event that the catalogue cannot decode.
    #[error("in the table: {0}")]
    Undecodable(String),
    /// A commit that was recorded earlier than the one before it: one of two clocks was wrong, or
    /// it was not written by a store. Followers of all commits may have missed it.
    #[error("in the table: recorded at {at}, earlier than the commit before it, at {before}")]
    Earlier {
        /// When it was recorded.
        at: Timestamp,
        /// When the commit before was.
        before: Timestamp,
    },
    /// A commit from a wrong clock: followers of all commits do not see it before that time.
    #[error("in the table: recorded at {at}, which lies ahead of now")]
    Ahead {
        /// When it was recorded, as the clock said.
        at: Timestamp,
    },
    /// An attribute from which the index is made is not what it must be.
    #[error("in the table: `{0}`, from which the index is made, does not fit the commit")]
    Unindexed(&'static str),
    /// The table has the commit, and the index does not show it.
    #[error("in the index: no entry for this commit")]
    NotInIndex,
    /// The index shows a commit that the table does not have.
    #[error("in the index: an entry without a commit in the table")]
    NoCommit,
    /// The index shows it otherwise than the table has it.
    #[error("in the index: the entry differs from the commit in the table")]
    Differs,
    /// An entry of the index that is no commit's.
    #[error("in the index: {0}")]
    Odd(&'static str),
}

/// What was looked at so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verified {
    /// Items of the table, whatever they are.
    pub items: u64,
    /// Events that were decoded.
    pub events: u64,
    /// Entries of the index.
    pub entries: u64,
    /// Commits that were recorded too recently to be compared with the index: less than
    /// [`SETTLED_MS`](super::SETTLED_MS) before now, or after it.
    pub recent: u64,
    /// Faults found.
    pub faults: u64,
}

/// What a verifier tells.
#[derive(Debug, Clone, Copy)]
pub enum Finding<'a> {
    /// Something is wrong.
    Fault(&'a Fault),
    /// So much was looked at.
    Progress(Verified),
}
