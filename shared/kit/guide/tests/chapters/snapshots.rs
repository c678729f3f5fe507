//! Snapshots.

use skald::memory::InMemoryEventStore;
use skald::prelude::*;
use skald::reading::{AsOf, state_as_of};
use skald::stream::Version;
use skald_guide::book::{Book, BookCommand, BookState};
use skald_testkit::NoPause;
use skald_testkit::counting::Counting;

use crate::{Result, noon, open_library, request};

#[tokio::test]
async fn a_book_that_was_lent_two_hundred_times_is_loaded_from_its_last_snapshot() -> Result {
    let store = Counting::new(InMemoryEventStore::default());
    open_library(&store).await?;
    let handler = Handler::new(&store, NoPause);
    let book = Book::stream(&Tenant::default(), "moby-dick")?;
    for loan in 0..200 {
        let lend = BookCommand::Lend { to: "ann".to_owned() };
        handler.handle::<Book>(&book, &lend, &request(&format!("lend {loan}"))).await?;
        let back = request(&format!("return {loan}"));
        handler.handle::<Book>(&book, &BookCommand::Return, &back).await?;
    }

    store.take_commits();
    let lend = BookCommand::Lend { to: "bob".to_owned() };
    let lent = handler.handle::<Book>(&book, &lend, &request("lend to bob")).await?;
    assert_eq!(lent.states.version, Version::new(402));
    assert!(store.take_commits() <= 50);
    Ok(())
}

#[tokio::test]
async fn the_past_can_be_read() -> Result {
    let store = InMemoryEventStore::default();
    open_library(&store).await?;
    let book = Book::stream(&Tenant::default(), "moby-dick")?;
    let handler = Handler::new(&store, NoPause);
    let lend = BookCommand::Lend { to: "ann".to_owned() };
    handler.handle::<Book>(&book, &lend, &request("lend")).await?;

    let bought = state_as_of::<Book, _>(&store, &book, AsOf::Version(Version::new(1))).await?;
    assert_eq!(bought.state, BookState::OnShelf);
    let before = AsOf::Time(noon().plus_millis(-1));
    let unknown = state_as_of::<Book, _>(&store, &book, before).await?;
    assert_eq!(unknown.state, BookState::Unknown);
    Ok(())
}
