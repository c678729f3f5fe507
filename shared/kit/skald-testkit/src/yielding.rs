//! Stores that yield to other tasks before each call. Futures that are polled together then
//! interleave, even over a store in memory.

use skald::commit::Draft;
use skald::implementing::Page;
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{AppendError, Appended, EventStore, Loaded, StoreError};
use skald::stream::{StreamId, Version};
use skald::view::{ListEntry, ListPage, Put, Rows, ViewRow, ViewStore};

use crate::pause::yield_now;

/// The store, with a pause before each call.
#[derive(Debug)]
pub(crate) struct Yielding<'a, S>(pub(crate) &'a S);

impl<S: EventStore> EventStore for Yielding<'_, S> {
    type Head = S::Head;

    fn start(&self, stream: StreamId) -> S::Head {
        self.0.start(stream)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        yield_now().await;
        self.0.page(stream, from, limit).await
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<S::Head>, StoreError> {
        yield_now().await;
        self.0.load(stream, snapshots).await
    }

    async fn load_after(&self, head: &S::Head) -> Result<Loaded<S::Head>, StoreError> {
        yield_now().await;
        self.0.load_after(head).await
    }

    async fn append(
        &self,
        head: &S::Head,
        draft: Draft,
    ) -> Result<Appended<S::Head>, AppendError<S::Head>> {
        yield_now().await;
        self.0.append(head, draft).await
    }

    async fn append_guarded(
        &self,
        parts: Vec<(S::Head, Draft)>,
        guards: Vec<S::Head>,
    ) -> Result<Vec<Appended<S::Head>>, AppendError<S::Head>> {
        yield_now().await;
        self.0.append_guarded(parts, guards).await
    }
}

impl<S: ViewStore> ViewStore for Yielding<'_, S> {
    async fn get(&self, stream: &StreamId) -> Result<Option<ViewRow>, StoreError> {
        yield_now().await;
        self.0.get(stream).await
    }

    async fn get_many(&self, streams: &[StreamId]) -> Result<Rows, StoreError> {
        yield_now().await;
        self.0.get_many(streams).await
    }

    async fn put(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        yield_now().await;
        self.0.put(stream, expected, row).await
    }

    async fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        yield_now().await;
        self.0.put_over_parked(stream, parked, row).await
    }

    async fn list(
        &self,
        group: &str,
        before: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        yield_now().await;
        self.0.list(group, before, limit).await
    }

    async fn worklist(
        &self,
        group: &str,
        after: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        yield_now().await;
        self.0.worklist(group, after, limit).await
    }
}
