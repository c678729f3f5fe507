//! Steps of a saga: a task of the state machine as input, an empty result or a named error as
//! output.

use std::fmt::Display;
use std::future::Future;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use skald::time::Timestamp;
use tracing::Instrument;

use crate::{Error, clock, metrics};

/// The error name of an input that no handler can read: a retry would change nothing.
const MALFORMED: &str = "Permanent";

/// Runs steps with `handler` until the runtime ends the function. The state machine distinguishes
/// errors by the names that `name` returns. The result of a completed step is `{}`.
///
/// The input is part of every log line, so it must contain ids and no personal data. A field
/// `correlation_id` is logged as such.
///
/// # Errors
/// If the runtime's interface fails.
///
/// # Examples
///
/// ```no_run
/// use serde::Deserialize;
/// use skald::store::StoreError;
/// use skald_lambda::steps;
///
/// #[derive(Deserialize)]
/// struct Remind {
///     loan: String,
///     correlation_id: String,
/// }
///
/// /// The state machine tries a step again after `Transient`.
/// fn name(error: &StoreError) -> &'static str {
///     if error.is_transient() { "Transient" } else { "Permanent" }
/// }
///
/// # async fn run() -> Result<(), skald_lambda::Error> {
/// steps::serve(name, async |step: Remind, now| {
///     tracing::info!(loan = step.loan, %now, "sending a reminder");
///     Ok(())
/// })
/// .await
/// # }
/// ```
pub async fn serve<I, E, F, Fut>(name: fn(&E) -> &'static str, handler: F) -> Result<(), Error>
where
    I: DeserializeOwned,
    E: Display,
    F: Fn(I, Timestamp) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        run(event.payload, name, handler)
    }))
    .await
}

/// Runs one step.
async fn run<I, E, F, Fut>(
    input: Value,
    name: fn(&E) -> &'static str,
    handler: &F,
) -> Result<Value, Diagnostic>
where
    I: DeserializeOwned,
    E: Display,
    F: Fn(I, Timestamp) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    let span =
        tracing::info_span!("step", correlation_id = input["correlation_id"].as_str(), %input);
    let _counted = metrics::counted();
    async {
        tracing::info!("the step starts");
        let result = match serde_json::from_value(input) {
            // Boxed, because the future of a whole step is too deep for the compiler.
            Ok(input) => Box::pin(handler(input, clock::now()))
                .await
                .map_err(|error| named(name(&error), &error)),
            Err(error) => Err(named(MALFORMED, &error)),
        };
        if let Err(error) = &result {
            tracing::warn!(name = error.error_type, cause = error.error_message, "the step failed");
        }
        result.map(|()| json!({}))
    }
    .instrument(span)
    .await
}

fn named(name: &str, error: &impl Display) -> Diagnostic {
    Diagnostic { error_type: name.to_owned(), error_message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use lambda_runtime::tracing::subscriber;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Input {
        fails: bool,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the card was declined")]
    struct Declined;

    /// The log lines that were written.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The result of a step with this input, as the state machine gets it, and the log lines of the
    /// step. Every test subscribes to the log: a log line that is first reached by a thread without
    /// a subscriber could be disabled for the others.
    async fn run_logged(input: Value) -> (Result<Value, Value>, Vec<Value>) {
        let handler = async |input: Input, _: Timestamp| {
            tracing::info!("reads the order");
            if input.fails { Err(Declined) } else { Ok(()) }
        };
        let log = Log::default();
        let writer = log.clone();
        let logging = subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        let logging = tracing::subscriber::set_default(logging);
        let answer = run(input, |Declined| "Refused", &handler).await;
        drop(logging);
        let lines = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (answer.map_err(|error| serde_json::to_value(error).unwrap()), lines)
    }

    async fn answer(input: Value) -> Result<Value, Value> {
        run_logged(input).await.0
    }

    #[tokio::test]
    async fn a_step_that_is_done_answers_with_nothing() {
        assert_eq!(answer(json!({ "fails": false })).await, Ok(json!({})));
    }

    #[tokio::test]
    async fn an_error_has_its_name_and_its_text() {
        let error = json!({ "errorType": "Refused", "errorMessage": "the card was declined" });
        assert_eq!(answer(json!({ "fails": true })).await, Err(error));
    }

    #[tokio::test]
    async fn an_input_that_cannot_be_read_is_not_tried_again() {
        for input in [json!({}), json!({ "fails": "yes" }), json!("fails"), json!(null)] {
            let error = answer(input.clone()).await.unwrap_err();
            assert_eq!(error["errorType"], "Permanent", "{input}: {error}");
            assert_ne!(error["errorMessage"], "", "{input}");
        }
    }

    #[tokio::test]
    async fn every_line_of_the_log_says_which_call_and_which_step_it_is_about() {
        let input =
            json!({ "step": "pay", "order_id": "o-1", "correlation_id": "call-1", "fails": true });
        let (_, lines) = run_logged(input.clone()).await;
        let messages: Vec<_> =
            lines.iter().map(|line| line["fields"]["message"].as_str().unwrap()).collect();
        assert_eq!(messages, ["the step starts", "reads the order", "the step failed"]);
        for line in &lines {
            assert_eq!(line["span"]["correlation_id"], "call-1", "{line}");
            assert_eq!(line["span"]["input"], input.to_string(), "{line}");
        }
    }
}
