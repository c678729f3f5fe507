//! A row into which a stream is folded commit by commit.

use std::slice;

use crate::commit::Commit;
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;
use crate::view::error::CatchUpError;
use crate::view::projection::{Projection, project};
use crate::view::row::ViewRow;

/// The number of events after which the row is stored, at the next commit boundary. A function can
/// fold many times that number within its time limit.
const MAX_UNSTORED_EVENTS: usize = 5_000;
/// The number of bytes of event data after which the row is stored, at the next commit boundary.
const MAX_UNSTORED_BYTES: usize = 16 * 1024 * 1024;

/// A row, and what has been folded into it since it was last stored.
pub(super) struct Fold<'a, P: Projection> {
    stream: &'a StreamId,
    row: Option<P::Row>,
    version: Version,
    /// When the last event was recorded.
    at: Timestamp,
    /// The number of events that are not stored yet.
    events: usize,
    /// The size of the data of those events.
    size_bytes: usize,
}

impl<'a, P: Projection> Fold<'a, P> {
    /// Starts before the stream's first event.
    pub(super) const fn from_start(stream: &'a StreamId) -> Self {
        Self {
            stream,
            row: None,
            version: Version::START,
            at: Timestamp::EPOCH,
            events: 0,
            size_bytes: 0,
        }
    }

    /// Continues from the stored row, if there is one.
    ///
    /// # Errors
    /// [`CatchUpError::MalformedRow`]
    pub(super) fn from_stored(
        stream: &'a StreamId,
        stored: Option<&ViewRow>,
    ) -> Result<Self, CatchUpError> {
        let empty = Self::from_start(stream);
        let Some(stored) = stored else { return Ok(empty) };
        Ok(Self { row: stored.decode(stream)?, version: stored.version, at: stored.at, ..empty })
    }

    /// The version of the last event in the row.
    pub(super) const fn version(&self) -> Version {
        self.version
    }

    /// Folds in the next commit: all of its events or, with an error, none.
    ///
    /// # Errors
    /// [`CatchUpError::Decode`] or [`CatchUpError::Inapplicable`].
    pub(super) fn apply(&mut self, commit: &Commit) -> Result<(), CatchUpError> {
        self.row = project::<P>(self.stream, self.row.clone(), slice::from_ref(commit), |_| true)?;
        (self.version, self.at) = (commit.last(), commit.at);
        self.events += commit.events.len();
        self.size_bytes += commit.events.iter().map(|event| event.data.len()).sum::<usize>();
        Ok(())
    }

    /// Whether the unstored events are so many or so large that the row should be stored now.
    pub(super) const fn is_due(&self) -> bool {
        self.events >= MAX_UNSTORED_EVENTS || self.size_bytes >= MAX_UNSTORED_BYTES
    }

    /// The row to store now. `None` if it contains nothing new.
    ///
    /// # Errors
    /// [`CatchUpError::Encode`]
    pub(super) fn unstored(&mut self) -> Result<Option<ViewRow>, CatchUpError> {
        if self.events == 0 {
            return Ok(None);
        }
        (self.events, self.size_bytes) = (0, 0);
        self.stored()
    }

    /// The row in its stored form. `None` before the first event.
    ///
    /// # Errors
    /// [`CatchUpError::Encode`]
    pub(super) fn stored(&self) -> Result<Option<ViewRow>, CatchUpError> {
        let Some(row) = &self.row else { return Ok(None) };
        let encoded = serde_json::to_string(row);
        let body = encoded
            .map_err(|source| CatchUpError::Encode { stream: self.stream.clone(), source })?;
        Ok(Some(ViewRow {
            version: self.version,
            at: self.at,
            body: Some(body),
            listing: P::listing(row, self.stream),
            worklist: P::worklist(row, self.stream),
            parked: None,
        }))
    }
}
