//! A queue of [`CommitMessage`]s: passes each message to its handler, and deals with failures.
//!
//! - A *transient* failure returns the message to the queue. The later messages of its group are
//!   returned too, so that they stay in order. Other groups continue.
//! - A message with a *permanent* failure is sent to the dead-letter queue immediately and
//!   acknowledged: redelivery would change nothing. If the event store itself, not just the
//!   message, shows that the stream cannot be read, the handler parks the stream.
//! - A message of another category is acknowledged with a warning, and counted. Such messages
//!   arrive for a while after a change of a subscription's filter.
//! - A message is acknowledged only after its effect is durable.

use std::future::{Future, ready};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::types::MessageAttributeValue;
use lambda_runtime::{LambdaEvent, service_fn};
use skald::concurrency::concurrently;
use skald::message::{CommitMessage, InvalidMessage};
use skald::stream::{Category, StreamId};
use skald::text::with_causes;
use skald::view::MAX_REASON;
use tracing::Instrument;

use crate::{Error, metrics};

/// Handles the messages of a queue.
///
/// # Examples
///
/// ```
/// use skald::message::CommitMessage;
/// use skald::store::{EventStore, StoreError};
/// use skald::stream::Version;
/// use skald_lambda::queue::MessageHandler;
///
/// /// Logs the length of each loan's stream. The events are read from the store: a message may
/// /// have no commit.
/// struct Lengths<S>(S);
///
/// impl<S: EventStore> MessageHandler for Lengths<S> {
///     const CATEGORY: &'static str = "loan";
///     type Failure = StoreError;
///
///     async fn handle(&self, message: &CommitMessage) -> Result<(), StoreError> {
///         let commits = self.0.read(&message.stream, Version::START).await?;
///         tracing::info!(stream = %message.stream, commits = commits.len(), "read");
///         Ok(())
///     }
///
///     fn is_transient(failure: &StoreError) -> bool {
///         failure.is_transient()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hint = r#"{"tenant":"default","stream":"loan-17","version":1,"count":1}"#;
/// let lengths = Lengths(skald::memory::InMemoryEventStore::default());
/// lengths.handle(&CommitMessage::from_json(hint)?).await?;
/// # Ok(())
/// # }
/// ```
pub trait MessageHandler: Sync {
    /// The category of the streams that the handler follows.
    const CATEGORY: &'static Category;
    /// Why a message could not be handled.
    type Failure: std::error::Error + Send + Sync + 'static;

    /// Handles the message. The message is delivered again if the function dies, and may be
    /// delivered again even if it does not.
    fn handle(
        &self,
        message: &CommitMessage,
    ) -> impl Future<Output = Result<(), Self::Failure>> + Send;

    /// Records that the stream cannot be read, after its message was sent to the dead-letter queue,
    /// if the failure [parks](Self::parks) the stream. By default no failure does, and the dead
    /// letter is the only record.
    fn park(
        &self,
        _stream: &StreamId,
        _failure: &Self::Failure,
        _reason: &str,
    ) -> impl Future<Output = Result<(), Self::Failure>> + Send {
        ready(Ok(()))
    }

    /// Whether a permanent failure concerns the stream, and not only the message. A message alone
    /// never parks a stream, because it may contain anything.
    fn parks(_failure: &Self::Failure) -> bool {
        false
    }

    /// Whether the same message can be handled later without an operator's action.
    fn is_transient(failure: &Self::Failure) -> bool;
}

/// Stores messages that cannot be handled: the port to a dead-letter queue.
///
/// # Examples
///
/// ```
/// use std::sync::Mutex;
///
/// use aws_lambda_events::sqs::SqsMessage;
/// use skald_lambda::Error;
/// use skald_lambda::queue::DeadLetters;
///
/// /// Dead letters in memory, for tests: the reasons.
/// #[derive(Default)]
/// struct Reasons(Mutex<Vec<String>>);
///
/// impl DeadLetters for Reasons {
///     async fn keep(&self, _: &SqsMessage, reason: &str) -> Result<(), Error> {
///         self.0.lock().map_err(|error| error.to_string())?.push(reason.to_owned());
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let reasons = Reasons::default();
/// reasons.keep(&SqsMessage::default(), "not a commit message").await?;
/// assert_eq!(reasons.0.into_inner()?, ["not a commit message"]);
/// # Ok(())
/// # }
/// ```
pub trait DeadLetters: Sync {
    /// Stores the message durably, with the reason why it cannot be handled.
    fn keep(
        &self,
        message: &SqsMessage,
        reason: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A dead-letter queue on SQS, of type FIFO.
///
/// # Examples
///
/// ```no_run
/// use skald::memory::{InMemoryEventStore, InMemoryViewStore};
/// use skald_lambda::queue::{Queue, SqsDeadLetters};
/// use skald_lambda::{config, views::ViewKeeper};
/// use skald_testkit::sample::Statements;
///
/// # async fn run() -> Result<(), skald_lambda::Error> {
/// # let (events, views) = (InMemoryEventStore::default(), InMemoryViewStore::default());
/// let sqs = aws_sdk_sqs::Client::new(&config::aws().await);
/// let dead_letters = SqsDeadLetters::new(sqs, config::variable("DEAD_LETTERS_URL")?);
/// Queue::new(ViewKeeper::<Statements, _, _>::new(events, views), dead_letters).serve().await
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SqsDeadLetters {
    client: aws_sdk_sqs::Client,
    queue_url: String,
}

impl SqsDeadLetters {
    /// The queue with this URL.
    #[must_use]
    pub fn new(client: aws_sdk_sqs::Client, queue_url: String) -> Self {
        Self { client, queue_url }
    }
}

impl DeadLetters for SqsDeadLetters {
    async fn keep(&self, message: &SqsMessage, reason: &str) -> Result<(), Error> {
        let reason =
            MessageAttributeValue::builder().data_type("String").string_value(reason).build()?;
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

/// The messages of a queue, for one handler.
///
/// # Examples
///
/// ```
/// use std::sync::Mutex;
///
/// use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
/// use skald::message::CommitMessage;
/// use skald::store::StoreError;
/// use skald_lambda::Error;
/// use skald_lambda::queue::{DeadLetters, MessageHandler, Queue};
///
/// /// Sends a letter for each loan, through a service that does not answer.
/// struct Letters;
///
/// impl MessageHandler for Letters {
///     const CATEGORY: &'static str = "loan";
///     type Failure = StoreError;
///
///     async fn handle(&self, message: &CommitMessage) -> Result<(), StoreError> {
///         Err(StoreError::Unavailable { operation: "send", source: "timeout".into() })
///     }
///
///     fn is_transient(failure: &StoreError) -> bool {
///         failure.is_transient()
///     }
/// }
///
/// /// Dead letters in memory: the reasons.
/// #[derive(Default)]
/// struct Kept(Mutex<Vec<String>>);
///
/// impl DeadLetters for &Kept {
///     async fn keep(&self, _: &SqsMessage, reason: &str) -> Result<(), Error> {
///         self.0.lock().unwrap().push(reason.to_owned());
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// # let message = |id: &str, body: &str| {
/// #     let mut message = SqsMessage::default();
/// #     (message.message_id, message.body) = (Some(id.to_owned()), Some(body.to_owned()));
/// #     message
/// # };
/// let loan = r#"{"tenant":"default","stream":"loan-17","version":1,"count":1}"#;
/// let mut batch = SqsEvent::default();
/// batch.records = vec![message("1", "no JSON"), message("2", loan)];
/// let kept = Kept::default();
/// let response = Queue::new(Letters, &kept).handle_batch(batch).await?;
/// // The first message is a dead letter. The second returns to its queue.
/// assert_eq!(*kept.0.lock().unwrap(), ["not a commit message: line 1 column 2"]);
/// let returned = response.batch_item_failures.iter().map(|failure| &failure.item_identifier[..]);
/// assert_eq!(returned.collect::<Vec<_>>(), ["2"]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Queue<H, D> {
    handler: H,
    dead_letters: D,
}

/// Why a message was not handled.
#[derive(Debug, thiserror::Error)]
enum Failure<F: std::error::Error> {
    #[error(transparent)]
    Message(#[from] InvalidMessage),
    #[error(transparent)]
    Handler(F),
}

impl<H: MessageHandler, D: DeadLetters> Queue<H, D> {
    /// Passes messages to `handler`, and those that cannot be handled to `dead_letters`.
    pub const fn new(handler: H, dead_letters: D) -> Self {
        Self { handler, dead_letters }
    }

    /// Serves batches of the queue until the runtime ends the function.
    ///
    /// # Errors
    /// If the runtime's interface fails.
    pub async fn serve(self) -> Result<(), Error> {
        let queue = &self;
        let service =
            service_fn(move |event: LambdaEvent<SqsEvent>| queue.handle_batch(event.payload));
        lambda_runtime::run(service).await
    }

    /// Handles a batch and names the messages to deliver again.
    ///
    /// # Errors
    /// If a message has no id and therefore cannot be named: the whole batch is delivered again.
    pub async fn handle_batch(&self, event: SqsEvent) -> Result<SqsBatchResponse, Error> {
        let _counted = metrics::counted();
        let received = event.records.len();
        if event.records.iter().any(|message| message.message_id.is_none()) {
            return Err("a message without an id: the whole batch is returned".into());
        }
        // Groups do not wait for each other. Within a group, each message waits for the previous
        // one.
        let returned =
            concurrently(groups(event.records).into_iter().map(|group| self.handle_group(group)))
                .await
                .concat();
        tracing::info!(received, returned = returned.len(), "the batch was handled");
        let mut response = SqsBatchResponse::default();
        response.set_failures(returned);
        Ok(response)
    }

    /// Handles the messages of a group in order, up to the first that must be delivered again.
    /// Returns the ids of the messages from that one on.
    async fn handle_group(&self, group: Vec<SqsMessage>) -> Vec<String> {
        for (index, message) in group.iter().enumerate() {
            if self.handle_or_set_aside(message).await.is_err() {
                return group[index..]
                    .iter()
                    .filter_map(|message| message.message_id.clone())
                    .collect();
            }
        }
        Vec::new()
    }

    /// Handles a message, or sends it to the dead-letter queue. `Err` if it must be delivered
    /// again; the log contains the reason.
    async fn handle_or_set_aside(&self, message: &SqsMessage) -> Result<(), ()> {
        let parsed = CommitMessage::from_json(message.body.as_deref().unwrap_or_default());
        let stream = parsed.as_ref().ok().map(|parsed| parsed.stream.clone());
        let span = tracing::info_span!(
            "message",
            stream = tracing::field::Empty,
            correlation_id = tracing::field::Empty
        );
        if let Ok(parsed) = &parsed {
            span.record("stream", tracing::field::display(&parsed.stream));
            if let Some(commit) = &parsed.commit {
                span.record("correlation_id", commit.context.correlation_id.as_str());
            }
        }
        async {
            match self.handle(parsed).await {
                Ok(()) => Ok(()),
                Err(failure) if is_transient::<H>(&failure) => {
                    tracing::warn!(
                        reason = with_causes(&failure),
                        "the message returns to its queue"
                    );
                    Err(())
                }
                Err(failure) => {
                    let parking = match &failure {
                        Failure::Handler(failure) if H::parks(failure) => Some(failure),
                        Failure::Handler(_) | Failure::Message(_) => None,
                    };
                    let to_park = stream.as_ref().zip(parking);
                    self.set_aside(message, to_park, with_causes(&failure)).await
                }
            }
        }
        .instrument(span)
        .await
    }

    /// Sends the dead letter first and then parks the stream, if it is to be parked. If parking
    /// fails, the message is delivered again and both are repeated.
    async fn set_aside(
        &self,
        message: &SqsMessage,
        to_park: Option<(&StreamId, &H::Failure)>,
        reason: String,
    ) -> Result<(), ()> {
        let reason: String = reason.chars().take(MAX_REASON).collect();
        tracing::error!(
            reason,
            "the message cannot be handled; sending it to the dead-letter queue"
        );
        let kept = self.dead_letters.keep(message, &reason).await;
        kept.map_err(|error| {
            tracing::error!(
                reason = with_causes(error.as_ref()),
                "the dead-letter queue did not accept the message; it returns to its queue"
            )
        })?;
        let Some((stream, failure)) = to_park else { return Ok(()) };
        match self.handler.park(stream, failure, &reason).await {
            Ok(()) => Ok(()),
            Err(error) if H::is_transient(&error) => {
                tracing::warn!(
                    reason = with_causes(&error),
                    "the stream was not parked; the message returns to its queue"
                );
                Err(())
            }
            // The row itself is malformed: redelivery would change nothing, and the dead letter
            // records the failure.
            Err(error) => {
                tracing::error!(
                    reason = with_causes(&error),
                    "the stream cannot be parked; the dead letter records the failure"
                );
                Ok(())
            }
        }
    }

    async fn handle(
        &self,
        parsed: Result<CommitMessage, InvalidMessage>,
    ) -> Result<(), Failure<H::Failure>> {
        let message = parsed?;
        if message.category() != H::CATEGORY {
            metrics::foreign_message(&message, H::CATEGORY);
            return Ok(());
        }
        self.handler.handle(&message).await.map_err(Failure::Handler)
    }
}

fn is_transient<H: MessageHandler>(failure: &Failure<H::Failure>) -> bool {
    match failure {
        Failure::Message(error) => error.is_transient(),
        Failure::Handler(error) => H::is_transient(error),
    }
}

/// The messages by group, each group in order of arrival. A message without a group is a group of
/// its own.
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
