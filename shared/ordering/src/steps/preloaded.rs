//! Streams that were read shortly before a decision needs them.

use skald::commit::Draft;
use skald::implementing::Page;
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{AppendError, Appended, EventStore, Head, Loaded, StoreError};
use skald::stream::StreamId;

/// A store that returns streams that were already read, without reading them again. If such a
/// stream has moved since, an append or a guard at its head is a conflict, as after any other read.
pub(super) struct Preloaded<'a, S: EventStore> {
    store: &'a S,
    streams: Vec<Loaded<S::Head>>,
}

impl<'a, S: EventStore> Preloaded<'a, S> {
    /// `streams` were loaded from `store`, with the kind of snapshots that the decision asks for.
    pub(super) const fn new(store: &'a S, streams: Vec<Loaded<S::Head>>) -> Self {
        Self { store, streams }
    }
}

impl<S: EventStore> EventStore for Preloaded<'_, S> {
    type Head = S::Head;

    fn start(&self, stream: StreamId) -> S::Head {
        self.store.start(stream)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        at_most: u32,
    ) -> Result<Page, StoreError> {
        self.store.page(stream, from, at_most).await
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<S::Head>, StoreError> {
        match self.streams.iter().find(|loaded| loaded.head.stream() == stream) {
            Some(loaded) => Ok(loaded.clone()),
            None => self.store.load(stream, snapshots).await,
        }
    }

    async fn load_after(&self, head: &S::Head) -> Result<Loaded<S::Head>, StoreError> {
        self.store.load_after(head).await
    }

    async fn append(
        &self,
        head: &S::Head,
        draft: Draft,
    ) -> Result<Appended<S::Head>, AppendError<S::Head>> {
        self.store.append(head, draft).await
    }

    async fn append_guarded(
        &self,
        parts: Vec<(S::Head, Draft)>,
        guards: Vec<S::Head>,
    ) -> Result<Vec<Appended<S::Head>>, AppendError<S::Head>> {
        self.store.append_guarded(parts, guards).await
    }
}
