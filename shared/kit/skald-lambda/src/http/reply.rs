//! The reply of a handler.

use http::StatusCode;
use http::header::HeaderName;
use serde_json::Value;

/// The header of an answer to a request that already had its effect.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The reply of a handler.
///
/// # Examples
///
/// ```
/// use serde_json::json;
/// use skald_lambda::http::{IDEMPOTENT_REPLAYED, Reply, StatusCode, header};
///
/// let lent = Reply::json(StatusCode::CREATED, json!({ "loan": "17" }))
///     .with_header(header::LOCATION, "/loans/17")
///     .with_header(IDEMPOTENT_REPLAYED, "true");
/// assert_eq!(lent.body, Some(json!({ "loan": "17" })));
/// assert_eq!(Reply::empty(StatusCode::NO_CONTENT).body, None);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The body. `None` for 204 and 304.
    pub body: Option<Value>,
    pub(super) headers: Vec<(HeaderName, String)>,
}

impl Reply {
    /// A reply with a JSON body.
    #[must_use]
    pub fn json(status: StatusCode, body: Value) -> Self {
        Self { status, body: Some(body), headers: Vec::new() }
    }

    /// A reply without a body.
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
