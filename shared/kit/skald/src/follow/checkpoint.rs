//! The checkpoint of a slice, and which of several runs has it.
//!
//! Every claim of the first slice's row gives a **generation**, the version that the row has then.
//! So each generation is unique, and a later one is greater. The rows of the other slices are
//! claimed with it. A run overwrites a smaller generation and ends where it finds a greater one. So
//! of any number of runs at once, the one with the greatest generation remains.

use serde::{Deserialize, Serialize};

use super::{FollowError, FollowOptions};
use crate::index::SlicePosition;
use crate::stream::{StreamId, Tenant, Version};
use crate::time::Timestamp;
use crate::view::{Put, ViewRow, ViewStore};

/// What the checkpoints' rows are called: `checkpoint-<follower>~<slice>`.
const CATEGORY: &str = "checkpoint";

/// The row of a slice, as this run wrote it.
#[derive(Debug)]
pub(super) struct Row {
    key: StreamId,
    follower: String,
    revision: Version,
    stored: Checkpoint,
}

/// What is in the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    /// For people.
    run: String,
    generation: Version,
    slices: u8,
    /// Nothing before it is of interest.
    floor: Timestamp,
    /// Up to where everything was handed on.
    done: SlicePosition,
    /// Up to where it may have been.
    begun: SlicePosition,
}

impl Checkpoint {
    /// Before anything was handed on.
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

    /// `None` if no follower of such an index writes such a row.
    fn read(row: &ViewRow, slices: u8) -> Option<Self> {
        let body = row.body.as_deref().filter(|_| row.parked.is_none())?;
        let checkpoint: Self = serde_json::from_str(body).ok()?;
        (checkpoint.slices == slices && checkpoint.done <= checkpoint.begun).then_some(checkpoint)
    }

    fn row(&self, version: Version) -> ViewRow {
        // A handful of texts and numbers: writing them cannot fail.
        let body = serde_json::to_string(self).unwrap_or_default();
        ViewRow { version, at: self.begun.at(), body: Some(body), listing: None, parked: None }
    }
}

impl Row {
    /// Claims the row of a slice for a run of this generation, or for a new generation if there is
    /// none.
    ///
    /// # Errors
    /// [`FollowError::Taken`] if a run of a greater generation has it.
    pub(super) async fn claim<V: ViewStore>(
        checkpoints: &V,
        following: &FollowOptions,
        slices: u8,
        number: u8,
        generation: Option<Version>,
    ) -> Result<Self, FollowError> {
        let key =
            StreamId::new(&Tenant::default(), CATEGORY, &format!("{}~{number}", following.name))
                .map_err(|error| FollowError::Unfit(error.to_string()))?;
        let from =
            following.from.slices().get(usize::from(number)).unwrap_or(&SlicePosition::START);
        // Each further round is one in which somebody else wrote, or this run without knowing it.
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

    /// Records in the checkpoint that entries up to `begun` may be handed on. Writes nothing if it
    /// says so already.
    ///
    /// # Errors
    /// [`FollowError::Taken`] if another run has the row.
    pub(super) async fn store<V: ViewStore>(
        &mut self,
        checkpoints: &V,
        done: &SlicePosition,
        begun: &SlicePosition,
    ) -> Result<(), FollowError> {
        // An earlier run may have handed on more than this one has come to.
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
            // It may be this run's own, if an answer was lost: then it is written over.
            let found = checkpoints.get(&self.key).await?;
            let found = found
                .and_then(|row| Some((row.version, Checkpoint::read(&row, checkpoint.slices)?)));
            let own = found.filter(|(_, found)| found.generation == checkpoint.generation);
            self.revision =
                own.ok_or_else(|| FollowError::Taken { name: self.follower.clone() })?.0;
        }
    }
}
