//! The code of the door, at the maker of the locks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use skald::decider::Decider;
use skald::handle::Pause;
use skald::store::EventStore;
use skald_saga::{Action, LastAnswer, Seen, StepContext, StepError, View, Worker, Written};
use skald_testkit::saga::Hooks;

use super::{Booking, Bug, CodeStep, Reason};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changed {
    to: CodeState,
}

skald::domain_event! {
    /// What happens to a code.
    pub(crate) enum CodeEvent {
        /// Its state changed.
        Changed(Changed) = "code.changed" @ 1,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum CodeState {
    #[default]
    Unissued,
    IssueRequested,
    Issued,
    RevokeRequested,
    Revoked,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a code that is {0:?} cannot become {1:?}")]
pub(crate) struct CodeRejection(CodeState, CodeState);

pub(crate) struct Code;

impl Decider for Code {
    const CATEGORY: &'static str = "code";
    type State = CodeState;
    type Command = CodeState;
    type Event = CodeEvent;
    type Rejection = CodeRejection;

    fn decide(from: &CodeState, to: &CodeState) -> Result<Vec<CodeEvent>, CodeRejection> {
        use CodeState::*;
        match (from, to) {
            _ if from == to => Ok(vec![]),
            (Unissued, IssueRequested | Revoked)
            | (IssueRequested, Issued | RevokeRequested)
            | (Issued, RevokeRequested)
            | (RevokeRequested, Revoked) => Ok(vec![Changed { to: *to }.into()]),
            (_, _) => Err(CodeRejection(*from, *to)),
        }
    }

    fn evolve(_: CodeState, CodeEvent::Changed(changed): &CodeEvent) -> CodeState {
        changed.to
    }
}

#[derive(Debug, Clone)]
pub(crate) enum LockCall {
    Issue(String),
    Revoke(String),
}

/// Whether the code of a key is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtLock {
    Valid,
    Revoked,
}

/// The maker of the locks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lock {
    /// Whether revoking a code that was never issued has no effect.
    pub(crate) is_forgetful: bool,
    pub(crate) keys: Arc<Mutex<BTreeMap<String, AtLock>>>,
}

impl Lock {
    async fn ask(self, call: LockCall) -> AtLock {
        let mut keys = self.keys.lock().unwrap();
        match call {
            LockCall::Issue(key) => *keys.entry(key).or_insert(AtLock::Valid),
            LockCall::Revoke(key) => {
                if keys.contains_key(&key) || !self.is_forgetful {
                    keys.insert(key, AtLock::Revoked);
                }
                AtLock::Revoked
            }
        }
    }
}

pub(crate) struct CodeWorker<'a> {
    pub(crate) hooks: &'a Hooks,
    pub(crate) lock: &'a Lock,
}

impl Worker for CodeWorker<'_> {
    type Steps = CodeStep;
    type Write = CodeState;
    type Call = LockCall;
    type Answer = AtLock;

    fn decide(
        &self,
        step: CodeStep,
        view: &View<'_, CodeStep, AtLock>,
    ) -> Action<CodeState, LockCall, Reason> {
        let key = view.instance.id.clone();
        match (step, view.own, view.last) {
            (CodeStep::Issue, CodeState::Unissued, _) => Action::Write(CodeState::IssueRequested),
            (CodeStep::Issue, CodeState::IssueRequested, LastAnswer::Answer(AtLock::Valid)) => {
                Action::Write(CodeState::Issued)
            }
            (CodeStep::Issue, CodeState::IssueRequested, LastAnswer::Answer(AtLock::Revoked)) => {
                Action::Undone
            }
            // Issuing again gives the same code.
            (CodeStep::Issue, CodeState::IssueRequested, _) => Action::Call(LockCall::Issue(key)),
            (CodeStep::Revoke, CodeState::Unissued, _) => Action::Write(CodeState::Revoked),
            (CodeStep::Revoke, CodeState::IssueRequested | CodeState::Issued, _) => {
                Action::Write(CodeState::RevokeRequested)
            }
            (CodeStep::Revoke, CodeState::RevokeRequested, LastAnswer::Answer(_)) => {
                Action::Write(CodeState::Revoked)
            }
            (CodeStep::Revoke, CodeState::RevokeRequested, _) => {
                Action::Call(LockCall::Revoke(key))
            }
            (CodeStep::Issue, CodeState::RevokeRequested | CodeState::Revoked, _) => Action::Undone,
            (CodeStep::Issue, CodeState::Issued, _) | (CodeStep::Revoke, CodeState::Revoked, _) => {
                Action::Done
            }
        }
    }

    async fn call(&self, call: LockCall) -> Result<AtLock, StepError> {
        self.hooks.call(self.lock.clone().ask(call)).await
    }

    fn undo_late_answer(
        &self,
        view: &View<'_, CodeStep, AtLock>,
        answer: &AtLock,
    ) -> Option<LockCall> {
        let is_closed = matches!(view.own, CodeState::RevokeRequested | CodeState::Revoked);
        let is_late = *answer == AtLock::Valid && is_closed;
        let id = &view.instance.id;
        (is_late && !Bug::IgnoresLateAnswer.is_in(id)).then(|| LockCall::Revoke(id.clone()))
    }

    async fn write<S: EventStore, P: Pause>(
        &self,
        context: &StepContext<'_, S, P>,
        arbiter: &Seen<Booking, S::Head>,
        own: Seen<Code, S::Head>,
        write: &CodeState,
    ) -> Result<Written<Code, S::Head>, StepError> {
        context.append(own, write, arbiter.last()).await
    }
}
