//! Concurrent redrive and live delivery, in every order of their calls to the stores.

use skald::memory::InMemoryEventStore;
use skald::message::CommitMessage;
use skald::store::{EventStore, StoreError};
use skald::stream::{StreamId, Version};
use skald::view::{
    CaughtUp, ListEntry, ListPage, Put, Rows, ViewRow, ViewStore, catch_up, park, redrive,
};

use super::ViewStoreFixture;
use super::rows::get;
use crate::fixtures::{append, at, deposited};
use crate::orders::Orders;
use crate::sample::{Statement, Statements, account};
use crate::yielding::Yielding;

/// In every order of the calls, the row ends unparked and contains the event that was appended
/// during the redrive. The event's message is delivered once.
pub async fn nothing_is_lost_between_a_redrive_and_live_delivery<F: ViewStoreFixture>(fixture: &F) {
    for wrong_hint in [None, Some(Version::new(99))] {
        redrive_with_delivery(fixture.store(), wrong_hint).await;
    }
}

/// Runs all orders, after a hint of a version that the event store does not have, if there is one.
async fn redrive_with_delivery<V: ViewStore>(views: &V, wrong_hint: Option<Version>) {
    let events = InMemoryEventStore::default();
    let mut orders = Orders::default();
    while let Some(number) = orders.next() {
        let stream = account(&format!("redriven-{number}-{}", wrong_hint.map_or(0, Version::get)));
        let first =
            append(&events, &stream, &format!("first of {stream}"), deposited(5)).await.commit;
        deliver(&events, views, CommitMessage::of(first)).await;
        park(views, &stream, None, "a wrong hint", at(60)).await.expect("it is parked");

        if let Some(last) = wrong_hint {
            deliver(&events, views, CommitMessage { stream: stream.clone(), last, commit: None })
                .await;
        }

        let (yielding_events, yielding_views) = (Yielding(&events), Yielding(views));
        let redriven = async {
            let redriven =
                redrive::<Statements, _, _>(&yielding_events, &yielding_views, &stream).await;
            redriven.unwrap_or_else(|error| panic!("redrive {stream}: {error}"));
        };
        let delivered = async {
            let appended =
                append(&yielding_events, &stream, &format!("second of {stream}"), deposited(6))
                    .await;
            deliver(&yielding_events, &yielding_views, CommitMessage::of(appended.commit)).await;
        };
        orders.run(redriven, delivered).await;

        let row = get(views, &stream).await.expect("a row");
        let order = format!("calls in the order {}", orders.described());
        assert_eq!((row.version, &row.parked), (Version::new(2), &None), "{order}");
        let statement = row.decode::<Statement>(&stream).expect("a statement").expect("a body");
        assert_eq!((statement.balance, statement.entries), (11, 2), "{order}");
    }
    assert!(orders.count() > 20, "only {} orders: the calls do not interleave", orders.count());
}

/// A view store that delivers all messages again before each write over a parked row.
struct Redelivering<'a, V> {
    events: &'a InMemoryEventStore,
    views: &'a V,
    messages: Vec<CommitMessage>,
}

impl<V: ViewStore> ViewStore for Redelivering<'_, V> {
    async fn get(&self, stream: &StreamId) -> Result<Option<ViewRow>, StoreError> {
        self.views.get(stream).await
    }

    async fn get_many(&self, streams: &[StreamId]) -> Result<Rows, StoreError> {
        self.views.get_many(streams).await
    }

    async fn put(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        self.views.put(stream, expected, row).await
    }

    async fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        for message in &self.messages {
            deliver(self.events, self.views, message.clone()).await;
        }
        self.views.put_over_parked(stream, parked, row).await
    }

    async fn list(
        &self,
        group: &str,
        before: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.views.list(group, before, limit).await
    }

    async fn worklist(
        &self,
        group: &str,
        after: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.views.worklist(group, after, limit).await
    }
}

/// The write of a redrive is not stale if old messages are delivered meanwhile, any number of
/// times.
pub async fn old_messages_do_not_delay_a_redrive<F: ViewStoreFixture>(fixture: &F) {
    let (events, views, stream) = (InMemoryEventStore::default(), fixture.store(), account("busy"));
    let mut messages = Vec::new();
    for number in 1..=4 {
        let commit =
            append(&events, &stream, &format!("deposit {number}"), deposited(5)).await.commit;
        messages.push(CommitMessage::of(commit));
    }
    deliver(&events, views, messages[1].clone()).await;
    park(views, &stream, None, "a wrong hint", at(60)).await.expect("it is parked");
    deliver(&events, views, messages[2].clone()).await;
    let redelivering = Redelivering { events: &events, views, messages };
    let redriven = redrive::<Statements, _, _>(&events, &redelivering, &stream).await;
    assert!(
        matches!(redriven, Ok(CaughtUp::To(version)) if version == Version::new(4)),
        "{redriven:?}"
    );
    assert_eq!(get(views, &stream).await.and_then(|row| row.parked), None);
}

async fn deliver<E: EventStore, V: ViewStore>(events: &E, views: &V, message: CommitMessage) {
    let caught_up = catch_up::<Statements, _, _>(events, views, &message).await;
    caught_up.unwrap_or_else(|error| panic!("{}: {error}", message.stream));
}
