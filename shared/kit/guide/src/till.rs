//! The till that takes deposits: an external system.

use std::future::Future;

use skald_saga::StepError;

/// A call to the till. The key is the booking's id: the till does each thing once for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TillCall {
    /// What is known under the key?
    Find {
        /// The key.
        key: String,
    },
    /// Take the deposit.
    Take {
        /// The key.
        key: String,
        /// How much.
        cents: u32,
    },
    /// Return the deposit. It closes the key: a later call to take it has no effect.
    Return {
        /// The key.
        key: String,
    },
}

/// What the till knows under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtTill {
    /// Nothing.
    Nothing,
    /// It has the deposit.
    Taken,
    /// It did not take the deposit, and never does.
    Refused,
    /// It has returned the deposit, or never takes it.
    Returned,
}

/// The till. What it refuses is an answer. [`StepError::Transient`] means that there is no answer.
pub trait Till: Sync {
    /// Makes a call, and returns what the till knows under the key after it.
    ///
    /// # Errors
    /// [`StepError::Transient`]
    fn ask(&self, call: TillCall) -> impl Future<Output = Result<AtTill, StepError>> + Send;
}

impl<T: Till> Till for &T {
    async fn ask(&self, call: TillCall) -> Result<AtTill, StepError> {
        (**self).ask(call).await
    }
}
