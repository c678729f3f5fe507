//! The world of a booking: a hotel, a bank and the maker of the locks.

use std::sync::atomic::{AtomicU32, Ordering};

use skald::commit::{Actor, Commit, CommitId};
use skald::decider::{Decider, fold};
use skald::handle::{Handler, Request};
use skald::store::EventStore;
use skald::stream::{StreamId, Version};
use skald::time::Timestamp;
use skald_saga::{
    Change, ExecutionInput, Instance, Performer, Phase, StepError, StepInput, execution_of,
    perform, perform_on_arbiter,
};
use skald_testkit::NoPause;
use skald_testkit::saga::{Command, End, Fault, Hooks, Story, World};
use uuid::Uuid;

use super::arbiter::{Booking, BookingCommand, Reason};
use super::bank::{AtBank, Bank};
use super::bug::Bug;
use super::definition::{BookingStep, CodeStep, DepositStep, PointsStep, RoomStep, Stay, Step};
use super::guest::{Guest, begin, instance};
use super::lock::{AtLock, Lock};
use super::points::{POINTS, Points, PointsCommand};
use super::workers::{CodeWorker, DepositWorker, PointsWorker, RoomWorker};

/// The world of a booking.
pub(crate) struct Hotel {
    hooks: Hooks,
    guest: Guest,
    bug: Bug,
    instance: Instance,
    bank: Bank,
    lock: Lock,
    /// The bookings of the same guest that others made.
    others: AtomicU32,
    commands: AtomicU32,
}

/// Outside commands on a booking.
pub(crate) fn commands() -> [Command<Hotel>; 4] {
    [
        Command::new(
            "cancel",
            |hotel| Box::pin(hotel.handle(BookingCommand::Cancel)),
            |moment| !moment.is_accepted("check in"),
        ),
        Command::new(
            "resume",
            |hotel| Box::pin(hotel.handle(BookingCommand::Change(Change::Resume))),
            |moment| !moment.standing.phase.is_settled(),
        ),
        Command::new(
            "check in",
            |hotel| Box::pin(hotel.handle(BookingCommand::CheckIn)),
            |moment| moment.standing.phase == Phase::Completed,
        ),
        Command::new("book again", |hotel| Box::pin(hotel.book_again()), |_| true),
    ]
}

/// The faults after which each execution continues sooner or later.
pub(crate) fn only_switches(fault: &Fault) -> bool {
    matches!(fault, Fault::Switch | Fault::Do(_))
}

impl Hotel {
    pub(crate) fn new(hooks: &Hooks, guest: Guest, bug: Bug) -> Self {
        let bank = Bank { declines: guest == Guest::Declined, ..Bank::default() };
        let lock = Lock { is_forgetful: guest == Guest::ForgetfulLock, ..Lock::default() };
        let (hooks, instance) = (hooks.clone(), instance(bug));
        let (others, commands) = Default::default();
        let hotel = Self { hooks, guest, bug, instance, bank, lock, others, commands };
        let deadline = hotel.hooks.now().plus_millis(3_600_000);
        let begun = begin(guest, bug, deadline);
        let begin = hotel.handle(BookingCommand::Begin(begun));
        assert!(hotel.hooks.at_once(begin), "the booking is begun");
        hotel
    }

    fn request(&self, name: &str) -> Request {
        let number = self.commands.fetch_add(1, Ordering::SeqCst);
        let id = CommitId::of(Uuid::nil(), &format!("{name} {number}"));
        Request::new(id, self.hooks.now(), "test", Actor::new("test").unwrap())
    }

    pub(crate) async fn handle(&self, command: BookingCommand) -> bool {
        let request = self.request("command");
        let stream = Booking::stream(&self.instance.tenant, &self.instance.id).unwrap();
        let handler = Handler::new(self.hooks.store(), NoPause);
        handler.handle::<Booking>(&stream, &command, &request).await.is_ok()
    }

    /// The same guest books another room.
    async fn book_again(&self) -> bool {
        let number = self.others.fetch_add(1, Ordering::SeqCst);
        let earn = PointsCommand::Earn(format!("other-{number}"));
        let request = self.request("other");
        let handler = Handler::new(self.hooks.store(), NoPause);
        handler.handle::<Points>(&self.points(), &earn, &request).await.is_ok()
    }

    fn points(&self) -> StreamId {
        StreamId::new(&self.instance.tenant, "points", "ann").unwrap()
    }

    /// The commits of the booking.
    pub(crate) fn commits(&self) -> Vec<Commit> {
        self.commits_of("booking")
    }

    /// The commits of the booking's stream in this category.
    pub(crate) fn commits_of(&self, category: &str) -> Vec<Commit> {
        let stream = StreamId::new(&self.instance.tenant, category, &self.instance.id).unwrap();
        self.hooks.at_once(self.hooks.plain_store().read(&stream, Version::START)).unwrap()
    }

    /// The execution that the booking needs now.
    pub(crate) fn execution(&self) -> Option<ExecutionInput> {
        let commits = self.commits();
        execution_of::<Booking>(&commits[0].stream, &commits).unwrap()
    }

    /// The execution of the first attempt.
    pub(crate) fn first_execution(&self) -> ExecutionInput {
        let commits = self.commits();
        execution_of::<Booking>(&commits[0].stream, &commits[..1]).unwrap().unwrap()
    }

    fn folded<D: Decider>(&self, stream: &StreamId) -> D::State {
        let commits = self.hooks.at_once(self.hooks.plain_store().read(stream, Version::START));
        fold::<D>(&commits.unwrap()).unwrap().state
    }

    async fn perform_well(&self, input: &StepInput<Step>, at: Timestamp) -> Result<(), StepError> {
        let (store, hooks) = (&self.hooks.store(), &self.hooks);
        match input.step {
            Step::Booking(_) | Step::Retired(_) => {
                perform_on_arbiter::<Stay, _, _>(store, hooks, input, at).await
            }
            Step::Room(_) => perform::<Stay, _, _, _>(&RoomWorker, store, hooks, input, at).await,
            Step::Deposit(_) => {
                let worker = DepositWorker { hooks, bank: &self.bank };
                perform::<Stay, _, _, _>(&worker, store, hooks, input, at).await
            }
            Step::Code(_) => {
                let worker = CodeWorker { hooks, lock: &self.lock };
                perform::<Stay, _, _, _>(&worker, store, hooks, input, at).await
            }
            Step::Points(_) => {
                perform::<Stay, _, _, _>(&PointsWorker, store, hooks, input, at).await
            }
        }
    }

    /// Appends to the booking or the points without a look at anything else.
    async fn perform_blindly(&self, input: &StepInput<Step>) -> Result<(), StepError> {
        let change = match input.step {
            Step::Booking(BookingStep::Guarantee) => Change::PassGate,
            Step::Booking(BookingStep::Confirm) => Change::Complete,
            Step::Booking(BookingStep::Cancel) => Change::EndUndo,
            Step::Booking(BookingStep::Park)
            | Step::Room(_)
            | Step::Deposit(_)
            | Step::Code(_)
            | Step::Points(_)
            | Step::Retired(_) => {
                let earn = PointsCommand::Earn(self.instance.id.clone());
                let handler = Handler::new(self.hooks.store(), &self.hooks);
                let request = self.request("blind");
                let earned = handler.handle::<Points>(&self.points(), &earn, &request).await;
                return earned.map(drop).map_err(StepError::from);
            }
        };
        // A rejection is what the booking's stream says.
        self.handle(BookingCommand::Change(change)).await;
        self.perform_well(input, self.hooks.now()).await
    }
}

impl Performer<Stay> for Hotel {
    async fn perform(&self, input: &StepInput<Step>, at: Timestamp) -> Result<(), StepError> {
        match (self.bug, input.step) {
            (Bug::PassesGateTooEarly, Step::Booking(BookingStep::Guarantee))
            | (Bug::CompletesWithoutStep, Step::Booking(BookingStep::Confirm))
            | (Bug::EndsUndoTooEarly, Step::Booking(BookingStep::Cancel))
            | (Bug::StepsForwardAfterUndo, Step::Points(PointsStep::Earn)) => {
                self.perform_blindly(input).await
            }
            (Bug::CompensatesInWrongOrder, Step::Code(CodeStep::Revoke)) => {
                let release = StepInput { step: Step::Room(RoomStep::Release), ..input.clone() };
                self.perform_well(&release, at).await?;
                self.perform_well(input, at).await
            }
            (Bug::SwallowsErrors, Step::Deposit(DepositStep::Take)) => {
                match self.perform_well(input, at).await {
                    Err(StepError::Transient(_)) => Ok(()),
                    result => result,
                }
            }
            (_, _) => self.perform_well(input, at).await,
        }
    }
}

impl World<Stay> for Hotel {
    fn hooks(&self) -> &Hooks {
        &self.hooks
    }

    fn instance(&self) -> &Instance {
        &self.instance
    }

    fn check(&self, story: &Story) -> Result<(), String> {
        let is_confirmed = story.end == End::Completed;
        let id = &self.instance.id;
        let expect = |what: &str, is_right: bool| {
            if is_right { Ok(()) } else { Err(format!("{what}, but the booking is {}", story.end)) }
        };
        let money = self.bank.keys.lock().unwrap().get(id).copied();
        let is_held = matches!(money, Some(AtBank::Held | AtBank::Collected));
        expect(&format!("the bank has {money:?}"), is_held == is_confirmed)?;
        expect(
            &format!("the bank has {money:?}"),
            !is_confirmed || money == Some(AtBank::Collected),
        )?;
        let code = self.lock.keys.lock().unwrap().get(id).copied();
        let has_code = code == Some(AtLock::Valid);
        let needs_code = is_confirmed && self.guest != Guest::WithoutCode;
        expect(&format!("the code is {code:?}"), has_code == needs_code)?;
        let points = self.folded::<Points>(&self.points()).balance;
        let others = POINTS * self.others.load(Ordering::SeqCst);
        let earned = if is_confirmed { POINTS } else { 0 };
        expect(&format!("the guest has {points} points"), points == earned + others)?;
        if story.is_accepted("check in") {
            expect("the guest is there", is_confirmed)?;
        }
        if is_confirmed {
            let may_be = !matches!(self.guest, Guest::Refused | Guest::Declined);
            return expect("the booking was refused", may_be);
        }
        let stream = Booking::stream(&self.instance.tenant, id).unwrap();
        let reason = self.folded::<Booking>(&stream).reason();
        let is_known = match reason {
            None => false,
            Some(Reason::Full) => self.guest == Guest::Refused,
            Some(Reason::Declined) => self.guest == Guest::Declined,
            Some(Reason::Guest) => story.is_accepted("cancel"),
            Some(Reason::Expired) => true,
        };
        expect(&format!("the reason is {reason:?}"), is_known)
    }
}
