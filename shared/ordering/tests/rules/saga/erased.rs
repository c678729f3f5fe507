//! Customers who are erased while their order is under way: it comes to its end all the same, and nothing of it is left
//! behind.

use std::collections::BTreeSet;

use events::{AttemptKey, CancelReason};
use ordering::order::Phase;
use ordering::ports::{Carrier, CarrierCall, Disclosing, Gateway, GatewayCall, ParcelAtCarrier, PaymentAtGateway};
use ordering::sandbox::memory::{CarrierLedger, GatewayLedger};
use skald::memory::InMemoryPersonKeys;
use skald::{Person, PersonKeys, Personal, Timestamp};

use super::world::{Scenario, World, finish, poll_times, run, tenant};
use crate::samples::{customer, eur, order_id, placed};

const HAPPY: Scenario = Scenario { token: "tok_approved", postal_code: "10115", enough: true };

/// Whether it was confirmed, or why it was cancelled.
fn end(world: &World) -> Result<(), CancelReason> {
    match world.state().order.placed().unwrap().phase {
        Phase::Confirmed => Ok(()),
        Phase::Cancelled(reason) => Err(reason),
        other @ (Phase::Open | Phase::Committed | Phase::Undoing(_)) => panic!("the order stands still: {other:?}"),
    }
}

/// How often a happy order gives way.
fn lines() -> usize {
    let world = World::new(HAPPY);
    let mut runner = world.driver();
    (1..).find(|_| poll_times(&mut runner, 1)).unwrap()
}

#[test]
fn an_order_comes_to_its_end_whenever_its_customer_is_erased() {
    let mut ends = BTreeSet::new();
    for line in 0..=lines() {
        let world = World::new(HAPPY);
        let mut runner = world.driver();
        let over = poll_times(&mut runner, line);
        world.erase_customer();
        if !over {
            run(runner);
        }
        world.assert_clean(&format!("erased at line {line}"));
        ends.insert(format!("{:?}", end(&world)));
    }
    let expected = ["Err(PaymentDeclined)", "Err(ShipmentRefused)", "Ok(())"];
    assert_eq!(ends.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn so_it_does_if_the_one_who_was_at_it_dies_at_that_moment_or_a_while_later() {
    for line in 0..lines() {
        for more in [0, 1, 2, 3, 5, 8] {
            let world = World::new(HAPPY);
            let mut first = world.driver();
            if poll_times(&mut first, line) {
                continue;
            }
            world.erase_customer();
            let over = poll_times(&mut first, more);
            drop(first);
            if !over {
                run(world.driver());
            }
            world.assert_clean(&format!("erased at line {line}, dead {more} lines later"));
            let _final = end(&world);
        }
    }
}

fn attempt() -> AttemptKey {
    AttemptKey::payment(order_id())
}

fn erased() -> InMemoryPersonKeys {
    let keys = InMemoryPersonKeys::default();
    finish(keys.erase(&Person { tenant: tenant(), id: customer().person() }, Timestamp::EPOCH)).unwrap();
    keys
}

/// The same value, sealed, as it stands in the order's stream.
fn sealed<T: serde::de::DeserializeOwned>() -> Personal<T> {
    serde_json::from_value(serde_json::json!({ "sealed": "AQID", "of": customer() })).unwrap()
}

/// An earlier call may still be on its way, with the token in it.
#[test]
fn of_an_erased_customer_no_money_can_be_held_any_more() {
    let (gateway, keys, key) = (GatewayLedger::default(), erased(), attempt());
    let told = Disclosing::new(&gateway, &keys, tenant());
    let ask = GatewayCall::Authorize { key: key.clone(), token: sealed(), amount: eur(1) };
    let declined = PaymentAtGateway::Declined { reason: "customer_erased".to_owned() };
    assert_eq!(finish(Gateway::ask(&told, &ask)), Ok(declined.clone()));
    assert_eq!(finish(Gateway::ask(&told, &ask)), Ok(declined), "again the same");

    let late = GatewayCall::Authorize { key, token: placed().payment_token, amount: eur(1) };
    assert_eq!(finish(Gateway::ask(&gateway, &late)), Ok(PaymentAtGateway::Voided));
}

#[test]
fn of_an_erased_customer_no_parcel_can_be_made_any_more() {
    let (carrier, keys, key) = (CarrierLedger::default(), erased(), attempt());
    let told = Disclosing::new(&carrier, &keys, tenant());
    let ask = CarrierCall::Create { key: key.clone(), address: sealed() };
    let refused = ParcelAtCarrier::Refused { reason: "customer_erased".to_owned() };
    assert_eq!(finish(Carrier::ask(&told, &ask)), Ok(refused.clone()));
    assert_eq!(finish(Carrier::ask(&told, &ask)), Ok(refused), "again the same");

    let late = CarrierCall::Create { key, address: placed().shipping_address };
    assert_eq!(finish(Carrier::ask(&carrier, &late)), Ok(ParcelAtCarrier::Cancelled));
}

/// A key that cannot be had is no reason to undo an order, and nothing is asked of the outside.
#[test]
fn without_the_key_nothing_is_asked_and_nothing_decided() {
    let (gateway, keys) = (GatewayLedger::default(), InMemoryPersonKeys::default());
    let told = Disclosing::new(&gateway, &keys, tenant());
    let ask = GatewayCall::Authorize { key: attempt(), token: sealed(), amount: eur(1) };
    let error = finish(Gateway::ask(&told, &ask)).unwrap_err();
    assert_eq!(error.to_string(), "refused: default/c-1001: there is no key of the person");
    assert!(gateway.entries().is_empty());
}
