//! Time passes while a step runs: later decisions and commits have the later time.

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

/// A clock that advances only in pauses, by an hour each.
struct Hours(AtomicI64);

impl Pause for Hours {
    fn now(&self, earlier: Timestamp) -> Timestamp {
        earlier.max(Timestamp::from_millis(self.0.load(Ordering::SeqCst)).unwrap())
    }

    async fn pause(&self, _: u32) {
        self.0.fetch_add(3_600_000, Ordering::SeqCst);
    }
}

/// A gateway that must not be called, because the deadline has passed.
struct Closed;

impl Gateway for Closed {
    async fn ask(&self, call: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
        panic!("the gateway was called with {call:?} after the deadline");
    }
}

#[test]
fn a_step_whose_order_expires_while_it_waits_starts_undoing() {
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
    assert_eq!(commits[1].at, begun.plus_millis(3_600_000), "the time at which undoing started");
    let order = fold::<Order>(&commits).unwrap().state;
    assert!(matches!(order.placed().unwrap().phase, Phase::Undoing(_)), "{order:?}");
}

/// If a product sells fast, reads of all its shards must not follow each other without a pause.
#[test]
fn a_step_that_read_too_little_stock_pauses_before_it_reads_again() {
    let (store, tenant, order) = (InMemoryEventStore::default(), Tenant::default(), placed());
    let begun = order.deadline.plus_millis(-60_000);
    put(&store, streams::order(&tenant, order_id()), OrderEvent::from(order));

    let (step, correlation_id) = (Step::ReserveStock, CorrelationId::new("call-1").unwrap());
    let input =
        StepInput { step, order_id: order_id(), tenant, attempt: 1, correlation_id, failure: None };
    let hours = Hours(AtomicI64::new(begun.as_millis()));
    let taken = finish(reservation::perform(&store, &hours, &input, begun));
    assert!(matches!(taken, Err(StepError::Undone)), "the step did not pause: {taken:?}");
}
