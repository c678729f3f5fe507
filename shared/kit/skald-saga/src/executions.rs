//! The port to what runs executions, such as a state machine.

use std::error::Error;
use std::future::Future;

use crate::input::ExecutionInput;

/// Runs executions of one saga.
pub trait Executions: Sync {
    /// Starts the execution with this input, under its [name](ExecutionInput::name), unless an
    /// execution with that name exists.
    ///
    /// # Errors
    /// [`NoAnswer`] if it is not known whether the execution exists. The call may be repeated.
    fn start(
        &self,
        input: &ExecutionInput,
    ) -> impl Future<Output = Result<Execution, NoAnswer>> + Send;
}

impl<T: Executions> Executions for &T {
    async fn start(&self, input: &ExecutionInput) -> Result<Execution, NoAnswer> {
        (**self).start(input).await
    }
}

/// The state of an execution after starting it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// This call started it.
    Started,
    /// An earlier call started it, and it is running.
    Running,
    /// An earlier call started it, and it has ended, successfully or not.
    Ended,
}

/// The port did not answer. The same call can succeed later.
#[derive(Debug, thiserror::Error)]
#[error("the state machine did not answer")]
pub struct NoAnswer(#[source] Box<dyn Error + Send + Sync>);

impl NoAnswer {
    /// No answer, for this reason.
    pub fn new(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }
}
