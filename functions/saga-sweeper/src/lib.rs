//! Finds every order on which no execution of the saga works any more, and starts it again.
//!
//! A schedule invokes it every minute, and Step Functions whenever an execution ends without
//! success. The second only saves time: whatever it reports, the schedule finds, too.
//! [`skald_saga::sweep`] explains how.

#[cfg(test)]
mod tests;

use ordering::order::Order;
use skald::decider::Decider;
use skald::index::CommitIndex;
use skald::store::EventStore;
use skald::time::Timestamp;
use skald::view::ViewStore;
use skald_lambda::clock::RandomPause;
use skald_lambda::rules::{RuleEvent, SCHEDULES};
use skald_lambda::{Error, clock};
use skald_saga::sweep::{SweepOptions, Sweeper};
use skald_saga::{ExecutionStarter, Executions};
use skald_stepfunctions::EndedExecution;

/// The source of the sweeper's commits.
const SOURCE: &str = "saga-sweeper";
/// The source of the events of Step Functions.
const STEP_FUNCTIONS: &str = "aws.states";

/// How the sweeper works, with this delay.
#[must_use]
pub fn options(delay_s: u32) -> SweepOptions {
    SweepOptions {
        name: "order-saga".to_owned(),
        delay_ms: delay_s.saturating_mul(1_000),
        // With the delay, the index may lag by three minutes. It usually lags by less than a
        // second.
        overlap_ms: 60_000,
        // The function has a minute, and what it has begun by then takes seconds.
        time_limit_ms: 40_000,
        grace_ms: 15 * 60_000,
    }
}

/// Sweeps orders.
#[derive(Debug)]
pub struct SagaSweeper<S, I, V, X> {
    sweeper: Sweeper<S, I, V, X, RandomPause>,
}

impl<S, I, V, X> SagaSweeper<S, I, V, X>
where
    S: EventStore,
    I: CommitIndex,
    V: ViewStore,
    X: Executions,
{
    /// Starts executions for the orders in `events`, of which `index` is the index. `rows` holds
    /// the watch list.
    pub const fn new(events: S, index: I, rows: V, executions: X, options: SweepOptions) -> Self {
        let starter = ExecutionStarter::new(events, executions, RandomPause, SOURCE);
        Self { sweeper: Sweeper::new(starter, index, rows, options) }
    }

    /// Sweeps all orders, or checks the one whose execution has ended.
    ///
    /// # Errors
    /// If not all that is due could be done.
    pub async fn handle(&self, event: RuleEvent, now: Timestamp) -> Result<(), Error> {
        let swept = match event.source.as_str() {
            SCHEDULES => self.sweeper.sweep::<Order>(&clock::new_id().to_string(), now).await?,
            STEP_FUNCTIONS => {
                let ended: EndedExecution = serde_json::from_value(event.detail)?;
                tracing::info!(name = ended.name, status = ended.status, "an execution has ended");
                let order = ended.instance()?;
                let stream = Order::stream(&order.tenant, &order.id)?;
                self.sweeper.check::<Order>(&stream, now).await?
            }
            other => return Err(format!("an event of an unknown source: {other:?}").into()),
        };
        tracing::info!(?swept, "swept");
        Ok(())
    }
}
