//! For each event: who acts after it while no execution runs.
//!
//! An execution can end at any line without recording it: an operator may stop it, or parking may
//! fail for hours. The next attempt, which a customer or an operator begins, then continues after
//! the events of its steps. An event that a customer or an operator causes, and that needs a
//! further action, begins an attempt itself.

use std::collections::BTreeSet;

use events::{
    CustomerEvent, OrderEvent, PaymentEvent, ProductEvent, ReceiptEvent, ReservationEvent,
    ShipmentEvent, StockEvent, for_each_category,
};
use ordering::order::Order;
use ordering::order::Phase;
use ordering::reservation::ReservationState;
use ordering::saga::{OrderSaga, Step};
use ordering::streams;
use skald::commit::Commit;
use skald::event::{DomainEvent, EventData};
use skald_saga::{Arbiter, ExecutionInput, Next, execution_of};

use super::many_shards::{MAX_POLLS, seven};
use super::world::machine::execute;
use super::world::scenarios::{SCENARIOS, length};
use super::world::{Scenario, World, instance, phase, poll, poll_times, run, tenant};
use crate::samples::order_id;

/// Who acts next after an event if no execution runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum NextActor {
    /// Nothing is left to do.
    None,
    /// The execution that wrote the event. If it was stopped: the execution of the next attempt,
    /// which begins when a customer cancels or an operator resumes the order.
    Execution,
    /// The warehouse, when the parcel leaves and when it arrives. No step is left.
    Warehouse,
    /// An operator, who sees the order in a list.
    Operator,
    /// The starter, which starts the execution of the attempt that begins here.
    Starter,
    /// No code writes this event yet. A change that writes it must state the next actor here.
    NeverWritten,
}

/// The events of a category, each with its next actor.
trait HasNextActor: DomainEvent {
    fn next_actor(&self) -> NextActor;
}

impl HasNextActor for OrderEvent {
    fn next_actor(&self) -> NextActor {
        match self {
            OrderEvent::Placed(_) | OrderEvent::Resumed(_) => NextActor::Starter,
            // If a customer or an operator starts undoing, `order.resumed` is in the same commit.
            OrderEvent::Committed(_) | OrderEvent::UndoStarted(_) => NextActor::Execution,
            OrderEvent::Parked(_) => NextActor::Operator,
            OrderEvent::Confirmed(_) | OrderEvent::Dispatched(_) => NextActor::Warehouse,
            OrderEvent::Cancelled(_) | OrderEvent::Delivered(_) => NextActor::None,
        }
    }
}

impl HasNextActor for ReservationEvent {
    fn next_actor(&self) -> NextActor {
        match self {
            ReservationEvent::Made(_)
            | ReservationEvent::Refused(_)
            | ReservationEvent::Released(_)
            | ReservationEvent::Shipped(_)
            | ReservationEvent::Returned(_)
            | ReservationEvent::Abandoned(_) => NextActor::Execution,
        }
    }
}

impl HasNextActor for PaymentEvent {
    fn next_actor(&self) -> NextActor {
        match self {
            PaymentEvent::AuthorizationRequested(_)
            | PaymentEvent::Authorized(_)
            | PaymentEvent::Declined(_)
            | PaymentEvent::CaptureRequested(_)
            | PaymentEvent::Captured(_)
            | PaymentEvent::VoidRequested(_)
            | PaymentEvent::Voided(_)
            | PaymentEvent::RefundRequested(_)
            | PaymentEvent::Refunded(_)
            | PaymentEvent::CaptureRefused(_) => NextActor::Execution,
        }
    }
}

impl HasNextActor for ShipmentEvent {
    fn next_actor(&self) -> NextActor {
        match self {
            ShipmentEvent::Requested(_)
            | ShipmentEvent::Created(_)
            | ShipmentEvent::Refused(_)
            | ShipmentEvent::CancelRequested(_)
            | ShipmentEvent::Cancelled(_) => NextActor::Execution,
            ShipmentEvent::Dispatched(_) | ShipmentEvent::Delivered(_) => NextActor::NeverWritten,
        }
    }
}

impl HasNextActor for StockEvent {
    fn next_actor(&self) -> NextActor {
        match self {
            StockEvent::Received(_) => NextActor::None,
            StockEvent::Reserved(_)
            | StockEvent::Released(_)
            | StockEvent::Shipped(_)
            | StockEvent::Returned(_)
            | StockEvent::MovedOut(_)
            | StockEvent::MovedIn(_) => NextActor::Execution,
        }
    }
}

impl HasNextActor for ReceiptEvent {
    fn next_actor(&self) -> NextActor {
        match self {
            ReceiptEvent::Booked(_) => NextActor::None,
        }
    }
}

impl HasNextActor for ProductEvent {
    fn next_actor(&self) -> NextActor {
        match self {
            ProductEvent::Listed(_)
            | ProductEvent::Renamed(_)
            | ProductEvent::PriceChanged(_)
            | ProductEvent::StockResharded(_)
            | ProductEvent::Withdrawn(_) => NextActor::None,
        }
    }
}

impl HasNextActor for CustomerEvent {
    fn next_actor(&self) -> NextActor {
        match self {
            CustomerEvent::Registered(_)
            | CustomerEvent::Renamed(_)
            | CustomerEvent::EmailChanged(_) => NextActor::None,
            // A running order continues; the step that finds the key destroyed starts undoing.
            CustomerEvent::Erased(_) => NextActor::None,
        }
    }
}

/// Every event type, and its next actor.
fn all() -> Vec<(&'static str, NextActor)> {
    fn of<E: HasNextActor>() -> Vec<(&'static str, NextActor)> {
        let sample = |&(event_type, schema): &(&'static str, u32)| {
            let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/golden");
            let data = std::fs::read(format!("{golden}/{event_type}.{schema}.json")).unwrap();
            let stored = EventData { event_type: event_type.to_owned(), schema, data };
            (event_type, E::decode(&stored).unwrap().next_actor())
        };
        E::TYPES.iter().map(sample).collect()
    }
    let mut all = Vec::new();
    for_each_category!(|E| all.extend(of::<E>()));
    all
}

/// The event types that the starter receives, from its subscription in the template.
fn subscribed() -> BTreeSet<String> {
    let template = include_str!("../../../../../infra/template.yaml");
    let (_, own) = template.split_once("\n  SagaStarterSubscription:\n").unwrap();
    let (_, types) = own.split_once("types: [").unwrap();
    let (types, _) = types.split_once(']').unwrap();
    let types = types.split(',').map(str::trim).filter(|name| !name.starts_with('{'));
    types.map(str::to_owned).collect()
}

/// The execution that the starter starts when it receives this commit of the order; `None` if it
/// does not receive it, or finds nothing to start.
fn started(world: &World, commit: &Commit) -> Option<ExecutionInput> {
    let types = subscribed();
    if !commit.events.iter().any(|event| types.contains(&event.event_type)) {
        return None;
    }
    let order = streams::order(&tenant(), order_id());
    execution_of::<Order>(&order, &world.commits(&order)).unwrap()
}

fn next(world: &World) -> Next<Step> {
    skald_saga::next::<OrderSaga>(&instance(), &world.state())
}

fn last_commit(world: &World) -> Commit {
    world.commits(&streams::order(&tenant(), order_id())).pop().unwrap()
}

#[test]
fn the_starter_receives_exactly_the_events_that_begin_an_attempt() {
    let begin = all().into_iter().filter(|(_, actor)| *actor == NextActor::Starter);
    assert_eq!(begin.map(|(name, _)| name.to_owned()).collect::<BTreeSet<_>>(), subscribed());
    for &(event_type, schema) in OrderEvent::TYPES {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/golden");
        let data = std::fs::read(format!("{golden}/{event_type}.{schema}.json")).unwrap();
        let event =
            OrderEvent::decode(&EventData { event_type: event_type.to_owned(), schema, data })
                .unwrap();
        assert_eq!(
            Order::begins_attempt(&event),
            subscribed().contains(event_type),
            "{event_type}"
        );
    }
}

/// A request of a customer or an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    Cancel,
    Resume,
    CancelTwice,
    ResumeAndCancel,
}

impl Request {
    const ALL: [Self; 4] = [Self::Cancel, Self::Resume, Self::CancelTwice, Self::ResumeAndCancel];

    /// Sends the request. Returns whether it was accepted, which promises that it will be done.
    fn send(self, world: &World) -> bool {
        match self {
            Self::Cancel => world.cancel(),
            Self::Resume => world.try_resume(),
            // The second request changes nothing: the execution that the first one began must be
            // enough.
            Self::CancelTwice => world.cancel() && world.cancel(),
            Self::ResumeAndCancel => world.try_resume() && world.cancel(),
        }
    }
}

/// The events after which the customer cancels. They also cover the events that are written only
/// after a cancellation.
const CANCELLED_AFTER: [&str; 3] = ["order.placed", "shipment.created", "payment.captured"];

/// A world whose only execution was stopped at a line, possibly after the customer cancelled.
fn stopped(scenario: Scenario, cancelled_after: Option<&str>, line: usize) -> World {
    let world = World::new(scenario);
    let mut execution = execute(&world, 1);
    let mut cancels = cancelled_after;
    for _ in 0..line {
        if cancels.is_some_and(|event| world.log().iter().any(|name| name == event)) {
            cancels = None;
            assert!(world.cancel(), "{cancelled_after:?}");
        }
        if poll(&mut execution) {
            break;
        }
    }
    drop(execution);
    world
}

/// The last event of a stopped execution determines who acts, and every promise to a caller is
/// kept. Returns the type of the last event.
fn assert_order_is_finished(
    stopped: &dyn Fn() -> World,
    requests: &[Request],
    what: &str,
) -> Vec<String> {
    let world = stopped();
    let written = world.last_written();
    let all = all();
    let actor = |name: &String| all.iter().find(|(of, _)| of == name).unwrap().1;
    let what = format!("{what} after {written:?}");
    match written.iter().map(actor).max().unwrap() {
        NextActor::None | NextActor::Warehouse => {
            assert_eq!(next(&world), Next::Done, "{what}")
        }
        NextActor::Execution => {
            assert!(matches!(next(&world), Next::Do(_) | Next::Undo(_)), "{what}")
        }
        NextActor::Operator => assert_eq!(next(&world), Next::Parked, "{what}"),
        NextActor::Starter => assert!(started(&world, &last_commit(&world)).is_some(), "{what}"),
        NextActor::NeverWritten => {
            panic!("{what}: this event is written now: state its next actor")
        }
    }
    for request in requests {
        let world = stopped();
        let accepted = request.send(&world);
        let what = format!("{what}, then {request:?}");
        if !accepted || phase(&world.state()).is_settled() {
            continue;
        }
        if let Some(execution) = started(&world, &last_commit(&world)) {
            run(execute(&world, execution.attempt));
        }
        let parked = world.state().order.placed().unwrap().parked.is_some();
        let phase = phase(&world.state());
        assert!(
            parked || phase.is_settled(),
            "{what}: the order is never finished\n{}",
            world.log().join("\n")
        );
        assert!(
            *request == Request::Resume || parked || matches!(phase, Phase::Cancelled(_)),
            "{what}: {phase:?}"
        );
        world.assert_clean(&what);
    }
    written
}

#[test]
fn after_every_event_the_order_is_finished_even_if_its_execution_was_stopped() {
    let mut seen = BTreeSet::new();
    for scenario in SCENARIOS {
        for line in 0..=length(scenario, |world| execute(world, 1)) {
            let what = format!("{scenario:?}, stopped at line {line}");
            seen.extend(assert_order_is_finished(
                &|| stopped(scenario, None, line),
                &Request::ALL,
                &what,
            ));
        }
    }
    // A repeated cancellation begins no attempt: an operator resumes the order.
    for cancelled_after in CANCELLED_AFTER {
        // An order that is undone late has more lines than one that is confirmed.
        for line in 0..=2 * length(SCENARIOS[0], |world| execute(world, 1)) {
            let what = format!("cancelled after {cancelled_after}, stopped at line {line}");
            let stopped = || stopped(SCENARIOS[0], Some(cancelled_after), line);
            seen.extend(assert_order_is_finished(&stopped, &[Request::Resume], &what));
        }
    }
    // Orders whose goods are gathered first, until they are reserved.
    for line in 0..MAX_POLLS {
        let stopped = || {
            let world = World::with_goods(seven());
            poll_times(&mut execute(&world, 1), line);
            world
        };
        if stopped().state().reservation != ReservationState::Unmade {
            break;
        }
        let what = format!("seven products, stopped at line {line}");
        seen.extend(assert_order_is_finished(&stopped, &[Request::Cancel, Request::Resume], &what));
    }
    // The parcel leaves.
    let world = World::new(SCENARIOS[0]);
    run(execute(&world, 1));
    assert!(world.dispatch());
    seen.extend(world.last_written());
    assert_eq!(next(&world), Next::Done);
    world.assert_clean("dispatched");
    // An earlier release took the goods from the stock before the order was confirmed.
    let world = World::new(SCENARIOS[0]);
    let mut execution = execute(&world, 1);
    while !world.log().contains(&"payment.captured".to_owned()) {
        assert!(!poll(&mut execution));
    }
    drop(execution);
    world.ship_early();
    assert!(Request::Cancel.send(&world));
    run(execute(&world, world.attempt()));
    seen.extend(world.log());
    world.assert_clean("undone after an earlier release took the goods");
    // `Request` writes this event.
    seen.insert("order.resumed".to_owned());
    let all = all();
    let written =
        all.iter().filter(|(_, actor)| !matches!(actor, NextActor::None | NextActor::NeverWritten));
    let unseen: Vec<_> = written.filter(|(name, _)| !seen.contains(*name)).collect();
    assert!(
        unseen.is_empty(),
        "no scenario writes {unseen:?}: add one to SCENARIOS in world/scenarios.rs, or correct \
         who acts after these events"
    );
}
