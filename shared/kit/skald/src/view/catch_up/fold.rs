//! A stream on its way into a row, commit by commit.

use std::slice;

use crate::commit::Commit;
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;
use crate::view::{CatchUpError, Projection, ViewRow, project};

/// The row is stored after this many events, at the next end of a commit. A function can fold many
/// times more within its time limit.
const EVENTS_AT_ONCE: usize = 5_000;
/// After events of so many bytes, likewise.
const BYTES_AT_ONCE: usize = 16 * 1024 * 1024;

/// A row, and what was folded into it.
pub(super) struct Fold<'a, P: Projection> {
    stream: &'a StreamId,
    row: Option<P::Row>,
    version: Version,
    /// When the last event was recorded.
    at: Timestamp,
    /// How many events are not stored yet.
    events: usize,
    /// How long their data is.
    size_bytes: usize,
}

impl<'a, P: Projection> Fold<'a, P> {
    /// Begins before the stream's first event.
    pub(super) const fn anew(stream: &'a StreamId) -> Self {
        Self {
            stream,
            row: None,
            version: Version::START,
            at: Timestamp::EPOCH,
            events: 0,
            size_bytes: 0,
        }
    }

    /// Goes on from the stored row, if there is one.
    ///
    /// # Errors
    /// [`CatchUpError::MalformedRow`]
    pub(super) fn from(
        stream: &'a StreamId,
        stored: Option<&ViewRow>,
    ) -> Result<Self, CatchUpError> {
        let anew = Self::anew(stream);
        let Some(stored) = stored else { return Ok(anew) };
        Ok(Self { row: stored.decode(stream)?, version: stored.version, at: stored.at, ..anew })
    }

    /// The last event in the row.
    pub(super) const fn version(&self) -> Version {
        self.version
    }

    /// Folds the next commit in: all of its events or, with an error, none.
    ///
    /// # Errors
    /// [`CatchUpError::Decode`] or [`CatchUpError::Inapplicable`].
    pub(super) fn take(&mut self, commit: &Commit) -> Result<(), CatchUpError> {
        self.row = project::<P>(self.stream, self.row.clone(), slice::from_ref(commit), |_| true)?;
        (self.version, self.at) = (commit.last(), commit.at);
        self.events += commit.events.len();
        self.size_bytes += commit.events.iter().map(|event| event.data.len()).sum::<usize>();
        Ok(())
    }

    /// Whether so much is unsaved that the row should be stored now.
    pub(super) const fn is_due(&self) -> bool {
        self.events >= EVENTS_AT_ONCE || self.size_bytes >= BYTES_AT_ONCE
    }

    /// The row to be stored now; `None` if nothing is new in it.
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

    /// The row as it is stored; `None` before the first event.
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
            parked: None,
        }))
    }
}
