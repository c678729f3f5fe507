//! The code of the door.

use serde::{Deserialize, Serialize};
use skald::decider::Decider;

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
