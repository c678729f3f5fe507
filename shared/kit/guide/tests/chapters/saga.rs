//! A saga: every outcome of a booking, driven in process.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use skald::commit::Commit;
use skald::memory::InMemoryEventStore;
use skald::prelude::*;
use skald::store::EventStore;
use skald::stream::Version;
use skald_guide::booking::{Booking, BookingCommand, Reason, Requested};
use skald_guide::deposit_steps::DepositWorker;
use skald_guide::room::{Item, RoomEvent, TakenBack};
use skald_guide::room_saga::{DepositStep, ROOM_SAGA, RoomSaga, RoomStep, SagaState, Step};
use skald_guide::room_steps::RoomWorker;
use skald_guide::till::{AtTill, Till, TillCall};
use skald_saga::state_machine::definition;
use skald_saga::{
    Change, Instance, Patience, Performer, Phase, Retry, StepError, StepInput, drive, look,
    perform, perform_on_arbiter, trace,
};
use skald_testkit::NoPause;

use crate::{Result, noon, request};

/// The most that the till takes, in cents.
const MOST: u32 = 10_000;

/// A till in memory. The next calls are not answered, although they have their effect.
#[derive(Default)]
struct Drawer {
    keys: Mutex<BTreeMap<String, AtTill>>,
    unanswered: AtomicU32,
}

impl Drawer {
    fn at(&self, key: &str) -> AtTill {
        self.keys.lock().unwrap().get(key).copied().unwrap_or(AtTill::Nothing)
    }
}

impl Till for Drawer {
    async fn ask(&self, call: TillCall) -> std::result::Result<AtTill, StepError> {
        let (TillCall::Find { key } | TillCall::Take { key, .. } | TillCall::Return { key }) =
            &call;
        let next = match (&call, self.at(key)) {
            (TillCall::Take { cents, .. }, AtTill::Nothing) if *cents > MOST => AtTill::Refused,
            (TillCall::Take { .. }, AtTill::Nothing) => AtTill::Taken,
            (TillCall::Return { .. }, AtTill::Nothing | AtTill::Taken) => AtTill::Returned,
            (_, known) => known,
        };
        if next != AtTill::Nothing {
            self.keys.lock().unwrap().insert(key.clone(), next);
        }
        let left = |left: u32| left.checked_sub(1);
        if self.unanswered.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok() {
            return Err(StepError::transient("the till did not answer"));
        }
        Ok(next)
    }
}

/// All functions of the saga.
#[derive(Default)]
struct Functions {
    store: InMemoryEventStore,
    till: Drawer,
}

impl Performer<RoomSaga> for Functions {
    async fn perform(
        &self,
        input: &StepInput<Step>,
        at: Timestamp,
    ) -> std::result::Result<(), StepError> {
        let store = &self.store;
        match input.step {
            Step::Booking(_) | Step::Retired(_) => {
                perform_on_arbiter::<RoomSaga, _, _>(store, &NoPause, input, at).await
            }
            Step::Room(_) => {
                perform::<RoomSaga, _, _, _>(&RoomWorker, store, &NoPause, input, at).await
            }
            Step::Deposit(_) => {
                let worker = DepositWorker(&self.till);
                perform::<RoomSaga, _, _, _>(&worker, store, &NoPause, input, at).await
            }
        }
    }
}

fn booking(id: &str) -> Instance {
    Instance { tenant: Tenant::default(), id: id.to_owned() }
}

/// A booking of the reading room for ten o'clock. It expires an hour after it was requested.
fn requested() -> Requested {
    Requested {
        room: "reading-room".to_owned(),
        day: "2025-12-05".to_owned(),
        hour: 10,
        projector: false,
        deposit: 500,
        deadline: noon().plus_millis(60 * 60 * 1000),
    }
}

impl Functions {
    async fn handle(&self, id: &str, command: BookingCommand) -> Result {
        let stream = Booking::stream(&Tenant::default(), id)?;
        let name = format!("{id} {command:?}");
        Handler::new(&self.store, NoPause)
            .handle::<Booking>(&stream, &command, &request(&name))
            .await?;
        Ok(())
    }

    /// Drives the booking to its end, from noon on.
    async fn run(&self, id: &str) -> Result<SagaState> {
        self.run_at(id, noon).await
    }

    async fn run_at(&self, id: &str, clock: fn() -> Timestamp) -> Result<SagaState> {
        let few = Retry { max_retries: 3, first_s: 1, backoff: 2, max_delay_s: 60 };
        let patience = Patience { transient: few, busy: few, endless: few };
        Ok(drive(&self.store, &NoPause, self, &booking(id), &patience, &clock).await?)
    }

    async fn book(&self, id: &str, requested: Requested) -> Result<SagaState> {
        self.handle(id, BookingCommand::Request(requested)).await?;
        self.run(id).await
    }

    /// The types of a stream's events.
    async fn events(&self, stream: &str) -> Result<Vec<String>> {
        let stream = StreamId::named(&Tenant::default(), stream)?;
        let commits = self.store.read(&stream, Version::START).await?;
        let types = |commit: &Commit| -> Vec<String> {
            commit.events.iter().map(|event| event.event_type.clone()).collect()
        };
        Ok(commits.iter().flat_map(types).collect())
    }
}

/// How the booking ended: the phase, and why it was undone.
fn end(state: &SagaState) -> (Phase, Option<Reason>) {
    let booked = state.booking.as_ref().unwrap();
    (booked.standing.phase, booked.reason)
}

#[tokio::test]
async fn a_room_is_booked() -> Result {
    let library = Functions::default();
    let state = library.book("b-1", requested()).await?;
    assert_eq!(end(&state), (Phase::Completed, None));
    assert_eq!(library.till.at("b-1"), AtTill::Taken);
    // No projector was asked for, so two items were given: the room and the key.
    assert_eq!(library.events("room-reading-room.2025-12-05").await?, ["room.given"; 2]);

    let with_projector = Requested { projector: true, hour: 11, ..requested() };
    library.book("b-2", with_projector).await?;
    assert_eq!(library.events("room-reading-room.2025-12-05").await?, ["room.given"; 5]);
    Ok(())
}

#[tokio::test]
async fn a_room_that_is_taken_is_refused_and_no_deposit_is_taken() -> Result {
    let library = Functions::default();
    library.book("b-1", requested()).await?;
    let state = library.book("b-2", requested()).await?;
    assert_eq!(end(&state), (Phase::Undone, Some(Reason::RoomTaken)));
    assert_eq!(library.till.at("b-2"), AtTill::Returned, "the key is closed");
    assert_eq!(
        library.events("deposit-b-2").await?,
        ["deposit.return_requested", "deposit.returned"]
    );
    assert_eq!(
        end(&look::<RoomSaga, _>(&library.store, &booking("b-1")).await?).0,
        Phase::Completed
    );
    Ok(())
}

#[tokio::test]
async fn a_deposit_that_is_refused_frees_the_room() -> Result {
    let library = Functions::default();
    let dear = Requested { deposit: MOST + 1, ..requested() };
    let state = library.book("b-1", dear).await?;
    assert_eq!(end(&state), (Phase::Undone, Some(Reason::DepositRefused)));
    let state = library.book("b-2", requested()).await?;
    assert_eq!(end(&state), (Phase::Completed, None));
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_takes_no_second_deposit() -> Result {
    let library = Functions::default();
    library.till.unanswered.store(2, Ordering::SeqCst);
    let state = library.book("b-1", requested()).await?;
    assert_eq!(end(&state), (Phase::Completed, None));
    let expected = ["deposit.requested", "deposit.taken"];
    assert_eq!(library.events("deposit-b-1").await?, expected);
    Ok(())
}

#[tokio::test]
async fn a_booking_is_undone_after_its_deadline_although_the_till_never_answered() -> Result {
    let library = Functions::default();
    library.till.unanswered.store(u32::MAX, Ordering::SeqCst);
    let state = library.book("b-1", requested()).await?;
    let booked = state.booking.as_ref().unwrap();
    assert_eq!(booked.parked_at.as_deref(), Some("take_deposit"));

    // The till answers again, and an operator resumes the booking: too late.
    library.till.unanswered.store(0, Ordering::SeqCst);
    let resume = BookingCommand::Change(Change::Resume);
    library.handle("b-1", resume).await?;
    let state = library.run_at("b-1", || requested().deadline).await?;
    assert_eq!(end(&state), (Phase::Undone, Some(Reason::Expired)));
    assert_eq!(library.till.at("b-1"), AtTill::Returned, "the deposit was taken, and is returned");
    Ok(())
}

#[tokio::test]
async fn a_confirmed_booking_can_be_cancelled_until_the_reader_comes() -> Result {
    let library = Functions::default();
    library.book("b-1", requested()).await?;
    library.handle("b-1", BookingCommand::Cancel).await?;
    let state = library.run("b-1").await?;
    assert_eq!(end(&state), (Phase::Undone, Some(Reason::Reader)));
    assert_eq!(library.till.at("b-1"), AtTill::Returned);
    // It was undone in reverse: first the key, last the room.
    let room = StreamId::named(&Tenant::default(), "room-reading-room.2025-12-05")?;
    let commits = library.store.read(&room, Version::START).await?;
    let mut taken_back = Vec::new();
    for event in commits.iter().flat_map(Commit::envelopes::<RoomEvent>) {
        if let RoomEvent::TakenBack(TakenBack(booked)) = event?.data {
            taken_back.push(booked.item);
        }
    }
    assert_eq!(taken_back, [Item::Key, Item::Room]);

    // What an operator sees of it.
    let trace = trace::<RoomSaga, _>(&library.store, &booking("b-1")).await?.unwrap();
    let deposit = &trace.steps[&Step::Deposit(DepositStep::Take)];
    assert!(deposit.done_at.is_some() && deposit.undone_at.is_some());
    assert!(!trace.steps.contains_key(&Step::Room(RoomStep::AddProjector)));

    library.book("b-2", requested()).await?;
    library.handle("b-2", BookingCommand::CheckIn).await?;
    assert!(library.handle("b-2", BookingCommand::Cancel).await.is_err());
    Ok(())
}

#[test]
fn the_state_machine_is_the_one_in_the_file() -> Result {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("room-saga.asl.json");
    let generated = definition(&ROOM_SAGA, "Generated from ROOM_SAGA.").to_json()?;
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(written, generated, "cargo run --package skald-guide --example room_saga_asl");
    Ok(())
}
