//! Several streams and guards.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use skald::handle::{Guarded, HandleError, One, states};
use skald::prelude::*;
use skald::store::EventStore;
use skald::stream::Version;
use skald_guide::book::{Book, BookState};
use skald_guide::lending::{LendRejection, give_back};
use skald_guide::loan::{Loan, LoanCommand, LoanState, Opened};
use skald_guide::reader::{Reader, ReaderCommand, ReaderRejection};
use skald_testkit::NoPause;

use crate::{Result, lend_to, library, request};

#[tokio::test]
async fn a_book_is_lent_and_returned_together_with_its_loan() -> Result {
    let store = library().await?;
    let lending = lend_to(&store, "ann", "lend").await?;
    give_back(&Handler::new(&store, NoPause), &lending, &request("return")).await?;

    let streams = (One::<Book>::new(lending.book), One::<Loan>::new(lending.loan));
    let (book, loan) = states(&store, &streams).await?;
    assert_eq!((book.state, loan.state), (BookState::OnShelf, LoanState::Closed));
    Ok(())
}

#[tokio::test]
async fn a_repeated_lending_opens_no_second_loan() -> Result {
    let store = library().await?;
    let first = lend_to(&store, "ann", "lend").await?;
    let again = lend_to(&store, "ann", "lend").await?;
    assert_eq!(again.loan, first.loan);
    assert_eq!(store.read(&first.loan, Version::START).await?.len(), 1);

    // Another command that asks for the same: ann already has the book, by the first loan.
    let another = lend_to(&store, "ann", "lend once more").await?;
    assert_eq!(store.read(&another.loan, Version::START).await?, []);
    Ok(())
}

#[tokio::test]
async fn a_suspended_reader_borrows_nothing() -> Result {
    let store = library().await?;
    let reader = Reader::stream(&Tenant::default(), "ann")?;
    let handler = Handler::new(&store, NoPause);
    handler.handle::<Reader>(&reader, &ReaderCommand::Suspend, &request("suspend")).await?;

    let rejected = lend_to(&store, "ann", "lend").await.unwrap_err();
    assert!(matches!(
        rejected.downcast_ref(),
        Some(HandleError::Rejected(LendRejection::Reader(ReaderRejection::Suspended)))
    ));
    Ok(())
}

/// Without the guard, the loan would be opened by the decision that saw an active reader.
#[tokio::test]
async fn a_reader_who_is_suspended_between_read_and_write_borrows_nothing() -> Result {
    let store = library().await?;
    let tenant = Tenant::default();
    let (loan, reader) = (Loan::stream(&tenant, "late")?, Reader::stream(&tenant, "ann")?);
    let streams = (One::<Loan>::new(loan.clone()), Guarded::<Reader>::new(reader.clone()));
    let opened = Opened { book: "moby-dick".to_owned(), reader: "ann".to_owned(), due: None };
    let handler = Handler::new(&store, NoPause);
    let is_suspended = AtomicBool::new(false);
    let rejected = handler
        .handle_all(&streams, &request("lend"), |(loan, read)| {
            read.state.may_borrow().map_err(LendRejection::from)?;
            // Another command comes first. The store in memory answers at once.
            if !is_suspended.swap(true, Ordering::Relaxed) {
                let suspend = request("suspend");
                let suspended =
                    handler.handle::<Reader>(&reader, &ReaderCommand::Suspend, &suspend);
                suspended.now_or_never().expect("it waits for nothing").expect("it is allowed");
            }
            Ok((Loan::decide(&loan.state, &LoanCommand::Open(opened.clone()))?, ()))
        })
        .await
        .unwrap_err();
    assert!(matches!(
        rejected,
        HandleError::Rejected(LendRejection::Reader(ReaderRejection::Suspended))
    ));
    assert_eq!(store.read(&loan, Version::START).await?, []);
    Ok(())
}
