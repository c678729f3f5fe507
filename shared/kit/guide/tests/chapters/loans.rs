//! A view.

use skald::memory::InMemoryViewStore;
use skald::message::CommitMessage;
use skald::prelude::*;
use skald::store::EventStore;
use skald::stream::Version;
use skald::view::{CaughtUp, ViewStore, catch_up, park, redrive};
use skald_guide::lending::give_back;
use skald_guide::loans::{LoanRow, Loans, list_of};
use skald_testkit::NoPause;

use crate::{Result, lend_to, library, noon, request};

#[tokio::test]
async fn lost_and_doubled_messages_do_no_harm() -> Result {
    let (events, views) = (library().await?, InMemoryViewStore::default());
    let lending = lend_to(&events, "ann", "lend").await?;
    give_back(&Handler::new(&events, NoPause), &lending, &request("return")).await?;
    let commits = events.read(&lending.loan, Version::START).await?;
    let [opened, closed]: [CommitMessage; 2] =
        commits.into_iter().map(CommitMessage::of).collect::<Vec<_>>().try_into().unwrap();

    // The first message is lost. The second says that the stream has two events, and what is
    // missing is read from the event store.
    let caught_up = catch_up::<Loans, _, _>(&events, &views, &closed).await?;
    assert_eq!(caught_up, CaughtUp::To(Version::new(2)));
    // It is delivered twice, and then the first message arrives after all.
    for late in [&closed, &opened] {
        assert_eq!(catch_up::<Loans, _, _>(&events, &views, late).await?, CaughtUp::Already);
    }

    let row = views.get(&lending.loan).await?.unwrap();
    let loan: LoanRow = row.decode(&lending.loan)?.unwrap();
    assert_eq!((loan.reader.as_str(), loan.returned_at), ("ann", Some(noon())));
    let page = views.list(&list_of(&Tenant::default(), "ann"), None, 20).await?;
    assert_eq!(page.entries[0].stream, lending.loan);
    Ok(())
}

#[tokio::test]
async fn a_parked_row_is_brought_back() -> Result {
    let (events, views) = (library().await?, InMemoryViewStore::default());
    let loan = lend_to(&events, "ann", "lend").await?.loan;
    park(&views, &loan, None, "the release of Monday could not read it", noon()).await?;
    assert!(views.get(&loan).await?.is_some_and(|row| row.parked.is_some()));

    // A release that can read the stream is deployed. Then:
    let redriven = redrive::<Loans, _, _>(&events, &views, &loan).await?;
    assert_eq!(redriven, CaughtUp::To(Version::new(1)));
    assert!(views.get(&loan).await?.is_some_and(|row| row.parked.is_none()));
    Ok(())
}
