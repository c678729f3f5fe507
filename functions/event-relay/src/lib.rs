//! The relay: commits from the events table's stream onto the topic.
//!
//! - It does not decode events, so no event can stop it. A commit that cannot be read, or is too large for a message,
//!   goes as a hint: readers then get it from the event store.
//! - What cannot come from the event store goes to a queue of its own, under the category `unreadable`: an item whose key
//!   is no stream's name, and a commit that was changed or removed.
//! - A stream's commits go in order: after one that failed, no later one of the same stream is sent. Then the whole batch
//!   fails and comes again; what was sent already is sent twice, which every reader is prepared for.

mod entry;
mod topic;

use std::collections::BTreeSet;

use aws_lambda_events::dynamodb::Event;
use lambda_runtime::Diagnostic;
use skald::with_causes;

pub use entry::{Entry, UNREADABLE};
pub use topic::{SnsTopic, Topic};

/// Entries in one request to the topic, at most.
const MAX_ENTRIES: usize = 10;
/// Size of one request, in bytes: SNS counts the messages with their attributes and takes 256 KiB.
const MAX_REQUEST_BYTES: usize = 250 * 1024;

/// Forwards stream records to a topic.
#[derive(Debug)]
pub struct Relay<T> {
    topic: T,
}

/// Not everything could be published: the batch must come again.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {received} commits could not be published, the first because: {reason}")]
pub struct NotPublished {
    failed: usize,
    received: usize,
    reason: String,
}

impl From<NotPublished> for Diagnostic {
    fn from(error: NotPublished) -> Self {
        Self { error_type: "NotPublished".to_owned(), error_message: error.to_string() }
    }
}

impl<T: Topic> Relay<T> {
    /// A relay to this topic.
    pub fn new(topic: T) -> Self {
        Self { topic }
    }

    /// Forwards a batch of stream records: all of them, or it is an error.
    ///
    /// # Errors
    /// [`NotPublished`] if the topic refused some of them or did not answer.
    pub async fn forward(&self, event: Event) -> Result<(), NotPublished> {
        let received = event.records.len();
        let mut waiting: Vec<Entry> = event.records.into_iter().map(Entry::of_record).collect();
        let (mut published, mut stopped, mut reason) = (0, BTreeSet::new(), None);
        while !waiting.is_empty() {
            let (request, rest) = next_request(waiting);
            let results = match self.topic.publish(&request).await {
                Ok(results) => results,
                // Nobody answers: trying the rest would only use up the function's time.
                Err(error) => {
                    let error = with_causes(error.as_ref());
                    tracing::error!(reason = error, "the topic does not answer");
                    reason.get_or_insert(error);
                    break;
                }
            };
            for (entry, result) in request.iter().zip(results) {
                let (stream, correlation_id) = (&entry.group, entry.correlation_id.as_deref());
                match result {
                    Ok(()) => {
                        tracing::info!(stream, correlation_id, commit = entry.deduplication_id, "relayed");
                        published += 1;
                    }
                    Err(refused) => {
                        tracing::error!(stream, correlation_id, reason = refused, "a commit could not be published");
                        stopped.insert(entry.group.clone());
                        reason.get_or_insert(refused);
                    }
                }
            }
            waiting = rest.into_iter().filter(|entry| !stopped.contains(&entry.group)).collect();
        }
        tracing::info!(received, published, "relayed a batch");
        match reason {
            None => Ok(()),
            Some(reason) => Err(NotPublished { failed: received - published, received, reason }),
        }
    }
}

/// Splits off the next request: as much as fits, but never two commits of one stream, so that the later one is not sent
/// if the earlier fails.
fn next_request(waiting: Vec<Entry>) -> (Vec<Entry>, Vec<Entry>) {
    let (mut request, mut rest) = (Vec::new(), Vec::new());
    let mut groups = BTreeSet::new();
    let mut size_bytes = 0;
    for entry in waiting {
        let fits =
            request.is_empty() || request.len() < MAX_ENTRIES && size_bytes + entry.size_bytes() <= MAX_REQUEST_BYTES;
        if groups.insert(entry.group.clone()) && fits {
            size_bytes += entry.size_bytes();
            request.push(entry);
        } else {
            rest.push(entry);
        }
    }
    (request, rest)
}

#[cfg(test)]
mod tests;
