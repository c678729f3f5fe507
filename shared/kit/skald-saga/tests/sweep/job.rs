//! A saga of one stream: a job that is begun, and then completed or undone.

use serde::{Deserialize, Serialize};
use skald::decider::Decider;
use skald::stream::{StreamId, Tenant};
use skald::time::Timestamp;
use skald_saga::{Arbiter, Change, Phase, Standing};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) deadline: Timestamp,
}

/// The content of the events without content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Nothing {}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resumed {
    attempt: u32,
}

/// The content of an event of which the index alone knows the type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Passed {}

/// As [`Nothing`], for another event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UndoStarted {}

/// As [`Nothing`], for another event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Undone {}

/// As [`Nothing`], for another event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parked {}

skald::domain_event! {
    /// What happens to a job.
    pub(crate) enum JobEvent {
        /// The job was begun.
        Begun(Begun) = "job.begun" @ 1,
        /// The gate was passed.
        Passed(Passed) = "job.passed" @ 1,
        /// The job is completed.
        Completed(Nothing) = "job.completed" @ 1,
        /// Undoing started.
        UndoStarted(UndoStarted) = "job.undo_started" @ 1,
        /// The job is undone.
        Undone(Undone) = "job.undone" @ 1,
        /// The job was parked.
        Parked(Parked) = "job.parked" @ 1,
        /// The next attempt began.
        Resumed(Resumed) = "job.resumed" @ 1,
    }
}

#[derive(Debug, Clone)]
pub(crate) enum JobCommand {
    Begin { deadline: Timestamp },
    Change(Change<()>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the job is settled")]
pub(crate) struct Settled;

#[derive(Debug)]
pub(crate) struct Job;

impl Decider for Job {
    const CATEGORY: &'static str = "job";
    type State = Option<Standing>;
    type Command = JobCommand;
    type Event = JobEvent;
    type Rejection = Settled;

    fn decide(state: &Option<Standing>, command: &JobCommand) -> Result<Vec<JobEvent>, Settled> {
        let change = match command {
            JobCommand::Begin { deadline } => {
                return Ok(vec![Begun { deadline: *deadline }.into()]);
            }
            JobCommand::Change(change) => change,
        };
        let Some(standing) = state.filter(|standing| !standing.phase.is_settled()) else {
            return Err(Settled);
        };
        Ok(vec![match change {
            Change::PassGate => Passed {}.into(),
            Change::Complete => Nothing {}.into(),
            Change::StartUndo { .. } => UndoStarted {}.into(),
            Change::EndUndo => Undone {}.into(),
            Change::Park { .. } => Parked {}.into(),
            Change::Resume => Resumed { attempt: standing.attempt + 1 }.into(),
        }])
    }

    fn evolve(state: Option<Standing>, event: &JobEvent) -> Option<Standing> {
        let mut standing = state.unwrap_or(Standing {
            phase: Phase::Open,
            attempt: 1,
            is_parked: false,
            deadline: None,
        });
        match event {
            JobEvent::Begun(begun) => standing.deadline = Some(begun.deadline),
            JobEvent::Passed(_) => standing.phase = Phase::PastGate,
            JobEvent::Completed(_) => standing.phase = Phase::Completed,
            JobEvent::UndoStarted(_) => standing.phase = Phase::Undoing,
            JobEvent::Undone(_) => standing.phase = Phase::Undone,
            JobEvent::Parked(_) => standing.is_parked = true,
            JobEvent::Resumed(resumed) => {
                standing.is_parked = false;
                standing.attempt = resumed.attempt;
            }
        }
        Some(standing)
    }
}

impl Arbiter for Job {
    type Reason = ();

    fn standing(state: &Option<Standing>) -> Option<Standing> {
        *state
    }

    fn command(change: Change<()>) -> JobCommand {
        JobCommand::Change(change)
    }

    fn expired() {}

    fn begins_attempt(event: &JobEvent) -> bool {
        matches!(event, JobEvent::Begun(_) | JobEvent::Resumed(_))
    }

    fn settles(event_type: &str) -> bool {
        matches!(event_type, "job.completed" | "job.undone")
    }
}

/// The stream of this job.
pub(crate) fn job(id: impl ToString) -> StreamId {
    StreamId::new(&Tenant::default(), Job::CATEGORY, &id.to_string()).unwrap()
}
