//! A call in the form that a handler gets.

use std::collections::BTreeMap;

use serde_json::Value;
use skald::commit::{Actor, CommitId, CorrelationId};
use skald::handle::Request;
use skald::time::Timestamp;

use super::event::GatewayEvent;
use super::names::{CORRELATION_HEADER, HEAD};
use super::strict::{self, Fault};
use crate::clock;
use crate::problem::Problem;

/// Largest body, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;
/// The character with which the gateway replaces bytes that are not UTF-8.
const REPLACEMENT: char = '\u{fffd}';

/// A call in the form that a handler gets.
///
/// # Examples
///
/// ```
/// use serde_json::{Value, json};
/// use skald::commit::{Actor, CommitId};
/// use skald_lambda::http::{Call, Problem, Reply, StatusCode};
/// use uuid::Uuid;
///
/// /// `POST /books/{book}/loans` with `{"reader": "…"}` and an `Idempotency-Key`.
/// fn lend(call: &Call) -> Result<Reply, Problem> {
///     let key = call.single_header("Idempotency-Key")?;
///     let key = key.ok_or_else(|| Problem::invalid("Send an Idempotency-Key."))?;
///     let Some(Value::String(reader)) = call.json()?.get("reader").cloned() else {
///         return Err(Problem::invalid("The body must name a reader."));
///     };
///     // Another reader may send the same key.
///     let name = format!("{} to {reader}: {key}", call.path.join("/"));
///     let id = CommitId::of(Uuid::NAMESPACE_URL, &name);
///     let actor = Actor::new("librarian").map_err(|error| Problem::internal(&error))?;
///     let request = call.request(id, "lending", actor);
///     assert_eq!(request.context.correlation_id, call.correlation_id);
///
///     Ok(Reply::json(StatusCode::CREATED, json!({ "lent_to": reader })))
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let event = json!({
/// #     "version": "2.0", "rawPath": "/books/moby-dick/loans",
/// #     "headers": { "content-type": "application/json", "idempotency-key": "1" },
/// #     "requestContext": { "http": { "method": "POST", "path": "/books/moby-dick/loans" } },
/// #     "body": r#"{"reader":"ann"}"#, "isBase64Encoded": false,
/// # });
/// # let event = event.to_string();
/// # let at = skald::time::Timestamp::EPOCH;
/// # let answer = skald_lambda::http::answer(event.as_bytes(), at, async |call| lend(&call)).await;
/// # assert_eq!(answer.body.as_deref(), Some(r#"{"lent_to":"ann"}"#));
/// # }
/// ```
#[derive(Debug)]
pub struct Call {
    /// The method. It is `GET` for `HEAD`, whose answer is the same without the body.
    pub method: String,
    /// Whether the method is `HEAD`. No route matches it, so it arrives by `$default`, and the
    /// event does not show where its path begins.
    pub is_head: bool,
    /// The decoded segments of the path; empty for `/`. The path of a call by `$default` may begin
    /// with a base path.
    pub path: Vec<String>,
    /// When the call arrived.
    pub at: Timestamp,
    /// The id of the call and of everything that follows from it.
    pub correlation_id: CorrelationId,
    query: Option<Vec<(String, String)>>,
    headers: BTreeMap<String, String>,
    body: Option<Vec<u8>>,
}

impl Call {
    /// The call in this event.
    pub(super) fn of(
        event: &GatewayEvent,
        correlation_id: CorrelationId,
        at: Timestamp,
    ) -> Result<Self, Problem> {
        let Some(method) = event.method() else {
            return Err(Problem::invalid("This is not an HTTP API call in payload format 2.0."));
        };
        Ok(Self {
            method: if method == HEAD { "GET" } else { method }.to_owned(),
            is_head: method == HEAD,
            path: event.segments(),
            at,
            correlation_id,
            query: event.query(),
            headers: event.headers(),
            body: event.body(),
        })
    }

    /// The path's segments, for pattern matching.
    #[must_use]
    pub fn segments(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// A problem: 415 unless the media type is JSON; 413 over 64 KiB; 400 if the body is not JSON
    /// in UTF-8, repeats a member name or is nested too deeply.
    pub fn json(&self) -> Result<Value, Problem> {
        let media_type = self.header("content-type").unwrap_or_default();
        // A comma would separate two media types.
        let essence = media_type
            .split(';')
            .next()
            .filter(|_| !media_type.contains(','))
            .unwrap_or_default()
            .trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::unsupported_media_type(
                "Send JSON, with Content-Type: application/json, once.",
            ));
        }
        let body = self
            .body
            .as_ref()
            .ok_or_else(|| Problem::invalid("The body did not arrive in base64."))?;
        if body.len() > MAX_BODY_BYTES {
            return Err(Problem::too_large(format!(
                "The body may have at most {MAX_BODY_BYTES} bytes; this one has {}.",
                body.len()
            )));
        }
        let text = str::from_utf8(body).ok().filter(|text| !text.contains(REPLACEMENT));
        let Some(text) = text else {
            return Err(Problem::invalid(
                "The body is not UTF-8, or contains U+FFFD, which replaces invalid bytes.",
            ));
        };
        if text.starts_with('\u{feff}') {
            return Err(Problem::invalid(
                "The body begins with a byte order mark: send JSON without it.",
            ));
        }
        strict::parse(text).map_err(not_json)
    }

    /// The body as JSON. `None` if the body is empty or missing.
    ///
    /// # Errors
    /// As [`json`](Self::json), for a body that is not empty.
    pub fn json_if_any(&self) -> Result<Option<Value>, Problem> {
        match &self.body {
            Some(body) if body.is_empty() => Ok(None),
            Some(_) | None => self.json().map(Some),
        }
    }

    /// The value of a header that may be sent once. `None` if it was not sent.
    ///
    /// # Errors
    /// A problem, 400, if the header was sent more than once or is not visible ASCII. The gateway
    /// joins the values of a repeated header with a comma, so a comma is not allowed either.
    pub fn single_header(&self, name: &str) -> Result<Option<&str>, Problem> {
        let value = self.ascii_header(name)?;
        if value.is_some_and(|value| value.contains(',')) {
            let detail =
                "must be sent once and contain no comma: repeated headers arrive joined by commas";
            return Err(Problem::invalid(format!("The header {name} {detail}.")));
        }
        Ok(value)
    }

    /// The values of a header that is a list, such as `If-Match`. One line and several lines have
    /// the same meaning (RFC 9110).
    ///
    /// # Errors
    /// A problem, 400, if the header is not visible ASCII.
    pub fn list_header(&self, name: &str) -> Result<Option<Vec<&str>>, Problem> {
        Ok(self.ascii_header(name)?.map(|value| value.split(',').map(str::trim).collect()))
    }

    fn ascii_header(&self, name: &str) -> Result<Option<&str>, Problem> {
        let value = self.header(name);
        if value.is_some_and(|value| value.bytes().any(|byte| !matches!(byte, b' '..=b'~' | b'\t')))
        {
            return Err(Problem::invalid(format!("The header {name} must be visible ASCII.")));
        }
        Ok(value)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// The query parameters.
    ///
    /// # Errors
    /// A problem, 400, if a parameter is not among `known`, is repeated or is not UTF-8.
    pub fn query(&self, known: &[&str]) -> Result<Query<'_>, Problem> {
        let Some(query) = &self.query else {
            return Err(Problem::invalid("A query parameter is not UTF-8."));
        };
        for (index, (name, _)) in query.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(Problem::invalid(format!(
                    "Unknown query parameter {name:?}; known here: {known}."
                )));
            }
            if query[..index].iter().any(|(earlier, _)| earlier == name) {
                return Err(Problem::invalid(format!(
                    "The query parameter {name} occurs more than once."
                )));
            }
        }
        Ok(Query(query))
    }

    /// The circumstances of a command, taken from this call.
    #[must_use]
    pub fn request(&self, commit_id: CommitId, source: &str, actor: Actor) -> Request {
        Request::new(commit_id, self.at, source, actor).correlated_by(self.correlation_id.clone())
    }
}

/// The correlation id that the caller sent, if it is valid; otherwise a new one.
pub(super) fn correlation_id(event: &GatewayEvent) -> CorrelationId {
    let sent = event.headers().remove(CORRELATION_HEADER.as_str());
    sent.and_then(|text| CorrelationId::new(text).ok())
        .unwrap_or_else(|| CorrelationId::from(clock::new_id()))
}

fn not_json(fault: Fault) -> Problem {
    let (detail, pointer, reason) = match fault {
        Fault::Syntax { line, column } => {
            let detail = format!(
                "The body is not valid JSON: the error is at line {line}, column {column}."
            );
            return Problem::invalid(detail);
        }
        Fault::Repeated { pointer } => {
            ("The body names a member twice.", pointer, "is named twice")
        }
        Fault::Deep { pointer } => {
            ("The body is nested too deeply.", pointer, "is nested too deeply")
        }
    };
    Problem::invalid(detail).with_errors([(pointer, reason.to_owned())])
}

/// The query parameters of a call.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use skald_lambda::http::{Call, Problem, Reply, StatusCode};
///
/// /// `GET /books?author=…&limit=…`
/// fn books(call: &Call) -> Result<Reply, Problem> {
///     let query = call.query(&["author", "limit"])?;
///     let limit = query.parse("limit", "a number from 1 to 100", |text| {
///         text.parse().ok().filter(|limit| (1..=100).contains(limit))
///     })?;
///     let (author, limit) = (query.get("author"), limit.unwrap_or(20));
///     Ok(Reply::json(StatusCode::OK, json!({ "author": author, "limit": limit })))
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let answered = async |query: &str| {
/// #     let event = json!({
/// #         "version": "2.0", "rawPath": "/books", "rawQueryString": query,
/// #         "requestContext": { "http": { "method": "GET", "path": "/books" } },
/// #     });
/// #     let event = event.to_string();
/// #     let at = skald::time::Timestamp::EPOCH;
/// #     skald_lambda::http::answer(event.as_bytes(), at, async |call| books(&call)).await
/// # };
/// assert_eq!(answered("author=melville&limit=5").await.status_code, 200);
/// assert_eq!(answered("limit=1000").await.status_code, 400);
/// assert_eq!(answered("order=title").await.status_code, 400);
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Query<'a>(&'a [(String, String)]);

impl<'a> Query<'a> {
    /// The value of a parameter. `None` if it was not sent.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter, parsed by `parse`.
    ///
    /// # Errors
    /// A problem, 400, that names what is `expected`, if `parse` does not accept the value.
    pub fn parse<T>(
        self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let parsed =
            parse(value).ok_or_else(|| Problem::invalid(format!("{name} must be {expected}.")))?;
        Ok(Some(parsed))
    }
}
