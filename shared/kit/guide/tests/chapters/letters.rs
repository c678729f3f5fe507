//! Following all events.

use std::collections::{BTreeSet, HashMap};

use skald::event::EventData;
use skald::follow::{FollowOptions, Follower, Novelty};
use skald::index::{CommitIndex, Position};
use skald::memory::{InMemoryCommitIndex, InMemoryViewStore};
use skald::prelude::*;
use skald::store::EventStore;
use skald::view::ViewStore;
use skald_guide::lending::give_back;
use skald_guide::letters::send_letters;
use skald_guide::loan::Loan;
use skald_guide::refill::refill;
use skald_testkit::NoPause;

use crate::{Result, lend_to, library, noon, request};

/// A follower with this name that begins at the first commit.
fn options(name: &str, run: &str) -> FollowOptions {
    FollowOptions {
        name: name.to_owned(),
        run: run.to_owned(),
        from: Position::before(Timestamp::EPOCH, InMemoryCommitIndex::SLICES),
        margin_ms: 5_000,
        overlap_ms: 60_000,
        batch: 100,
    }
}

#[tokio::test]
async fn every_loan_gets_one_letter() -> Result {
    let events = library().await?;
    let (index, checkpoints) = (InMemoryCommitIndex::over(&events), InMemoryViewStore::default());
    let mut letters = HashMap::new();
    let mut send = |id, letter| drop(letters.insert(id, letter));

    let ann = lend_to(&events, "ann", "lend").await?;
    let mut one =
        Follower::resume(index.clone(), checkpoints.clone(), options("letters", "one")).await?;
    // It stays five seconds behind: what was written just now is not read yet.
    assert_eq!(send_letters(&index, &mut one, noon(), &mut send).await?, 0);
    let later = noon().plus_millis(10_000);
    assert_eq!(send_letters(&index, &mut one, later, &mut send).await?, 1);
    assert_eq!(send_letters(&index, &mut one, later, &mut send).await?, 0);

    // A run ends before it acknowledges. The next one gets the same entries, maybe seen before.
    give_back(&Handler::new(&events, NoPause), &ann, &request("return")).await?;
    lend_to(&events, "bob", "lend to bob").await?;
    assert!(!one.next(later).await?.is_empty());
    let mut two = Follower::resume(index.clone(), checkpoints, options("letters", "two")).await?;
    let again = two.next(later).await?;
    assert!(again.deliveries.iter().all(|delivery| delivery.novelty == Novelty::MaybeSeen));
    send_letters(&index, &mut two, later, &mut send).await?;
    let texts: BTreeSet<&str> = letters.values().map(String::as_str).collect();
    assert_eq!(texts, BTreeSet::from(["ann, enjoy moby-dick!", "bob, enjoy moby-dick!"]));
    Ok(())
}

#[tokio::test]
async fn an_empty_view_is_filled_from_the_events() -> Result {
    let events = library().await?;
    let loans =
        [lend_to(&events, "ann", "lend").await?.loan, lend_to(&events, "ann", "more").await?.loan];

    let (index, checkpoints) = (InMemoryCommitIndex::over(&events), InMemoryViewStore::default());
    let (views, later) = (InMemoryViewStore::default(), noon().plus_millis(10_000));
    let mut follower = Follower::resume(index, checkpoints, options("loans-2", "one")).await?;
    refill(&events, &views, &mut follower, later).await?;
    assert!(views.get(&loans[0]).await?.is_some());
    assert!(views.get(&loans[1]).await?.is_none(), "ann had the book already: no second loan");
    Ok(())
}

#[tokio::test]
async fn a_loan_that_cannot_be_applied_does_not_stop_the_others() -> Result {
    let events = library().await?;
    let (bad, data) = (Loan::stream(&Tenant::default(), "bad")?, b"{}".to_vec());
    let opened = EventData { event_type: "loan.opened".to_owned(), schema: 1, data };
    events.append(&events.start(bad.clone()), request("bad").draft(vec![opened], None)).await?;
    let good = lend_to(&events, "ann", "lend").await?.loan;

    let (index, checkpoints) = (InMemoryCommitIndex::over(&events), InMemoryViewStore::default());
    let (views, later) = (InMemoryViewStore::default(), noon().plus_millis(10_000));
    let mut follower = Follower::resume(index, checkpoints, options("loans-2", "one")).await?;
    refill(&events, &views, &mut follower, later).await?;
    assert!(views.get(&bad).await?.is_some_and(|row| row.parked.is_some()));
    assert!(views.get(&good).await?.is_some_and(|row| row.parked.is_none()));
    Ok(())
}
