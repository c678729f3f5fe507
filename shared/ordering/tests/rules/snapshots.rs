//! The states that are stored with commits.

use std::fmt::Debug;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use events::{ReceiptReference, Sku};
use ordering::product::{Product, ProductCommand};
use ordering::stock::{Stock, StockCommand};
use ordering::streams;
use ordering::values::{Name, Price};
use serde_json::{Value, json};
use skald::commit::{Actor, CommitId};
use skald::decider::{Decider, fold};
use skald::handle::{Handler, Request};
use skald::memory::InMemoryEventStore;
use skald::store::EventStore;
use skald::stream::{StreamId, Tenant};
use skald::time::Timestamp;
use skald_testkit::NoPause;
use uuid::Uuid;

use crate::samples::{eur, quantity, shards};

/// The result of a future that never has to wait for anything but its next turn.
fn finished<F: Future>(future: F) -> F::Output {
    let (mut future, mut context) = (pin!(future), Context::from_waker(Waker::noop()));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// The state that the last commit of a stream carries after each of these commands. Asserts that a
/// load reads that commit only.
fn stored<D: Decider>(stream: &StreamId, commands: &[D::Command]) -> Vec<Value>
where
    D::Command: Sync,
    D::Rejection: Send,
    D::State: Debug + PartialEq,
{
    let store = InMemoryEventStore::default();
    let handler = Handler::new(&store, NoPause);
    let mut states = Vec::new();
    for (number, command) in commands.iter().enumerate() {
        let id = CommitId::of(Uuid::nil(), &number.to_string());
        let request = Request::new(id, Timestamp::EPOCH, "tests", Actor::new("tests").unwrap());
        let handled = finished(handler.handle::<D>(stream, command, &request)).unwrap();
        let kind = D::SNAPSHOTS.map(|kept| kept.kind());
        let commits = finished(store.load(stream, kind)).unwrap().commits;
        assert_eq!(commits.len(), 1, "after {number} other commits");
        assert_eq!(fold::<D>(&commits).unwrap().state, handled.states.state);
        let snapshot = commits[0].snapshot.clone().unwrap();
        assert_eq!(snapshot.schema, 1);
        states.push(serde_json::from_slice(&snapshot.state).unwrap());
    }
    states
}

/// A change of a stored shape needs another schema in `SNAPSHOTS`. Without it a release reads
/// states that mean something else, or finds none.
#[test]
fn every_commit_of_stock_carries_its_state_in_this_shape() {
    let stream = streams::stock(&Tenant::default(), &Sku::new("MUG-01").unwrap(), 0);
    let reference = ReceiptReference::new("DN-1").unwrap();
    let order_id = crate::samples::order_id();
    let commands = [
        StockCommand::Receive { reference, quantity: quantity(10) },
        StockCommand::Reserve { order_id, quantity: quantity(3) },
        StockCommand::Ship { order_id, quantity: quantity(1) },
    ];
    let state = |on_hand: u64, reserved: u64| json!({ "on_hand": on_hand, "reserved": reserved });
    let expected = [state(10, 0), state(10, 3), state(9, 2)];
    assert_eq!(stored::<Stock>(&stream, &commands), expected);
}

#[test]
fn every_commit_of_a_product_carries_its_state_in_this_shape() {
    let stream = streams::product(&Tenant::default(), &Sku::new("MUG-01").unwrap());
    let price = |amount_minor| Price::new(eur(amount_minor)).unwrap();
    let commands = [
        ProductCommand::List {
            name: Name::new("Mug").unwrap(),
            unit_price: price(1250),
            stock_shards: Some(shards(4)),
        },
        ProductCommand::Reshard { stock_shards: shards(2) },
        ProductCommand::ChangePrice { unit_price: price(999) },
        ProductCommand::Withdraw,
    ];
    let state = |amount_minor: u32, stock_shards: u32, on_sale: bool| {
        json!({ "listed": {
            "name": "Mug", "unit_price": { "amount_minor": amount_minor, "currency": "EUR" },
            "stock_shards": stock_shards, "max_stock_shards": 4, "on_sale": on_sale,
        } })
    };
    let expected =
        [state(1250, 4, true), state(1250, 2, true), state(999, 2, true), state(999, 2, false)];
    assert_eq!(stored::<Product>(&stream, &commands), expected);
}
