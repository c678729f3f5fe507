//! A book of the library, and who has it.

use serde::{Deserialize, Serialize};
use skald::prelude::*;
use skald::snapshot::Snapshots;

/// The library bought the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// What it is called.
    pub title: String,
}

/// A reader took the book home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lent {
    /// The reader's id.
    pub to: String,
}

/// The reader brought the book back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {}

skald::domain_event! {
    /// What happens to a book.
    pub enum BookEvent {
        /// The library bought it.
        Added(Added) = "book.added" @ 1,
        /// A reader took it home.
        Lent(Lent) = "book.lent" @ 1,
        /// The reader brought it back.
        Returned(Returned) = "book.returned" @ 1,
    }
}

/// The decider of category `book`: its streams are called `book-<id>`.
#[derive(Debug)]
pub struct Book;

/// What a decision needs to know. The default is the state before the first event.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BookState {
    /// The library does not have it.
    #[default]
    Unknown,
    /// It can be lent.
    OnShelf,
    /// This reader has it.
    LentTo(String),
}

/// The commands.
#[derive(Debug)]
pub enum BookCommand {
    /// The library buys the book.
    Add {
        /// What it is called.
        title: String,
    },
    /// A reader takes it home.
    Lend {
        /// The reader's id.
        to: String,
    },
    /// The reader brings it back.
    Return,
}

/// Why a command is rejected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookRejection {
    /// There is no such book.
    #[error("the library does not have this book")]
    Unknown,
    /// Another reader has it.
    #[error("reader {0} has this book")]
    LentTo(String),
}

impl Decider for Book {
    const CATEGORY: &'static str = "book";
    type State = BookState;
    type Command = BookCommand;
    type Event = BookEvent;
    type Rejection = BookRejection;

    const SNAPSHOTS: Option<Snapshots<BookState>> = Some(Snapshots::new(50, 1));

    fn decide(book: &BookState, command: &BookCommand) -> Result<Vec<BookEvent>, BookRejection> {
        use BookCommand::{Add, Lend, Return};
        use BookState::{LentTo, OnShelf, Unknown};

        match (book, command) {
            (Unknown, Add { title }) => Ok(vec![Added { title: title.clone() }.into()]),
            (Unknown, Lend { .. } | Return) => Err(BookRejection::Unknown),
            (OnShelf, Lend { to }) => Ok(vec![Lent { to: to.clone() }.into()]),
            (LentTo(reader), Lend { to }) if reader != to => {
                Err(BookRejection::LentTo(reader.clone()))
            }
            (LentTo(_), Return) => Ok(vec![Returned {}.into()]),
            // The book is already in the requested state: no event and no error.
            (OnShelf | LentTo(_), Add { .. }) | (LentTo(_), Lend { .. }) | (OnShelf, Return) => {
                Ok(vec![])
            }
        }
    }

    fn evolve(_: BookState, event: &BookEvent) -> BookState {
        match event {
            BookEvent::Added(_) | BookEvent::Returned(_) => BookState::OnShelf,
            BookEvent::Lent(lent) => BookState::LentTo(lent.to.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use skald_testkit::given;

    use super::*;

    fn added() -> BookEvent {
        Added { title: "Moby-Dick".to_owned() }.into()
    }

    fn lent(to: &str) -> BookEvent {
        Lent { to: to.to_owned() }.into()
    }

    fn lend(to: &str) -> BookCommand {
        BookCommand::Lend { to: to.to_owned() }
    }

    #[test]
    fn a_book_on_the_shelf_can_be_lent() {
        given::<Book>([added()]).when(lend("ann")).then([lent("ann")]);
    }

    #[test]
    fn a_book_that_is_out_cannot_be_lent_to_another_reader() {
        given::<Book>([added(), lent("ann")])
            .when(lend("bob"))
            .then_rejected(BookRejection::LentTo("ann".to_owned()));
    }

    #[test]
    fn lending_a_book_to_the_reader_who_has_it_changes_nothing() {
        given::<Book>([added(), lent("ann")]).when(lend("ann")).then_nothing();
    }

    #[test]
    fn a_book_that_is_returned_is_on_the_shelf_again() {
        let past = [added(), lent("ann"), Returned {}.into()];
        given::<Book>(&past).when(BookCommand::Return).then_nothing();
        given::<Book>(&past).when(lend("bob")).then([lent("bob")]);
    }

    #[test]
    fn a_book_that_the_library_does_not_have_cannot_be_lent() {
        given::<Book>([]).when(lend("ann")).then_rejected(BookRejection::Unknown);
        given::<Book>([]).when(BookCommand::Return).then_rejected(BookRejection::Unknown);
    }
}
