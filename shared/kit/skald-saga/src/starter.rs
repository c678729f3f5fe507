//! Makes sure that an execution works on a saga that needs one.
//!
//! Every caller may be wrong about what the saga needs: a message is late, a list is old. So the
//! starter reads the arbiter, and nothing else decides.

use std::collections::BTreeMap;

use skald::commit::{Actor, Commit, CommitId, Context, Draft};
use skald::decider::fold;
use skald::event::{DecodeError, DomainEvent};
use skald::handle::Pause;
use skald::store::{AppendError, Appended, EventStore, Loaded};
use skald::stream::StreamId;
use skald::time::Timestamp;

use crate::error::StepError;
use crate::executions::{Execution, Executions, NoAnswer};
use crate::input::{ExecutionInput, scope};
use crate::look::{Attempt, current_attempt};
use crate::saga::{Arbiter, Change, Standing};

/// The wait after the second attempt began, in milliseconds: see [`ExecutionStarter::start`].
const FIRST_WAIT_MS: i64 = 60_000;
/// The longest wait, in milliseconds.
const MAX_WAIT_MS: i64 = 3_600_000;
/// How often the arbiter is read again after another writer was faster.
const MAX_ROUNDS: u32 = 20;

/// Starts executions of sagas.
#[derive(Debug, Clone)]
pub struct ExecutionStarter<S, X, P> {
    events: S,
    executions: X,
    pause: P,
    source: &'static str,
}

/// The state in which a saga was found, and what was done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ensured {
    /// What was found or done.
    pub what: Outcome,
    /// Where the saga stands; `None` if it was not begun.
    pub standing: Option<Standing>,
    /// When the arbiter's first commit was recorded.
    pub begun_at: Option<Timestamp>,
}

/// What was found or done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The saga was not begun, or is settled.
    NotNeeded,
    /// The saga waits for an operator.
    Parked,
    /// The execution of the current attempt was started.
    Started,
    /// The execution of the current attempt is running.
    Running,
    /// The execution of the current attempt had ended. The next attempt was begun and its execution
    /// started.
    Resumed,
    /// The execution of the current attempt has ended. The next attempt may begin at this time.
    Ended {
        /// The time.
        resumed_from: Timestamp,
    },
}

/// Why it is not certain that an execution works on the saga.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The arbiter has an event that this build cannot read.
    #[error(transparent)]
    Unreadable(#[from] DecodeError),
    /// The arbiter could not be read or written.
    #[error(transparent)]
    Arbiter(#[from] StepError),
    /// The state machine did not answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
}

impl StartError {
    /// Whether something did not answer, which says nothing about this saga.
    #[must_use]
    pub const fn is_unanswered(&self) -> bool {
        match self {
            Self::Unreadable(_) => false,
            Self::Arbiter(error) => error.is_retried(),
            Self::NoAnswer(_) => true,
        }
    }

    /// Whether the same call can succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreadable(error) => error.is_transient(),
            Self::Arbiter(error) => error.is_retried(),
            Self::NoAnswer(_) => true,
        }
    }
}

impl<S: EventStore, X: Executions, P: Pause> ExecutionStarter<S, X, P> {
    /// Starts executions for the sagas in `events`. `source` is the source of its commits.
    pub const fn new(events: S, executions: X, pause: P, source: &'static str) -> Self {
        Self { events, executions, pause, source }
    }

    /// The event store.
    pub const fn events(&self) -> &S {
        &self.events
    }

    /// The clock and the waits.
    pub const fn pause(&self) -> &P {
        &self.pause
    }

    /// Starts an execution of the saga with this arbiter if it needs one and none is running.
    ///
    /// If the execution of the current attempt has ended although the saga is neither settled nor
    /// parked, the next attempt begins. Its execution might end in the same way. So the first
    /// attempt is followed by the second at once, but each later one waits: a minute from the
    /// beginning of the attempt before it, then twice as long each time, and at most an hour.
    ///
    /// # Errors
    /// [`StartError`]. The call may be repeated.
    pub async fn start<A: Arbiter>(
        &self,
        arbiter: &StreamId,
        at: Timestamp,
    ) -> Result<Ensured, StartError> {
        for round in 0..MAX_ROUNDS {
            if round > 0 {
                self.pause.pause(round).await;
            }
            let Loaded { commits, .. } = self.load(arbiter).await?;
            let (ensured, attempt) = found::<A>(arbiter, &commits)?;
            let Some(attempt) = attempt else { return Ok(ensured) };
            let what = match self.executions.start(&attempt.input).await? {
                Execution::Started => Outcome::Started,
                Execution::Running => Outcome::Running,
                Execution::Ended => match self.resume::<A>(arbiter, &attempt, at).await? {
                    Some(what) => what,
                    None => continue,
                },
            };
            return Ok(Ensured { what, ..ensured });
        }
        Err(StepError::Busy.into())
    }

    /// Begins the next attempt after the execution of this one has ended. `None` if the arbiter has
    /// changed meanwhile: usually the execution settled the saga while this call was made.
    async fn resume<A: Arbiter>(
        &self,
        arbiter: &StreamId,
        ended: &Attempt,
        at: Timestamp,
    ) -> Result<Option<Outcome>, StartError> {
        let Loaded { head, mut commits } = self.load(arbiter).await?;
        let (_, attempt) = found::<A>(arbiter, &commits)?;
        if attempt.is_none_or(|attempt| attempt.input.attempt != ended.input.attempt) {
            return Ok(None);
        }
        let now = self.pause.now(at);
        let resumed_from = ended.begun_at.plus_millis(wait_ms(ended.input.attempt));
        if now < resumed_from {
            return Ok(Some(Outcome::Ended { resumed_from }));
        }
        let state = fold::<A>(&commits)?.state;
        let events =
            A::decide(&state, &A::command(Change::Resume)).map_err(StepError::permanent)?;
        let events = events.iter().map(DomainEvent::encode).collect::<Result<Vec<_>, _>>();
        let draft = Draft {
            // Several callers that resume one attempt write the same commit.
            commit_id: CommitId::of(
                scope(&ended.input.instance),
                &format!("resume.{}", ended.input.attempt),
            ),
            at: now,
            context: self.context(&ended.input, commits.last()),
            events: events.map_err(StepError::from)?,
            snapshot: None,
        };
        let appended = self.events.append(&head, draft).await;
        match appended.inspect_err(|error| error.report([arbiter])) {
            Ok(Appended { commit, .. }) => commits.push(commit),
            Err(
                AppendError::Conflict { .. }
                | AppendError::RepeatedInPart { .. }
                | AppendError::Contended,
            ) => return Ok(None),
            Err(error) => return Err(StepError::from(error).into()),
        }
        let (_, next) = found::<A>(arbiter, &commits)?;
        let Some(next) = next else { return Ok(None) };
        tracing::warn!(
            name = ended.input.name(),
            "the execution ended before the saga was settled; the next attempt begins"
        );
        // If this call is lost, the next one for this saga starts the attempt.
        self.executions.start(&next.input).await?;
        Ok(Some(Outcome::Resumed))
    }

    async fn load(&self, arbiter: &StreamId) -> Result<Loaded<S::Head>, StepError> {
        // All commits: the one that began the attempt may be before the last snapshot.
        Ok(self.events.load(arbiter, None).await?)
    }

    fn context(&self, ended: &ExecutionInput, cause: Option<&Commit>) -> Context {
        Context {
            source: self.source.to_owned(),
            correlation_id: ended.correlation_id.clone(),
            causation_id: cause.map(Commit::last_event_id),
            actor: Actor::new("saga").expect("the text is a valid actor"),
            metadata: BTreeMap::from([("attempt".to_owned(), ended.attempt.to_string())]),
        }
    }
}

/// What the commits of an arbiter say, and the attempt that needs an execution.
pub(crate) fn found<A: Arbiter>(
    arbiter: &StreamId,
    commits: &[Commit],
) -> Result<(Ensured, Option<Attempt>), DecodeError> {
    let standing = A::standing(&fold::<A>(commits)?.state);
    let is_parked = standing.is_some_and(|at| at.is_parked && !at.phase.is_settled());
    let what = if is_parked { Outcome::Parked } else { Outcome::NotNeeded };
    let begun_at = commits.first().map(|commit| commit.at);
    Ok((Ensured { what, standing, begun_at }, current_attempt::<A>(arbiter, commits)?))
}

/// How long after its beginning an attempt whose execution has ended is followed by the next one.
fn wait_ms(attempt: u32) -> i64 {
    match attempt {
        0 | 1 => 0,
        2..=16 => (FIRST_WAIT_MS << (attempt - 2)).min(MAX_WAIT_MS),
        17.. => MAX_WAIT_MS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_between_attempts_grow_from_nothing_to_an_hour() {
        let waits: Vec<_> = (1..=9).map(|attempt| wait_ms(attempt) / 60_000).collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!((wait_ms(16), wait_ms(u32::MAX)), (MAX_WAIT_MS, MAX_WAIT_MS));
    }
}
