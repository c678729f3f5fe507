//! Projections: pure folds from a stream to one row of a view.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{CatchUpError, Inapplicable};
use super::row::Listing;
use crate::commit::{Commit, Envelope};
use crate::event::DomainEvent;
use crate::stream::{Category, StreamId};

/// A view with one row per stream: a pure fold over the stream's envelopes.
///
/// # Examples
///
/// ```
/// use skald::commit::Envelope;
/// use skald::stream::{Category, StreamId};
/// use skald::view::{CatchUpError, Inapplicable, Listing, Projection, project};
/// # use serde::{Deserialize, Serialize};
/// # use skald::event::DomainEvent;
/// # use skald::memory::InMemoryEventStore;
/// # use skald::store::EventStore;
/// # #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
/// # pub struct Lent {}
/// # #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
/// # pub struct Returned {}
/// # skald::domain_event! {
/// #     pub enum BookEvent {
/// #         Lent(Lent) = "book.lent" @ 1,
/// #         Returned(Returned) = "book.returned" @ 1,
/// #     }
/// # }
///
/// /// How often a book was lent.
/// struct TimesLent;
///
/// impl Projection for TimesLent {
///     const CATEGORY: &'static Category = "book";
///     type Event = BookEvent;
///     type Row = u64;
///
///     fn apply(row: Option<u64>, event: &Envelope<BookEvent>) -> Result<u64, Inapplicable> {
///         match (row, &event.data) {
///             (row, BookEvent::Lent(_)) => Ok(row.unwrap_or(0) + 1),
///             (Some(times), BookEvent::Returned(_)) => Ok(times),
///             (None, BookEvent::Returned(_)) => Err(Inapplicable {
///                 event_type: event.event_type.clone(),
///                 version: event.version,
///                 reason: "the book was never lent",
///             }),
///         }
///     }
///
///     /// In the list of the tenant's books, by id.
///     fn listing(_: &u64, book: &StreamId) -> Option<Listing> {
///         let group = format!("{}/books", book.tenant());
///         Some(Listing { group, sort: book.id().to_owned() })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// # let book = StreamId::new(&Tenant::default(), "book", "moby-dick")?;
/// # let store = InMemoryEventStore::default();
/// # let events = [Lent {}.into(), Returned {}.into(), Lent {}.into()];
/// # let stored = events.iter().map(BookEvent::encode).collect::<Result<Vec<_>, _>>()?;
/// # let draft = request.draft(stored, None);
/// # let lent_twice = vec![store.append(&store.start(book.clone()), draft).await?.commit];
/// assert_eq!(project::<TimesLent>(&book, None, &lent_twice, |_| true)?, Some(2));
///
/// # let returned = request.draft(vec![BookEvent::from(Returned {}).encode()?], None);
/// # let store = InMemoryEventStore::default();
/// # let only_returned = vec![store.append(&store.start(book.clone()), returned).await?.commit];
/// let impossible = project::<TimesLent>(&book, None, &only_returned, |_| true);
/// assert!(matches!(impossible, Err(CatchUpError::Inapplicable { .. })));
/// # Ok(())
/// # }
/// ```
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

    /// The row's place in a worklist, such as the open orders by deadline. `None` while the row
    /// waits for nothing. Unlike the place in a list, it may change with every event: a row that
    /// enters or leaves a worklist costs one write unit, and one that moves costs two.
    fn worklist(row: &Self::Row, stream: &StreamId) -> Option<Listing> {
        let _ = (row, stream);
        None
    }
}

/// The row after the events of these commits, up to the first event that `wanted` rejects.
///
/// # Errors
/// [`CatchUpError::Decode`] or [`CatchUpError::Inapplicable`].
///
/// # Examples
///
/// ```
/// use skald::memory::InMemoryEventStore;
/// use skald::store::EventStore;
/// use skald::stream::Version;
/// use skald::view::project;
/// use skald_testkit::NoPause;
/// use skald_testkit::sample::{Account, AccountCommand, Statements, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// # let events = InMemoryEventStore::default();
/// # let deposit = AccountCommand::Deposit(5);
/// # Handler::new(&events, NoPause).handle::<Account>(&account("1"), &deposit, &request).await?;
/// let commits = events.read(&account("1"), Version::START).await?;
/// let row = project::<Statements>(&account("1"), None, &commits, |_| true)?;
/// assert_eq!(row.map(|row| row.balance), Some(5));
///
/// // The row as it was before the commit was recorded.
/// let at = request.at;
/// let earlier =
///     project::<Statements>(&account("1"), None, &commits, |event| event.recorded_at < at)?;
/// assert!(earlier.is_none());
/// # Ok(())
/// # }
/// ```
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
