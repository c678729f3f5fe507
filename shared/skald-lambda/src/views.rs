//! A view's queue: each message into [`catch_up`], and what fails to where it belongs.
//!
//! - A *transient* failure returns the message to the queue, and with it the later ones of its group, so that they stay
//!   in order. Other groups go on.
//! - A *permanent* one is sent to the dead-letter queue at once, its stream is parked in the view, and the message is
//!   acknowledged. Redelivering it would change nothing; an operator redrives the stream from the event store.
//! - Nothing is acknowledged before its effect is durable.

use std::future::Future;
use std::marker::PhantomData;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::types::MessageAttributeValue;
use futures_util::future::join_all;
use lambda_runtime::{LambdaEvent, service_fn};
use skald::{CatchUpError, CommitMessage, EventStore, InvalidMessage, Projection, StreamId, ViewStore, catch_up, park};
use tracing::Instrument;

use crate::{Error, chain, clock};

/// Longest reason that goes with a dead letter and a parked row, in characters.
const MAX_REASON: usize = 1_000;

/// Takes messages that nobody can apply. The port to a dead-letter queue.
pub trait DeadLetters: Sync {
    /// Keeps the message, durably, with the reason why nobody can apply it.
    fn keep(&self, message: &SqsMessage, reason: &str) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A dead-letter queue on SQS, FIFO.
#[derive(Debug, Clone)]
pub struct SqsDeadLetters {
    client: aws_sdk_sqs::Client,
    queue_url: String,
}

impl SqsDeadLetters {
    /// The queue at this address.
    #[must_use]
    pub fn new(client: aws_sdk_sqs::Client, queue_url: String) -> Self {
        Self { client, queue_url }
    }
}

impl DeadLetters for SqsDeadLetters {
    async fn keep(&self, message: &SqsMessage, reason: &str) -> Result<(), Error> {
        let reason = MessageAttributeValue::builder().data_type("String").string_value(reason).build()?;
        let id = message.message_id.as_deref().ok_or("a message without an id")?;
        self.client
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(message.body.as_deref().unwrap_or_default())
            .message_attributes("reason", reason)
            .message_group_id(message.attributes.get("MessageGroupId").map_or(id, String::as_str))
            .message_deduplication_id(id)
            .send()
            .await?;
        Ok(())
    }
}

/// Keeps the view of projection `P`, from a queue of [`CommitMessage`]s.
pub struct ViewKeeper<P, E, V, D> {
    events: E,
    views: V,
    dead_letters: D,
    projection: PhantomData<fn() -> P>,
}

/// Why a message was not applied.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Message(#[from] InvalidMessage),
    #[error("a message of category {0:?}, which this view does not follow")]
    Category(String),
    #[error(transparent)]
    CatchUp(#[from] CatchUpError),
}

impl Failure {
    fn is_transient(&self) -> bool {
        match self {
            Self::Message(error) => error.is_transient(),
            Self::Category(_) => false,
            Self::CatchUp(error) => error.is_transient(),
        }
    }
}

impl<P, E, V, D> ViewKeeper<P, E, V, D>
where
    P: Projection,
    E: EventStore,
    V: ViewStore,
    D: DeadLetters,
{
    /// Keeps the view in `views`, reading what is missing from `events`.
    pub fn new(events: E, views: V, dead_letters: D) -> Self {
        Self { events, views, dead_letters, projection: PhantomData }
    }

    /// Serves batches of the queue, until the runtime ends the function.
    ///
    /// # Errors
    /// If the runtime's interface fails.
    pub async fn serve(self) -> Result<(), Error> {
        let keeper = &self;
        let handler = service_fn(move |event: LambdaEvent<SqsEvent>| keeper.apply_batch(event.payload));
        lambda_runtime::run(handler).await
    }

    /// Applies a batch and names the messages to be delivered again.
    ///
    /// # Errors
    /// If a message has no id, so that it could not be named: the whole batch is delivered again.
    pub async fn apply_batch(&self, event: SqsEvent) -> Result<SqsBatchResponse, Error> {
        let received = event.records.len();
        if event.records.iter().any(|message| message.message_id.is_none()) {
            return Err("a message without an id: the whole batch is returned".into());
        }
        // Groups do not wait for each other; inside a group, one message waits for the other.
        let returned = join_all(groups(event.records).into_iter().map(|group| self.apply_group(group))).await.concat();
        tracing::info!(received, returned = returned.len(), "settled a batch");
        let mut response = SqsBatchResponse::default();
        response.set_failures(returned);
        Ok(response)
    }

    /// Applies the messages of a group in order, up to the first that must be delivered again: ids from that one on.
    async fn apply_group(&self, group: Vec<SqsMessage>) -> Vec<String> {
        for (index, message) in group.iter().enumerate() {
            if self.settle(message).await.is_err() {
                return group[index..].iter().filter_map(|message| message.message_id.clone()).collect();
            }
        }
        Vec::new()
    }

    /// Applies a message or sets it aside; `Err` if it must be delivered again. The reason is in the log.
    async fn settle(&self, message: &SqsMessage) -> Result<(), ()> {
        let parsed = CommitMessage::from_json(message.body.as_deref().unwrap_or_default());
        let stream = parsed.as_ref().ok().map(|parsed| parsed.stream.clone());
        let span =
            tracing::info_span!("message", stream = tracing::field::Empty, correlation_id = tracing::field::Empty);
        if let Ok(parsed) = &parsed {
            span.record("stream", tracing::field::display(&parsed.stream));
            if let Some(commit) = &parsed.commit {
                span.record("correlation_id", commit.context.correlation_id.as_str());
            }
        }
        async {
            match self.apply(parsed).await {
                Ok(()) => Ok(()),
                Err(failure) if failure.is_transient() => {
                    tracing::warn!(reason = chain(&failure), "goes back to the queue");
                    Err(())
                }
                Err(failure) => self.set_aside(message, stream, chain(&failure)).await,
            }
        }
        .instrument(span)
        .await
    }

    /// The dead letter first: if parking fails, the message comes again and both are repeated.
    async fn set_aside(&self, message: &SqsMessage, stream: Option<StreamId>, reason: String) -> Result<(), ()> {
        let reason: String = reason.chars().take(MAX_REASON).collect();
        tracing::error!(reason, "cannot be applied and is set aside");
        let kept = self.dead_letters.keep(message, &reason).await;
        kept.map_err(|error| tracing::error!(reason = chain(error.as_ref()), "the dead-letter queue took nothing"))?;
        let Some(stream) = stream.filter(|stream| stream.category() == P::CATEGORY) else { return Ok(()) };
        match park(&self.views, &stream, &reason, clock::now()).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_transient() => {
                tracing::warn!(reason = chain(&error), "could not be parked and goes back to the queue");
                Err(())
            }
            // The row itself is broken: coming again would change nothing, and the dead letter tells of it.
            Err(error) => {
                tracing::error!(reason = chain(&error), "cannot be parked");
                Ok(())
            }
        }
    }

    async fn apply(&self, parsed: Result<CommitMessage, InvalidMessage>) -> Result<(), Failure> {
        let message = parsed?;
        if message.category() != P::CATEGORY {
            return Err(Failure::Category(message.category().to_owned()));
        }
        let caught_up = catch_up::<P, _, _>(&self.events, &self.views, &message).await?;
        tracing::info!(version = %message.last, ?caught_up, "applied");
        Ok(())
    }
}

/// The messages by group, each group in order of arrival. A message without a group is one of its own.
fn groups(messages: Vec<SqsMessage>) -> Vec<Vec<SqsMessage>> {
    let mut groups: Vec<(Option<String>, Vec<SqsMessage>)> = Vec::new();
    for message in messages {
        let group = message.attributes.get("MessageGroupId").cloned();
        match groups.iter_mut().find(|(name, _)| name.is_some() && *name == group) {
            Some((_, members)) => members.push(message),
            None => groups.push((group, vec![message])),
        }
    }
    groups.into_iter().map(|(_, members)| members).collect()
}
