//! Functions that rules of `EventBridge` invoke: on a schedule, or when something happened to a
//! resource.

use std::future::Future;

use lambda_runtime::{LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::Value;
use skald::text::with_causes;
use skald::time::Timestamp;
use tracing::Instrument;

use crate::{Error, clock, metrics};

/// The source of the events of schedules.
pub const SCHEDULES: &str = "aws.events";

/// An event of a rule (Amazon `EventBridge` guide, "Events").
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RuleEvent {
    /// The event's id. A repeated delivery has the same id.
    pub id: String,
    /// The service that it comes from: [`SCHEDULES`] for a schedule.
    pub source: String,
    /// What happened.
    #[serde(default)]
    pub detail: Value,
}

/// Serves a function that rules invoke, until the runtime ends it. `handler` gets the event and the
/// current time.
///
/// # Errors
/// If the runtime's interface fails.
///
/// # Examples
///
/// ```no_run
/// use skald_lambda::rules;
///
/// # async fn run() -> Result<(), skald_lambda::Error> {
/// rules::serve(async |event, now| {
///     tracing::info!(id = event.id, %now, "counting the books on the shelves");
///     Ok(())
/// })
/// .await
/// # }
/// ```
pub async fn serve<F, Fut>(handler: F) -> Result<(), Error>
where
    F: Fn(RuleEvent, Timestamp) -> Fut,
    Fut: Future<Output = Result<(), Error>>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<RuleEvent>| {
        handle(event.payload, handler)
    }))
    .await
}

/// Handles one event.
async fn handle<F, Fut>(event: RuleEvent, handler: &F) -> Result<(), Error>
where
    F: Fn(RuleEvent, Timestamp) -> Fut,
    Fut: Future<Output = Result<(), Error>>,
{
    let span = tracing::info_span!("rule", id = event.id, source = event.source);
    let _counted = metrics::counted();
    async {
        let handled = Box::pin(handler(event, clock::now())).await;
        handled.inspect_err(|error| {
            tracing::error!(error = with_causes(error.as_ref()), "the event was not handled");
        })
    }
    .instrument(span)
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn an_error_of_the_handler_fails_the_invocation() {
        let event = json!({ "id": "e-1", "source": SCHEDULES, "detail-type": "Scheduled Event" });
        let event: RuleEvent = serde_json::from_value(event).unwrap();
        let fails = async |event: RuleEvent, _| {
            if event.source == SCHEDULES { Err("no answer".into()) } else { Ok(()) }
        };
        assert!(handle(event.clone(), &fails).await.is_err());
        let other = RuleEvent { source: "aws.states".to_owned(), ..event };
        assert!(handle(other, &fails).await.is_ok());
    }
}
