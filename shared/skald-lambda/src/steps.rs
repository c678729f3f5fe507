//! Steps of a saga: a state machine's task in, nothing or a named error out.

use std::error::Error as StdError;
use std::future::Future;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::de::DeserializeOwned;
use skald::{Timestamp, with_causes};

use crate::{Error, clock};

/// An error that the state machine tells from others by its name.
#[derive(Debug)]
pub struct NamedError {
    name: &'static str,
    cause: String,
}

impl NamedError {
    /// The error called `name`, with everything that caused it.
    pub fn new(name: &'static str, error: &(dyn StdError + 'static)) -> Self {
        Self { name, cause: with_causes(error) }
    }
}

impl From<NamedError> for Diagnostic {
    fn from(error: NamedError) -> Self {
        Self { error_type: error.name.to_owned(), error_message: error.cause }
    }
}

/// Takes steps with `handler`, until the runtime ends the function. The answer to a step that is done is `{}`.
///
/// # Errors
/// If the runtime's interface fails.
pub async fn serve<I, F, Fut>(handler: F) -> Result<(), Error>
where
    I: DeserializeOwned + std::fmt::Debug,
    F: Fn(I, Timestamp) -> Fut,
    Fut: Future<Output = Result<(), NamedError>>,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<I>| async move {
        tracing::info!(input = ?event.payload, "takes a step");
        // Boxed, or the compiler gives up on the depth of the future of a whole step.
        let taken = Box::pin(handler(event.payload, clock::now())).await;
        if let Err(error) = &taken {
            tracing::warn!(name = error.name, cause = error.cause, "the step is not done");
        }
        taken.map(|()| serde_json::json!({}))
    }))
    .await
}
