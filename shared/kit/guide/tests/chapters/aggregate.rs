//! First aggregate; testing it.

use skald::handle::HandleError;
use skald::memory::InMemoryEventStore;
use skald::prelude::*;
use skald::store::EventStore;
use skald::stream::Version;
use skald_guide::book::{Book, BookCommand, BookState};
use skald_testkit::NoPause;
use skald_testkit::faulty::{Fault, Faulty, Plan};

use crate::{Result, request};

#[tokio::test]
async fn a_book_is_added_and_lent() -> Result {
    let store = InMemoryEventStore::default();
    let handler = Handler::new(&store, NoPause);
    let book = Book::stream(&Tenant::default(), "moby-dick")?;

    let add = BookCommand::Add { title: "Moby-Dick".to_owned() };
    handler.handle::<Book>(&book, &add, &request("add")).await?;
    let lend = BookCommand::Lend { to: "ann".to_owned() };
    let lent = handler.handle::<Book>(&book, &lend, &request("lend")).await?;
    assert_eq!(lent.states.state, BookState::LentTo("ann".to_owned()));
    assert_eq!(lent.states.version, Version::new(2));

    // The same command again: it is found, and nothing is written.
    let again = handler.handle::<Book>(&book, &lend, &request("lend")).await?;
    assert!(matches!(again.outcome, Outcome::Repeated(_)));

    // Another reader: rejected.
    let lend = BookCommand::Lend { to: "bob".to_owned() };
    let rejected = handler.handle::<Book>(&book, &lend, &request("lend to bob")).await;
    assert!(matches!(rejected, Err(HandleError::Rejected(_))));
    Ok(())
}

#[tokio::test]
async fn a_command_whose_answer_was_lost_is_not_done_twice() -> Result {
    let store = InMemoryEventStore::default();
    let book = Book::stream(&Tenant::default(), "moby-dick")?;
    let add = BookCommand::Add { title: "Moby-Dick".to_owned() };

    let faulty = Faulty::new(&store, Plan::script([Some(Fault::AnswerLost)]));
    let handler = Handler::new(&faulty, NoPause);
    let lost = handler.handle::<Book>(&book, &add, &request("add")).await;
    assert!(matches!(lost, Err(HandleError::Store(error)) if error.is_transient()));

    let again = handler.handle::<Book>(&book, &add, &request("add")).await?;
    assert!(matches!(again.outcome, Outcome::Repeated(_)));
    assert_eq!(store.read(&book, Version::START).await?.len(), 1);
    Ok(())
}
