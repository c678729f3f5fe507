//! The errors of a step.

use std::error::Error;

use skald::event::{DecodeError, EncodeError};
use skald::handle::HandleError;
use skald::reading::StatesError;
use skald::store::{AppendError, StoreError};
use skald::text::with_causes;

use crate::ports::PortError;

/// Why a step is not done. The state machine distinguishes the errors by [name](Self::name). They
/// contain no personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// The step is refused, and its stream records why: the order must be undone.
    #[error("{0}")]
    Refused(String),
    /// The order is being undone.
    #[error("the order is being undone")]
    Undone,
    /// There is nothing to park: the order is final, or a later attempt is running.
    #[error("the order is settled, or a later attempt is running")]
    Settled,
    /// The step may succeed later.
    #[error("{0}")]
    Transient(String),
    /// The step will not succeed without an operator.
    #[error("{0}")]
    Permanent(String),
}

impl StepError {
    /// The name of [`Refused`](Self::Refused).
    pub const REFUSED: &'static str = "Refused";
    /// The name of [`Undone`](Self::Undone).
    pub const UNDONE: &'static str = "Undone";
    /// The name of [`Settled`](Self::Settled).
    pub const SETTLED: &'static str = "Settled";
    /// The name of [`Transient`](Self::Transient).
    pub const TRANSIENT: &'static str = "Transient";
    /// The name of [`Permanent`](Self::Permanent).
    pub const PERMANENT: &'static str = "Permanent";

    /// The terminal errors: a step that fails with one is not retried. Every other error is retried
    /// under any name: [`TRANSIENT`](Self::TRANSIENT), a time-out, a function that died. Every step
    /// can be repeated safely.
    pub const TERMINAL: [&'static str; 4] =
        [Self::REFUSED, Self::UNDONE, Self::SETTLED, Self::PERMANENT];

    /// The name in the state machine: the `errorType` of the function's answer.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Refused(_) => Self::REFUSED,
            Self::Undone => Self::UNDONE,
            Self::Settled => Self::SETTLED,
            Self::Transient(_) => Self::TRANSIENT,
            Self::Permanent(_) => Self::PERMANENT,
        }
    }

    pub(crate) fn permanent(why: impl ToString) -> Self {
        Self::Permanent(why.to_string())
    }

    /// Conflicts with other writers used up the retries.
    pub(crate) fn busy() -> Self {
        Self::Transient("too many conflicts with other writers".to_owned())
    }

    fn classified(is_transient: bool, error: &dyn Error) -> Self {
        let message = with_causes(error);
        if is_transient { Self::Transient(message) } else { Self::Permanent(message) }
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> Self {
        Self::classified(error.is_transient(), &error)
    }
}

impl From<DecodeError> for StepError {
    fn from(error: DecodeError) -> Self {
        Self::classified(error.is_transient(), &error)
    }
}

impl From<StatesError> for StepError {
    fn from(error: StatesError) -> Self {
        match error {
            StatesError::Decode(error) => error.into(),
            StatesError::Store(error) => error.into(),
        }
    }
}

impl From<EncodeError> for StepError {
    fn from(error: EncodeError) -> Self {
        Self::classified(false, &error)
    }
}

impl From<PortError> for StepError {
    fn from(error: PortError) -> Self {
        Self::classified(matches!(error, PortError::NoAnswer(_)), &error)
    }
}

impl<H> From<AppendError<H>> for StepError {
    fn from(error: AppendError<H>) -> Self {
        match error {
            AppendError::Store(error) => error.into(),
            AppendError::Conflict { .. }
            | AppendError::RepeatedInPart { .. }
            | AppendError::Contended => Self::busy(),
            AppendError::Invalid(invalid) => Self::classified(false, &invalid),
        }
    }
}

impl<R: Error + 'static> From<HandleError<R>> for StepError {
    fn from(error: HandleError<R>) -> Self {
        match error {
            HandleError::Busy { .. } => Self::busy(),
            HandleError::Store(error) => error.into(),
            HandleError::Decode(error) => error.into(),
            HandleError::Encode(error) => error.into(),
            HandleError::Rejected(_) | HandleError::Invalid(_) => Self::classified(false, &error),
        }
    }
}
