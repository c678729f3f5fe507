//! The past of a step.

use std::collections::BTreeSet;

use skald::time::Timestamp;

/// The past of a step. A step and its compensation have one trace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StepTrace {
    /// Whether the step was begun. A step that was not may have been undone nevertheless, so that
    /// it can no longer be done.
    pub was_begun: bool,
    /// When the step's progress changed for the first time.
    pub started_at: Option<Timestamp>,
    /// When the step was done; `None` if it never was.
    pub done_at: Option<Timestamp>,
    /// When the step was undone.
    pub undone_at: Option<Timestamp>,
    /// When the step's progress changed for the last time.
    pub updated_at: Option<Timestamp>,
    /// The attempts that changed the step's progress.
    pub attempts: BTreeSet<String>,
}
