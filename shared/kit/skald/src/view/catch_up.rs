//! Keeping the rows of a view up to date.
//!
//! Messages may be lost, duplicated, reordered, late, or wrong, and nothing here relies on them. A
//! message announces how far a stream has grown, and saves a read if it carries exactly the missing
//! commit. Only [`catch_up`] brings a row up to date: live delivery, redelivery, repair and rebuild
//! all call it.
//!
//! Streams may be long. They are read page by page, and the row is stored at commit boundaries on
//! the way, so memory is bounded by a page and a row. If a function dies, the next call continues
//! from the last boundary.
//!
//! Only data from the event store can park a row. A parked row keeps the last version that a
//! message announced, before that message is acknowledged. [`redrive`] stores a row only if it has
//! read at least up to that version. So either the restored row contains what a message announced,
//! or the message finds the row already restored.

mod fold;

use futures_util::{StreamExt, pin_mut};

use super::error::{ATTEMPTS, CatchUpError, CatchUpFailure};
use super::projection::Projection;
use super::row::{MAX_REASON, Parked, ViewRow};
use super::store::{Put, ViewStore};
use crate::commit::Commit;
use crate::message::CommitMessage;
use crate::observe;
use crate::reading::{ReadFrom, commits_by};
use crate::store::{EventStore, StoreError};
use crate::stream::{StreamId, Version};
use crate::time::Timestamp;
use fold::Fold;

/// The number of commits in one read, and so in memory at the same time. A commit holds up to 350
/// KB.
const PAGE: u32 = 100;

/// The result of [`catch_up`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaughtUp {
    /// The row is now at this version.
    To(Version),
    /// The row had already reached the announced version.
    Already,
    /// The row is parked and remains behind until an operator redrives it.
    Parked,
}

/// Brings the row of the message's stream at least to the version that the message announces.
///
/// If the message carries exactly the next commit, that commit is applied. If the row has already
/// reached the announced version, nothing happens. In every other case, including a commit that
/// cannot be applied, the missing commits are read from the event store. Each write is conditional
/// on the row's version, so each event is applied exactly once, regardless of the number of
/// callers.
///
/// A parked row does not change, except that it keeps a newly announced version. A row that was
/// parked before its first event is restored with its first events.
///
/// # Errors
/// [`CatchUpFailure`]; the row has every event before the one that cannot be applied.
/// [`CatchUpError::parks`] says whether to [`park`] the row.
///
/// # Examples
///
/// ```
/// # use skald::commit::{Actor, CommitId};
/// # use skald::handle::Request;
/// # use skald::time::Timestamp;
/// # use uuid::Uuid;
/// # use skald::handle::Handler;
/// # use skald_testkit::NoPause;
/// use skald::memory::{InMemoryEventStore, InMemoryViewStore};
/// use skald::message::CommitMessage;
/// use skald::stream::Version;
/// use skald::view::{ViewStore, catch_up};
/// use skald_testkit::sample::{Account, AccountCommand, Statements, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let id = CommitId::of(Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let (events, views) = (InMemoryEventStore::default(), InMemoryViewStore::default());
/// let deposit = AccountCommand::Deposit(5);
/// Handler::new(&events, NoPause).handle::<Account>(&account("1"), &deposit, &request).await?;
///
/// // The message carries no commit, so the announced events are read from the event store.
/// let message =
///     CommitMessage { stream: account("1"), last: Version::new(1), commit: None };
/// catch_up::<Statements, _, _>(&events, &views, &message).await?;
/// let row = views.get(&account("1")).await?;
/// assert_eq!(row.map(|row| row.version), Some(Version::new(1)));
/// # Ok(())
/// # }
/// ```
pub async fn catch_up<P: Projection, E: EventStore, V: ViewStore>(
    events: &E,
    views: &V,
    message: &CommitMessage,
) -> Result<CaughtUp, CatchUpFailure> {
    let stream = &message.stream;
    // The commit that starts a stream is applied without reading the row. If there is a row, the
    // conditional write fails.
    let mut skip_read =
        message.commit.as_ref().is_some_and(|commit| commit.first == Version::START.next());
    for _ in 0..ATTEMPTS {
        let was_read = !std::mem::take(&mut skip_read);
        let stored = if was_read { views.get(stream).await? } else { None };
        let parked = stored.as_ref().filter(|row| row.parked.is_some());
        if let Some(row) = parked.filter(|row| row.version > Version::START) {
            if record_announcement(views, message, row).await? == Put::Stored {
                return Ok(CaughtUp::Parked);
            }
            continue;
        }
        let version = stored.as_ref().map_or(Version::START, |row| row.version);
        if version >= message.last {
            return Ok(CaughtUp::Already);
        }
        let next = message
            .commit
            .as_ref()
            .filter(|commit| parked.is_none() && commit.first == version.next());
        if let Some(row) = next.and_then(|commit| applied::<P>(stream, stored.as_ref(), commit)) {
            if store(views, stream, stored.as_ref(), &row).await? == Put::Stored {
                return Ok(CaughtUp::To(row.version));
            }
            continue;
        }
        if !was_read {
            continue;
        }
        let outcome = fold_missing::<P, _, _>(events, views, stream, stored.clone()).await;
        if let Ok(Some(end)) = outcome
            && end > version
        {
            observe::row_repaired(stream, version, end, "catch_up");
        }
        match outcome {
            Ok(None) => {}
            Ok(Some(end)) if end < message.last => {
                let error = CatchUpError::BeyondTheEnd {
                    stream: stream.clone(),
                    end,
                    announced: message.last,
                };
                return Err(CatchUpFailure { seen: Some(end), error });
            }
            Ok(Some(end)) => return Ok(CaughtUp::To(end)),
            Err(failed) => {
                // The row was parked before its first event, and the reason remains.
                let is_recorded = match parked.filter(|_| failed.error.parks()) {
                    Some(row) => record_announcement(views, message, row).await? == Put::Stored,
                    None => false,
                };
                return if is_recorded { Ok(CaughtUp::Parked) } else { Err(failed) };
            }
        }
    }
    Err(CatchUpFailure { seen: None, error: CatchUpError::Busy { stream: stream.clone() } })
}

/// The row after a commit that a message carries. `None` if the commit cannot be applied: a message
/// may contain anything, so only the event store decides whether the stream can be applied.
fn applied<P: Projection>(
    stream: &StreamId,
    stored: Option<&ViewRow>,
    commit: &Commit,
) -> Option<ViewRow> {
    let mut fold = Fold::<P>::from_stored(stream, stored).ok()?;
    fold.apply(commit).ok()?;
    fold.unstored().ok()?
}

/// Folds the events after the stored row into it. Stores the row when a [`Fold`] is due, before a
/// fault, and at the end of the stream. Returns the version at the end of the stream, or `None` if
/// another caller has written the row meanwhile.
async fn fold_missing<P: Projection, E: EventStore, V: ViewStore>(
    events: &E,
    views: &V,
    stream: &StreamId,
    mut stored: Option<ViewRow>,
) -> Result<Option<Version>, CatchUpFailure> {
    let mut fold = Fold::<P>::from_stored(stream, stored.as_ref())
        .map_err(|error| failure(stored.as_ref(), error))?;
    let commits = commits_by(events, stream, ReadFrom::After(fold.version()), PAGE);
    pin_mut!(commits);
    loop {
        let applied_one = match commits.next().await {
            Some(Ok(commit)) => fold.apply(&commit).map(|()| true),
            Some(Err(error)) => Err(error.into()),
            None => Ok(false),
        };
        if fold.is_due() || !matches!(applied_one, Ok(true)) {
            let unstored = fold.unstored().map_err(|error| failure(stored.as_ref(), error))?;
            if let Some(row) = unstored {
                let put = store(views, stream, stored.as_ref(), &row).await;
                if put.map_err(|error| failure(stored.as_ref(), error))? == Put::Stale {
                    return Ok(None);
                }
                stored = Some(row);
            }
        }
        if !applied_one.map_err(|error| failure(stored.as_ref(), error))? {
            return Ok(Some(fold.version()));
        }
    }
}

fn failure(stored: Option<&ViewRow>, error: impl Into<CatchUpError>) -> CatchUpFailure {
    let seen = Some(stored.map_or(Version::START, |row| row.version));
    CatchUpFailure { seen, error: error.into() }
}

/// Stores the row in place of the one that was read.
async fn store<V: ViewStore>(
    views: &V,
    stream: &StreamId,
    stored: Option<&ViewRow>,
    row: &ViewRow,
) -> Result<Put, StoreError> {
    match stored {
        Some(parked) if parked.parked.is_some() => views.put_over_parked(stream, parked, row).await,
        Some(ViewRow { version, .. }) => views.put(stream, *version, row).await,
        None => views.put(stream, Version::START, row).await,
    }
}

/// Records the version that the message announces in this parked row. Returns [`Put::Stored`] also
/// if the row has reached or recorded that version already.
async fn record_announcement<V: ViewStore>(
    views: &V,
    message: &CommitMessage,
    row: &ViewRow,
) -> Result<Put, StoreError> {
    let announced = row.parked.as_ref().map_or(Version::START, |parked| parked.announced);
    if message.last <= announced.max(row.version) {
        return Ok(Put::Stored);
    }
    let parked = row.parked.clone().map(|parked| Parked { announced: message.last, ..parked });
    put_with_mark(views, &message.stream, Some(row), ViewRow { parked, ..row.clone() }).await
}

/// Stores a row with its parked mark, in place of the one that was read. Parts of the row that no
/// store accepts, because something else wrote them, are omitted: the mark must be stored, and a
/// [`redrive`] folds the rest again.
async fn put_with_mark<V: ViewStore>(
    views: &V,
    stream: &StreamId,
    stored: Option<&ViewRow>,
    row: ViewRow,
) -> Result<Put, StoreError> {
    let bodiless = ViewRow { body: None, ..row.clone() };
    let bare = ViewRow { listing: None, worklist: None, ..bodiless.clone() };
    for row in [row, bodiless] {
        match store(views, stream, stored, &row).await {
            Err(StoreError::InvalidRow { .. }) => {}
            put => return put,
        }
    }
    store(views, stream, stored, &bare).await
}

/// Marks the row as parked, for this reason and since `at`, if it is still at the version `seen` at
/// the failure; at any version if `seen` is `None`. So a commit that an older release cannot apply
/// does not park a row that a newer release has brought further. A row that is already parked does
/// not change. The first [`MAX_REASON`] characters of the reason are kept. Parts of the row that no
/// store accepts any more are omitted.
///
/// # Errors
/// [`CatchUpError::Store`], [`CatchUpError::Moved`], and [`CatchUpError::Busy`] if other callers
/// wrote the row at every attempt.
///
/// # Examples
///
/// ```
/// use skald::memory::{InMemoryEventStore, InMemoryViewStore};
/// use skald::message::CommitMessage;
/// use skald::stream::Version;
/// use skald::view::{CaughtUp, ViewStore, catch_up, park, redrive};
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
/// let (stream, views) = (account("1"), InMemoryViewStore::default());
/// park(&views, &stream, Some(Version::START), "a deposit is malformed", request.at).await?;
/// let parked = views.get(&stream).await?.and_then(|row| row.parked);
/// assert_eq!(parked.map(|parked| parked.reason).as_deref(), Some("a deposit is malformed"));
///
/// // An operator deploys a release that reads the event, and then redrives the row.
/// let redriven = redrive::<Statements, _, _>(&events, &views, &stream).await?;
/// assert_eq!(redriven, CaughtUp::To(Version::new(1)));
/// assert!(views.get(&stream).await?.is_some_and(|row| row.parked.is_none()));
/// # Ok(())
/// # }
/// ```
pub async fn park<V: ViewStore>(
    views: &V,
    stream: &StreamId,
    seen: Option<Version>,
    reason: &str,
    at: Timestamp,
) -> Result<(), CatchUpError> {
    let reason: String = reason.chars().take(MAX_REASON).collect();
    for _ in 0..ATTEMPTS {
        let stored = views.get(stream).await?;
        if stored.as_ref().is_some_and(|row| row.parked.is_some()) {
            return Ok(());
        }
        let version = stored.as_ref().map_or(Version::START, |row| row.version);
        if let Some(seen) = seen.filter(|seen| *seen != version) {
            return Err(CatchUpError::Moved { stream: stream.clone(), seen });
        }
        let parked = Some(Parked { reason: reason.clone(), at, announced: Version::START });
        let row = match &stored {
            Some(row) => ViewRow { parked, ..row.clone() },
            None => ViewRow {
                version: Version::START,
                at,
                body: None,
                listing: None,
                worklist: None,
                parked,
            },
        };
        if put_with_mark(views, stream, stored.as_ref(), row).await? == Put::Stored {
            observe::row_parked(stream, version);
            return Ok(());
        }
    }
    Err(CatchUpError::Busy { stream: stream.clone() })
}

/// Restores a parked row: folds its whole stream again, page by page, and stores the row without
/// its parked mark once it is complete. A row that is not parked does not change.
///
/// The restored row contains everything that messages announced until then. If a message announces
/// more between the read and the write, the write is stale, and the new events are folded in. If
/// the caller dies, the row remains parked as it was.
///
/// # Errors
/// As [`catch_up`]; the row remains parked.
///
/// # Examples
///
/// For a parked row, see [`park`]. A row that is not parked does not change:
///
/// ```
/// use skald::memory::{InMemoryEventStore, InMemoryViewStore};
/// use skald::view::{CaughtUp, redrive};
/// use skald_testkit::sample::{Statements, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (events, views) = (InMemoryEventStore::default(), InMemoryViewStore::default());
/// let redriven = redrive::<Statements, _, _>(&events, &views, &account("1")).await?;
/// assert_eq!(redriven, CaughtUp::Already, "no row of account 1 is parked");
/// # Ok(())
/// # }
/// ```
pub async fn redrive<P: Projection, E: EventStore, V: ViewStore>(
    events: &E,
    views: &V,
    stream: &StreamId,
) -> Result<CaughtUp, CatchUpError> {
    let mut fold = Fold::<P>::from_start(stream);
    for _ in 0..ATTEMPTS {
        let Some(parked) = views.get(stream).await?.filter(|row| row.parked.is_some()) else {
            return Ok(CaughtUp::Already);
        };
        let commits = commits_by(events, stream, ReadFrom::After(fold.version()), PAGE);
        pin_mut!(commits);
        while let Some(commit) = commits.next().await {
            fold.apply(&commit?)?;
        }
        // The stream was read after the row, so the announced version does not exist. As long as
        // the row has it, a correct message with a lower version would not make the write stale.
        let mark = parked.parked.as_ref().filter(|mark| mark.announced > fold.version());
        if let Some(mark) = mark {
            let mark = Some(Parked { announced: fold.version(), ..mark.clone() });
            let row = ViewRow { parked: mark, ..parked.clone() };
            put_with_mark(views, stream, Some(&parked), row).await?;
            continue;
        }
        // A stream without events has no row body.
        let blank = || ViewRow {
            version: Version::START,
            body: None,
            listing: None,
            worklist: None,
            parked: None,
            ..parked.clone()
        };
        let row = fold.stored()?.unwrap_or_else(blank);
        if views.put_over_parked(stream, &parked, &row).await? == Put::Stored {
            observe::row_repaired(stream, parked.version, row.version, "redrive");
            return Ok(CaughtUp::To(row.version));
        }
    }
    Err(CatchUpError::Busy { stream: stream.clone() })
}
