//! The checkpoint of a slice, and which of several runs owns it.
//!
//! Every claim of the first slice's row creates a **generation**: the version that the row has
//! then. So each generation is unique, and a later one is greater. The run then claims the rows of
//! the other slices with this generation. A run overwrites a smaller generation, and ends when it
//! finds a greater one. So among any number of concurrent runs, the one with the greatest
//! generation remains.

use serde::{Deserialize, Serialize};

use super::error::FollowError;
use super::options::FollowOptions;
use crate::index::SlicePosition;
use crate::stream::{StreamId, Tenant, Version};
use crate::time::Timestamp;
use crate::view::{Put, ViewRow, ViewStore};

/// The category in the names of the checkpoints' rows: `checkpoint-<follower>~<slice>`.
const CATEGORY: &str = "checkpoint";

/// The row of a slice, as this run wrote it.
#[derive(Debug)]
pub(super) struct Row {
    key: StreamId,
    follower: String,
    revision: Version,
    stored: Checkpoint,
}

/// The content of the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    /// The identifier of the run, for people.
    run: String,
    generation: Version,
    slices: u8,
    /// The time before which entries are of no interest.
    floor: Timestamp,
    /// The position up to which all entries were delivered.
    done: SlicePosition,
    /// The position up to which entries may have been delivered.
    begun: SlicePosition,
}

impl Checkpoint {
    /// The checkpoint before any delivery.
    fn beginning(following: &FollowOptions, slices: u8, from: &SlicePosition) -> Self {
        let floor = match from {
            SlicePosition::Before(at) => *at,
            SlicePosition::After(_) | SlicePosition::Through(_) => {
                from.at().plus_millis(-i64::from(following.overlap_ms))
            }
        };
        let (run, generation) = (String::new(), Version::START);
        Self { run, generation, slices, floor, done: from.clone(), begun: from.clone() }
    }

    /// The checkpoint in a row. `None` if no follower of such an index writes such a row.
    fn read(row: &ViewRow, slices: u8) -> Option<Self> {
        let body = row.body.as_deref().filter(|_| row.parked.is_none())?;
        let checkpoint: Self = serde_json::from_str(body).ok()?;
        (checkpoint.slices == slices && checkpoint.done <= checkpoint.begun).then_some(checkpoint)
    }

    fn row(&self, version: Version) -> ViewRow {
        // The checkpoint consists of a few texts and numbers, so writing it cannot fail.
        let body = serde_json::to_string(self).unwrap_or_default();
        ViewRow {
            version,
            at: self.begun.at(),
            body: Some(body),
            listing: None,
            worklist: None,
            parked: None,
        }
    }
}

impl Row {
    /// Claims the row of a slice for a run of this generation. If `generation` is `None`, creates a
    /// new generation.
    ///
    /// # Errors
    /// [`FollowError::Taken`] if a run with a greater generation owns the row.
    pub(super) async fn claim<V: ViewStore>(
        checkpoints: &V,
        following: &FollowOptions,
        slices: u8,
        number: u8,
        generation: Option<Version>,
    ) -> Result<Self, FollowError> {
        let key =
            StreamId::new(&Tenant::default(), CATEGORY, &format!("{}~{number}", following.name))
                .map_err(|error| FollowError::InvalidOptions(error.to_string()))?;
        let from =
            following.from.slices().get(usize::from(number)).unwrap_or(&SlicePosition::START);
        // A round is repeated only if the row was written meanwhile, by another run or by this run
        // in a write whose answer was lost.
        loop {
            let found = checkpoints.get(&key).await?;
            let version = found.as_ref().map_or(Version::START, |row| row.version);
            let earlier = match found {
                None => Checkpoint::beginning(following, slices, from),
                Some(row) => {
                    let malformed = || FollowError::MalformedCheckpoint { row: key.key(), slices };
                    Checkpoint::read(&row, slices).ok_or_else(malformed)?
                }
            };
            let revision = version.next();
            let generation = generation.unwrap_or(revision);
            if earlier.generation > generation {
                return Err(FollowError::Taken { name: following.name.clone() });
            }
            let stored = Checkpoint { run: following.run.clone(), generation, ..earlier };
            if checkpoints.put(&key, version, &stored.row(revision)).await? == Put::Stored {
                return Ok(Self { key, follower: following.name.clone(), revision, stored });
            }
        }
    }

    pub(super) const fn generation(&self) -> Version {
        self.stored.generation
    }

    pub(super) const fn floor(&self) -> Timestamp {
        self.stored.floor
    }

    pub(super) const fn done(&self) -> &SlicePosition {
        &self.stored.done
    }

    pub(super) const fn begun(&self) -> &SlicePosition {
        &self.stored.begun
    }

    /// Records in the checkpoint that entries up to `begun` may be delivered. Writes nothing if the
    /// checkpoint says so already.
    ///
    /// # Errors
    /// [`FollowError::Taken`] if another run owns the row.
    pub(super) async fn store<V: ViewStore>(
        &mut self,
        checkpoints: &V,
        done: &SlicePosition,
        begun: &SlicePosition,
    ) -> Result<(), FollowError> {
        // An earlier run may have delivered more than this one has reached.
        let begun = begun.max(&self.stored.begun).clone();
        let checkpoint = Checkpoint { done: done.clone(), begun, ..self.stored.clone() };
        if checkpoint == self.stored {
            return Ok(());
        }
        loop {
            let revision = self.revision.next();
            if checkpoints.put(&self.key, self.revision, &checkpoint.row(revision)).await?
                == Put::Stored
            {
                (self.revision, self.stored) = (revision, checkpoint);
                return Ok(());
            }
            // The row may be this run's own, if an answer was lost: then it is overwritten.
            let found = checkpoints.get(&self.key).await?;
            let found = found
                .and_then(|row| Some((row.version, Checkpoint::read(&row, checkpoint.slices)?)));
            let own = found.filter(|(_, found)| found.generation == checkpoint.generation);
            self.revision =
                own.ok_or_else(|| FollowError::Taken { name: self.follower.clone() })?.0;
        }
    }
}
