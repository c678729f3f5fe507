//! Customers who are erased while their order is running: the order still reaches its end and
//! leaves nothing behind.

use std::collections::BTreeSet;

use events::{AttemptKey, CancelReason};
use ordering::order::Phase;
use ordering::ports::{Carrier, CarrierCall, Disclosing, Gateway, GatewayCall, PortError};
use ordering::sandbox::StoredSandbox;
use ordering::sandbox::memory::{CarrierLedger, GatewayLedger};
use skald::memory::{InMemoryPersonKeys, InMemoryViewStore};
use skald::personal::{Opening, Person, PersonKeys, Personal, Sealing};
use skald::stream::Tenant;
use skald::time::Timestamp;

use super::world::{Scenario, World, finish, poll_times, run, tenant};
use crate::samples::{customer, eur, order_id, placed};

const HAPPY: Scenario = Scenario { token: "tok_approved", postal_code: "10115", enough: true };

/// Whether the order was confirmed, or why it was cancelled.
fn end(world: &World) -> Result<(), CancelReason> {
    match world.state().order.placed().unwrap().phase {
        Phase::Confirmed => Ok(()),
        Phase::Cancelled(reason) => Err(reason),
        other @ (Phase::Open
        | Phase::Committed
        | Phase::Undoing(_)
        | Phase::Dispatched
        | Phase::Delivered) => {
            panic!("the order did not reach its end: {other:?}")
        }
    }
}

/// The number of lines at which a successful order yields.
fn lines() -> usize {
    let world = World::new(HAPPY);
    let mut runner = world.driver();
    (1..).find(|_| poll_times(&mut runner, 1)).unwrap()
}

#[test]
fn an_order_reaches_its_end_whenever_its_customer_is_erased() {
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
    let expected = ["Err(CustomerErased)", "Ok(())"];
    assert_eq!(ends.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn an_order_of_an_erased_customer_ends_even_if_its_execution_dies_at_any_later_line() {
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

/// One execution reads, the other continues the order, the customer is erased, and both continue.
/// The first one acts on data that it read before the erasure.
#[test]
fn an_order_of_an_erased_customer_ends_with_two_concurrent_executions() {
    for line in 0..lines() {
        for other in 0..=lines() {
            let world = World::new(HAPPY);
            let (mut slow, mut quick) = (world.driver(), world.driver());
            if poll_times(&mut slow, line) {
                continue;
            }
            let over = poll_times(&mut quick, other);
            world.erase_customer();
            run(slow);
            if !over {
                run(quick);
            }
            world.assert_clean(&format!("one at line {line}, the other at {other}"));
            let _final = end(&world);
        }
    }
}

fn attempt() -> AttemptKey {
    AttemptKey::payment(order_id())
}

fn erased() -> InMemoryPersonKeys {
    let keys = InMemoryPersonKeys::default();
    finish(keys.erase(&Person { tenant: tenant(), id: customer().person() }, Timestamp::EPOCH))
        .unwrap();
    keys
}

/// A value as stored in the order's stream.
fn sealed<T: serde::de::DeserializeOwned>() -> Personal<T> {
    serde_json::from_value(serde_json::json!({ "$person": customer(), "sealed": "AQID" })).unwrap()
}

/// The request would contain data about an erased person. The order's stream decides how the order
/// ends.
#[test]
fn no_request_about_an_erased_customer_is_sent() {
    let (gateway, carrier, keys) = (GatewayLedger::default(), CarrierLedger::default(), erased());
    let authorize = GatewayCall::Authorize { key: attempt(), token: sealed(), amount: eur(1) };
    let disclosing = Disclosing::new(gateway.clone(), &keys, tenant());
    assert_eq!(finish(Gateway::ask(&disclosing, &authorize)), Err(PortError::PersonErased));
    let create = CarrierCall::Create { key: attempt(), address: sealed() };
    let disclosing = Disclosing::new(carrier.clone(), &keys, tenant());
    assert_eq!(finish(Carrier::ask(&disclosing, &create)), Err(PortError::PersonErased));
    assert!(gateway.entries().is_empty() && carrier.entries().is_empty());
}

/// A key that cannot be read is not a reason to undo an order, and no external system is called.
#[test]
fn without_the_persons_key_no_request_is_sent_and_the_order_is_not_undone() {
    let (gateway, keys) = (GatewayLedger::default(), InMemoryPersonKeys::default());
    let disclosing = Disclosing::new(gateway.clone(), &keys, tenant());
    let ask = GatewayCall::Authorize { key: attempt(), token: sealed(), amount: eur(1) };
    let error = finish(Gateway::ask(&disclosing, &ask)).unwrap_err();
    assert_eq!(error.to_string(), "refused: default/c-1001: there is no key of the person");
    assert!(gateway.entries().is_empty());
}

/// The gateway's own ledger is sealed too. Its token was erased, and the call with the token is
/// repeated.
#[test]
fn the_sandbox_recognizes_a_payment_whose_token_was_erased() {
    let (keys, amount) = (InMemoryPersonKeys::default(), eur(1));
    let ledger =
        Opening::new(Sealing::new(InMemoryViewStore::default(), keys.clone()), keys.clone());
    let sandbox = StoredSandbox::new(ledger, tenant());
    let ask = GatewayCall::Authorize { key: attempt(), token: placed().payment_token, amount };
    let authorized = finish(Gateway::ask(&sandbox, &ask)).unwrap();
    finish(keys.erase(&Person { tenant: tenant(), id: customer().person() }, Timestamp::EPOCH))
        .unwrap();
    assert_eq!(finish(Gateway::ask(&sandbox, &ask)), Ok(authorized));
    let other =
        GatewayCall::Authorize { key: attempt(), token: placed().payment_token, amount: eur(2) };
    assert!(
        finish(Gateway::ask(&sandbox, &other)).is_err(),
        "a different amount is a different payment"
    );
}

/// The same id names different persons in different tenants.
#[test]
fn the_sandbox_of_a_tenant_seals_with_the_keys_of_that_tenant() {
    let (keys, other) = (InMemoryPersonKeys::default(), Tenant::new("other").unwrap());
    let ledger =
        Opening::new(Sealing::new(InMemoryViewStore::default(), keys.clone()), keys.clone());
    let ask =
        GatewayCall::Authorize { key: attempt(), token: placed().payment_token, amount: eur(1) };
    finish(Gateway::ask(&StoredSandbox::new(ledger, other.clone()), &ask)).unwrap();
    let key = |tenant| finish(keys.to_open(&Person { tenant, id: customer().person() })).unwrap();
    assert!(key(other).is_some() && key(tenant()).is_none());
}
