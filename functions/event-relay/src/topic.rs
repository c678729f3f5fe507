//! The port to the topic, and the topic on SNS.

use std::future::Future;

use aws_sdk_sns::Client;
use aws_sdk_sns::error::BuildError;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};
use skald_lambda::Error;

use crate::Entry;

/// Takes entries.
pub trait Topic: Sync {
    /// Publishes these entries and says of each, in their order, whether it was taken, or why not.
    fn publish(&self, entries: &[Entry]) -> impl Future<Output = Result<Vec<Result<(), String>>, Error>> + Send;
}

/// A FIFO topic on SNS.
#[derive(Debug, Clone)]
pub struct SnsTopic {
    client: Client,
    arn: String,
}

impl SnsTopic {
    /// The topic of this name.
    #[must_use]
    pub fn new(client: Client, arn: String) -> Self {
        Self { client, arn }
    }
}

impl Topic for SnsTopic {
    async fn publish(&self, entries: &[Entry]) -> Result<Vec<Result<(), String>>, Error> {
        let requests = entries.iter().enumerate().map(|(index, entry)| request(index, entry));
        let requests = requests.collect::<Result<Vec<_>, _>>()?;
        let answer = self
            .client
            .publish_batch()
            .topic_arn(&self.arn)
            .set_publish_batch_request_entries(Some(requests))
            .send()
            .await?;
        Ok((0..entries.len()).map(|index| outcome(index, &answer)).collect())
    }
}

/// Only what the topic names as taken was taken.
fn outcome(index: usize, answer: &aws_sdk_sns::operation::publish_batch::PublishBatchOutput) -> Result<(), String> {
    let id = index.to_string();
    if answer.successful().iter().any(|taken| taken.id() == Some(&id)) {
        return Ok(());
    }
    let refused = answer.failed().iter().find(|failed| failed.id() == id);
    Err(refused.map_or_else(
        || "the topic did not say what became of it".to_owned(),
        |failed| format!("{}: {}", failed.code(), failed.message().unwrap_or("no reason given")),
    ))
}

fn request(index: usize, entry: &Entry) -> Result<PublishBatchRequestEntry, BuildError> {
    let text = |value: &str| MessageAttributeValue::builder().data_type("String").string_value(value).build();
    let mut request = PublishBatchRequestEntry::builder()
        .id(index.to_string())
        .message(&entry.body)
        .message_group_id(&entry.group)
        .message_deduplication_id(&entry.deduplication_id)
        .message_attributes("category", text(&entry.category)?);
    if !entry.types.is_empty() {
        let types = serde_json::Value::from(entry.types.clone()).to_string();
        let types = MessageAttributeValue::builder().data_type("String.Array").string_value(types).build()?;
        request = request.message_attributes("types", types);
    }
    if let Some(tenant) = &entry.tenant {
        request = request.message_attributes("tenant", text(tenant)?);
    }
    if let Some(correlation_id) = &entry.correlation_id {
        request = request.message_attributes("correlation", text(correlation_id)?);
    }
    request.build()
}
