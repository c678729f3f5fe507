//! A customer's list when rows of the view are parked or cannot be read: the other orders are
//! listed, and these orders are folded from their events.

use std::collections::BTreeSet;

use events::{OrderCommitted, OrderEvent, OrderId};
use ordering::streams;
use ordering::views::OrderView;
use skald::commit::{Actor, CommitId, Context, CorrelationId, Draft};
use skald::event::{DomainEvent, EventData};
use skald::memory::{InMemoryEventStore, InMemoryPersonKeys, InMemoryViewStore};
use skald::message::CommitMessage;
use skald::store::{Corruption, StoreError};
use skald::stream::{StreamId, Tenant, Version};
use skald::time::Timestamp;
use skald::view::{MalformedRow, Put, Rows, ViewRow, catch_up, park, redrive};
use skald_lambda::http::answer;

use super::*;
use crate::Views;

/// A view in which the rows of some streams cannot be read.
#[derive(Clone, Default)]
struct PartlyUnreadable {
    rows: InMemoryViewStore,
    malformed: BTreeSet<StreamId>,
}

impl ViewStore for PartlyUnreadable {
    async fn get(&self, stream: &StreamId) -> Result<Option<ViewRow>, StoreError> {
        if self.malformed.contains(stream) {
            let corruption =
                Corruption::Malformed { at: Version::START, fault: "`at` is missing".to_owned() };
            return Err(StoreError::Corrupt { key: stream.key(), corruption });
        }
        self.rows.get(stream).await
    }

    async fn get_many(&self, streams: &[StreamId]) -> Result<Rows, StoreError> {
        let mut found = self.rows.get_many(streams).await?;
        let malformed = found.rows.extract_if(.., |(stream, _)| self.malformed.contains(stream));
        found.malformed = malformed
            .map(|(stream, _)| MalformedRow { stream, fault: "`at` is missing".to_owned() })
            .collect();
        Ok(found)
    }

    async fn put(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        self.rows.put(stream, expected, row).await
    }

    async fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        self.rows.put_over_parked(stream, parked, row).await
    }

    async fn list(
        &self,
        group: &str,
        before: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.rows.list(group, before, limit).await
    }

    async fn worklist(
        &self,
        group: &str,
        after: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.rows.worklist(group, after, limit).await
    }
}

#[derive(Default)]
struct System {
    events: InMemoryEventStore,
    views: PartlyUnreadable,
}

impl System {
    /// The id of the order with this number, and its stream.
    fn stream(number: u8) -> StreamId {
        let id: OrderId = format!("8c8bb6e7-14ad-5847-9d2c-0d1ecbd648{number:02}").parse().unwrap();
        streams::order(&Tenant::default(), id)
    }

    async fn append(&self, number: u8, event: EventData) -> CommitMessage {
        let loaded = self.events.load(&Self::stream(number), None).await.unwrap();
        let context = Context {
            source: "test".to_owned(),
            correlation_id: CorrelationId::new("call-1").unwrap(),
            causation_id: None,
            actor: Actor::new("test").unwrap(),
            metadata: Default::default(),
        };
        let id: OrderId = "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873".parse().unwrap();
        let commit_id = CommitId::of(id.uuid(), &format!("{number} {}", loaded.commits.len()));
        let at = Timestamp::EPOCH.plus_millis(i64::from(number));
        let draft = Draft { commit_id, at, context, events: vec![event], snapshot: None };
        CommitMessage::of(self.events.append(&loaded.head, draft).await.unwrap().commit)
    }

    /// Places the order with this number, and adds it to the view.
    async fn place(&self, number: u8) {
        let data = include_bytes!("../../../../events/golden/order.placed.2.json").to_vec();
        let golden = EventData { event_type: "order.placed".to_owned(), schema: 2, data };
        let placed = OrderEvent::decode(&golden).unwrap().encode().unwrap();
        let message = self.append(number, placed).await;
        catch_up::<OrderView, _, _>(&self.events, &self.views.rows, &message).await.unwrap();
    }

    /// Appends an event that this build cannot read and the view does not have.
    async fn append_unreadable(&self, number: u8) {
        let event =
            EventData { event_type: "order.committed".to_owned(), schema: 1, data: b"7".to_vec() };
        self.append(number, event).await;
    }

    /// Replaces the row's body with one that cannot be read.
    async fn make_malformed(&self, number: u8) {
        let stream = Self::stream(number);
        let row = self.views.rows.get(&stream).await.unwrap().unwrap();
        let malformed = ViewRow { body: Some("{}".to_owned()), ..row };
        assert_eq!(
            self.views.rows.put(&stream, malformed.version, &malformed).await.unwrap(),
            Put::Stored
        );
    }

    fn queries(&self) -> Queries<InMemoryEventStore, PartlyUnreadable, InMemoryPersonKeys> {
        let views = Views { orders: self.views.clone(), ..Views::default() };
        Queries::new(self.events.clone(), views, InMemoryPersonKeys::default(), String::new())
    }

    async fn park(&self, number: u8) {
        park(&self.views.rows, &Self::stream(number), None, "a fault", Timestamp::EPOCH)
            .await
            .unwrap();
    }

    /// The status and the validator of a request for the order with this number, given the
    /// validators that the caller has.
    async fn validated(&self, number: u8, known: &str) -> (u16, Option<String>) {
        let event = json!({
            "rawPath": format!("/orders/{}", Self::stream(number).id()),
            "headers": { "if-none-match": known },
            "requestContext": { "http": { "method": "GET" } },
        });
        let queries = self.queries();
        let respond = async |call| queries.respond(&call).await;
        let answer = answer(event.to_string().as_bytes(), Timestamp::EPOCH, respond).await;
        (answer.status_code, answer.headers.get("etag").cloned())
    }

    /// The list that all orders are on.
    async fn group(&self) -> String {
        let row = self.views.rows.get(&Self::stream(1)).await.unwrap().unwrap();
        row.listing.unwrap().group
    }

    /// The numbers of the listed orders, oldest first, with their version and the step at which
    /// they are parked.
    async fn listed(&self) -> Vec<(u8, u64, Option<String>)> {
        let found = self.queries().matching(&self.group().await, None, None, 100).await.unwrap();
        let numbered = |(entry, row): (ListEntry, OrderRow)| {
            assert_eq!(entry.stream.id(), row.order_id.to_string());
            let number = entry.stream.id()[34..].parse().unwrap();
            (number, row.version.get(), row.parked.map(|parked| parked.step))
        };
        found.orders.into_iter().rev().map(numbered).collect()
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_folded_from_its_events() {
    let mut system = System::default();
    for number in 1..=4 {
        system.place(number).await;
    }
    system.views.malformed.insert(System::stream(2));
    system.make_malformed(3).await;
    system.append(2, OrderEvent::from(OrderCommitted {}).encode().unwrap()).await;
    assert_eq!(system.listed().await, [(1, 1, None), (2, 2, None), (3, 1, None), (4, 1, None)]);

    // An order that can be read neither from its row nor from its events is omitted, and the others
    // are listed.
    system.append_unreadable(2).await;
    system.append_unreadable(3).await;
    assert_eq!(system.listed().await, [(1, 1, None), (4, 1, None)]);
}

#[tokio::test]
async fn a_parked_row_is_folded_from_its_events_and_marked() {
    let system = System::default();
    for number in 1..=3 {
        system.place(number).await;
    }
    let mark = Some("order_view".to_owned());
    for number in [1, 2] {
        system.park(number).await;
    }
    system.append(1, OrderEvent::from(OrderCommitted {}).encode().unwrap()).await;
    system.append_unreadable(2).await;
    assert_eq!(system.listed().await, [(1, 2, mark.clone()), (2, 1, mark), (3, 1, None)]);
}

/// A redrive does not change the version, so a validator would let a client keep showing the mark.
#[tokio::test]
async fn a_validator_does_not_hide_that_a_row_was_parked_or_redriven() {
    let system = System::default();
    system.place(1).await;
    let version = "\"1\"";
    let plain = (200, Some(version.to_owned()));
    assert_eq!(system.validated(1, "\"0\"").await, plain);
    assert_eq!(system.validated(1, version).await, (304, Some(version.to_owned())));

    system.park(1).await;
    let (status, marked) = system.validated(1, version).await;
    assert_eq!(status, 200, "the mark appears");
    redrive::<OrderView, _, _>(&system.events, &system.views.rows, &System::stream(1))
        .await
        .unwrap();
    let known = marked.unwrap_or_default();
    assert_eq!(system.validated(1, &known).await, plain, "the mark is removed");
}

/// A call takes a bounded time, however many rows are parked.
#[tokio::test]
async fn of_many_parked_rows_a_bounded_number_is_folded_and_the_others_are_shown_as_stored() {
    let system = System::default();
    for number in 1..=70 {
        system.place(number).await;
        system.park(number).await;
        system.append(number, OrderEvent::from(OrderCommitted {}).encode().unwrap()).await;
    }
    let mark = Some("order_view".to_owned());
    let expected: Vec<_> =
        (1..=70).map(|number| (number, if number <= 6 { 1 } else { 2 }, mark.clone())).collect();
    assert_eq!(system.listed().await, expected);
}

/// The next page then begins with the row that could not be read.
#[tokio::test]
async fn every_row_that_cannot_be_read_is_on_some_page() {
    let mut system = System::default();
    for number in 1..=70 {
        system.place(number).await;
    }
    let group = system.group().await;
    system.views.malformed.extend((1..=70).map(System::stream));
    let mut pages = Vec::new();
    let mut start = None;
    loop {
        let found = system.queries().matching(&group, start, None, 100).await.unwrap();
        pages.push(found.orders.len());
        let Some(next) = found.next else { break };
        start = Some(next);
    }
    assert_eq!(pages, [64, 6]);
}
