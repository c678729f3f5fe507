//! For each event: who acts after it while no execution runs.
//!
//! An execution can end at any line without a record: stopped by hand, or by a parking that failed
//! for hours. Events written by a step are then left to the next attempt, which begins from
//! outside. Events written from outside that need a further action begin an attempt themselves.

use std::collections::BTreeSet;

use events::{
    CustomerEvent, OrderEvent, PaymentEvent, ProductEvent, ReceiptEvent, ReservationEvent,
    ShipmentEvent, StockEvent, for_each_category,
};
use ordering::order::Phase;
use ordering::reservation::ReservationState;
use ordering::saga::{ExecutionInput, Next, begins_attempt, execution_of, next};
use ordering::streams;
use skald::commit::Commit;
use skald::event::{DomainEvent, EventData};

use super::scattered::{MAX_POLLS, seven};
use super::world::machine::execute;
use super::world::scenarios::{SCENARIOS, length};
use super::world::{Scenario, World, poll, poll_times, run, tenant};
use crate::samples::order_id;

/// Who acts after an event if no execution runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Acts {
    /// Nothing is left to do.
    Nobody,
    /// The execution that wrote it. If that was stopped: the execution of the next attempt, which
    /// begins when a customer cancels or an operator resumes the order.
    Execution,
    /// An operator, who sees the order in a list.
    Operator,
    /// The starter, which starts the execution of the attempt that begins here.
    Starter,
    /// Nothing writes this event yet. Code that writes it must state here who acts.
    NeverWritten,
}

/// The events of a category, each with who acts after it.
trait Acted: DomainEvent {
    fn acts(&self) -> Acts;
}

impl Acted for OrderEvent {
    fn acts(&self) -> Acts {
        match self {
            OrderEvent::Placed(_) | OrderEvent::Resumed(_) => Acts::Starter,
            // From outside, `order.resumed` is in the same commit.
            OrderEvent::Committed(_) | OrderEvent::UndoStarted(_) => Acts::Execution,
            OrderEvent::Parked(_) => Acts::Operator,
            OrderEvent::Confirmed(_) | OrderEvent::Cancelled(_) => Acts::Nobody,
        }
    }
}

impl Acted for ReservationEvent {
    fn acts(&self) -> Acts {
        match self {
            ReservationEvent::Made(_)
            | ReservationEvent::Refused(_)
            | ReservationEvent::Released(_)
            | ReservationEvent::Shipped(_)
            | ReservationEvent::Abandoned(_) => Acts::Execution,
        }
    }
}

impl Acted for PaymentEvent {
    fn acts(&self) -> Acts {
        match self {
            PaymentEvent::AuthorizationRequested(_)
            | PaymentEvent::Authorized(_)
            | PaymentEvent::Declined(_)
            | PaymentEvent::CaptureRequested(_)
            | PaymentEvent::Captured(_)
            | PaymentEvent::VoidRequested(_)
            | PaymentEvent::Voided(_) => Acts::Execution,
            PaymentEvent::RefundRequested(_) | PaymentEvent::Refunded(_) => Acts::NeverWritten,
        }
    }
}

impl Acted for ShipmentEvent {
    fn acts(&self) -> Acts {
        match self {
            ShipmentEvent::Requested(_)
            | ShipmentEvent::Created(_)
            | ShipmentEvent::Refused(_)
            | ShipmentEvent::CancelRequested(_)
            | ShipmentEvent::Cancelled(_) => Acts::Execution,
            ShipmentEvent::Dispatched(_) | ShipmentEvent::Delivered(_) => Acts::NeverWritten,
        }
    }
}

impl Acted for StockEvent {
    fn acts(&self) -> Acts {
        match self {
            StockEvent::Received(_) => Acts::Nobody,
            StockEvent::Reserved(_)
            | StockEvent::Released(_)
            | StockEvent::Shipped(_)
            | StockEvent::MovedOut(_)
            | StockEvent::MovedIn(_) => Acts::Execution,
        }
    }
}

impl Acted for ReceiptEvent {
    fn acts(&self) -> Acts {
        match self {
            ReceiptEvent::Booked(_) => Acts::Nobody,
        }
    }
}

impl Acted for ProductEvent {
    fn acts(&self) -> Acts {
        match self {
            ProductEvent::Listed(_)
            | ProductEvent::Renamed(_)
            | ProductEvent::PriceChanged(_)
            | ProductEvent::StockResharded(_)
            | ProductEvent::Withdrawn(_) => Acts::Nobody,
        }
    }
}

impl Acted for CustomerEvent {
    fn acts(&self) -> Acts {
        match self {
            CustomerEvent::Registered(_)
            | CustomerEvent::Renamed(_)
            | CustomerEvent::EmailChanged(_) => Acts::Nobody,
            // A running order continues; the step that finds the key destroyed starts undoing.
            CustomerEvent::Erased(_) => Acts::Nobody,
        }
    }
}

/// Every event type, and who acts after it.
fn all() -> Vec<(&'static str, Acts)> {
    fn of<E: Acted>() -> Vec<(&'static str, Acts)> {
        let sample = |&(event_type, schema): &(&'static str, u32)| {
            let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/golden");
            let data = std::fs::read(format!("{golden}/{event_type}.{schema}.json")).unwrap();
            let stored = EventData { event_type: event_type.to_owned(), schema, data };
            (event_type, E::decode(&stored).unwrap().acts())
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
    execution_of(&order, &world.commits(&order)).unwrap()
}

fn last_commit(world: &World) -> Commit {
    world.commits(&streams::order(&tenant(), order_id())).pop().unwrap()
}

#[test]
fn the_starter_receives_exactly_the_events_that_begin_an_attempt() {
    let begin = all().into_iter().filter(|(_, acts)| *acts == Acts::Starter);
    assert_eq!(begin.map(|(name, _)| name.to_owned()).collect::<BTreeSet<_>>(), subscribed());
    for &(event_type, schema) in OrderEvent::TYPES {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/golden");
        let data = std::fs::read(format!("{golden}/{event_type}.{schema}.json")).unwrap();
        let event =
            OrderEvent::decode(&EventData { event_type: event_type.to_owned(), schema, data })
                .unwrap();
        assert_eq!(begins_attempt(&event), subscribed().contains(event_type), "{event_type}");
    }
}

/// A request from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Cancel,
    Resume,
    CancelTwice,
    ResumeAndCancel,
}

impl Asked {
    const ALL: [Self; 4] = [Self::Cancel, Self::Resume, Self::CancelTwice, Self::ResumeAndCancel];

    /// Whether the caller was promised that it will be done.
    fn of(self, world: &World) -> bool {
        match self {
            Self::Cancel => world.cancel(),
            Self::Resume => world.try_resume(),
            // The second request changes nothing; the execution that the first began must be
            // enough.
            Self::CancelTwice => world.cancel() && world.cancel(),
            Self::ResumeAndCancel => world.try_resume() && world.cancel(),
        }
    }
}

/// The events after which the customer cancels, to also cover events that are written only then.
const CANCELLED_AFTER: [&str; 2] = ["order.placed", "shipment.created"];

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
    asks: &[Asked],
    what: &str,
) -> Vec<String> {
    let world = stopped();
    let written = world.last_written();
    let all = all();
    let who = |name: &String| all.iter().find(|(of, _)| of == name).unwrap().1;
    let what = format!("{what} after {written:?}");
    match written.iter().map(who).max().unwrap() {
        Acts::Nobody => assert_eq!(next(&world.state()), Next::Done, "{what}"),
        Acts::Execution => {
            assert!(matches!(next(&world.state()), Next::Do(_) | Next::Undo(_)), "{what}")
        }
        Acts::Operator => assert_eq!(next(&world.state()), Next::Parked, "{what}"),
        Acts::Starter => assert!(started(&world, &last_commit(&world)).is_some(), "{what}"),
        Acts::NeverWritten => panic!("{what}: this event is written now; state who acts after it"),
    }
    for asked in asks {
        let world = stopped();
        let accepted = asked.of(&world);
        let what = format!("{what}, then {asked:?}");
        if !accepted || world.state().phase().unwrap().is_final() {
            continue;
        }
        if let Some(execution) = started(&world, &last_commit(&world)) {
            run(execute(&world, execution.attempt));
        }
        let parked = world.state().order.placed().unwrap().parked.is_some();
        let phase = world.state().phase().unwrap();
        assert!(
            parked || phase.is_final(),
            "{what}: the order is never finished\n{}",
            world.log().join("\n")
        );
        assert!(
            *asked == Asked::Resume || parked || matches!(phase, Phase::Cancelled(_)),
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
                &Asked::ALL,
                &what,
            ));
        }
    }
    // A repeated cancellation begins no attempt: an operator resumes the order.
    for cancelled_after in CANCELLED_AFTER {
        for line in 0..=length(SCENARIOS[0], |world| execute(world, 1)) {
            let what = format!("cancelled after {cancelled_after}, stopped at line {line}");
            let stopped = || stopped(SCENARIOS[0], Some(cancelled_after), line);
            seen.extend(assert_order_is_finished(&stopped, &[Asked::Resume], &what));
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
        seen.extend(assert_order_is_finished(&stopped, &[Asked::Cancel, Asked::Resume], &what));
    }
    // Events written from outside, by `Asked`.
    seen.insert("order.resumed".to_owned());
    let all = all();
    let written = all.iter().filter(|(_, acts)| !matches!(acts, Acts::Nobody | Acts::NeverWritten));
    let unseen: Vec<_> = written.filter(|(name, _)| !seen.contains(*name)).collect();
    assert!(
        unseen.is_empty(),
        "no scenario writes {unseen:?}: add one to SCENARIOS in world/scenarios.rs, or correct \
         who acts after these events"
    );
}
