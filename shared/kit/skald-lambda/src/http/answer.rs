//! Answers to the gateway: payload format 2.0 of an HTTP API.

use std::collections::BTreeMap;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE};
use serde::Serialize;
use serde_json::Value;
use skald::commit::CorrelationId;

use super::names::CORRELATION_HEADER;
use super::reply::Reply;
use crate::problem::Problem;

/// An answer in the gateway's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The status.
    pub status_code: u16,
    /// The headers, with names in lower case. The values of a repeated header are joined by commas.
    pub headers: BTreeMap<String, String>,
    /// The values of `set-cookie`, which cannot be joined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<String>,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Answer {
    /// The answer to a call with this id. The answer to `HEAD` is that to `GET` without its body,
    /// but with the body's length.
    pub(super) fn of(
        answer: Result<Reply, Problem>,
        correlation_id: &CorrelationId,
        head: bool,
    ) -> Self {
        let (status, media_type, body, headers) = match answer {
            Ok(Reply { status, body, headers }) => (status, "application/json", body, headers),
            Err(problem) => {
                let body = Value::Object(problem.body);
                (problem.status, "application/problem+json", Some(body), problem.headers)
            }
        };
        let body = body.map(|body| body.to_string());
        let mut result = Self {
            status_code: status.as_u16(),
            headers: BTreeMap::new(),
            cookies: Vec::new(),
            body: None,
        };
        for (name, value) in headers {
            result.add(&name, value);
        }
        result.add(&CORRELATION_HEADER, correlation_id.to_string());
        if let Some(body) = &body {
            result.add(&CONTENT_TYPE, media_type.to_owned());
            if head {
                result.add(&CONTENT_LENGTH, body.len().to_string());
            }
        }
        result.body = body.filter(|_| !head);
        result
    }

    fn add(&mut self, name: &HeaderName, value: String) {
        if let Err(error) = HeaderValue::from_str(&value) {
            tracing::error!(%name, %error, "a header of the answer is invalid and was omitted");
        } else if name == SET_COOKIE {
            self.cookies.push(value);
        } else {
            let values = self.headers.entry(name.as_str().to_owned()).or_default();
            if !values.is_empty() {
                values.push_str(", ");
            }
            values.push_str(&value);
        }
    }
}
