//! The port to the topic, and its implementation on SNS.

use std::future::Future;

use aws_sdk_sns::Client;
use aws_sdk_sns::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_sns::operation::publish_batch::{PublishBatchError, PublishBatchOutput};
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use skald::text::with_causes;

use crate::Entry;

/// The HTTP status of a request that is too large for the service.
const CONTENT_TOO_LARGE: u16 = 413;
/// Parts of the error codes of failures that SNS attributes to the sender but that the entry did
/// not cause. They are transient, or need an operator.
const UNRELATED_TO_THE_ENTRY: [&str; 8] = [
    "Throttl",
    "TooMany",
    "KMS",
    "Authorization",
    "AccessDenied",
    "Security",
    "NotFound",
    "Disabled",
];

/// The outcome of publishing one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The topic accepted the entry and stored it durably.
    Accepted,
    /// The topic rejected the entry permanently, for this reason.
    Rejected(String),
    /// The topic did not accept the entry this time, for this reason.
    Failed(String),
}

/// Why no entry of a request was accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The topic permanently rejects the request because of one of its entries, without saying
    /// which.
    #[error("the topic rejected the request: {0}")]
    Rejected(String),
    /// The topic does not answer, or accepts nothing at the moment.
    #[error("the topic is unavailable: {0}")]
    Unavailable(String),
}

/// Publishes entries.
pub trait Topic: Sync {
    /// Publishes these entries and returns their outcomes, in the same order.
    fn publish(
        &self,
        entries: &[Entry],
    ) -> impl Future<Output = Result<Vec<Outcome>, PublishError>> + Send;
}

/// A FIFO topic on SNS.
#[derive(Debug, Clone)]
pub struct SnsTopic {
    client: Client,
    arn: String,
}

impl SnsTopic {
    /// The topic with this ARN.
    #[must_use]
    pub fn new(client: Client, arn: String) -> Self {
        Self { client, arn }
    }
}

impl Topic for SnsTopic {
    async fn publish(&self, entries: &[Entry]) -> Result<Vec<Outcome>, PublishError> {
        let requests = entries.iter().enumerate().map(|(index, entry)| request(index, entry));
        let requests = requests.collect::<Result<Vec<_>, _>>();
        let requests = requests.map_err(|error| PublishError::Unavailable(with_causes(&error)))?;
        let request = self.client.publish_batch().topic_arn(&self.arn);
        let answer = request.set_publish_batch_request_entries(Some(requests)).send().await;
        let answer = answer.map_err(|error| publish_error(&error))?;
        Ok((0..entries.len()).map(|index| outcome(index, &answer)).collect())
    }
}

/// Classifies the failure of a whole request.
fn publish_error(error: &SdkError<PublishBatchError>) -> PublishError {
    let is_too_large = error
        .raw_response()
        .is_some_and(|response| response.status().as_u16() == CONTENT_TOO_LARGE);
    let is_rejected = error.as_service_error().is_some_and(|error| {
        error.is_invalid_parameter_exception()
            || error.is_invalid_parameter_value_exception()
            || error.is_batch_request_too_long_exception()
            || error.is_validation_exception()
            // The code that the local cloud uses.
            || error.code() == Some("InvalidParameter")
    });
    let reason = with_causes(error);
    if is_rejected || is_too_large {
        PublishError::Rejected(reason)
    } else {
        PublishError::Unavailable(reason)
    }
}

/// The outcome of one entry. It was accepted only if the topic lists it as successful and not also
/// as failed.
fn outcome(index: usize, answer: &PublishBatchOutput) -> Outcome {
    let id = index.to_string();
    if let Some(failed) = answer.failed().iter().find(|failed| failed.id() == id) {
        let reason =
            format!("{}: {}", failed.code(), failed.message().unwrap_or("no reason given"));
        let concerns_entry =
            !UNRELATED_TO_THE_ENTRY.iter().any(|part| failed.code().contains(part));
        return if failed.sender_fault() && concerns_entry {
            Outcome::Rejected(reason)
        } else {
            Outcome::Failed(reason)
        };
    }
    if answer.successful().iter().any(|accepted| accepted.id() == Some(&id)) {
        return Outcome::Accepted;
    }
    Outcome::Failed("the topic returned no result for the entry".to_owned())
}

fn request(index: usize, entry: &Entry) -> Result<PublishBatchRequestEntry, BuildError> {
    let mut request = PublishBatchRequestEntry::builder()
        .id(index.to_string())
        .message(&entry.body)
        .message_group_id(&entry.group)
        .message_deduplication_id(&entry.deduplication_id);
    for (name, kind, value) in entry.attributes() {
        let value = MessageAttributeValue::builder().data_type(kind).string_value(value).build()?;
        request = request.message_attributes(name, value);
    }
    request.build()
}

#[cfg(test)]
mod tests {
    use aws_sdk_sns::error::ErrorMetadata;
    use aws_sdk_sns::types::error::{
        BatchRequestTooLongException, InvalidParameterException, NotFoundException,
    };
    use aws_sdk_sns::types::{BatchResultErrorEntry, PublishBatchResultEntry};

    use super::*;

    fn failed(id: &str, code: &str, sender_fault: bool) -> BatchResultErrorEntry {
        BatchResultErrorEntry::builder()
            .id(id)
            .code(code)
            .sender_fault(sender_fault)
            .build()
            .unwrap()
    }

    #[test]
    fn only_an_entry_that_the_topic_lists_as_successful_alone_is_accepted() {
        let successful = |id: &str| PublishBatchResultEntry::builder().id(id).build();
        let answer = PublishBatchOutput::builder()
            .successful(successful("0"))
            .successful(successful("5"))
            .successful(successful("seven"))
            .failed(failed("1", "InvalidParameter", true))
            .failed(failed("2", "InternalError", false))
            .failed(failed("3", "ThrottlingException", true))
            .failed(failed("4", "KMSDisabled", true))
            .failed(failed("5", "InternalError", false))
            .build();
        assert_eq!(outcome(0, &answer), Outcome::Accepted);
        assert!(matches!(outcome(1, &answer), Outcome::Rejected(_)));
        // 5 is in both lists; 6 and 7 are in neither.
        for index in 2..8 {
            assert!(matches!(outcome(index, &answer), Outcome::Failed(_)), "{index}");
        }
    }

    #[test]
    fn a_request_is_rejected_only_because_of_its_content() {
        let answered = |error: PublishBatchError| {
            let status = aws_sdk_sns::config::http::HttpResponse::new(
                400_u16.try_into().unwrap(),
                "".into(),
            );
            publish_error(&SdkError::service_error(error, status))
        };
        let is_rejected =
            |error: PublishBatchError| matches!(answered(error), PublishError::Rejected(_));
        let generic =
            |code: &str| PublishBatchError::generic(ErrorMetadata::builder().code(code).build());
        let too_long = BatchRequestTooLongException::builder().build();
        assert!(is_rejected(PublishBatchError::BatchRequestTooLongException(too_long)));
        assert!(is_rejected(PublishBatchError::InvalidParameterException(
            InvalidParameterException::builder().build()
        )));
        assert!(is_rejected(generic("InvalidParameter")));
        assert!(!is_rejected(PublishBatchError::NotFoundException(
            NotFoundException::builder().build()
        )));
        assert!(!is_rejected(generic("ThrottlingException")));
        assert!(matches!(
            publish_error(&SdkError::timeout_error("late")),
            PublishError::Unavailable(_)
        ));
    }
}
