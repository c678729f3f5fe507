//! HTTP calls: the input and output of a handler, and everything that is the same for all handlers.
//!
//! Every event from the gateway gets an answer. An event that is not a call, or is malformed, gets
//! a problem. Each answer carries `x-correlation-id`: the caller's if it sent a valid one,
//! otherwise a new one.

mod answer;
mod call;
mod event;
mod names;
mod reply;
mod strict;

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;
use skald::stream::is_identifier;
use skald::time::Timestamp;
use tokio::time::timeout;
use tracing::Instrument;

pub use http::{StatusCode, header};

pub use self::answer::Answer;
pub use self::call::{Call, Query};
use self::event::GatewayEvent;
use self::names::HEAD;
pub use self::reply::{IDEMPOTENT_REPLAYED, Reply};
pub use crate::problem::Problem;
use crate::{Error, clock, metrics};

/// A call that takes longer is answered with 503. The function's own limit is 10 s, after which the
/// caller would get an answer without a problem document.
const TIME_LIMIT: Duration = Duration::from_secs(8);

/// A panic of a handler.
#[derive(Debug, thiserror::Error)]
#[error("the handler panicked: the panic's message is in the log before this line")]
struct Panicked;

/// Serves calls with `handler` until the runtime ends the function.
///
/// # Errors
/// If the runtime's interface fails.
///
/// # Examples
///
/// ```no_run
/// use serde_json::json;
/// use skald_lambda::http::{self, Reply, StatusCode};
///
/// # async fn run() -> Result<(), skald_lambda::Error> {
/// http::serve(|call| async move {
///     Ok(Reply::json(StatusCode::OK, json!({ "you_called": call.path })))
/// })
/// .await
/// # }
/// ```
pub async fn serve<F, Fut>(handler: F) -> Result<(), Error>
where
    F: Fn(Call) -> Fut,
    Fut: Future<Output = Result<Reply, Problem>>,
{
    let handler = &handler;
    let in_time = move |call| async move {
        timeout(TIME_LIMIT, handler(call)).await.unwrap_or_else(|_| {
            tracing::warn!("the call exceeded its time limit");
            Err(Problem::unavailable())
        })
    };
    // The raw event: if the runtime could not parse a typed one, it would answer with a bare 502.
    let service = service_fn(move |event: LambdaEvent<Box<RawValue>>| async move {
        Ok::<_, Infallible>(answer(event.payload.get().as_bytes(), clock::now(), in_time).await)
    });
    lambda_runtime::run(service).await
}

/// The answer to an event that arrived at `at`. `handler` is called only if the event is a call.
///
/// # Examples
///
/// A test of a handler:
///
/// ```
/// use serde_json::json;
/// use skald::time::Timestamp;
/// use skald_lambda::http::{self, Problem, Reply, StatusCode};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let event = json!({
///     "version": "2.0",
///     "rawPath": "/books/moby-dick",
///     "headers": { "x-correlation-id": "call-4" },
///     "requestContext": { "http": { "method": "GET", "path": "/books/moby-dick" } },
/// });
/// let event = event.to_string();
/// let answer = http::answer(event.as_bytes(), Timestamp::EPOCH, |call| async move {
///     match (call.method.as_str(), call.segments().as_slice()) {
///         ("GET", ["books", id]) => Ok(Reply::json(StatusCode::OK, json!({ "book": id }))),
///         _ => Err(Problem::not_found("There is nothing at this path.")),
///     }
/// });
/// let answer = answer.await;
/// assert_eq!(answer.status_code, 200);
/// assert_eq!(answer.body.as_deref(), Some(r#"{"book":"moby-dick"}"#));
/// assert_eq!(answer.headers["x-correlation-id"], "call-4");
/// # }
/// ```
pub async fn answer<F, Fut>(event: &[u8], at: Timestamp, handler: F) -> Answer
where
    F: FnOnce(Call) -> Fut,
    Fut: Future<Output = Result<Reply, Problem>>,
{
    let _counted = metrics::counted();
    let event = GatewayEvent::read(event);
    let correlation_id = call::correlation_id(&event);
    let span = tracing::info_span!("call", correlation_id = %correlation_id);
    async {
        let answer = match Call::of(&event, correlation_id.clone(), at) {
            Ok(call) => {
                // Boxed, because the future of a whole call is too deep for the compiler.
                let answer =
                    AssertUnwindSafe(async { Box::pin(handler(call)).await }).catch_unwind().await;
                answer.unwrap_or_else(|_| Err(Problem::internal(&Panicked)))
            }
            Err(problem) => Err(problem),
        };
        let method = event.method().unwrap_or_default();
        let answer = Answer::of(answer, &correlation_id, method == HEAD);
        let (method, path) = (shown(method), shown_path(&event.segments()));
        tracing::info!(method, path, status = answer.status_code, "answered");
        answer
    }
    .instrument(span)
    .await
}

/// A part of the call for the log. A caller may send anything, for example an e-mail address, so
/// only an identifier is logged as it is.
fn shown(part: &str) -> &str {
    if is_identifier(part) { part } else { "…" }
}

fn shown_path(path: &[String]) -> String {
    path.iter().map(|segment| format!("/{}", shown(segment))).collect()
}

#[cfg(test)]
mod tests;
