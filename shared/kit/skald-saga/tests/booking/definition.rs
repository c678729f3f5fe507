//! The saga: its steps, their order, and what each step finds in its stream.

use skald_saga::{Compensable, Gate, Instance, Participant, Patience, Plan, Progress, TimeLimits};

use super::arbiter::{Booking, BookingState};
use super::bug::Bug;
use super::code::{self, Code};
use super::deposit::{self, Deposit};
use super::points::{self, Points};
use super::room::{self, Room};

skald_saga::saga! {
    /// Books a room.
    pub(crate) saga Stay, plan STAY;
    /// A step of a booking.
    pub(crate) enum Step;
    /// The states of a booking's streams.
    pub(crate) struct StayState;

    retired { "inspect_room" }

    /// The booking itself.
    arbiter booking: Booking by "booking-steps" {
        /// Guarantee the booking: the gate.
        Guarantee = "guarantee_booking",
        /// Confirm the booking.
        Confirm = "confirm_booking",
        /// Record that the booking is undone.
        Cancel = "cancel_booking",
        /// Park the booking for an operator.
        Park = "park_booking",
    } as BookingStep;

    /// The room.
    room: Room by "room-steps" {
        /// Hold the room.
        Hold = "hold_room",
        /// Give the room back.
        Release = "release_room",
    } as RoomStep;

    /// The deposit at the bank.
    deposit: Deposit by "deposit-steps" {
        /// Take the deposit.
        Take = "take_deposit",
        /// Collect the deposit.
        Collect = "collect_deposit",
        /// Return the deposit, whether it was collected or not.
        Return = "return_deposit",
    } as DepositStep;

    /// The code of the door. Not every room has one.
    code: Code by "code-steps" {
        /// Issue the code.
        Issue = "issue_code",
        /// Revoke the code.
        Revoke = "revoke_code",
    } as CodeStep;

    /// The guest's points, in a stream that all bookings of the guest share.
    points: Points by "points-steps" {
        /// Earn the points of this booking.
        Earn = "earn_points",
        /// Return them.
        Return = "return_points",
    } as PointsStep;
}

const fn pair(action: Step, compensation: Step) -> Compensable<Step> {
    Compensable { action, compensation }
}

/// The steps in order.
pub(crate) const STAY: Plan<Step> = Plan {
    before_gate: &[
        pair(Step::Room(RoomStep::Hold), Step::Room(RoomStep::Release)),
        pair(Step::Deposit(DepositStep::Take), Step::Deposit(DepositStep::Return)),
        pair(Step::Code(CodeStep::Issue), Step::Code(CodeStep::Revoke)),
    ],
    gate: Some(Gate {
        pass: Step::Booking(BookingStep::Guarantee),
        after: &[
            pair(Step::Deposit(DepositStep::Collect), Step::Deposit(DepositStep::Return)),
            pair(Step::Points(PointsStep::Earn), Step::Points(PointsStep::Return)),
        ],
    }),
    complete: Step::Booking(BookingStep::Confirm),
    end_undo: Step::Booking(BookingStep::Cancel),
    park: Step::Booking(BookingStep::Park),
    patience: Patience::A_DAY,
    limits: TimeLimits { call_ms: 2_000, function_s: 10, task_s: 15 },
};

impl Participant for RoomStep {
    type Arbiter = Booking;
    type Decider = Room;

    fn progress(self, instance: &Instance, room: &room::RoomState) -> Progress {
        match room {
            room::RoomState::Free if Bug::ForgetsTombstone.is_in(&instance.id) => Progress::Undone,
            room::RoomState::Refused if Bug::LosesRefusal.is_in(&instance.id) => Progress::Done,
            room::RoomState::Free => Progress::Ahead,
            room::RoomState::Held => Progress::Done,
            room::RoomState::Refused => Progress::Refused,
            room::RoomState::Released => Progress::Undone,
        }
    }
}

impl Participant for DepositStep {
    type Arbiter = Booking;
    type Decider = Deposit;

    fn progress(self, _: &Instance, deposit: &deposit::DepositState) -> Progress {
        use deposit::DepositState as State;
        match (self, deposit) {
            (_, State::Declined) => Progress::Refused,
            (_, State::ReturnRequested) => Progress::Undoing,
            (_, State::Returned) => Progress::Undone,
            (Self::Collect, State::CollectRequested) => Progress::UnderWay,
            (Self::Collect, State::Collected) => Progress::Done,
            (Self::Collect, State::Unrequested | State::TakeRequested | State::Taken)
            | (Self::Take | Self::Return, State::Unrequested) => Progress::Ahead,
            (Self::Take | Self::Return, State::TakeRequested) => Progress::UnderWay,
            (
                Self::Take | Self::Return,
                State::Taken | State::CollectRequested | State::Collected,
            ) => Progress::Done,
        }
    }
}

impl Participant for CodeStep {
    type Arbiter = Booking;
    type Decider = Code;

    fn is_needed(self, booking: &BookingState) -> bool {
        booking.begun().is_none_or(|begun| begun.has_code && !Bug::SkipsNeededStep.is_in(&begun.id))
    }

    fn progress(self, _: &Instance, code: &code::CodeState) -> Progress {
        use code::CodeState as State;
        match code {
            State::Unissued => Progress::Ahead,
            State::IssueRequested => Progress::UnderWay,
            State::Issued => Progress::Done,
            State::RevokeRequested => Progress::Undoing,
            State::Revoked => Progress::Undone,
        }
    }
}

impl Participant for PointsStep {
    type Arbiter = Booking;
    type Decider = Points;

    fn stream(
        instance: &Instance,
        booking: &BookingState,
    ) -> Result<Option<skald::stream::StreamId>, skald::stream::InvalidName> {
        let guest = booking.begun().map(|begun| &begun.guest);
        guest
            .map(|guest| skald::stream::StreamId::new(&instance.tenant, "points", guest))
            .transpose()
    }

    fn progress(self, instance: &Instance, points: &points::PointsState) -> Progress {
        match points.of_bookings.get(&instance.id) {
            None => Progress::Ahead,
            Some(points::Earned::Earned) => Progress::Done,
            Some(points::Earned::Returned) => Progress::Undone,
        }
    }
}
