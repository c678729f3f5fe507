//! Time passes while a step is at it: what it decides and writes later has the time of then.

use std::sync::atomic::{AtomicI64, Ordering};

use events::OrderEvent;
use ordering::order::{Order, Phase};
use ordering::ports::{Gateway, GatewayCall, PaymentAtGateway, PortError};
use ordering::saga::{Step, StepInput};
use ordering::steps::{StepError, payment, reservation};
use ordering::streams;
use skald::commit::CorrelationId;
use skald::decider::fold;
use skald::handle::Pause;
use skald::memory::InMemoryEventStore;
use skald::store::EventStore;
use skald::stream::{Tenant, Version};
use skald::time::Timestamp;
use skald_testkit::faulty::{Fault, Faulty, Plan};

use super::bounded::put;
use super::world::finish;
use crate::samples::{order_id, placed};

/// A clock that stands still, but for pauses: each takes an hour.
struct Hours(AtomicI64);

impl Pause for Hours {
    fn now(&self, earlier: Timestamp) -> Timestamp {
        earlier.max(Timestamp::from_millis(self.0.load(Ordering::SeqCst)).unwrap())
    }

    async fn pause(&self, _: u32) {
        self.0.fetch_add(3_600_000, Ordering::SeqCst);
    }
}

/// What is asked of it would be too late.
struct Closed;

impl Gateway for Closed {
    async fn ask(&self, call: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
        panic!("the gateway is asked for {call:?}, after the deadline");
    }
}

#[test]
fn a_step_whose_order_expires_while_it_waits_for_others_undoes_it() {
    let (store, tenant, order) = (InMemoryEventStore::default(), Tenant::default(), placed());
    let begun = order.deadline.plus_millis(-60_000);
    let stream = streams::order(&tenant, order_id());
    put(&store, stream.clone(), OrderEvent::from(order));

    let (step, correlation_id) = (Step::AuthorizePayment, CorrelationId::new("call-1").unwrap());
    let input =
        StepInput { step, order_id: order_id(), tenant, attempt: 1, correlation_id, failure: None };
    let faulty = Faulty::new(&store, Plan::script([Some(Fault::Contended)]));
    let hours = Hours(AtomicI64::new(begun.as_millis()));
    let taken = finish(payment::perform(&faulty, &hours, &Closed, &input, begun));
    assert!(matches!(taken, Err(StepError::Undone)), "{taken:?}");

    let commits = finish(store.read(&stream, Version::START)).unwrap();
    assert_eq!(commits[1].at, begun.plus_millis(3_600_000), "when it was turned round");
    let order = fold::<Order>(&commits).unwrap().state;
    assert!(matches!(order.placed().unwrap().phase, Phase::Undoing(_)), "{order:?}");
}

/// Where a product sells fast, looks at all its shards must not follow each other at once.
#[test]
fn a_step_that_saw_too_little_pauses_before_it_looks_again() {
    let (store, tenant, order) = (InMemoryEventStore::default(), Tenant::default(), placed());
    let begun = order.deadline.plus_millis(-60_000);
    put(&store, streams::order(&tenant, order_id()), OrderEvent::from(order));

    let (step, correlation_id) = (Step::ReserveStock, CorrelationId::new("call-1").unwrap());
    let input =
        StepInput { step, order_id: order_id(), tenant, attempt: 1, correlation_id, failure: None };
    let hours = Hours(AtomicI64::new(begun.as_millis()));
    let taken = finish(reservation::perform(&store, &hours, &input, begun));
    assert!(matches!(taken, Err(StepError::Undone)), "it did not wait: {taken:?}");
}
