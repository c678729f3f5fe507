//! The relay: publishes commits from the events table's stream to the topic.
//!
//! - The relay does not decode events, so no event can stop it. A commit that cannot be read, or is
//!   too large for a message, is published as a hint; readers then load it from the event store.
//! - Records that readers cannot load from the event store are published under the category
//!   `unreadable`, which has its own queue: items whose key is not a stream's, and commits that
//!   were changed or removed.
//! - An entry that the topic permanently rejects is sent again in plainer forms, down to one that
//!   contains almost nothing of the record. So nothing written to the table can stop the relay.
//! - The commits of a stream are published in order: after one that failed, no later one of the
//!   same stream is sent. The whole batch then fails and is delivered again. Commits that were
//!   already published are published twice, which every reader tolerates.

mod entry;
mod record;
mod topic;

use std::collections::BTreeSet;

use lambda_runtime::Diagnostic;

pub use entry::{Entry, MessageAttribute, UNREADABLE};
pub use record::Batch;
pub use topic::{Outcome, PublishError, SnsTopic, Topic};

/// The largest number of entries in one request to the topic.
const MAX_ENTRIES: usize = 10;
/// The largest request, in bytes. SNS counts the messages with their attributes and accepts 256
/// KiB.
const MAX_REQUEST_BYTES: usize = 250 * 1024;

/// Forwards stream records to a topic.
#[derive(Debug)]
pub struct Relay<T> {
    topic: T,
}

/// An error of the relay: some commits were not published, so the batch must be delivered again.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {received} commits were not published; the first failure: {reason}")]
pub struct RelayError {
    failed: usize,
    received: usize,
    reason: String,
}

impl From<RelayError> for Diagnostic {
    fn from(error: RelayError) -> Self {
        Self { error_type: "RelayError".to_owned(), error_message: error.to_string() }
    }
}

impl<T: Topic> Relay<T> {
    /// A relay to this topic.
    pub fn new(topic: T) -> Self {
        Self { topic }
    }

    /// Forwards a batch of stream records.
    ///
    /// # Errors
    /// [`RelayError`] if the topic did not accept all of them, or did not answer.
    pub async fn forward(&self, batch: &Batch) -> Result<(), RelayError> {
        let received = batch.records.len();
        let mut run = Run {
            waiting: batch.records.iter().map(|record| Entry::of_record(record)).collect(),
            ..Run::default()
        };
        while let Some(request) = run.next_request() {
            match self.topic.publish(&request).await {
                Ok(outcomes) => run.settle(request, outcomes),
                Err(PublishError::Rejected(reason)) if request.len() == 1 => {
                    run.settle(request, vec![Outcome::Rejected(reason)]);
                }
                Err(PublishError::Rejected(reason)) => run.separate(request, &reason),
                Err(PublishError::Unavailable(reason)) => run.give_up(reason),
            }
        }
        tracing::info!(received, published = run.published, "the batch was relayed");
        match run.reason {
            None => Ok(()),
            Some(reason) => Err(RelayError { failed: received - run.published, received, reason }),
        }
    }
}

/// The state of forwarding one batch.
#[derive(Debug, Default)]
struct Run {
    /// The entries that are still to be sent, in order.
    waiting: Vec<Entry>,
    /// The number of entries at the front to send one by one, after the topic rejected their
    /// request.
    alone: usize,
    published: usize,
    /// The groups with an entry that was not accepted.
    stopped: BTreeSet<String>,
    /// The reason for the first entry that was not accepted.
    reason: Option<String>,
}

impl Run {
    /// Removes and returns the next request; `None` when nothing is left to send.
    fn next_request(&mut self) -> Option<Vec<Entry>> {
        let max_entries = if self.alone > 0 { 1 } else { MAX_ENTRIES };
        self.alone = self.alone.saturating_sub(1);
        let (request, rest) = split(std::mem::take(&mut self.waiting), max_entries);
        self.waiting = rest;
        Some(request).filter(|request| !request.is_empty())
    }

    /// Records the outcome of each entry. An entry without an outcome counts as not accepted.
    fn settle(&mut self, request: Vec<Entry>, outcomes: Vec<Outcome>) {
        let missing = std::iter::repeat(Outcome::Failed(
            "the topic returned fewer results than entries".to_owned(),
        ));
        let (mut plainer, mut rejected_plainest) = (Vec::new(), None);
        for (entry, outcome) in request.into_iter().zip(outcomes.into_iter().chain(missing)) {
            let (stream, commit) = (entry.group.as_str(), entry.deduplication_id.as_str());
            let correlation_id = entry.correlation_id.as_deref();
            match outcome {
                Outcome::Accepted => {
                    tracing::info!(stream, correlation_id, commit, "the commit was relayed");
                    self.published += 1;
                }
                Outcome::Rejected(reason) => {
                    tracing::error!(
                        stream,
                        correlation_id,
                        commit,
                        reason,
                        "the topic permanently rejected an entry"
                    );
                    match entry.instead {
                        Some(instead) => plainer.push(*instead),
                        // The plainest form is valid, so the fault is the topic's.
                        None => rejected_plainest = Some(reason),
                    }
                }
                Outcome::Failed(reason) => {
                    tracing::error!(
                        stream,
                        correlation_id,
                        commit,
                        reason,
                        "the commit was not published"
                    );
                    self.stopped.insert(entry.group);
                    self.reason.get_or_insert(reason);
                }
            }
        }
        let stopped = &self.stopped;
        plainer.extend(
            std::mem::take(&mut self.waiting)
                .into_iter()
                .filter(|entry| !stopped.contains(&entry.group)),
        );
        self.waiting = plainer;
        if let Some(reason) = rejected_plainest {
            self.give_up(reason);
        }
    }

    /// Sends each entry of a request by itself, to find the one that the topic rejects.
    fn separate(&mut self, mut request: Vec<Entry>, reason: &str) {
        tracing::warn!(
            entries = request.len(),
            reason,
            "the topic rejected a request; sending its entries one by one"
        );
        self.alone = request.len();
        request.append(&mut self.waiting);
        self.waiting = request;
    }

    /// Sends nothing more: further attempts would only use up the function's time.
    fn give_up(&mut self, reason: String) {
        tracing::error!(reason, "the topic accepts no entries now; giving up on the batch");
        self.reason.get_or_insert(reason);
        self.waiting.clear();
    }
}

/// Splits off the next request: as many entries as fit, but never two commits of one stream, so
/// that the later one is not sent if the earlier fails.
fn split(waiting: Vec<Entry>, max_entries: usize) -> (Vec<Entry>, Vec<Entry>) {
    let (mut request, mut rest) = (Vec::new(), Vec::new());
    let mut groups = BTreeSet::new();
    let mut size_bytes = 0;
    for entry in waiting {
        let fits = request.is_empty()
            || request.len() < max_entries && size_bytes + entry.size_bytes() <= MAX_REQUEST_BYTES;
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
