//! The bugs that are planted in a booking.
//!
//! Each is planted in one place, behind [`Bug::is_in`]. The saga's id says which one it has,
//! because some parts of a saga know nothing else.

/// A fault in the code of a saga.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    /// A room that was never held counts as given back, and no event closes its stream.
    ForgetsTombstone,
    /// The room is given back before what comes after it is undone.
    CompensatesInWrongOrder,
    /// The bank is called before the request is recorded.
    CallsWithoutWriteAhead,
    /// A deposit that the bank does not know counts as returned, although it may still arrive.
    LeavesKeyOpen,
    /// The deposit counts as collected before the bank is called.
    AcknowledgesBeforeEffect,
    /// The points are counted again when the step is repeated.
    CountsTwice,
    /// A code that is issued after the booking was undone stays valid.
    IgnoresLateAnswer,
    /// The points are earned without a look at the booking.
    StepsForwardAfterUndo,
    /// The booking is guaranteed without a look at its steps.
    PassesGateTooEarly,
    /// The booking is confirmed without a look at its steps.
    CompletesWithoutStep,
    /// A code that the room needs is not issued.
    SkipsNeededStep,
    /// A refused room counts as held.
    LosesRefusal,
    /// Every error of a step counts as success.
    SwallowsErrors,
    /// A confirmed booking that is cancelled gets no execution.
    StrandsCancelled,
    /// A booking is cancelled although the guest is there.
    CancelsAfterPivot,
    /// The points of a booking that is undone are kept.
    KeepsPoints,
    /// The booking is cancelled before everything is undone.
    EndsUndoTooEarly,
}

impl Bug {
    pub(crate) const ALL: [Self; 17] = [
        Self::ForgetsTombstone,
        Self::CompensatesInWrongOrder,
        Self::CallsWithoutWriteAhead,
        Self::LeavesKeyOpen,
        Self::AcknowledgesBeforeEffect,
        Self::CountsTwice,
        Self::IgnoresLateAnswer,
        Self::StepsForwardAfterUndo,
        Self::PassesGateTooEarly,
        Self::CompletesWithoutStep,
        Self::SkipsNeededStep,
        Self::LosesRefusal,
        Self::SwallowsErrors,
        Self::StrandsCancelled,
        Self::CancelsAfterPivot,
        Self::KeepsPoints,
        Self::EndsUndoTooEarly,
    ];

    /// Whether the booking of this id has this bug.
    pub(crate) fn is_in(self, id: &str) -> bool {
        id == format!("{self:?}")
    }
}
