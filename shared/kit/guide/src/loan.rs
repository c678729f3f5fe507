//! A loan: one book, one reader, from the day it is lent until it is returned.

use serde::{Deserialize, Serialize};
use skald::prelude::*;

/// A reader took a book home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The book's id.
    pub book: String,
    /// The reader's id.
    pub reader: String,
    /// When the book must be back. The first loans had no such time.
    pub due: Option<Timestamp>,
}

/// `loan.opened` at schema 1.
#[derive(Debug, Deserialize)]
pub struct Opened1 {
    book: String,
    reader: String,
}

impl Opened1 {
    fn upcast(self) -> Opened {
        Opened { book: self.book, reader: self.reader, due: None }
    }
}

/// The book is back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {}

skald::domain_event! {
    /// What happens to a loan.
    pub enum LoanEvent {
        /// A reader took a book home.
        Opened(Opened) = "loan.opened" @ 2 from { 1: Opened1 => Opened1::upcast },
        /// The book is back.
        Closed(Closed) = "loan.closed" @ 1,
    }
}

/// The decider of category `loan`.
#[derive(Debug)]
pub struct Loan;

/// What a decision needs to know about a loan.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum LoanState {
    /// There is no such loan yet.
    #[default]
    New,
    /// The reader has the book.
    Open(Opened),
    /// The book is back.
    Closed,
}

/// The commands.
#[derive(Debug)]
pub enum LoanCommand {
    /// A reader takes a book home.
    Open(Opened),
    /// The book is back.
    Close,
}

/// Why a command is rejected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoanRejection {
    /// There is no such loan.
    #[error("there is no such loan")]
    Unknown,
    /// Another loan has this id.
    #[error("there is a loan with this id")]
    Exists,
}

impl Decider for Loan {
    const CATEGORY: &'static str = "loan";
    type State = LoanState;
    type Command = LoanCommand;
    type Event = LoanEvent;
    type Rejection = LoanRejection;

    fn decide(loan: &LoanState, command: &LoanCommand) -> Result<Vec<LoanEvent>, LoanRejection> {
        use LoanCommand::{Close, Open};

        match (loan, command) {
            (LoanState::New, Open(opened)) => Ok(vec![opened.clone().into()]),
            (LoanState::New, Close) => Err(LoanRejection::Unknown),
            (LoanState::Open(_) | LoanState::Closed, Open(_)) => Err(LoanRejection::Exists),
            (LoanState::Open(_), Close) => Ok(vec![Closed {}.into()]),
            (LoanState::Closed, Close) => Ok(vec![]),
        }
    }

    fn evolve(_: LoanState, event: &LoanEvent) -> LoanState {
        match event {
            LoanEvent::Opened(opened) => LoanState::Open(opened.clone()),
            LoanEvent::Closed(_) => LoanState::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_loan_that_was_ever_stored_can_be_read() {
        let golden = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"));
        skald_testkit::golden::check::<LoanEvent>(golden);
    }

    #[test]
    fn a_loan_of_the_first_shape_has_no_due_time() {
        let event = skald_testkit::golden::read::<LoanEvent>(
            Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/golden")),
            "loan.opened",
            1,
        );
        let opened = Opened { book: "moby-dick".into(), reader: "ann".into(), due: None };
        assert_eq!(event, opened.into());
    }
}
