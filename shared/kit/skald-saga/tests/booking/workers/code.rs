//! The code of the door, at the maker of the locks.

use skald::handle::Pause;
use skald::store::EventStore;
use skald_saga::{Action, LastAnswer, Seen, StepContext, StepError, View, Worker, Written};
use skald_testkit::saga::Hooks;

use crate::booking::arbiter::{Booking, Reason};
use crate::booking::bug::Bug;
use crate::booking::code::{Code, CodeState};
use crate::booking::definition::CodeStep;
use crate::booking::lock::{AtLock, Lock, LockCall};

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
