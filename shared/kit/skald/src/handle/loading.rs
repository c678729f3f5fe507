//! Loading the streams of a decision, and folding their states.

use super::streams::Streams;
use crate::commit::Commit;
use crate::concurrency::try_concurrently;
use crate::event::DecodeError;
use crate::reading::{StatesError, read_further_back};
use crate::snapshot::SnapshotKind;
use crate::store::event_store::grown;
use crate::store::{EventStore, Found, Head, Loaded, Moved};

/// The current states of several streams. At most
/// [`MAX_CONCURRENT`](crate::concurrency::MAX_CONCURRENT) streams are read concurrently.
///
/// # Errors
/// See [`StatesError`].
///
/// # Examples
///
/// ```
/// use skald::handle::{Many, states};
/// use skald::memory::InMemoryEventStore;
/// use skald_testkit::sample::{Account, account};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = InMemoryEventStore::default();
/// let both = Many::<Account>::new(vec![account("1"), account("2")]);
/// let found = states(&store, &both).await?;
/// assert_eq!(found.len(), 2);
/// # Ok(())
/// # }
/// ```
pub async fn states<S: EventStore, T: Streams>(
    store: &S,
    streams: &T,
) -> Result<T::States, StatesError> {
    Ok(load_streams(store, streams).await?.states)
}

/// Several loaded streams.
pub(crate) struct LoadedStreams<H, States> {
    /// The head of each stream, to append at.
    pub(crate) heads: Vec<H>,
    /// The commits of each stream, from the last snapshot on.
    pub(crate) histories: Vec<Vec<Commit>>,
    /// The states.
    pub(crate) states: States,
}

/// Loads all streams, each from its last snapshot on.
pub(crate) async fn load_streams<S: EventStore, T: Streams>(
    store: &S,
    streams: &T,
) -> Result<LoadedStreams<S::Head, T::States>, StatesError> {
    let (ids, kinds) = (streams.ids(), streams.kinds());
    let loaded =
        try_concurrently(ids.iter().zip(&kinds).map(|(id, kind)| store.load(id, *kind))).await?;
    let (heads, histories) =
        loaded.into_iter().map(|Loaded { head, commits }| (head, commits)).unzip();
    fold_streams(store, streams, heads, histories).await
}

/// Adds newer commits to these heads and to the histories that end there: first the commits that an
/// append found, then, for each stream to be read, all remaining commits.
pub(crate) async fn load_further<S: EventStore, T: Streams>(
    store: &S,
    streams: &T,
    (mut heads, mut histories): (Vec<S::Head>, Vec<Vec<Commit>>),
    moved: Vec<Moved<S::Head>>,
    is_all_read: bool,
) -> Result<LoadedStreams<S::Head, T::States>, StatesError> {
    let mut is_found = vec![false; heads.len()];
    for Moved { stream, found } in moved {
        let index = heads.iter().position(|head| *head.stream() == stream);
        if let (Some(index), Some(Found { head, commit })) = (index, found) {
            heads[index] = head;
            histories[index].push(commit);
            is_found[index] = true;
        }
    }
    let reads = heads.iter().zip(is_found).map(|(head, is_found)| async move {
        if is_found && !is_all_read {
            Ok(Loaded { head: head.clone(), commits: Vec::new() })
        } else {
            store.load_after(head).await
        }
    });
    let mut further = Vec::with_capacity(heads.len());
    for (history, Loaded { head, commits }) in
        histories.iter_mut().zip(try_concurrently(reads).await?)
    {
        history.extend(commits);
        further.push(head);
    }
    fold_streams(store, streams, further, histories).await
}

/// The states after these histories. If a snapshot of a stream cannot be read, earlier commits of
/// that stream alone are read, in growing pages, back to a readable snapshot or to the beginning.
async fn fold_streams<S: EventStore, T: Streams>(
    store: &S,
    streams: &T,
    heads: Vec<S::Head>,
    mut histories: Vec<Vec<Commit>>,
) -> Result<LoadedStreams<S::Head, T::States>, StatesError> {
    let mut further: Vec<Option<u32>> =
        streams.kinds().iter().map(|kind| kind.map(SnapshotKind::first_page)).collect();
    loop {
        let mut unread = histories.iter();
        let error = match streams.fold(&mut unread) {
            Ok(states) => return Ok(LoadedStreams { heads, histories, states }),
            Err(error) => error,
        };
        // The last history that was taken caused the error.
        let at_fault = (histories.len() - unread.len()).checked_sub(1);
        match (
            &error,
            at_fault.and_then(|index| further[index].as_mut().map(|limit| (index, limit))),
        ) {
            (DecodeError::Headless { .. }, Some((index, limit))) => {
                let stream = heads[index].stream();
                read_further_back(store, stream, &mut histories[index], *limit).await?;
                *limit = grown(*limit);
            }
            _ => return Err(error.into()),
        }
    }
}
