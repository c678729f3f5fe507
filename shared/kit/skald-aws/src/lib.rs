//! The meaning of AWS's service errors for a store or a key wrap: which errors are transient, and
//! which parts of them may be shown.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use skald::store::StoreError;

/// The code and message of a service's error. Unlike the client's own errors, it cannot contain
/// items, whose values must not appear in logs.
///
/// # Examples
///
/// ```
/// use skald_aws::Answer;
///
/// let busy = Answer::new(Some("ThrottlingException"), Some("Rate exceeded"));
/// assert_eq!(busy.to_string(), "ThrottlingException: Rate exceeded");
/// assert_eq!(Answer::new(None, None).to_string(), "unknown code: no message");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Answer {
    code: String,
    message: String,
}

impl Answer {
    /// An error of a service with this code and message.
    #[must_use]
    pub fn new(code: Option<&str>, message: Option<&str>) -> Self {
        let text = |text: Option<&str>, none: &str| text.unwrap_or(none).to_owned();
        Self { code: text(code, "unknown code"), message: text(message, "no message") }
    }
}

/// The error of an operation, for stores and key wraps on any of AWS's services. It names the
/// service's code and message, never the data that was sent or received.
///
/// # Examples
///
/// ```
/// use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
/// use aws_smithy_runtime_api::client::result::SdkError;
/// use aws_smithy_types::error::ErrorMetadata;
/// use skald_aws::sdk_error;
///
/// let timeout = SdkError::<ErrorMetadata, HttpResponse>::timeout_error("1.5 s have passed");
/// let error = sdk_error("PutItem", timeout);
/// assert!(error.is_transient());
/// assert_eq!(error.to_string(), "PutItem: no answer");
/// ```
pub fn sdk_error<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> StoreError
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
            _ => StoreError::Denied { operation, source },
        };
    }
    let never_sent = matches!(error, SdkError::ConstructionFailure(_));
    let source = error.into_source().unwrap_or_else(|error| Box::new(error));
    if never_sent {
        StoreError::Denied { operation, source }
    } else {
        StoreError::Unavailable { operation, source }
    }
}

/// Whether the service is overloaded. The code is that of an error or of a cancellation reason.
///
/// Source: Amazon `DynamoDB` Developer Guide, "Error handling with `DynamoDB`", and the API
/// Reference, `CancellationReason`; AWS Key Management Service Developer Guide, "Throttling AWS KMS
/// requests".
///
/// # Examples
///
/// ```
/// use skald_aws::is_throttling;
///
/// assert!(is_throttling(Some("ThrottlingException")));
/// assert!(!is_throttling(Some("ResourceNotFoundException")));
/// ```
#[must_use]
pub fn is_throttling(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "LimitExceededException"
                | "ProvisionedThroughputExceeded"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "ThrottlingError"
                | "ThrottlingException"
        )
    )
}
