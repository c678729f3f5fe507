//! The service's errors, sorted once.

use std::error::Error;

use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use skald::StoreError;

/// What the service answered, in words that can stand in a log.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct Answer {
    code: String,
    message: String,
}

impl Answer {
    /// A success that lacks what it should bring.
    pub(crate) fn without(what: &str) -> Self {
        Self { code: "an answer without an error".to_owned(), message: what.to_owned() }
    }

    fn new(code: Option<&str>, message: Option<&str>) -> Self {
        let text = |text: Option<&str>, none: &str| text.unwrap_or(none).to_owned();
        Self { code: text(code, "an error without a code"), message: text(message, "without a message") }
    }
}

/// What the error of an operation means for who called it. A key that is disabled, or about to be deleted, is refused: that
/// can be mended, and what is sealed is not at fault.
pub(crate) fn sdk_error<E>(operation: &'static str, error: SdkError<E>) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    if let SdkError::ServiceError(answer) = &error {
        let (code, status) = (answer.err().code(), answer.raw().status().as_u16());
        let source = Box::new(Answer::new(code, answer.err().message()));
        return match status {
            _ if is_throttling(code) => StoreError::Throttled { operation, source },
            429 => StoreError::Throttled { operation, source },
            500.. => StoreError::Unavailable { operation, source },
            _ => StoreError::Refused { operation, source },
        };
    }
    let never_sent = matches!(error, SdkError::ConstructionFailure(_));
    let source = error.into_source().unwrap_or_else(|error| Box::new(error));
    if never_sent { StoreError::Refused { operation, source } } else { StoreError::Unavailable { operation, source } }
}

/// Whether the service has too much to do.
///
/// Source: AWS Key Management Service Developer Guide, "Throttling AWS KMS requests", and the API Reference, "Common Errors".
fn is_throttling(code: Option<&str>) -> bool {
    matches!(code, Some("LimitExceededException" | "RequestLimitExceeded" | "ThrottlingException"))
}
