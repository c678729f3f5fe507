//! The steps, their order and their compensations.

use skald_saga::{Compensable, Gate, Patience, Plan, TimeLimits};

use crate::order::Order;
use crate::payment::Payment;
use crate::reservation::Reservation;
use crate::shipment::Shipment;

skald_saga::saga! {
    /// The saga of every order.
    pub saga OrderSaga, plan ORDER_SAGA;
    /// A step of the order saga.
    pub enum Step;
    /// The states of an order's four streams.
    pub struct SagaState;

    // Executions of earlier releases had a step that starts undoing, and one that ships the goods
    // before the order is confirmed.
    retired { "start_undo", "ship_stock" }

    /// The order, with its direction.
    arbiter order: Order by "order-steps" {
        /// Pass the gate: the order is committed.
        Commit = "commit_order",
        /// Confirm the order: every step is done.
        Confirm = "confirm_order",
        /// Record that the order is undone.
        Cancel = "cancel_order",
        /// Park the order for an operator.
        Park = "park_order",
    } as OrderStep;

    /// The goods that are held for it.
    reservation: Reservation by "reservation-steps" {
        /// Hold the goods.
        Reserve = "reserve_stock",
        /// Release the goods.
        Release = "release_stock",
    } as ReservationStep;

    /// The payment.
    payment: Payment by "payment-steps" {
        /// Have the gateway hold the money.
        Authorize = "authorize_payment",
        /// Capture the money.
        Capture = "capture_payment",
        /// Give the money back: void what is held, refund what was captured.
        Void = "void_payment",
    } as PaymentStep;

    /// The parcel.
    shipment: Shipment by "shipment-steps" {
        /// Have the carrier take a parcel.
        Create = "create_shipment",
        /// Have the carrier cancel the parcel.
        Cancel = "cancel_shipment",
    } as ShipmentStep;
}

/// The plan of the order saga.
pub const ORDER_SAGA: Plan<Step> = Plan {
    before_gate: &[
        Compensable {
            action: Step::Reservation(ReservationStep::Reserve),
            compensation: Step::Reservation(ReservationStep::Release),
        },
        Compensable {
            action: Step::Payment(PaymentStep::Authorize),
            compensation: Step::Payment(PaymentStep::Void),
        },
        Compensable {
            action: Step::Shipment(ShipmentStep::Create),
            compensation: Step::Shipment(ShipmentStep::Cancel),
        },
    ],
    gate: Some(Gate {
        pass: Step::Order(OrderStep::Commit),
        after: &[Compensable {
            action: Step::Payment(PaymentStep::Capture),
            compensation: Step::Payment(PaymentStep::Void),
        }],
    }),
    complete: Step::Order(OrderStep::Confirm),
    end_undo: Step::Order(OrderStep::Cancel),
    park: Step::Order(OrderStep::Park),
    patience: Patience::A_DAY,
    limits: TimeLimits { call_ms: 2500, function_s: 10, task_s: 15 },
};
