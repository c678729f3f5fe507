//! The relay: commits from the events table's stream onto the topic.
//!
//! - It does not decode events, so no event can stop it. A commit that cannot be read, or is too
//!   large for a message, goes as a hint: readers then get it from the event store.
//! - What readers cannot get from the event store goes to a queue of its own, under the category
//!   `unreadable`: an item whose key is no stream's name, and a commit that was changed or removed.
//! - An entry that the topic refuses for good is sent again in plainer forms, down to one that has
//!   almost nothing of the record. So nothing that is written to the table can stop the relay.
//! - A stream's commits go in order: after one that failed, no later one of the same stream is
//!   sent. Then the whole batch fails and comes again; what was sent already is sent twice, which
//!   every reader is prepared for.

mod entry;
mod record;
mod topic;

use std::collections::BTreeSet;

use lambda_runtime::Diagnostic;

pub use entry::{Entry, MessageAttribute, UNREADABLE};
pub use record::Batch;
pub use topic::{Outcome, PublishError, SnsTopic, Topic};

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
    /// [`NotPublished`] if the topic did not take some of them, or did not answer.
    pub async fn forward(&self, batch: &Batch) -> Result<(), NotPublished> {
        let received = batch.records.len();
        let mut run = Run {
            waiting: batch.records.iter().map(|record| Entry::of_record(record)).collect(),
            ..Run::default()
        };
        while let Some(request) = run.next_request() {
            match self.topic.publish(&request).await {
                Ok(outcomes) => run.settle(request, outcomes),
                Err(PublishError::Refused(reason)) if request.len() == 1 => {
                    run.settle(request, vec![Outcome::Refused(reason)]);
                }
                Err(PublishError::Refused(reason)) => run.separate(request, &reason),
                Err(PublishError::Unavailable(reason)) => run.give_up(reason),
            }
        }
        tracing::info!(received, published = run.published, "relayed a batch");
        match run.reason {
            None => Ok(()),
            Some(reason) => {
                Err(NotPublished { failed: received - run.published, received, reason })
            }
        }
    }
}

/// How far the relay has come with a batch.
#[derive(Debug, Default)]
struct Run {
    /// What is still to be sent, in order.
    waiting: Vec<Entry>,
    /// How many of them go alone: together they were refused.
    alone: usize,
    published: usize,
    /// Groups of which an entry was not taken.
    stopped: BTreeSet<String>,
    /// Why the first entry was not taken, if one was not.
    reason: Option<String>,
}

impl Run {
    /// Splits off what is sent next; nothing when all is done.
    fn next_request(&mut self) -> Option<Vec<Entry>> {
        let max_entries = if self.alone > 0 { 1 } else { MAX_ENTRIES };
        self.alone = self.alone.saturating_sub(1);
        let (request, rest) = split(std::mem::take(&mut self.waiting), max_entries);
        self.waiting = rest;
        Some(request).filter(|request| !request.is_empty())
    }

    /// Records the result of each entry. An entry without a result was not taken.
    fn settle(&mut self, request: Vec<Entry>, outcomes: Vec<Outcome>) {
        let silence = std::iter::repeat(Outcome::Failed(
            "the topic gave fewer results than entries".to_owned(),
        ));
        let (mut plainer, mut exhausted) = (Vec::new(), None);
        for (entry, outcome) in request.into_iter().zip(outcomes.into_iter().chain(silence)) {
            let (stream, commit) = (entry.group.as_str(), entry.deduplication_id.as_str());
            let correlation_id = entry.correlation_id.as_deref();
            match outcome {
                Outcome::Taken => {
                    tracing::info!(stream, correlation_id, commit, "relayed");
                    self.published += 1;
                }
                Outcome::Refused(reason) => {
                    tracing::error!(
                        stream,
                        correlation_id,
                        commit,
                        reason,
                        "the topic refuses an entry for good"
                    );
                    match entry.instead {
                        Some(instead) => plainer.push(*instead),
                        // Nothing in it could be refused: it is the topic that is wrong.
                        None => exhausted = Some(reason),
                    }
                }
                Outcome::Failed(reason) => {
                    tracing::error!(
                        stream,
                        correlation_id,
                        commit,
                        reason,
                        "a commit could not be published"
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
        if let Some(reason) = exhausted {
            self.give_up(reason);
        }
    }

    /// Sends each entry of a request by itself, to find the one that it was refused for.
    fn separate(&mut self, mut request: Vec<Entry>, reason: &str) {
        tracing::warn!(
            entries = request.len(),
            reason,
            "the topic refused a request: its entries are sent one by one"
        );
        self.alone = request.len();
        request.append(&mut self.waiting);
        self.waiting = request;
    }

    /// Tries no more: it would only use up the function's time.
    fn give_up(&mut self, reason: String) {
        tracing::error!(reason, "the topic accepts nothing at the moment");
        self.reason.get_or_insert(reason);
        self.waiting.clear();
    }
}

/// Splits off the next request: as much as fits, but never two commits of one stream, so that the
/// later one is not sent if the earlier fails.
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
