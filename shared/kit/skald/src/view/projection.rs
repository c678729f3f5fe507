//! Projections: pure folds from a stream to one row of a view.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{CatchUpError, Inapplicable};
use super::row::Listing;
use crate::commit::{Commit, Envelope};
use crate::event::DomainEvent;
use crate::stream::{Category, StreamId};

/// A view with one row per stream: a pure fold over the stream's envelopes.
pub trait Projection {
    /// The category of the streams that the view follows.
    const CATEGORY: &'static Category;
    /// The events of that category.
    type Event: DomainEvent;
    /// The row, stored as JSON. It is cloned for every commit that is folded in, so that a commit
    /// is applied whole or not at all.
    type Row: Clone + Serialize + DeserializeOwned + Send + Sync;

    /// The row after this event. `row` is `None` before the first event.
    ///
    /// # Errors
    /// [`Inapplicable`] if a valid stream cannot have this event here. *Permanent*: the row is
    /// parked.
    fn apply(
        row: Option<Self::Row>,
        event: &Envelope<Self::Event>,
    ) -> Result<Self::Row, Inapplicable>;

    /// The row's place in a list, fixed by the stream's first event. `None` if the row is not
    /// listed.
    fn listing(row: &Self::Row, stream: &StreamId) -> Option<Listing>;
}

/// The row after the events of these commits, up to the first event that `wanted` rejects.
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
