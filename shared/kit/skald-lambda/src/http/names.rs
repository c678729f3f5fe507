//! Names of HTTP that calls and answers share.

use http::header::HeaderName;

/// The header of the correlation id, in calls and answers.
pub(super) const CORRELATION_HEADER: HeaderName = HeaderName::from_static("x-correlation-id");
/// The method whose answer is that to `GET`, without its body.
pub(super) const HEAD: &str = "HEAD";
