//! The order as the arbiter of its saga.

use events::{CancelReason, OrderEvent};
use skald_saga::{Arbiter, Change, Phase as SagaPhase, Standing};

use crate::order::{Order, OrderCommand, OrderState, Phase};

impl Arbiter for Order {
    type Reason = CancelReason;

    fn standing(order: &OrderState) -> Option<Standing> {
        let order = order.placed()?;
        let phase = match order.phase {
            Phase::Open => SagaPhase::Open,
            Phase::Committed => SagaPhase::PastGate,
            Phase::Confirmed | Phase::Dispatched | Phase::Delivered => SagaPhase::Completed,
            Phase::Undoing(_) => SagaPhase::Undoing,
            Phase::Cancelled(_) => SagaPhase::Undone,
        };
        let (attempt, is_parked) = (order.attempt, order.parked.is_some());
        Some(Standing { phase, attempt, is_parked, deadline: Some(order.deadline) })
    }

    fn parked_at(order: &OrderState) -> Option<&str> {
        order.placed()?.parked.as_ref().map(|parked| parked.step.as_str())
    }

    fn command(change: Change<CancelReason>) -> OrderCommand {
        match change {
            Change::PassGate => OrderCommand::Commit,
            Change::Complete => OrderCommand::Confirm,
            Change::StartUndo { reason, attempt } => {
                OrderCommand::StartUndo { reason, note: None, attempt: Some(attempt) }
            }
            Change::EndUndo => OrderCommand::Cancel,
            Change::Park { step, error } => OrderCommand::Park { step, error },
            Change::Resume => OrderCommand::Resume { extend_to: None },
        }
    }

    fn expired() -> CancelReason {
        CancelReason::Expired
    }

    /// The starter's subscription selects exactly these events.
    fn begins_attempt(event: &OrderEvent) -> bool {
        match event {
            OrderEvent::Placed(_) | OrderEvent::Resumed(_) => true,
            // Outside the saga's steps, `order.resumed` is in the same commit.
            OrderEvent::UndoStarted(_)
            | OrderEvent::Committed(_)
            | OrderEvent::Confirmed(_)
            | OrderEvent::Dispatched(_)
            | OrderEvent::Delivered(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Parked(_) => false,
        }
    }

    fn settles(event_type: &str) -> bool {
        matches!(
            event_type,
            "order.confirmed" | "order.cancelled" | "order.dispatched" | "order.delivered"
        )
    }
}
