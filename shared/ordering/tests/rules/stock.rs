use events::{
    ReceiptReference, ShardQuantity, StockEvent, StockMovedIn, StockMovedOut, StockReceived,
    StockReleased, StockReserved, StockReturned, StockShipped,
};
use ordering::stock::{MAX_ON_HAND, Stock, StockCommand, StockRejection, StockState};
use proptest::prelude::*;
use skald::decider::Decider;
use skald_testkit::given;

use crate::samples::{order_id, quantity};

fn reference() -> ReceiptReference {
    ReceiptReference::new("DN-1").unwrap()
}

fn received(number: u64) -> StockEvent {
    StockReceived { reference: reference(), quantity: quantity(number) }.into()
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

fn returned(number: u64) -> StockEvent {
    StockReturned { order_id: order_id(), quantity: quantity(number) }.into()
}

fn receive(number: u64) -> StockCommand {
    StockCommand::Receive { reference: reference(), quantity: quantity(number) }
}

fn reserve(number: u64) -> StockCommand {
    StockCommand::Reserve { order_id: order_id(), quantity: quantity(number) }
}

fn release(number: u64) -> StockCommand {
    StockCommand::Release { order_id: order_id(), quantity: quantity(number) }
}

fn ship(number: u64) -> StockCommand {
    StockCommand::Ship { order_id: order_id(), quantity: quantity(number) }
}

fn take_back(number: u64) -> StockCommand {
    StockCommand::Return { order_id: order_id(), quantity: quantity(number) }
}

#[test]
fn delivered_goods_are_on_hand() {
    given::<Stock>([]).when(receive(5)).then([received(5)]);
    given::<Stock>([received(5)]).when(receive(5)).then([received(5)]);
}

#[test]
fn a_delivery_that_exceeds_the_largest_quantity_is_rejected() {
    let state = StockState { on_hand: MAX_ON_HAND - 4, reserved: 0 };
    assert_eq!(Stock::decide(&state, &receive(4)), Ok(vec![received(4)]));
    assert_eq!(Stock::decide(&state, &receive(5)), Err(StockRejection::Uncountable));
}

#[test]
fn all_available_goods_can_be_reserved() {
    given::<Stock>([received(5)]).when(reserve(5)).then([reserved(5)]);
    given::<Stock>([received(5), reserved(3)]).when(reserve(2)).then([reserved(2)]);
}

#[test]
fn unavailable_goods_cannot_be_reserved() {
    given::<Stock>([]).when(reserve(1)).then_rejected(StockRejection::Short { available: 0 });
    given::<Stock>([received(5), reserved(3)])
        .when(reserve(3))
        .then_rejected(StockRejection::Short { available: 2 });
}

#[test]
fn released_goods_can_be_reserved_again() {
    given::<Stock>([received(5), reserved(5)]).when(release(2)).then([released(2)]);
    given::<Stock>([received(5), reserved(5), released(2)]).when(reserve(2)).then([reserved(2)]);
}

#[test]
fn shipped_goods_are_no_longer_on_hand() {
    given::<Stock>([received(5), reserved(3)]).when(ship(3)).then([shipped(3)]);
    let past = [received(5), reserved(3), shipped(3)];
    given::<Stock>(past).when(reserve(3)).then_rejected(StockRejection::Short { available: 2 });
}

#[test]
fn returned_goods_are_on_hand_again_and_available() {
    let past = [received(5), reserved(3), shipped(3)];
    given::<Stock>(past.clone()).when(take_back(3)).then([returned(3)]);
    let past = [past.to_vec(), vec![returned(3)]].concat();
    given::<Stock>(past.clone()).when(reserve(5)).then([reserved(5)]);
    given::<Stock>(past).when(reserve(6)).then_rejected(StockRejection::Short { available: 5 });
}

#[test]
fn a_return_that_exceeds_the_largest_quantity_is_rejected() {
    let state = StockState { on_hand: MAX_ON_HAND - 4, reserved: 0 };
    assert_eq!(Stock::decide(&state, &take_back(4)), Ok(vec![returned(4)]));
    assert_eq!(Stock::decide(&state, &take_back(5)), Err(StockRejection::Uncountable));
}

#[test]
fn no_more_than_the_reserved_quantity_can_be_released_or_shipped() {
    let rejection = StockRejection::NotReserved { reserved: 2 };
    given::<Stock>([received(5), reserved(2)]).when(release(3)).then_rejected(rejection);
    given::<Stock>([received(5), reserved(2)]).when(ship(3)).then_rejected(rejection);
}

#[test]
fn available_goods_can_be_moved_to_another_shard() {
    let moved_out = StockEvent::from(StockMovedOut {
        order_id: order_id(),
        to_shard: 3,
        quantity: quantity(2),
    });
    given::<Stock>([received(5), reserved(3)]).when(move_out(2)).then([moved_out.clone()]);
    given::<Stock>([received(5), reserved(3)])
        .when(move_out(3))
        .then_rejected(StockRejection::Short { available: 2 });
    given::<Stock>([received(5), moved_out])
        .when(reserve(4))
        .then_rejected(StockRejection::Short { available: 3 });

    let StockCommand::MoveIn { order_id, from } = move_in(2) else {
        panic!("the command must move goods from two shards")
    };
    let moved_in = StockEvent::from(StockMovedIn { order_id, from });
    given::<Stock>([]).when(move_in(2)).then([moved_in.clone()]);
    given::<Stock>([moved_in])
        .when(reserve(5))
        .then_rejected(StockRejection::Short { available: 4 });
    let full = StockState { on_hand: MAX_ON_HAND - 3, reserved: 0 };
    assert_eq!(Stock::decide(&full, &move_in(2)), Err(StockRejection::Uncountable));
}

fn move_out(number: u64) -> StockCommand {
    StockCommand::MoveOut { order_id: order_id(), to_shard: 3, quantity: quantity(number) }
}

/// Moves this quantity from each of two shards.
fn move_in(number: u64) -> StockCommand {
    let from = [0, 7].map(|shard| ShardQuantity { shard, quantity: quantity(number) });
    StockCommand::MoveIn { order_id: order_id(), from: from.to_vec() }
}

fn command() -> impl Strategy<Value = StockCommand> {
    (0..7, 1..20_u64).prop_map(|(kind, number)| match kind {
        0 => receive(number),
        1 => reserve(number),
        2 => release(number),
        3 => ship(number),
        6 => take_back(number),
        4 => move_out(number),
        _ => move_in(number),
    })
}

proptest! {
    /// After any sequence of commands, no more is held than is on hand, and the totals are right.
    #[test]
    fn stock_always_adds_up(commands in proptest::collection::vec(command(), 0..60)) {
        let mut state = StockState::default();
        let (mut came, mut left, mut held) = (0_u64, 0_u64, 0_u64);
        for command in commands {
            for event in Stock::decide(&state, &command).unwrap_or_default() {
                match &event {
                    StockEvent::Received(event) => came += u64::from(event.quantity),
                    StockEvent::Reserved(event) => held += u64::from(event.quantity),
                    StockEvent::Released(event) => held -= u64::from(event.quantity),
                    StockEvent::Shipped(event) => {
                        held -= u64::from(event.quantity);
                        left += u64::from(event.quantity);
                    }
                    StockEvent::Returned(event) => came += u64::from(event.quantity),
                    StockEvent::MovedOut(event) => left += u64::from(event.quantity),
                    StockEvent::MovedIn(event) => {
                        came += event.from.iter().map(|part| u64::from(part.quantity)).sum::<u64>();
                    }
                }
                state = Stock::evolve(state, &event);
            }
            prop_assert!(state.reserved <= state.on_hand);
            prop_assert_eq!(state, StockState { on_hand: came - left, reserved: held });
            prop_assert_eq!(state.available(), came - left - held);
        }
    }
}
