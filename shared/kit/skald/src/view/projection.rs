//! Projections: from a stream to one row of a view, purely.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::commit::{Commit, Envelope};
use crate::event::DomainEvent;
use crate::stream::{Category, StreamId, Version};
use crate::view::{CatchUpError, Listing};

/// A view with one row per stream: a pure fold over the stream's envelopes.
pub trait Projection {
    /// The category of the streams it follows.
    const CATEGORY: &'static Category;
    /// The events of that category.
    type Event: DomainEvent;
    /// The row, stored as JSON. It is cloned for every commit that is folded in, so that none is
    /// folded in by half.
    type Row: Clone + Serialize + DeserializeOwned + Send + Sync;

    /// The row after this event; `row` is none before the first.
    ///
    /// # Errors
    /// [`Inapplicable`] if no rule-abiding stream has this event here. *Permanent*: the row is
    /// parked.
    fn apply(
        row: Option<Self::Row>,
        event: &Envelope<Self::Event>,
    ) -> Result<Self::Row, Inapplicable>;

    /// Where the row is listed, if it is: fixed by the stream's first event.
    fn listing(row: &Self::Row, stream: &StreamId) -> Option<Listing>;
}

/// An event that cannot come at this place of its stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} at version {version} cannot be applied: {reason}", crate::text::cut(event_type))]
pub struct Inapplicable {
    /// The stored name.
    pub event_type: String,
    /// Its position.
    pub version: Version,
    /// Why not.
    pub reason: &'static str,
}

/// The row after those events of these commits that `wanted` lets through; it is asked in order,
/// until it says no.
///
/// # Errors
/// [`CatchUpError::Decode`] or [`CatchUpError::Inapplicable`].
pub fn project<P: Projection>(
    stream: &StreamId,
    mut row: Option<P::Row>,
    commits: &[Commit],
    wanted: impl Fn(&Envelope<P::Event>) -> bool,
) -> Result<Option<P::Row>, CatchUpError> {
    for commit in commits {
        for envelope in commit.envelopes::<P::Event>() {
            let envelope = envelope
                .map_err(|source| CatchUpError::Decode { stream: stream.clone(), source })?;
            if !wanted(&envelope) {
                return Ok(row);
            }
            let applied = P::apply(row, &envelope);
            row =
                Some(applied.map_err(|source| CatchUpError::Inapplicable {
                    stream: stream.clone(),
                    source,
                })?);
        }
    }
    Ok(row)
}
