//! The loop of a step that calls an external system: read, decide, act, repeat.

use std::future::Future;

use futures_util::future::try_join;
use skald::decider::Decider;
use skald::handle::Pause;
use skald::store::EventStore;
use skald::stream::StreamId;
use skald::time::Timestamp;

use super::desk::{Desk, Written};
use super::way::Move;
use crate::order::OrderState;
use crate::ports::PortError;
use crate::saga::{MAX_CALLS, StepError};

/// What an invocation of a step remembers from earlier rounds. All other state is in the streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard<Answer> {
    /// Nothing: a request in the stream may have been sent by others.
    Nothing,
    /// This invocation just recorded the request. It was not sent yet.
    Wrote,
    /// The answer of the external system.
    Answer(Answer),
    /// The request was not sent, because it contains data about a person who was erased.
    NotSent,
}

/// Runs a step on the stream of an order's payment or shipment.
pub(super) async fn run<D, S, P, C, A, T, F, Fut>(
    mut desk: Desk<'_, S, P>,
    stream: &StreamId,
    turn: T,
    ask: F,
) -> Result<(), StepError>
where
    D: Decider,
    D::State: Sync,
    D::Command: Send + Sync,
    D::Event: Send + Sync,
    S: EventStore,
    P: Pause,
    C: Send,
    A: Send + Sync,
    T: Fn(&OrderState, &D::State, &Heard<A>, Timestamp) -> Move<D::Command, C> + Sync,
    F: Fn(C) -> Fut + Sync,
    Fut: Future<Output = Result<A, PortError>> + Send,
{
    let (mut heard, mut calls) = (Heard::Nothing, 0);
    loop {
        desk.begin()?;
        let (order, own) = try_join(desk.look_at_order(), desk.look::<D>(stream)).await?;
        match turn(&order.state, &own.state, &heard, desk.at) {
            Move::TurnRound(reason) => {
                desk.turn_round(&order, reason).await?;
            }
            Move::Append(command) => {
                let written = desk.append(&own, &command, desk.context(&order)).await?;
                if written == Written::Now && !matches!(heard, Heard::Answer(_)) {
                    heard = Heard::Wrote;
                }
            }
            // No time is left for another call: the next invocation continues.
            Move::Ask(_) if calls == MAX_CALLS => return Err(StepError::busy()),
            Move::Ask(call) => {
                calls += 1;
                heard = match ask(call).await {
                    Err(PortError::PersonErased) => Heard::NotSent,
                    answer => Heard::Answer(answer?),
                };
            }
            Move::End(result) => return result,
        }
    }
}
