//! The saga that books a room.

use skald_saga::{Compensable, Gate, Patience, Plan, TimeLimits};

use crate::booking::Booking;
use crate::deposit::Deposit;
use crate::room::Room;

skald_saga::saga! {
    /// Books a room: holds it, takes a deposit, gives the key and confirms the booking.
    pub saga RoomSaga, plan ROOM_SAGA;
    /// A step of the saga.
    pub enum Step;
    /// The states of a booking's streams.
    pub struct SagaState;

    /// The booking itself.
    arbiter booking: Booking by "booking-steps" {
        /// Pass the gate: the booking is secured.
        Secure = "secure_booking",
        /// Confirm the booking.
        Confirm = "confirm_booking",
        /// Record that everything is undone.
        Cancel = "cancel_booking",
        /// Park the booking for an operator.
        Park = "park_booking",
    } as BookingStep;

    /// The room on the day of the booking.
    room: Room by "room-steps" {
        /// Hold the room.
        Hold = "hold_room",
        /// Release it.
        Release = "release_room",
        /// Put a projector into it.
        AddProjector = "add_projector",
        /// Remove the projector.
        RemoveProjector = "remove_projector",
        /// Give the reader the key.
        GiveKey = "give_key",
        /// Take the key back.
        TakeKey = "take_key",
    } as RoomStep;

    /// The deposit.
    deposit: Deposit by "deposit-steps" {
        /// Take the deposit.
        Take = "take_deposit",
        /// Return it.
        Return = "return_deposit",
    } as DepositStep;
}

/// The steps in order, with their compensations.
pub const ROOM_SAGA: Plan<Step> = Plan {
    before_gate: &[
        Compensable {
            action: Step::Room(RoomStep::Hold),
            compensation: Step::Room(RoomStep::Release),
        },
        Compensable {
            action: Step::Room(RoomStep::AddProjector),
            compensation: Step::Room(RoomStep::RemoveProjector),
        },
        Compensable {
            action: Step::Deposit(DepositStep::Take),
            compensation: Step::Deposit(DepositStep::Return),
        },
    ],
    gate: Some(Gate {
        pass: Step::Booking(BookingStep::Secure),
        after: &[Compensable {
            action: Step::Room(RoomStep::GiveKey),
            compensation: Step::Room(RoomStep::TakeKey),
        }],
    }),
    complete: Step::Booking(BookingStep::Confirm),
    end_undo: Step::Booking(BookingStep::Cancel),
    park: Step::Booking(BookingStep::Park),
    patience: Patience::A_DAY,
    limits: TimeLimits { call_ms: 2500, function_s: 10, task_s: 15 },
};
