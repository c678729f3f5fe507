//! A reader of the library.

use serde::{Deserialize, Serialize};
use skald::personal::{PersonId, Personal};
use skald::prelude::*;

/// A person became a reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// What the person is called.
    pub name: Personal<String>,
}

/// The reader may not borrow for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {}

/// The reader may borrow again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reinstated {}

/// The person's data was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {}

skald::domain_event! {
    /// What happens to a reader.
    pub enum ReaderEvent {
        /// A person became a reader.
        Registered(Registered) = "reader.registered" @ 1,
        /// The reader may not borrow for now.
        Suspended(Suspended) = "reader.suspended" @ 1,
        /// The reader may borrow again.
        Reinstated(Reinstated) = "reader.reinstated" @ 1,
        /// The person's data was erased.
        Erased(Erased) = "reader.erased" @ 1,
    }
}

/// The decider of category `reader`.
#[derive(Debug)]
pub struct Reader;

/// What a decision needs to know about a reader.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum ReaderState {
    /// Not registered.
    #[default]
    Unknown,
    /// May borrow.
    Active,
    /// May not borrow.
    Suspended,
    /// No longer a reader.
    Erased,
}

/// The commands.
#[derive(Debug)]
pub enum ReaderCommand {
    /// A person becomes a reader.
    Register {
        /// The reader's id.
        id: PersonId,
        /// What the person is called.
        name: String,
    },
    /// The reader may not borrow for now.
    Suspend,
    /// The reader may borrow again.
    Reinstate,
    /// The person's data was erased.
    Erase,
}

/// Why a command is rejected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReaderRejection {
    /// There is no such reader.
    #[error("there is no such reader")]
    Unknown,
    /// The reader's card is suspended.
    #[error("the reader's card is suspended")]
    Suspended,
    /// The person was erased, and the id is not reused.
    #[error("the reader was erased: register under another id")]
    Erased,
}

impl ReaderState {
    /// # Errors
    /// Why this reader may not borrow a book.
    pub fn may_borrow(self) -> Result<(), ReaderRejection> {
        match self {
            Self::Active => Ok(()),
            Self::Suspended => Err(ReaderRejection::Suspended),
            Self::Unknown | Self::Erased => Err(ReaderRejection::Unknown),
        }
    }
}

impl Decider for Reader {
    const CATEGORY: &'static str = "reader";
    type State = ReaderState;
    type Command = ReaderCommand;
    type Event = ReaderEvent;
    type Rejection = ReaderRejection;

    fn decide(
        reader: &ReaderState,
        command: &ReaderCommand,
    ) -> Result<Vec<ReaderEvent>, ReaderRejection> {
        use ReaderCommand::{Erase, Register, Reinstate, Suspend};
        use ReaderState::{Active, Unknown};

        match (reader, command) {
            (Unknown, Register { id, name }) => {
                let name = Personal::of(id.clone(), name.clone());
                Ok(vec![Registered { name }.into()])
            }
            (Active, Suspend) => Ok(vec![Suspended {}.into()]),
            (ReaderState::Suspended, Reinstate) => Ok(vec![Reinstated {}.into()]),
            (Active | ReaderState::Suspended, Erase) => Ok(vec![Erased {}.into()]),
            (Active | ReaderState::Suspended, Register { .. })
            | (ReaderState::Suspended, Suspend)
            | (Active, Reinstate)
            | (ReaderState::Erased, Erase) => Ok(vec![]),
            (Unknown, Suspend | Reinstate | Erase) => Err(ReaderRejection::Unknown),
            (ReaderState::Erased, Register { .. } | Suspend | Reinstate) => {
                Err(ReaderRejection::Erased)
            }
        }
    }

    fn evolve(_: ReaderState, event: &ReaderEvent) -> ReaderState {
        match event {
            ReaderEvent::Registered(_) | ReaderEvent::Reinstated(_) => ReaderState::Active,
            ReaderEvent::Suspended(_) => ReaderState::Suspended,
            ReaderEvent::Erased(_) => ReaderState::Erased,
        }
    }
}
