//! The views follow every history that the deciders allow: after any sequence of commands, each
//! decided event can be applied, and the row agrees with the decider's state.

use std::fmt::Debug;

use events::{CancelReason, OrderEvent, ReceiptReference, StockEvent};
use ordering::order::{Order, OrderCommand, OrderState, PlaceOrder};
use ordering::placing::price;
use ordering::stock::{Stock, StockCommand};
use ordering::streams;
use ordering::views::{OrderStatus, OrderView, StockView};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;
use skald::decider::Decider;
use skald::stream::{StreamId, Tenant, Version};
use skald::view::Projection;

use crate::samples::{
    TIME_LIMIT_MS, eur, jane, order_id, personal, product, quantity, request, sku, time, with,
};
use crate::views::{fold, stream};

/// The events of these commands, decided one after the other. Rejected commands are left out.
fn history<D: Decider>(commands: &[D::Command]) -> Vec<D::Event> {
    let (mut events, mut state) = (Vec::new(), D::State::default());
    for command in commands {
        for event in D::decide(&state, command).unwrap_or_default() {
            state = D::evolve(state, &event);
            events.push(event);
        }
    }
    events
}

/// Orders of two lines at any prices; some are too expensive to be placed.
fn place() -> impl Strategy<Value = Option<PlaceOrder>> {
    let price_of =
        || prop_oneof![1..=10_000_i64, select(vec![(1 << 53) / 1_000, 1 << 52, (1 << 53) - 1])];
    (price_of(), price_of(), 1..=1_000_u64).prop_map(|(first, second, number)| {
        let mut body = with("/expected_total", None);
        body["items"][0]["quantity"] = json!(number);
        let products = [product("Mug", eur(first)), product("T-shirt", eur(second))];
        let products = products.map(|product| (product, Version::new(1)));
        price(&request(&body), &jane(), &products, time("2026-11-21T08:15:30.250Z"), TIME_LIMIT_MS)
            .ok()
    })
}

fn order_command() -> impl Strategy<Value = OrderCommand> {
    let reasons = vec![
        CancelReason::StockUnavailable,
        CancelReason::PaymentDeclined,
        CancelReason::ShipmentRefused,
        CancelReason::CustomerRequest,
        CancelReason::OperatorRequest,
        CancelReason::CustomerErased,
        CancelReason::Expired,
        CancelReason::CaptureFailed,
    ];
    prop_oneof![
        2 => Just(OrderCommand::Commit),
        2 => Just(OrderCommand::Confirm),
        2 => Just(OrderCommand::Dispatch),
        1 => Just(OrderCommand::Deliver),
        1 => (select(reasons), prop::option::of("[a-z]{1,9}"), prop::option::of(1..4_u32))
            .prop_map(|(reason, note, attempt)| {
                OrderCommand::StartUndo { reason, note: note.map(personal), attempt }
            }),
        1 => Just(OrderCommand::Cancel),
        2 => Just(OrderCommand::Park {
            step: "capture_payment".to_owned(),
            error: "no answer".to_owned(),
        }),
        2 => prop::option::of(0..3_600_000_i64).prop_map(|after| OrderCommand::Resume {
            extend_to: after.map(|after| time("2026-11-21T08:15:30.250Z").plus_millis(after)),
        }),
    ]
}

fn stock_command() -> impl Strategy<Value = StockCommand> {
    let reference = || ReceiptReference::new("DN-1").unwrap();
    (0..5, 1..=1_000_u64).prop_map(move |(kind, number)| {
        let (order_id, quantity) = (order_id(), quantity(number));
        match kind {
            0 => StockCommand::Receive { reference: reference(), quantity },
            1 => StockCommand::Reserve { order_id, quantity },
            2 => StockCommand::Release { order_id, quantity },
            3 => StockCommand::Return { order_id, quantity },
            _ => StockCommand::Ship { order_id, quantity },
        }
    })
}

/// After each event, the row agrees with the decider's state.
fn at_every_step<P: Projection<Event: Debug>>(
    stream: &StreamId,
    events: &[P::Event],
    check: impl Fn(&[P::Event], P::Row),
) {
    for length in 1..=events.len() {
        let events = &events[..length];
        check(
            events,
            fold::<P>(stream, events).unwrap_or_else(|error| panic!("{error} after {events:?}")),
        );
    }
}

proptest! {
    #[test]
    fn the_order_view_follows_every_history_of_an_order(
        place in place(),
        before in proptest::collection::vec(order_command(), 0..3),
        after in proptest::collection::vec(order_command(), 0..20),
    ) {
        let place = place.map(|place| OrderCommand::Place(Box::new(place)));
        let commands: Vec<OrderCommand> = before.into_iter().chain(place).chain(after).collect();
        let events = history::<Order>(&commands);
        at_every_step::<OrderView>(&stream(), &events, |events: &[OrderEvent], row| {
            let state = events.iter().fold(OrderState::default(), Order::evolve);
            let order = state.placed().expect("the order was placed");
            assert_eq!(row.status, OrderStatus::of(order.phase), "after {events:?}");
            assert_eq!(row.parked.is_some(), order.parked.is_some(), "after {events:?}");
            assert_eq!(row.version, Version::new(events.len() as u64));
        });
    }

    /// After any sequence of commands, an order is either undone or dispatched, and its deadline
    /// never becomes earlier.
    #[test]
    fn an_order_is_never_both_undone_and_dispatched(
        commands in proptest::collection::vec(order_command(), 0..30),
    ) {
        let place = OrderCommand::Place(Box::new(crate::samples::place(&crate::samples::body())));
        let commands: Vec<OrderCommand> = [place].into_iter().chain(commands).collect();
        let events = history::<Order>(&commands);
        let is_undone = events.iter().any(|event| matches!(event, OrderEvent::UndoStarted(_)));
        let has_left = events.iter().any(|event| matches!(event, OrderEvent::Dispatched(_)));
        prop_assert!(!(is_undone && has_left), "{events:?}");
        let mut state = OrderState::default();
        let mut deadline = None;
        for event in &events {
            state = Order::evolve(state, event);
            let next = state.placed().map(|order| order.deadline);
            prop_assert!(next >= deadline, "{events:?}");
            deadline = next;
        }
    }

    #[test]
    fn the_stock_view_follows_every_history_of_a_shard(
        commands in proptest::collection::vec(stock_command(), 0..40),
    ) {
        let events = history::<Stock>(&commands);
        let stream = streams::stock(&Tenant::default(), &sku("MUG-01"), 3);
        at_every_step::<StockView>(&stream, &events, |events: &[StockEvent], row| {
            let state = events.iter().fold(Default::default(), Stock::evolve);
            let counters = (row.on_hand, row.reserved);
            assert_eq!(counters, (state.on_hand, state.reserved), "after {events:?}");
        });
    }
}
