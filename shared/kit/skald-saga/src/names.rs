//! The names of steps, and of the functions that perform them.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A step of a saga by name. [`saga!`](crate::saga) implements it.
///
/// A step is written as its name in inputs, events and answers.
pub trait StepName:
    Copy + Eq + Ord + fmt::Debug + fmt::Display + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// Every step.
    const ALL: &'static [Self];

    /// The step's name, such as `hold_room`.
    fn name(self) -> &'static str;

    /// The name of the function that performs the step, such as `room-steps`. It is also the source
    /// of the step's commits.
    fn worker(self) -> &'static str;

    /// Whether the step belongs to an earlier release: an execution that this release started does
    /// not contain it. Such a step succeeds without an effect.
    fn is_retired(self) -> bool;

    /// The step with this name.
    #[must_use]
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|step| step.name() == name)
    }
}
