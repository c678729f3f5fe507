//! The saga's steps report conflicts of the appends they make without a handler.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "the rules use the rest")]
#[path = "rules/samples.rs"]
mod samples;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use events::{OrderEvent, OrderParked};
use ordering::saga::{OrderSaga, Step};
use ordering::streams;
use skald::commit::{Actor, Commit, CommitId, CorrelationId, Draft};
use skald::event::DomainEvent;
use skald::handle::Request;
use skald::memory::InMemoryEventStore;
use skald::observe::{CONFLICT, CONTENTION};
use skald::store::EventStore;
use skald::stream::Tenant;
use skald::time::Timestamp;
use skald_saga::{ExecutionInput, Instance, StepError, StepInput, StepName, perform_on_arbiter};
use skald_testkit::NoPause;
use skald_testkit::faulty::{Fault, Faulty, Plan};
use skald_testkit::reports::Reports;

use samples::{order_id, placed};

fn finish<T>(future: impl Future<Output = T>) -> T {
    let (mut future, mut context) = (pin!(future), Context::from_waker(Waker::noop()));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}

fn draft(name: &str, event: impl Into<OrderEvent>) -> Draft {
    let (id, actor) = (CommitId::of(order_id().uuid(), name), Actor::new("test").unwrap());
    let request = Request::new(id, Timestamp::EPOCH, "test", actor);
    request.draft(vec![event.into().encode().unwrap()], None)
}

/// Another execution parks the order.
fn park(_: &[Commit]) -> Draft {
    let (step, error) = ("authorize_payment".to_owned(), "Transient: no answer".to_owned());
    draft("park", OrderParked { step, error })
}

/// The metrics show an operator how often executions compete.
#[test]
fn a_step_reports_conflicts_and_contention_of_its_own_appends() {
    let (store, tenant, order) = (InMemoryEventStore::default(), Tenant::default(), placed());
    let (stream, expired) = (streams::order(&tenant, order_id()), order.deadline.plus_millis(1));
    finish(store.append(&store.start(stream.clone()), draft("place", order))).unwrap();
    let plan = Plan::script([Some(Fault::Overtaken), Some(Fault::Contended)]);
    let faulty = Faulty::new(&store, plan).with_rival(park);
    let execution = ExecutionInput {
        instance: Instance { tenant, id: order_id().to_string() },
        attempt: 1,
        correlation_id: CorrelationId::new("call-1").unwrap(),
    };
    let input = StepInput::new(execution, Step::named("commit_order").unwrap());

    let reports = Reports::receive();
    let result = finish(perform_on_arbiter::<OrderSaga, _, _>(&faulty, &NoPause, &input, expired));
    assert_eq!(result, Err(StepError::Undone));
    let reports: Vec<_> = reports
        .take()
        .into_iter()
        .filter(|report| [CONFLICT, CONTENTION].contains(&report.name))
        .map(|report| (report.name, report.fields.into_values().collect::<Vec<_>>()))
        .collect();
    assert_eq!(reports, [(CONFLICT, vec![stream.key()]), (CONTENTION, vec![stream.key()])]);
}
