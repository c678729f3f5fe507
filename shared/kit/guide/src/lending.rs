//! Lending: a book, a loan and a reader in one decision.

use skald::decider::Folded;
use skald::handle::{Guarded, HandleError, Handled, One, Pause};
use skald::prelude::*;
use skald::store::EventStore;
use skald::stream::InvalidName;

use crate::book::{Book, BookCommand, BookRejection, BookState};
use crate::loan::{Loan, LoanCommand, LoanRejection, LoanState, Opened};
use crate::reader::{Reader, ReaderRejection, ReaderState};

/// The streams that take part in one lending, and when the book is due.
#[derive(Debug, Clone)]
pub struct Lending {
    /// The book's stream.
    pub book: StreamId,
    /// The loan's stream.
    pub loan: StreamId,
    /// The reader's stream.
    pub reader: StreamId,
    /// When the book must be back.
    pub due: Timestamp,
}

impl Lending {
    /// The lending of this book to this reader. The command's id names the loan, so a repeated
    /// command finds the loan that it made.
    ///
    /// # Errors
    /// [`InvalidName`] if an id cannot be part of a stream's name.
    pub fn new(
        tenant: &Tenant,
        book: &str,
        reader: &str,
        due: Timestamp,
        id: CommitId,
    ) -> Result<Self, InvalidName> {
        Ok(Self {
            book: Book::stream(tenant, book)?,
            loan: Loan::stream(tenant, &id.to_string())?,
            reader: Reader::stream(tenant, reader)?,
            due,
        })
    }
}

/// Why a book is not lent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LendRejection {
    /// The book cannot be lent.
    #[error(transparent)]
    Book(#[from] BookRejection),
    /// The loan cannot be opened or closed.
    #[error(transparent)]
    Loan(#[from] LoanRejection),
    /// The reader may not borrow.
    #[error(transparent)]
    Reader(#[from] ReaderRejection),
}

/// The states of the book, the loan and the reader.
type States = ((Folded<BookState>, Folded<LoanState>), Folded<ReaderState>);

/// Lends the book: the book's and the loan's events are appended together, or neither is.
///
/// # Errors
/// [`HandleError`]
pub async fn lend<S: EventStore, P: Pause>(
    handler: &Handler<S, P>,
    lending: &Lending,
    request: &Request,
) -> Result<Handled<States>, HandleError<LendRejection>> {
    let Lending { book, loan, reader, due } = lending;
    let written = (One::<Book>::new(book.clone()), One::<Loan>::new(loan.clone()));
    let streams = (written, Guarded::<Reader>::new(reader.clone()));
    let lend = BookCommand::Lend { to: reader.id().to_owned() };
    let open = LoanCommand::Open(Opened {
        book: book.id().to_owned(),
        reader: reader.id().to_owned(),
        due: Some(*due),
    });
    handler
        .handle_all(&streams, request, |((book, loan), reader)| {
            reader.state.may_borrow()?;
            let lent = Book::decide(&book.state, &lend)?;
            // The reader already has the book, so there is already a loan.
            let opened = if lent.is_empty() { vec![] } else { Loan::decide(&loan.state, &open)? };
            Ok(((lent, opened), ()))
        })
        .await
}

/// Takes the book back and closes the loan.
///
/// # Errors
/// [`HandleError`]
pub async fn give_back<S: EventStore, P: Pause>(
    handler: &Handler<S, P>,
    lending: &Lending,
    request: &Request,
) -> Result<(), HandleError<LendRejection>> {
    let streams = (One::<Book>::new(lending.book.clone()), One::<Loan>::new(lending.loan.clone()));
    handler
        .handle_all(&streams, request, |(book, loan)| {
            let closed = Loan::decide(&loan.state, &LoanCommand::Close)?;
            // The loan was closed before. If the book is out now, another loan is open for it.
            let returned = if closed.is_empty() {
                vec![]
            } else {
                Book::decide(&book.state, &BookCommand::Return)?
            };
            Ok((returned, closed))
        })
        .await?;
    Ok(())
}
