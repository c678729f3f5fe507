//! HTTP calls: what a handler gets, what it gives, and all that is the same for every one of them.
//!
//! Each response carries `x-correlation-id`: the caller's if it sent a valid one, else a new one.

mod call;

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use lambda_http::{Body, Request, Response};
use serde_json::Value;
use skald::{CorrelationId, is_identifier};
use tokio::time::timeout;
use tracing::Instrument;

pub use http::{StatusCode, header};

pub use self::call::{Call, Query};
pub use crate::problem::Problem;
use crate::{Error, clock};

/// A call that takes longer is answered 503: the function's own limit is 10 s, and would answer with less grace.
const TIME_LIMIT: Duration = Duration::from_secs(8);
/// Where the correlation id comes and goes.
const CORRELATION_HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// Marks the answer to a request that had its effect before.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// What a handler answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The body; none for 204 and 304.
    pub body: Option<Value>,
    headers: Vec<(HeaderName, String)>,
}

impl Reply {
    /// An answer with a JSON body.
    #[must_use]
    pub fn json(status: StatusCode, body: Value) -> Self {
        Self { status, body: Some(body), headers: Vec::new() }
    }

    /// An answer without a body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self { status, body: None, headers: Vec::new() }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Serves calls with `handler`, until the runtime ends the function.
///
/// # Errors
/// If the runtime's interface fails.
pub async fn serve<F, Fut>(handler: F) -> Result<(), Error>
where
    F: Fn(Call) -> Fut,
    Fut: Future<Output = Result<Reply, Problem>> + Send,
{
    let handler = &handler;
    lambda_http::run(lambda_http::service_fn(move |request: Request| {
        let call = Call::of(request, clock::now());
        let correlation_id = call.correlation_id.clone();
        let span = tracing::info_span!("call", correlation_id = %correlation_id);
        let (method, path) = (call.method.clone(), shown(&call.path));
        let answer = handler(call);
        async move {
            let answer = timeout(TIME_LIMIT, answer).await.unwrap_or_else(|_| {
                tracing::warn!("a call took too long");
                Err(Problem::unavailable())
            });
            let response = respond(answer, &correlation_id);
            tracing::info!(%method, path, status = response.status().as_u16(), "answered");
            Ok::<_, Infallible>(response)
        }
        .instrument(span)
    }))
    .await
}

/// The path for the log. A caller may put anything into it, an e-mail address for one; what is an identifier stays.
fn shown(path: &[String]) -> String {
    let segments = path.iter().map(|segment| if is_identifier(segment) { segment } else { "…" });
    segments.map(|segment| format!("/{segment}")).collect()
}

fn respond(answer: Result<Reply, Problem>, correlation_id: &CorrelationId) -> Response<Body> {
    let (status, media_type, body, headers) = match answer {
        Ok(Reply { status, body, headers }) => (status, "application/json", body, headers),
        Err(problem) => {
            (problem.status, "application/problem+json", Some(Value::Object(problem.body)), problem.headers)
        }
    };
    let mut response = Response::new(body.as_ref().map_or(Body::Empty, |body| Body::Text(body.to_string())));
    *response.status_mut() = status;
    if body.is_some() {
        response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    for (name, value) in headers.into_iter().chain([(CORRELATION_HEADER, correlation_id.to_string())]) {
        match HeaderValue::from_str(&value) {
            Ok(value) => {
                response.headers_mut().insert(name, value);
            }
            Err(error) => tracing::error!(%name, %error, "a header of the answer is left out"),
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use lambda_http::RequestExt;
    use serde_json::json;
    use skald::Timestamp;

    use super::call::{MAX_BODY_BYTES, new_correlation_id};
    use super::*;

    fn call(content_type: &str, body: &str) -> Call {
        let request = http::Request::builder()
            .method("POST")
            .uri("http://localhost/orders?limit=3")
            .header("content-type", content_type)
            .header("x-correlation-id", "from the caller")
            .body(Body::from(body))
            .unwrap()
            .with_raw_http_path("/products/MUG%2001/");
        Call::of(request, Timestamp::EPOCH)
    }

    #[test]
    fn a_correlation_id_that_is_not_valid_is_replaced() {
        let call = call("application/json", "{}");
        assert_ne!(call.correlation_id.as_str(), "from the caller");
        let response = respond(Ok(Reply::empty(StatusCode::NO_CONTENT)), &call.correlation_id);
        assert_eq!(response.headers()[CORRELATION_HEADER], call.correlation_id.as_str());
        assert!(response.headers().get("content-type").is_none());
    }

    #[test]
    fn the_path_is_decoded_after_it_is_split() {
        assert_eq!(call("", "").segments(), ["products", "MUG 01"]);
    }

    #[test]
    fn a_body_must_be_called_json_be_json_and_be_small() {
        assert_eq!(call("application/json; charset=utf-8", "{\"a\": 1}").json().unwrap(), json!({ "a": 1 }));
        let status = |content_type, body: &str| call(content_type, body).json().unwrap_err().status.as_u16();
        assert_eq!(status("text/plain", "{}"), 415);
        assert_eq!(status("application/json", "{\"a\": "), 400);
        assert_eq!(status("application/json", ""), 400);
        assert_eq!(status("application/json", &format!("\"{}\"", "x".repeat(MAX_BODY_BYTES))), 413);
    }

    #[test]
    fn a_path_in_the_log_shows_identifiers_only() {
        let path = ["customers", "jane@example.com", "orders"].map(str::to_owned);
        assert_eq!(shown(&path), "/customers/…/orders");
    }

    #[test]
    fn a_header_that_comes_twice_or_is_no_text_has_no_value_and_is_not_taken_for_left_out() {
        let request = http::Request::builder().header("if-match", "a").header("if-match", "b").header("x-once", "c");
        let request = request.header("x-bytes", HeaderValue::from_bytes(b"\xff").unwrap());
        let call = Call::of(request.body(Body::Empty).unwrap(), Timestamp::EPOCH);
        for (name, value) in [("If-Match", None), ("X-Bytes", None), ("X-Once", Some("c")), ("X-None", None)] {
            assert_eq!(call.header(name), value, "{name}");
        }
        assert_eq!(call.optional_header("X-Once").unwrap(), Some("c"));
        assert_eq!(call.optional_header("X-None").unwrap(), None);
        for name in ["If-Match", "X-Bytes"] {
            let problem = call.optional_header(name).unwrap_err();
            assert_eq!(problem.status, StatusCode::BAD_REQUEST);
            assert!(problem.body["detail"].to_string().contains(name), "{problem:?}");
        }
    }

    #[test]
    fn a_problem_is_one_of_rfc_9457() {
        let problem = Problem::invalid("Two things are wrong.")
            .with_errors([("/items/0/quantity".to_owned(), "must be at least 1".to_owned())]);
        let response = respond(Err(problem), &new_correlation_id());
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let Body::Text(body) = response.body() else { panic!("a problem is text") };
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            body,
            json!({
                "type": "urn:skald:problem:invalid-request", "title": "The request is malformed", "status": 400,
                "detail": "Two things are wrong.",
                "errors": [{ "pointer": "/items/0/quantity", "detail": "must be at least 1" }],
            })
        );
    }

    #[test]
    fn a_throttled_store_is_a_503_that_says_when_to_come_back() {
        let throttled = skald::StoreError::Throttled { operation: "PutItem", source: "slow down".into() };
        let response = respond(Err(throttled.into()), &new_correlation_id());
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
    }
}
