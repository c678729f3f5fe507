//! Errors as RFC 9457 problems.

use std::error::Error;

use http::StatusCode;
use http::header::{ALLOW, HeaderName, RETRY_AFTER};
use serde_json::{Map, Value, json};
use skald::event::DecodeError;
use skald::handle::HandleError;
use skald::reading::StatesError;
use skald::store::StoreError;
use skald::text::with_causes;
use skald::view::CatchUpError;

/// When a caller may try again after a 503, in seconds.
const RETRY_AFTER_S: u32 = 1;

/// An error in the form that the caller gets: a JSON object of the media type
/// `application/problem+json`.
///
/// # Examples
///
/// What a caller gets:
///
/// ```
/// use serde_json::{Value, json};
/// use skald_lambda::http::{self, Problem};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let fault = ("/due".to_owned(), "is in the past".to_owned());
/// let problem = Problem::unprocessable("The book cannot be due before it is lent.")
///     .with_errors([fault])
///     .with_member("book", json!("moby-dick"));
/// # let event = serde_json::json!({
/// #     "version": "2.0", "rawPath": "/",
/// #     "requestContext": { "http": { "method": "GET", "path": "/" } },
/// # });
/// # let (event, at) = (event.to_string(), skald::time::Timestamp::EPOCH);
/// # let event = event.as_bytes();
/// let answer = http::answer(event, at, async |_| Err(problem)).await;
/// assert_eq!(answer.status_code, 422);
/// assert_eq!(answer.headers["content-type"], "application/problem+json");
/// let body: Value = serde_json::from_str(&answer.body.unwrap_or_default())?;
/// assert_eq!(body["type"], "urn:skald:problem:refused");
/// assert_eq!(body["errors"], json!([{ "pointer": "/due", "detail": "is in the past" }]));
/// assert_eq!(body["book"], "moby-dick");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Map<String, Value>,
}

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        let members = [
            ("type", format!("urn:skald:problem:{kind}").into()),
            ("title", title.into()),
            ("status", status.as_u16().into()),
            ("detail", detail.into().into()),
        ];
        let body =
            members.into_iter().map(|(name, value): (_, Value)| (name.to_owned(), value)).collect();
        Self { status, headers: Vec::new(), body }
    }

    /// 400: the call does not have the required form.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-request", "The request is malformed", detail)
    }

    /// 404: the resource does not exist, or belongs to another customer.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// 405: the resource does not support this method; `allowed` lists the supported ones.
    pub fn method_not_allowed(allowed: &[&str]) -> Self {
        let detail = format!("Use {}.", allowed.join(" or "));
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "The method is not allowed here",
            detail,
        )
        .with_header(ALLOW, allowed.join(", "))
    }

    /// 409: a business rule forbids the request in the current state.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "This conflicts with the current state", detail)
    }

    /// 412: the caller has seen another version.
    pub fn precondition_failed(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "precondition-failed",
            "This is not the version you have seen",
            detail,
        )
    }

    /// 413: the body is too large.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large", detail)
    }

    /// 415: the body has another media type.
    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The media type is not supported",
            detail,
        )
    }

    /// 422: the request is well-formed, but not acceptable.
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "refused",
            "The request is refused as it stands",
            detail,
        )
    }

    /// 503: the caller should send the same call again, with the same key.
    #[must_use]
    pub fn unavailable() -> Self {
        let detail = "Nothing is half done: repeat the same call, with the same Idempotency-Key \
            if it had one.";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Not available at the moment",
            detail,
        )
        .with_header(RETRY_AFTER, RETRY_AFTER_S.to_string())
    }

    /// 503 for a transient error, which is logged.
    fn transient(error: &(dyn Error + 'static)) -> Self {
        tracing::warn!(reason = with_causes(error), "a call could not be answered now");
        Self::unavailable()
    }

    /// 500: a fault of the service. `error` is logged, and the caller gets the correlation id.
    pub fn internal(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(reason = with_causes(error), "a call failed");
        let detail = "The fault is in this service; the correlation id identifies it. A repeated \
            call does nothing twice.";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong here",
            detail,
        )
    }

    /// Adds the faults of parts of the body: pairs of a JSON pointer and a description.
    #[must_use]
    pub fn with_errors(self, errors: impl IntoIterator<Item = (String, String)>) -> Self {
        let errors = errors
            .into_iter()
            .map(|(pointer, detail)| json!({ "pointer": pointer, "detail": detail }));
        self.with_member("errors", errors.collect())
    }

    /// Adds an extension member, as RFC 9457 allows.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: Value) -> Self {
        self.body.insert(name.to_owned(), value);
        self
    }

    fn with_header(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The problem for a command that failed. `rejected` converts a rejection.
    ///
    /// # Examples
    ///
    /// ```
    /// use skald::handle::HandleError;
    /// use skald_lambda::http::Problem;
    /// use skald_testkit::sample::AccountRejection;
    ///
    /// let overdrawn = AccountRejection::Overdrawn { balance: 0, requested: 4 };
    /// let problem = Problem::from_handle(HandleError::Rejected(overdrawn), |rejection| {
    ///     Problem::conflict(rejection.to_string())
    /// });
    /// assert_eq!(problem, Problem::conflict("cannot withdraw 4 from a balance of 0"));
    ///
    /// let busy = HandleError::<AccountRejection>::Busy { attempts: 10 };
    /// let problem = Problem::from_handle(busy, |_| unreachable!("nothing was rejected"));
    /// assert_eq!(problem, Problem::unavailable());
    /// ```
    pub fn from_handle<R>(error: HandleError<R>, rejected: impl FnOnce(R) -> Self) -> Self
    where
        R: Error + 'static,
    {
        match error {
            HandleError::Rejected(rejection) => rejected(rejection),
            error @ HandleError::Busy { .. } => Self::transient(&error),
            HandleError::Store(error) => error.into(),
            HandleError::Decode(error) => error.into(),
            error @ (HandleError::Encode(_) | HandleError::Invalid(_)) => Self::internal(&error),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if let StoreError::PersonErased(_) = error {
            return Self::conflict("The person whom this is about was erased.");
        }
        // A denied request needs an operator; waiting a second does not help.
        let is_denied = matches!(error, StoreError::Denied { .. });
        if error.is_transient() && !is_denied {
            Self::transient(&error)
        } else {
            Self::internal(&error)
        }
    }
}

impl From<DecodeError> for Problem {
    fn from(error: DecodeError) -> Self {
        if error.is_transient() { Self::transient(&error) } else { Self::internal(&error) }
    }
}

impl From<StatesError> for Problem {
    fn from(error: StatesError) -> Self {
        match error {
            StatesError::Decode(error) => error.into(),
            StatesError::Store(error) => error.into(),
        }
    }
}

impl From<CatchUpError> for Problem {
    fn from(error: CatchUpError) -> Self {
        match error {
            CatchUpError::Store(error) => error.into(),
            error @ (CatchUpError::Decode { .. }
            | CatchUpError::Inapplicable { .. }
            | CatchUpError::BeyondTheEnd { .. }
            | CatchUpError::MalformedRow { .. }
            | CatchUpError::Encode { .. }
            | CatchUpError::Busy { .. }
            | CatchUpError::Moved { .. }) => {
                if error.is_transient() {
                    Self::transient(&error)
                } else {
                    Self::internal(&error)
                }
            }
        }
    }
}
