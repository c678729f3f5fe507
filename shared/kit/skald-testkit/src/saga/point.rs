//! The kinds of points at which a run can be stopped.

/// A point at which a run can be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Point {
    /// Before a step.
    Perform,
    /// After a step, before its result is known to the execution.
    Performed,
    /// Before a read from the store.
    Read,
    /// Before an append.
    Append,
    /// After an append, before its answer arrives.
    Appended,
    /// Before a call to an external system.
    Call,
    /// After a call, before its answer arrives.
    Called,
    /// In a wait.
    Wait,
}
