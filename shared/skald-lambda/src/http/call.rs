//! A call as a handler sees it.

use http::Method;
use http::header::HeaderMap;
use lambda_http::{Request, RequestExt};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use skald::{Actor, CommitId, Context, CorrelationId, EventId, Timestamp};

use super::{CORRELATION_HEADER, Problem};
use crate::clock;

/// Largest body, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

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
    pub(super) fn of(request: Request, at: Timestamp) -> Self {
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

    /// The value of a header that may be left out, but must not be misunderstood.
    ///
    /// # Errors
    /// A problem, 400, if it is there, but more than once or not in visible ASCII.
    pub fn optional_header(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.header(name) {
            None if self.headers.contains_key(name) => {
                Err(Problem::invalid(format!("The header {name} must come once, in visible ASCII.")))
            }
            value => Ok(value),
        }
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

pub(super) fn new_correlation_id() -> CorrelationId {
    CorrelationId::from(clock::new_id())
}
