//! Letters to readers: a consumer of all commits.

use skald::commit::EventId;
use skald::event::DecodeError;
use skald::follow::{FollowError, Follower};
use skald::index::CommitIndex;
use skald::prelude::*;
use skald::view::ViewStore;

use crate::loan::LoanEvent;

/// Why letters could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// The commits could not be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// An event of a loan is of a newer release, or malformed.
    #[error("an event of a loan cannot be read")]
    Decode(#[from] DecodeError),
}

/// Sends a letter for each loan that the follower finds as of `now`, and returns their number.
///
/// `send` gets an event's id with each letter. It may get the same id again, and must not send that
/// letter twice.
///
/// # Errors
/// [`LetterError`]. Nothing is lost: entries that were not acknowledged are delivered again.
pub async fn send_letters<I: CommitIndex, V: ViewStore>(
    index: &I,
    follower: &mut Follower<I, V>,
    now: Timestamp,
    mut send: impl FnMut(EventId, String),
) -> Result<usize, LetterError> {
    let mut letters = 0;
    for delivery in &follower.next(now).await?.deliveries {
        // The index has the types of a commit's events: a commit without a loan is not read.
        if !delivery.entry.types.iter().any(|of_event| of_event == "loan.opened") {
            continue;
        }
        let commit = index.commit(&delivery.entry.key).await.map_err(FollowError::from)?;
        for envelope in commit.iter().flat_map(|commit| commit.envelopes::<LoanEvent>()) {
            let envelope = envelope?;
            if let LoanEvent::Opened(loan) = &envelope.data {
                send(envelope.event_id, format!("{}, enjoy {}!", loan.reader, loan.book));
                letters += 1;
            }
        }
    }
    follower.acknowledge();
    Ok(letters)
}
