//! The order saga as data: the steps that complete an order, and the compensation of each.
//!
//! Everything that runs the saga is derived from [`ORDER_SAGA`]: the state machine, and
//! [`next`](skald_saga::next), which determines the next step from the order's streams alone.
//!
//! The order's stream alone decides the direction. `order.committed` is the gate before money
//! moves: after it, the deadline can no longer undo the order. The pivot is `order.dispatched`: the
//! parcel leaves, and nothing is undone any more. It is a command outside of the saga
//! ([`dispatching`](crate::dispatching)). Between them, the order waits in the state `confirmed`,
//! without an execution.
//!
//! Undoing starts with the event `order.undo_started`. Every step is then undone, the last one
//! first, even if it was never done, because another execution may be further ahead. Undoing a step
//! that was not done leaves a tombstone, so that it can no longer be done.

mod arbiter;
mod definition;

pub use definition::{
    ORDER_SAGA, OrderSaga, OrderStep, PaymentStep, ReservationStep, SagaState, ShipmentStep, Step,
};
