//! What an implementation of a store needs besides its port: what all stores do alike.
//!
//! Only implementations of [`EventStore`] and [`ViewStore`](crate::view::ViewStore) use this
//! module. Code that reads and writes through the ports does not need it. The test kit has the
//! contracts that each implementation must pass.

use futures_util::{StreamExt, pin_mut};
use serde_json::value::RawValue;

use crate::commit::{Commit, Draft, MAX_CLOCK_SKEW_MS};
use crate::json::{self, MAX_STATE_LEVELS};
use crate::reading::ReadFrom;
use crate::snapshot::SnapshotKind;
use crate::store::event_store::{grown, pages};
use crate::store::{
    EventStore, Head, InvalidAppend, MAX_COMMIT_BYTES, MAX_STREAMS, MAX_TRANSACTION_BYTES,
    StoreError,
};
use crate::stream::{StreamId, Version};
use crate::view::{
    InvalidRow, Listing, MAX_LIST_GROUP_BYTES, MAX_LIST_SORT_BYTES, MAX_ROW_BYTES, ViewRow,
};

pub use crate::store::event_store::Page;

/// Checks the rules that need no store: the call appends something, is within the limits, and
/// names no stream twice. `guards` are the guarded streams.
///
/// # Errors
/// [`InvalidAppend`] with the first rule that the call breaks.
pub fn check_append<'a>(
    parts: impl IntoIterator<Item = (&'a StreamId, &'a Draft)>,
    guards: impl IntoIterator<Item = &'a StreamId>,
) -> Result<(), InvalidAppend> {
    let mut streams = Vec::new();
    let mut together_bytes = 0;
    for (stream, draft) in parts {
        if draft.events.is_empty() {
            return Err(InvalidAppend::Empty);
        }
        let size_bytes = draft.size_bytes();
        if size_bytes > MAX_COMMIT_BYTES {
            return Err(InvalidAppend::TooLarge { stream: stream.clone(), size_bytes });
        }
        draft
            .check_names()
            .map_err(|fault| InvalidAppend::Name { stream: stream.clone(), fault })?;
        draft
            .check_json()
            .map_err(|fault| InvalidAppend::Json { stream: stream.clone(), fault })?;
        if streams.contains(&stream) {
            return Err(InvalidAppend::StreamTwice(stream.clone()));
        }
        together_bytes += size_bytes;
        streams.push(stream);
    }
    if streams.is_empty() {
        return Err(InvalidAppend::Empty);
    }
    for stream in guards {
        if streams.contains(&stream) {
            return Err(InvalidAppend::StreamTwice(stream.clone()));
        }
        streams.push(stream);
    }
    match streams.len() {
        count if count > MAX_STREAMS => Err(InvalidAppend::TooManyStreams(count)),
        _ if together_bytes > MAX_TRANSACTION_BYTES => {
            Err(InvalidAppend::TransactionTooLarge { size_bytes: together_bytes })
        }
        _ => Ok(()),
    }
}

/// The commit that a draft becomes after `head`. Stores call this function, so that it alone
/// determines when a commit is recorded.
///
/// Times of a stream do not decrease while clocks differ by at most [`MAX_CLOCK_SKEW_MS`]. If
/// the previous commit is further ahead, one of the two clocks is wrong, and the new commit
/// keeps its writer's time. Otherwise a single commit from a wrong clock would move all later
/// commits into the future too.
#[must_use]
pub fn commit_after(head: &impl Head, draft: Draft) -> Commit {
    let before =
        head.recorded_at().filter(|before| *before <= draft.at.plus_millis(MAX_CLOCK_SKEW_MS));
    Commit {
        id: draft.commit_id,
        stream: head.stream().clone(),
        first: head.version().next(),
        at: before.map_or(draft.at, |before| before.max(draft.at)),
        context: draft.context,
        events: draft.events,
        snapshot: draft.snapshot,
    }
}

/// The end of a stream, oldest first, starting with the last commit that carries a snapshot of this
/// kind; the whole stream if no commit carries one. It is the answer of [`EventStore::load`] with
/// snapshots.
///
/// # Errors
/// As [`EventStore::read`].
pub async fn read_back<S: EventStore>(
    store: &S,
    stream: &StreamId,
    kind: SnapshotKind,
) -> Result<Vec<Commit>, StoreError> {
    // The first page reaches back to the previous snapshot, unless that snapshot was omitted.
    let pages = pages(store, stream, ReadFrom::End, kind.first_page(), grown);
    pin_mut!(pages);
    let mut commits = Vec::new();
    'pages: while let Some(page) = pages.next().await {
        for commit in page? {
            let ends = commit.carries(kind);
            commits.push(commit);
            if ends {
                break 'pages;
            }
        }
    }
    commits.reverse();
    Ok(commits)
}

/// Stored bytes as a JSON value, without a check that they may be stored. `None` if they are not
/// exactly one JSON value, without whitespace around it.
#[must_use]
pub fn raw_json(text: &[u8]) -> Option<&RawValue> {
    json::raw(text)
}

/// Checks that the row is within the limits and that every reader can read it back. Stores call
/// this function before they write.
///
/// # Errors
/// [`StoreError::InvalidRow`] with the first rule that the row breaks.
pub fn check_row(stream: &StreamId, row: &ViewRow) -> Result<(), StoreError> {
    find_fault(row).map_err(|reason| StoreError::InvalidRow { key: stream.key(), reason })
}

fn find_fault(row: &ViewRow) -> Result<(), InvalidRow> {
    for Listing { group, sort } in row.listing.iter().chain(&row.worklist) {
        if !(1..=MAX_LIST_GROUP_BYTES).contains(&group.len()) {
            return Err(InvalidRow::ListGroup { length_bytes: group.len() });
        }
        if !(1..=MAX_LIST_SORT_BYTES).contains(&sort.len()) {
            return Err(InvalidRow::ListSort { length_bytes: sort.len() });
        }
    }
    let size_bytes = row.size_bytes();
    if size_bytes > MAX_ROW_BYTES {
        return Err(InvalidRow::TooLarge { size_bytes });
    }
    row.body.iter().try_for_each(|body| Ok(json::check(body.as_bytes(), MAX_STATE_LEVELS)?))
}

/// The highest [`Parked::announced`](crate::view::Parked::announced) that the stored row may have
/// if `row` is to replace it, given that the row `parked` was read before. `None` if that row is
/// not parked. Stores use it in
/// [`ViewStore::put_over_parked`](crate::view::ViewStore::put_over_parked).
#[must_use]
pub fn max_announced(parked: &ViewRow, row: &ViewRow) -> Option<Version> {
    parked.parked.as_ref().map(|parked| parked.announced.max(row.version))
}
