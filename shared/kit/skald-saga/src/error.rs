//! The errors of a step.

use std::error::Error;

use skald::event::{DecodeError, EncodeError};
use skald::handle::HandleError;
use skald::reading::StatesError;
use skald::store::{AppendError, StoreError};
use skald::stream::InvalidName;
use skald::text::with_causes;

/// Why a step is not done. The state machine distinguishes the errors by [name](Self::name). They
/// must not contain personal data.
///
/// A step that is refused is not an error of its own: the step records the refusal in its stream
/// and starts undoing ([`Action::Refuse`](crate::Action::Refuse)), and so ends with
/// [`Undone`](Self::Undone).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// The saga is being undone, or is undone: no step forward is taken.
    #[error("the saga is being undone")]
    Undone,
    /// There is nothing to park: the saga is settled, or a later attempt is running.
    #[error("the saga is settled, or a later attempt is running")]
    Settled,
    /// Other writers kept changing the same streams. The step is retried.
    #[error("other writers kept changing the same streams")]
    Busy,
    /// The step may succeed later.
    #[error("{0}")]
    Transient(String),
    /// The step will not succeed without an operator.
    #[error("{0}")]
    Permanent(String),
}

impl StepError {
    /// The name of [`Undone`](Self::Undone).
    pub const UNDONE: &'static str = "Undone";
    /// The name of [`Settled`](Self::Settled).
    pub const SETTLED: &'static str = "Settled";
    /// The name of [`Busy`](Self::Busy).
    pub const BUSY: &'static str = "Busy";
    /// The name of [`Transient`](Self::Transient).
    pub const TRANSIENT: &'static str = "Transient";
    /// The name of [`Permanent`](Self::Permanent).
    pub const PERMANENT: &'static str = "Permanent";

    /// The terminal errors: a step that fails with one is not retried. Every other error is retried
    /// under any name: [`BUSY`](Self::BUSY), [`TRANSIENT`](Self::TRANSIENT), a time-out, a function
    /// that died. Every step can be repeated safely.
    pub const TERMINAL: [&'static str; 3] = [Self::UNDONE, Self::SETTLED, Self::PERMANENT];

    /// The name in the state machine: the `errorType` of the function's answer.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Undone => Self::UNDONE,
            Self::Settled => Self::SETTLED,
            Self::Busy => Self::BUSY,
            Self::Transient(_) => Self::TRANSIENT,
            Self::Permanent(_) => Self::PERMANENT,
        }
    }

    /// Whether the step may succeed if it is retried.
    #[must_use]
    pub const fn is_retried(&self) -> bool {
        match self {
            Self::Busy | Self::Transient(_) => true,
            Self::Undone | Self::Settled | Self::Permanent(_) => false,
        }
    }

    /// [`Transient`](Self::Transient), with this reason.
    pub fn transient(why: impl ToString) -> Self {
        Self::Transient(why.to_string())
    }

    /// [`Permanent`](Self::Permanent), with this reason.
    pub fn permanent(why: impl ToString) -> Self {
        Self::Permanent(why.to_string())
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

impl From<InvalidName> for StepError {
    fn from(error: InvalidName) -> Self {
        Self::classified(false, &error)
    }
}

impl<H> From<AppendError<H>> for StepError {
    fn from(error: AppendError<H>) -> Self {
        match error {
            AppendError::Store(error) => error.into(),
            AppendError::Conflict { .. }
            | AppendError::RepeatedInPart { .. }
            | AppendError::Contended => Self::Busy,
            AppendError::Invalid(invalid) => Self::classified(false, &invalid),
        }
    }
}

impl<R: Error + 'static> From<HandleError<R>> for StepError {
    fn from(error: HandleError<R>) -> Self {
        match error {
            HandleError::Busy { .. } => Self::Busy,
            HandleError::Store(error) => error.into(),
            HandleError::Decode(error) => error.into(),
            HandleError::Encode(error) => error.into(),
            HandleError::Rejected(_) | HandleError::Invalid(_) => Self::classified(false, &error),
        }
    }
}
