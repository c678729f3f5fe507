//! The findings of a verifier: faults, and its progress.

use std::fmt;

use skald::check::SnapshotFault;
use skald::store::Corruption;
use skald::stream::Version;
use skald::text::cut;
use skald::time::Timestamp;

/// A fault in an events table.
///
/// # Examples
///
/// ```
/// use skald::stream::Version;
/// use skald_dynamodb::{Defect, Fault};
///
/// let key = "default/book-moby-dick".to_owned();
/// let fault = Fault { key, version: Some(Version::new(4)), defect: Defect::NotInIndex };
/// let text = "default/book-moby-dick at version 4: in the index: no entry for this commit";
/// assert_eq!(fault.to_string(), text);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The stream's key, or the keys of an item that belongs to no stream.
    pub key: String,
    /// The version. `None` if the fault does not concern a single version.
    pub version: Option<Version>,
    /// The kind of fault.
    pub defect: Defect,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The texts in a defect are already shortened.
        let key = cut(&self.key);
        match self.version {
            Some(version) => write!(f, "{key} at version {version}: {}", self.defect),
            None => write!(f, "{key}: {}", self.defect),
        }
    }
}

/// The kinds of faults of an item of the table, or of an entry of its index. The texts quote no
/// stored values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// An item in the table that belongs to no stream.
    #[error("in the table: an item that is not a commit of any stream, {0}")]
    Foreign(&'static str),
    /// A gap, an overlap, or an item that cannot be read.
    #[error("in the table: {0}")]
    Corrupt(Corruption),
    /// A snapshot that would make a load wrong.
    #[error("in the table: {0}")]
    Snapshot(SnapshotFault),
    /// An event or a snapshot with a personal value that is not sealed, and so cannot be erased.
    #[error("in the table: the {0} contains personal data that is not sealed")]
    Plain(&'static str),
    /// An event that the catalogue cannot decode.
    #[error("in the table: {0}")]
    Undecodable(String),
    /// A commit that was recorded earlier than the previous one. Either one of two clocks was
    /// wrong, or no store wrote the commit. Followers of all commits may have missed it.
    #[error("in the table: recorded at {at}, earlier than the commit before it, at {before}")]
    Earlier {
        /// When the commit was recorded.
        at: Timestamp,
        /// When the previous commit was recorded.
        before: Timestamp,
    },
    /// A commit from a wrong clock: followers of all commits do not see it before that time.
    #[error("in the table: recorded at {at}, which is in the future")]
    Ahead {
        /// When the commit was recorded, according to that clock.
        at: Timestamp,
    },
    /// An attribute of the index that is missing or invalid.
    #[error("in the table: `{0}`, an attribute of the index, does not match the commit")]
    Unindexed(&'static str),
    /// The table has the commit, and the index has no entry for it.
    #[error("in the index: no entry for this commit")]
    NotInIndex,
    /// The index has an entry for a commit that the table does not have.
    #[error("in the index: an entry without a commit in the table")]
    NoCommit,
    /// The index entry differs from the commit in the table.
    #[error("in the index: the entry differs from the commit in the table")]
    Differs,
    /// A malformed entry of the index, which does not belong to a commit.
    #[error("in the index: {0}")]
    Malformed(&'static str),
}

/// The counts of a verification so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verified {
    /// Items of the table, of any form.
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

/// A report of a verifier.
#[derive(Debug, Clone, Copy)]
pub enum Finding<'a> {
    /// A fault.
    Fault(&'a Fault),
    /// The progress so far.
    Progress(Verified),
}
