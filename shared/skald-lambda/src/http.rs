//! HTTP calls: what a handler gets, what it gives, and all that is the same for every one of them.
//!
//! Each response carries `x-correlation-id`: the caller's if it sent a valid one, else a new one.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use http::Method;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use lambda_http::{Body, Request, RequestExt, Response};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use skald::{Actor, CommitId, Context, CorrelationId, EventId, Timestamp, is_identifier};
use tokio::time::timeout;
use tracing::Instrument;

pub use http::{StatusCode, header};

pub use crate::problem::Problem;
use crate::{Error, clock};

/// Largest body, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// A call that takes longer is answered 503: the function's own limit is 10 s, and would answer with less grace.
const TIME_LIMIT: Duration = Duration::from_secs(8);
/// Where the correlation id comes and goes.
const CORRELATION_HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// Marks the answer to a request that had its effect before.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A call as a handler sees it.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path's segments, percent-decoded; none for `/`.
    pub path: Vec<String>,
    /// When the call came in.
    pub at: Timestamp,
    /// What everything that follows from this call is called.
    pub correlation_id: CorrelationId,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Call {
    fn of(request: Request, at: Timestamp) -> Self {
        let path = request.raw_http_path().split('/').filter(|segment| !segment.is_empty());
        let path = path.map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned()).collect();
        let query = request.query_string_parameters();
        let query = query.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let sent = request.headers().get(&CORRELATION_HEADER).and_then(|value| value.to_str().ok());
        let correlation_id = sent.and_then(|text| CorrelationId::new(text).ok()).unwrap_or_else(new_correlation_id);
        let (parts, body) = request.into_parts();
        Self { method: parts.method, path, at, correlation_id, query, headers: parts.headers, body: body.to_vec() }
    }

    /// The path's segments, to match on.
    #[must_use]
    pub fn segments(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// A problem: 415 unless it is called JSON, 413 over 64 KiB, 400 if it is none.
    pub fn json(&self) -> Result<Value, Problem> {
        let media_type = self.header("content-type").unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::unsupported_media_type("Send JSON, with Content-Type: application/json."));
        }
        if self.body.len() > MAX_BODY_BYTES {
            return Err(Problem::too_large(format!("At most {MAX_BODY_BYTES} bytes; this has {}.", self.body.len())));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Problem::invalid(format!("The body is not valid JSON: it breaks off at line {line}, column {column}."))
        })
    }

    /// A header's value, if it is there, once, and visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().filter(|_| values.next().is_none());
        value.and_then(|value| value.to_str().ok())
    }

    /// Whether the header was sent, whatever its value.
    #[must_use]
    pub fn has_header(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    /// The query parameters.
    ///
    /// # Errors
    /// A problem, 400, if one is not among `known` or comes twice.
    pub fn query(&self, known: &[&str]) -> Result<Query<'_>, Problem> {
        for (index, (name, _)) in self.query.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(Problem::invalid(format!("Unknown query parameter {name:?}; known here: {known}.")));
            }
            if self.query[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(Problem::invalid(format!("The query parameter {name} comes more than once.")));
            }
        }
        Ok(Query(&self.query))
    }

    /// The circumstances of a command that this call gives.
    #[must_use]
    pub fn request(&self, commit_id: CommitId, source: &str, actor: Actor) -> skald::Request {
        let context = Context {
            source: source.to_owned(),
            correlation_id: self.correlation_id.clone(),
            causation_id: None::<EventId>,
            actor,
            metadata: std::collections::BTreeMap::new(),
        };
        skald::Request { commit_id, at: self.at, context }
    }
}

/// The query parameters of a call.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a>(&'a [(String, String)]);

impl<'a> Query<'a> {
    /// The value of a parameter.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter, read by `parse`.
    ///
    /// # Errors
    /// A problem, 400, saying what is `expected`, if `parse` does not accept the value.
    pub fn parse<T>(
        self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let parsed = parse(value).ok_or_else(|| Problem::invalid(format!("{name} must be {expected}.")))?;
        Ok(Some(parsed))
    }
}

fn new_correlation_id() -> CorrelationId {
    CorrelationId::from(clock::new_id())
}

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
    use serde_json::json;

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
    fn a_header_that_comes_twice_has_no_value() {
        let request = http::Request::builder().header("idempotency-key", "a").header("idempotency-key", "b");
        let call = Call::of(request.body(Body::Empty).unwrap(), Timestamp::EPOCH);
        assert_eq!((call.header("idempotency-key"), call.has_header("idempotency-key")), (None, true));
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
