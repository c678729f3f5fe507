use std::collections::{BTreeMap, BTreeSet};

use events::values::LARGEST_EXACT;
use events::{
    CancelReason, CustomerId, OrderCancelled, OrderCommitted, OrderConfirmed, OrderDelivered,
    OrderDispatched, OrderEvent, OrderParked, OrderPlaced, OrderResumed, OrderUndoStarted,
    ReceiptReference, ShardQuantity, StockEvent, StockMovedIn, StockMovedOut, StockReceived,
    StockReleased, StockReserved, StockReturned, StockShipped,
};
use ordering::streams;
use ordering::views::{OrderRow, OrderStatus, OrderView, StockRow, StockView, Worklist, orders_of};
use serde_json::{Value, json};
use skald::commit::{Actor, Commit, CommitId, Context, CorrelationId};
use skald::event::DomainEvent;
use skald::personal::reveal;
use skald::stream::{StreamId, Tenant, Version};
use skald::view::{CatchUpError, Listing, Projection, project};

use crate::samples::{eur, order_id, placed, quantity, sku, time};

/// One commit for each event; the first is recorded at 08:15:01, each later one a second after its
/// predecessor.
fn commits<E: DomainEvent>(stream: &StreamId, events: &[E]) -> Vec<Commit> {
    let commit = |(index, event): (usize, &E)| Commit {
        id: CommitId::of(order_id().uuid(), &index.to_string()),
        stream: stream.clone(),
        first: Version::new(index as u64 + 1),
        at: time(&format!("2026-11-21T08:15:{:02}Z", index + 1)),
        context: Context {
            source: "test".into(),
            correlation_id: CorrelationId::new("test").unwrap(),
            causation_id: None,
            actor: Actor::new("test").unwrap(),
            metadata: BTreeMap::new(),
        },
        events: vec![event.encode().unwrap()],
        snapshot: None,
    };
    events.iter().enumerate().map(commit).collect()
}

/// The row after these events. It is stored and read back after each, as a view store does.
pub(crate) fn fold<P: Projection>(
    stream: &StreamId,
    events: &[P::Event],
) -> Result<P::Row, CatchUpError> {
    let mut row = None;
    for commit in commits(stream, events) {
        let stored = row.map(|row| {
            serde_json::from_str(&serde_json::to_string::<P::Row>(&row).unwrap()).unwrap()
        });
        row = project::<P>(stream, stored, &[commit], |_| true)?;
    }
    Ok(row.unwrap())
}

pub(crate) fn stream() -> StreamId {
    streams::order(&Tenant::default(), order_id())
}

/// The row of an order after it was placed and after these events.
fn order(events: &[OrderEvent]) -> OrderRow {
    fold::<OrderView>(&stream(), &[&[placed().into()], events].concat()).unwrap()
}

fn json_of(row: &OrderRow) -> Value {
    reveal(&serde_json::to_vec(row).unwrap()).unwrap()
}

fn committed() -> OrderEvent {
    OrderCommitted {}.into()
}

fn undo_started() -> OrderEvent {
    OrderUndoStarted { reason: CancelReason::PaymentDeclined, note: None }.into()
}

fn cancelled() -> OrderEvent {
    OrderCancelled { reason: CancelReason::PaymentDeclined }.into()
}

fn confirmed() -> OrderEvent {
    OrderConfirmed {}.into()
}

fn dispatched() -> OrderEvent {
    OrderDispatched {}.into()
}

fn delivered() -> OrderEvent {
    OrderDelivered {}.into()
}

fn parked() -> OrderEvent {
    OrderParked { step: "capture_payment".into(), error: "no answer".into() }.into()
}

fn resumed() -> OrderEvent {
    OrderResumed { attempt: 2, deadline: None }.into()
}

#[test]
fn the_row_of_an_order_has_the_fields_of_the_api() {
    assert_eq!(
        json_of(&order(&[committed(), OrderConfirmed {}.into()])),
        json!({
            "order_id": "8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873",
            "customer_id": "c-1001",
            "customer_name": "Jane Doe",
            "status": "confirmed",
            "version": 3,
            "items": [
                {
                    "sku": "MUG-01", "name": "Mug", "quantity": 2,
                    "unit_price": { "amount_minor": 2499, "currency": "EUR" },
                    "line_total": { "amount_minor": 4998, "currency": "EUR" }
                },
                {
                    "sku": "TEE-07", "name": "T-shirt", "quantity": 1,
                    "unit_price": { "amount_minor": 2999, "currency": "EUR" },
                    "line_total": { "amount_minor": 2999, "currency": "EUR" }
                }
            ],
            "total": { "amount_minor": 7997, "currency": "EUR" },
            "placed_at": "2026-11-21T08:15:01.000Z",
            "updated_at": "2026-11-21T08:15:03.000Z",
            "deadline": placed().deadline,
            "cancel_reason": null
        })
    );
}

#[test]
fn a_row_has_the_status_of_the_api() {
    for (events, status) in [
        (vec![], "pending"),
        (vec![committed()], "pending"),
        (vec![committed(), confirmed()], "confirmed"),
        (vec![committed(), confirmed(), dispatched()], "dispatched"),
        (vec![committed(), confirmed(), dispatched(), delivered()], "delivered"),
        (vec![undo_started()], "cancelling"),
        (vec![committed(), confirmed(), undo_started()], "cancelling"),
        (vec![undo_started(), cancelled()], "cancelled"),
    ] {
        let row = json_of(&order(&events));
        assert_eq!((&row["status"], &row["version"]), (&json!(status), &json!(events.len() + 1)));
    }
}

#[test]
fn a_row_has_the_reason_to_cancel_as_soon_as_undoing_starts() {
    assert_eq!(json_of(&order(&[]))["cancel_reason"], Value::Null);
    assert_eq!(json_of(&order(&[undo_started()]))["cancel_reason"], "payment_declined");
    assert_eq!(
        json_of(&order(&[undo_started(), cancelled()]))["cancel_reason"],
        "payment_declined"
    );
}

#[test]
fn a_row_names_the_step_while_the_order_is_parked() {
    let row = json_of(&order(&[committed(), parked()]));
    assert_eq!(row["status"], "pending");
    assert_eq!(
        row["parked"],
        json!({
            "step": "capture_payment", "since": "2026-11-21T08:15:03.000Z", "reason": "no answer",
        })
    );

    for ended in [
        vec![parked(), resumed()],
        vec![committed(), parked(), OrderConfirmed {}.into()],
        vec![undo_started(), parked(), cancelled()],
    ] {
        assert!(json_of(&order(&ended)).get("parked").is_none(), "{ended:?}");
    }
}

#[test]
fn an_order_is_listed_under_its_customer_by_the_time_it_was_placed() {
    let tenant = Tenant::new("shop").unwrap();
    let listing =
        OrderView::listing(&order(&[committed()]), &streams::order(&tenant, order_id())).unwrap();
    assert_eq!(listing.group, "shop/customer-c-1001");
    assert_eq!(listing.group, orders_of(&tenant, &CustomerId::new("c-1001").unwrap()));
    assert_eq!(listing.sort, "2026-11-21T08:15:01.000Z/8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873");
}

/// The list of the worklist that an order is in after these events.
fn worklist(events: &[OrderEvent]) -> Listing {
    OrderView::worklist(&order(events), &streams::order(&Tenant::default(), order_id())).unwrap()
}

#[test]
fn an_order_is_in_the_worklist_of_what_it_waits_for() {
    for (events, list) in [
        (vec![], "open"),
        (vec![committed()], "open"),
        (vec![undo_started()], "open"),
        (vec![committed(), parked()], "parked"),
        (vec![undo_started(), parked()], "parked"),
        (vec![parked(), resumed()], "open"),
        (vec![committed(), OrderConfirmed {}.into()], "confirmed"),
        (vec![committed(), parked(), OrderConfirmed {}.into()], "confirmed"),
        (vec![undo_started(), parked(), cancelled()], "cancelled"),
    ] {
        let place = worklist(&events);
        assert_eq!(place.group, format!("default/orders/{list}~3"), "{events:?}");
        assert_eq!(place.sort, format!("{}/{}", placed().deadline, order_id()), "{events:?}");
    }
}

/// The write units of the index: one to enter a list, two to move to another.
#[test]
fn a_happy_order_moves_when_it_is_confirmed_and_when_its_parcel_leaves() {
    let all: [OrderEvent; 4] = [
        committed(),
        OrderConfirmed {}.into(),
        OrderDispatched {}.into(),
        OrderDelivered {}.into(),
    ];
    let places: Vec<Listing> = (0..=all.len()).map(|count| worklist(&all[..count])).collect();
    let moves: Vec<bool> = places.windows(2).map(|pair| pair[0] != pair[1]).collect();
    assert_eq!(moves, [false, true, true, false], "{places:?}");
}

#[test]
fn every_status_is_found_in_the_lists_of_its_orders() {
    let tenant = Tenant::default();
    for events in [
        vec![],
        vec![parked()],
        vec![undo_started()],
        vec![committed(), OrderConfirmed {}.into()],
        vec![undo_started(), cancelled()],
        vec![committed(), OrderConfirmed {}.into(), OrderDispatched {}.into()],
        vec![
            committed(),
            OrderConfirmed {}.into(),
            OrderDispatched {}.into(),
            OrderDelivered {}.into(),
        ],
    ] {
        let status = order(&events).status;
        let mut lists = status.worklists().iter().flat_map(|list| list.groups(&tenant));
        assert!(lists.any(|group| group == worklist(&events).group), "{events:?}");
    }
    let all: BTreeSet<String> =
        Worklist::ALL.iter().flat_map(|list| list.groups(&tenant)).collect();
    assert_eq!(
        all.len(),
        4 * Worklist::ALL.len(),
        "a list or a shard has the name of another: {all:?}"
    );
}

#[test]
fn an_order_is_overdue_after_its_deadline_until_it_is_final() {
    let deadline = placed().deadline;
    for (events, is_open) in [
        (vec![], true),
        (vec![committed()], true),
        (vec![undo_started()], true),
        (vec![parked()], true),
        (vec![committed(), OrderConfirmed {}.into()], false),
        (vec![undo_started(), cancelled()], false),
    ] {
        let row = order(&events);
        assert!(!row.is_overdue(deadline), "{events:?}");
        assert_eq!(row.is_overdue(deadline.plus_millis(1)), is_open, "{events:?}");
    }
}

/// Rows that earlier releases wrote have neither a deadline nor the reason of parking.
#[test]
fn a_row_of_an_earlier_release_is_read() {
    let mut stored = serde_json::to_value(order(&[parked()])).unwrap();
    stored.as_object_mut().unwrap().remove("deadline");
    stored["parked"].as_object_mut().unwrap().remove("reason");
    let row: OrderRow = serde_json::from_value(stored).unwrap();
    assert!(!row.is_overdue(time("2999-01-01T00:00:00Z")));
    let place = OrderView::worklist(&row, &stream()).unwrap();
    assert_eq!(place.sort, format!("{}/{}", row.placed_at, row.order_id));
}

#[test]
fn no_row_has_personal_data_in_debug_output() {
    let shown = format!("{:?}", order(&[]));
    assert!(!shown.contains("Jane"), "{shown}");
}

/// A row that an earlier release wrote is pending while its order is being undone.
#[test]
fn a_row_of_an_earlier_release_follows_an_order_that_is_being_undone() {
    let row = order(&[undo_started()]);
    let earlier = OrderRow { status: OrderStatus::Pending, ..row };
    let history = [placed().into(), undo_started(), cancelled(), committed()];
    let commits = commits(&stream(), &history);
    let cancelled =
        project::<OrderView>(&stream(), Some(earlier.clone()), &commits[2..3], |_| true);
    assert_eq!(cancelled.unwrap().unwrap().status, OrderStatus::Cancelled);
    assert!(project::<OrderView>(&stream(), Some(earlier), &commits[3..], |_| true).is_err());
}

/// No history that the decider allows ends with these events.
#[test]
fn an_event_that_no_decider_writes_is_not_applied() {
    let stories: Vec<Vec<OrderEvent>> = vec![
        vec![committed()],
        vec![placed().into(), placed().into()],
        vec![placed().into(), cancelled()],
        vec![placed().into(), undo_started(), committed()],
        vec![placed().into(), undo_started(), confirmed()],
        vec![placed().into(), undo_started(), undo_started()],
        vec![placed().into(), committed(), confirmed(), parked()],
        vec![placed().into(), committed(), confirmed(), resumed()],
        vec![placed().into(), committed(), dispatched()],
        vec![placed().into(), committed(), confirmed(), delivered()],
        vec![placed().into(), committed(), confirmed(), undo_started(), dispatched()],
        vec![placed().into(), committed(), confirmed(), dispatched(), undo_started()],
        vec![placed().into(), committed(), confirmed(), dispatched(), cancelled()],
        vec![placed().into(), committed(), confirmed(), dispatched(), delivered(), delivered()],
        vec![placed().into(), undo_started(), cancelled(), resumed()],
    ];
    for history in stories {
        let error = fold::<OrderView>(&stream(), &history).unwrap_err();
        let CatchUpError::Inapplicable { source, .. } = error else {
            panic!("{error} for {history:?}")
        };
        assert_eq!(source.version, Version::new(history.len() as u64), "{history:?}");
        assert_eq!(source.event_type, history.last().unwrap().event_type());
    }
}

#[test]
fn an_order_in_a_stream_without_an_order_id_is_not_applied() {
    let stream = StreamId::named(&Tenant::default(), "order-17").unwrap();
    assert!(fold::<OrderView>(&stream, &[placed().into()]).is_err());
}

#[test]
fn an_order_with_an_invalid_line_is_not_applied() {
    let mut broken: OrderPlaced = placed();
    broken.lines[0].unit_price = eur(LARGEST_EXACT);
    assert!(fold::<OrderView>(&stream(), &[broken.into()]).is_err());
}

fn received(number: u64) -> StockEvent {
    let reference = ReceiptReference::new("DN-1").unwrap();
    StockReceived { reference, quantity: quantity(number) }.into()
}

fn reserved(number: u64) -> StockEvent {
    StockReserved { order_id: order_id(), quantity: quantity(number) }.into()
}

fn released(number: u64) -> StockEvent {
    StockReleased { order_id: order_id(), quantity: quantity(number) }.into()
}

fn shipped(number: u64) -> StockEvent {
    StockShipped { order_id: order_id(), quantity: quantity(number) }.into()
}

fn stock(events: &[StockEvent]) -> Result<StockRow, CatchUpError> {
    fold::<StockView>(&streams::stock(&Tenant::default(), &sku("MUG-01"), 3), events)
}

#[test]
fn a_shard_counts_goods_on_hand_and_reserved() {
    let row = stock(&[received(10), reserved(4), released(1), shipped(2), received(1)]).unwrap();
    assert_eq!(row, StockRow { sku: sku("MUG-01"), shard: 3, on_hand: 9, reserved: 1 });
    assert_eq!(row.available(), 8);
    let returned = StockReturned { order_id: order_id(), quantity: quantity(2) };
    let again = [received(10), reserved(2), shipped(2), returned.into()];
    let again = stock(&again).unwrap();
    assert_eq!((again.on_hand, again.reserved), (10, 0));
    let moved_out = StockMovedOut { order_id: order_id(), to_shard: 0, quantity: quantity(8) };
    let from = vec![
        ShardQuantity { shard: 1, quantity: quantity(2) },
        ShardQuantity { shard: 2, quantity: quantity(3) },
    ];
    let moved = [moved_out.into(), StockMovedIn { order_id: order_id(), from }.into()];
    let before = [received(10), reserved(4), released(1), shipped(2), received(1)];
    assert_eq!(stock(&[before.as_slice(), &moved].concat()).unwrap().on_hand, 6);
    assert_eq!(
        serde_json::to_value(row).unwrap(),
        json!({ "sku": "MUG-01", "shard": 3, "on_hand": 9, "reserved": 1 })
    );
}

#[test]
fn no_more_can_be_reserved_or_shipped_than_is_on_hand() {
    for history in [
        vec![reserved(1)],
        vec![received(1), reserved(2)],
        vec![received(1), shipped(1)],
        vec![received(2), reserved(1), released(2)],
    ] {
        assert!(stock(&history).is_err(), "{history:?}");
    }
}

#[test]
fn stock_in_a_stream_without_a_sku_and_shard_is_not_applied() {
    let stream = StreamId::named(&Tenant::default(), "stock-MUG-01").unwrap();
    assert!(fold::<StockView>(&stream, &[received(1)]).is_err());
}

#[test]
fn stock_is_not_listed() {
    let stream = streams::stock(&Tenant::default(), &sku("MUG-01"), 3);
    assert_eq!(StockView::listing(&stock(&[received(1)]).unwrap(), &stream), None);
}
